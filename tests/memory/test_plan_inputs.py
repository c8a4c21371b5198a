"""The plan refuses what the run refuses, and needs no more than it is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from rlchf.jobs.plan import plan_ppo_job
from rlchf.train.ppo import PPOConfig
from tests.memory.test_plan import LLAMA_8B, job, small
from tests.support.cli import refused, rlchf
from tests.support.ppo_jobs import job_folder, write

SEQUENCE_CLASSIFIER = "LlamaForSequenceClassification"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the small models, prompts and functions are, and the tests too."""
    yield from job_folder(tmp_path_factory.mktemp("plan"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reward": ("nope",)}, "reward 'nope' is no folder; give a reward model's folder, or"),
        ({"reward": ("tastes:no",)}, "'tastes:no', which names no function"),
        ({"reward": ("reward", "alike")}, "there are 2 rewards; choose by --combine"),
        ({"critic": "nope"}, "critic 'nope' is no folder"),
        ({"load_in_4bit": True}, "set lora_rank"),
        ({"held_out": "nope.jsonl"}, "nope.jsonl"),
        ({"held_out": "0.0001"}, "holds out 0 of the"),
        ({"attn_implementation": "foo"}, "attn_implementation is 'foo'; choose from"),
        ({"reward_device": "foo"}, "reward_device is 'foo', which names no device"),
        ({"prompts": ""}, "give --prompts or --prompt-tokens"),
        ({"prompts": "", "policy": "tiny"}, "made for its prompts; give --prompts"),
    ],
)
def test_a_plan_of_what_cannot_run_is_refused(
    folder: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        plan_ppo_job(job(folder, **options), PPOConfig(max_new_tokens=20))


def test_a_plan_for_another_machine_leaves_out_what_is_elsewhere(folder: Path) -> None:
    config = PPOConfig(max_new_tokens=20)
    alone = plan_ppo_job(job(folder, reward=("tastes:vowels",)), config, 9).plan
    for device in ("cpu", "cuda:3"):
        plan = plan_ppo_job(job(folder, reward_device=device), config, 9).plan
        assert plan.held == alone.held
        assert f"the reward models are on the device {device} and not counted" in plan.notes


@pytest.mark.parametrize("given", [{}, {"num_labels": 1, "architectures": [SEQUENCE_CLASSIFIER]}])
def test_a_reward_model_without_a_padding_token_is_counted(
    folder: Path, given: dict[str, Any], tmp_path: Path
) -> None:
    config = small(pad_token_id=None, **given)
    config.save_pretrained(tmp_path)
    read = AutoConfig.from_pretrained(tmp_path)
    assert read.pad_token_id is None
    plan = plan_ppo_job(job(folder, reward=(str(tmp_path),)), PPOConfig(max_new_tokens=20), 9).plan
    assert plan.phases["scoring"].total > 0
    assert read.pad_token_id is None, "the config is left as it was"
    with_one = small(pad_token_id=0, **given)
    with_one.save_pretrained(tmp_path)
    again = plan_ppo_job(job(folder, reward=(str(tmp_path),)), PPOConfig(max_new_tokens=20), 9)
    assert again.plan == plan


def test_a_padding_token_without_an_embedding_does_not_stop_a_plan(
    folder: Path, tmp_path: Path
) -> None:
    small().save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(written | {"pad_token_id": 5000}))
    with pytest.warns(UserWarning, match="names token 5000 as the padding token"):
        plan = plan_ppo_job(job(folder, policy=str(tmp_path)), PPOConfig(), 9).plan
    assert plan.peak > 0


def test_a_plan_of_ppo_needs_no_prompts_beside_their_length(folder: Path) -> None:
    given = ("ppo", "--plan", "--policy", "policy", "--reward", "reward", "--prompt-tokens", 9)
    without = rlchf(*given, "--json")
    assert without.returncode == 0, without.stderr
    assert without.stdout == rlchf(*given, "--prompts", "prompts.jsonl", "--json").stdout
    said = refused(rlchf("ppo", "--plan", "--policy", "policy", "--reward", "reward"))
    assert "prompts is missing" in said


@pytest.mark.parametrize("tokens", [200_000, 131_072 - 64 + 1])
def test_prompts_that_are_too_long_are_refused_in_the_words_of_the_run(
    folder: Path, tokens: int, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(LLAMA_8B.read_text())
    said = refused(
        rlchf(
            "ppo", "--plan", "--policy", tmp_path, "--reward", "reward", "--prompt-tokens", tokens
        )
    )
    assert (
        f"a prompt has {tokens} tokens, with 64 new ones more than the model's 131072 positions; shorten the "
        "prompt or lower max_new_tokens, or let long_prompts be drop or truncate_left" in said
    )


def test_prompts_are_measured_as_the_run_reads_them(folder: Path, tmp_path: Path) -> None:
    write(
        tmp_path / "long.jsonl",
        [{"prompt_id": "a", "prompt": "z" * 130}, {"prompt_id": "b", "prompt": "z"}],
    )
    given = job(folder, prompts=str(tmp_path / "long.jsonl"))
    with pytest.raises(ValueError, match=r"long.jsonl: prompt 'a' has \d+ tokens, with 6 new ones"):
        plan_ppo_job(given, PPOConfig(max_new_tokens=6))
    lengths = {}
    for name in ("drop", "truncate_left"):
        with pytest.warns(UserWarning, match="1 of 2 prompts are longer than 122 tokens"):
            subject = plan_ppo_job(given, PPOConfig(max_new_tokens=6, long_prompts=name)).subject
        lengths[name] = int(subject.split("prompts of ")[1].split()[0])
    assert lengths["drop"] < 5
    assert lengths["truncate_left"] == 122


def test_a_plan_of_a_reward_model_needs_no_files(folder: Path) -> None:
    given = ("reward", "--plan", "--model", "policy", "--lora-rank", 4, "--json")
    two, default = rlchf(*given, "--plan-responses", 2), rlchf(*given)
    assert default.returncode == 0, default.stderr
    assert default.stdout == two.stdout
    assert json.loads(two.stdout)["subject"] == "policy, 8 prompts of 2 responses, 128 tokens each"
    six = json.loads(rlchf(*given, "--plan-responses", 6).stdout)
    assert six["peak_bytes"] > json.loads(two.stdout)["peak_bytes"]
    for more, message in (
        (["--prompts", "prompts.jsonl"], "rankings is missing"),
        (["--model", "tiny"], "made for its texts; give rankings, --prompts and --responses"),
        (["--rule", "bordda"], "did you mean borda"),
        (["--load-in-4bit", "--lora-rank", 0], "set lora_rank"),
    ):
        assert message in refused(rlchf(*given, *more))
    said = refused(rlchf("reward", "--model", "policy", "--plan-responses", 2))
    assert "plan_responses is for --plan; leave it out" in said
