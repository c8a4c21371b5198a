"""What PPO logs: at step 0, and in which range."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rlchf.train.ppo import PPOConfig, actor_critic, ppo
from rlchf.train.ppo.token_statistics import token_statistics
from tests.support.ppo_runs import MODELS, PROMPTS, SMALL, ending_policy, lines, vowels
from tests.support.tiny_models import tiny_llama, tiny_tokenizer


@pytest.mark.parametrize("lora_rank", [0, 4])
@pytest.mark.parametrize("kind", MODELS)
def test_at_step_0_the_kl_is_0_and_the_first_ratio_exactly_1(
    kind: str, lora_rank: int, tmp_path: Path
) -> None:
    policy = MODELS[kind]().train()  # GPT-2 brings dropout, which must be off
    config = PPOConfig(**SMALL | {"updates": 2, "lora_rank": lora_rank, "forward_size": 3})
    ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    first, second = lines(tmp_path / "metrics.jsonl")
    assert first["kl"] == first["kl_k3"] == 0
    assert second["kl_k3"] > 0
    for row in (first, second):
        assert row["first_ratio"] == 1
        assert row["first_ratio_error"] == 0
        assert row["approx_kl"] > 0, "later minibatches have moved"


@pytest.mark.parametrize("kind", MODELS)
def test_while_nothing_moves_the_ratio_is_1_in_every_minibatch(kind: str, tmp_path: Path) -> None:
    config = PPOConfig(
        **SMALL | {"learning_rate": 0.0, "stop_tokens": tuple(range(2, 60)), "forward_size": 3}
    )
    ppo(MODELS[kind](), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    for row in lines(tmp_path / "metrics.jsonl"):
        assert row["steps"] == 4
        assert row["response_length"] < 6, "ragged"
        assert row["approx_kl"] == row["clip_fraction"] == row["first_ratio_error"] == 0
        assert row["kl"] == row["kl_k3"] == 0


def test_the_first_loss_of_whitened_advantages_is_0(tmp_path: Path) -> None:
    """At ratio 1 it is minus their mean over all tokens."""
    config = PPOConfig(**SMALL | {"updates": 1, "minibatch_size": 8, "ppo_epochs": 1})
    policy = ending_policy(0.25).double()
    ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    (row,) = lines(tmp_path / "metrics.jsonl")
    assert row["response_length"] < 6, "ragged"
    assert row["reward_std"] > 0.1
    assert row["policy_loss"] == pytest.approx(0, abs=1e-7)  # figures are summed in float32
    assert row["grad_norm"] > 0.01


def test_a_policy_that_cannot_repeat_its_log_probabilities_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(*args: Any, **options: Any) -> tuple[Tensor, Tensor | None]:
        logp, entropies = token_statistics(*args, **options)
        return logp + 0.1 * torch.is_grad_enabled(), entropies

    monkeypatch.setattr(actor_critic, "token_statistics", off)
    config = PPOConfig(**SMALL | {"updates": 1})
    with pytest.warns(UserWarning, match="first ratio differs from 1 by 0.11"):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)


def test_the_log_has_a_line_per_update_with_figures_in_their_ranges(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"updates": 4})
    steps: list[tuple[int, int]] = []

    def progress(done: int, total: int, **facts: float) -> None:
        steps.append((done, total))
        assert facts.keys() == {"reward", "kl"}

    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path, progress=progress)
    rows = lines(tmp_path / "metrics.jsonl")
    assert [row["update"] for row in rows] == [1, 2, 3, 4]
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for row in rows:
        assert 0 <= row["clip_fraction"] <= 1
        assert 0 <= row["eos_share"] <= 1
        assert 0 < row["entropy"] <= math.log(320)
        assert row["kl_k3"] >= 0
        assert 1 <= row["response_length"] <= 6
        assert row["objective"] == pytest.approx(row["reward_mean"] - 0.05 * row["kl"])
        assert all(math.isfinite(value) for value in row.values())
    samples = lines(tmp_path / "samples.jsonl")
    assert [row["update"] for row in samples] == [1] * 4 + [2] * 4 + [4] * 4
    for row in samples:
        assert row["prompt"] in PROMPTS
        assert row["score"] == vowels([], [row["response"]])[0]
        assert (row["kl"] == 0) == (row["update"] == 1)
    assert json.loads((tmp_path / "ppo_config.json").read_text())["updates"] == 4


def test_figures_go_to_tensorboard_and_to_the_log(tmp_path: Path) -> None:
    module = "tensorboard.backend.event_processing.event_accumulator"
    events = pytest.importorskip(module).EventAccumulator
    config = PPOConfig(**SMALL | {"report_to": "tensorboard", "stop_tokens": (" the",)})
    args = (tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    ppo(tiny_llama(), *args, measure=lambda p, r: {"share": 0.25})
    event_log = events(str(tmp_path / "ppo"))
    event_log.Reload()
    rows = lines(tmp_path / "metrics.jsonl")
    for name in ("kl", "reward_mean", "share"):
        points = {event.step: event.value for event in event_log.Scalars(name)}
        assert points == pytest.approx({row["update"]: row[name] for row in rows})
