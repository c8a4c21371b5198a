"""What the tests of `rlchf ppo` share: a folder with small models, prompts and functions."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from rlchf.jobs.ppo import run_ppo, settings
from rlchf.jobs.settings import PPOJob
from tests.support.ppo_runs import PROMPTS, SMALL
from tests.support.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer

FUNCTIONS = """
import os, signal

def vowels(prompts, responses):
    return [float(sum(c in "aeiou" for c in text)) for text in responses]

def brief(prompts, responses):
    return [-float(len(text)) for text in responses]

calls = stop_at = 0

def stopped(prompts, responses):
    global calls
    calls += 1
    if calls == stop_at:
        os.kill(os.getpid(), signal.SIGTERM)
    return vowels(prompts, responses)

def nothing(prompts, responses):
    return [float("nan")] * len(responses)

def short(text):
    return len(text) < 8

def picky(prompts, responses):
    if os.environ["RANK"] == "1":
        raise OSError("the second process has no server")
    return vowels(prompts, responses)

number = 3
"""


def job_folder(folder: Path) -> Iterator[Path]:
    """A tiny policy, a tiny reward model with another tokenizer, prompts, and functions."""
    tiny_llama().save_pretrained(folder / "policy")
    tiny_tokenizer().save_pretrained(folder / "policy")
    other = tiny_tokenizer(["once there was a fox"], vocab_size=300)
    tiny_classifier("gpt2", len(other), seed=3).save_pretrained(folder / "reward")
    other.save_pretrained(folder / "reward")
    tiny_classifier(seed=4).save_pretrained(folder / "alike")
    tiny_tokenizer().save_pretrained(folder / "alike")
    tiny_classifier(seed=4).save_pretrained(folder / "renumbered")
    tiny_tokenizer(["once there was a fox"]).save_pretrained(folder / "renumbered")
    rows = [{"prompt_id": f"p{n}", "prompt": prompt} for n, prompt in enumerate(PROMPTS)]
    write(folder / "prompts.jsonl", rows)
    (folder / "tastes.py").write_text(FUNCTIONS)
    before, path = Path.cwd(), list(sys.path)
    os.chdir(folder)  # where functions are looked for, too
    yield folder
    os.chdir(before)
    sys.path[:] = path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def tune(
    out: Path,
    *,
    reward: tuple[str, ...] = ("tastes:vowels",),
    config: str = "",
    resume: bool = False,
    plot: bool = False,
    **options: Any,
) -> None:
    """What the command does, on the small files and settings."""
    files = {"policy": "policy", "prompts": "prompts.jsonl"}
    names = {one.name for one in fields(PPOJob)}
    job = {name: value for name, value in options.items() if name in names}
    overrides = {name: value for name, value in options.items() if name not in names}
    run_ppo(
        PPOJob(**files | job, reward=reward), settings(SMALL | overrides, config), out,
        resume=resume, plot=plot,
    )  # fmt: skip


def arguments(*more: object) -> list[str]:
    """The command with the small files and settings."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    return ["ppo", "--policy", "policy", "--prompts", "prompts.jsonl", *flags, *map(str, more)]


def on_two(*more: object) -> subprocess.CompletedProcess[str]:
    """What the program does on two processes."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "rlchf"]
    command = [sys.executable, *launch, *arguments(*more)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def policy_weights(out: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = load_file(out / "model.safetensors")
    return weights


def assert_same_policy(one: Path, other: Path) -> None:
    a, b = policy_weights(one), policy_weights(other)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
