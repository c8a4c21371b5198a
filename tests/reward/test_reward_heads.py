"""Heads with several outputs, ensembles, and the zero and scale of the scores."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import transformers

from rlchf.preferences import Ballots, Example
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.model import Readout, RewardModel
from rlchf.train.reward.targets import bootstrap_draws
from rlchf.train.reward.trainer import train_reward
from tests.support.reward_examples import fox_examples, ragged_examples, tiny_backbone


def train(data: list[Example], folder: Path, name: str = "reward", **settings: Any) -> RewardModel:
    if not (folder / "backbone").exists():
        tiny_backbone(folder / "backbone")
    config = RewardConfig(**{"epochs": 1, "batch_size": 4, "learning_rate": 5e-3} | settings)
    train_reward(data, [], folder / "backbone", config, folder / name)
    return RewardModel.load(folder / name)


def settings_of(folder: Path) -> Any:
    return json.loads((folder / "reward_config.json").read_text())


def disputed(n: int) -> list[Example]:
    """Everybody prefers A to B; half the annotators put C above both and half below."""
    ranks = np.array([[1, 2, 3], [2, 3, 1]] * 3)
    ballots = Ballots(ranks, np.ones(6), [f"v{i}" for i in range(6)])
    texts = ["the fox", "a dog", "little girl Lily"]
    one = Example("p", "Say something.", ["a", "b", "c"], texts, [1, 3, 2], ballots=ballots)
    return [replace(one, prompt_id=str(i)) for i in range(n)]


# --- zero and scale


@pytest.mark.slow
def test_scores_are_centred_and_their_gaps_are_those_that_were_learned(tmp_path: Path) -> None:
    data = ragged_examples(8)
    plain, centred, scaled = (
        torch.cat(train(data, tmp_path, name, normalise=name).score_examples(data))
        for name in ("none", "centre", "scale")
    )
    assert abs(float(plain.mean())) > 1e-4
    assert float(centred.mean()) == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(centred, plain - plain.mean(), atol=1e-6, rtol=0)
    assert float(scaled.mean()) == pytest.approx(0, abs=1e-5)
    assert float(scaled.std(correction=0)) == pytest.approx(1, abs=1e-5)
    spread = plain.std(correction=0)
    torch.testing.assert_close(scaled, (plain - plain.mean()) / spread, atol=1e-5, rtol=0)
    gaps = [(scores[:, None] - scores[None]).sigmoid() for scores in (plain, centred)]
    torch.testing.assert_close(*gaps, atol=1e-6, rtol=0)


def test_the_plain_checkpoint_has_the_scale_and_the_settings_the_shift(tmp_path: Path) -> None:
    data = ragged_examples(8)
    scorer = train(data, tmp_path, normalise="scale")
    settings = settings_of(tmp_path / "reward")
    assert len(settings["mean"]) == len(settings["sd"]) == len(settings["shift"]) == 1
    raw = torch.cat(scorer.outputs_of(data))[:, 0]
    assert float(raw.std(correction=0)) == pytest.approx(1, abs=1e-5)
    assert float(raw.mean()) == pytest.approx(settings["shift"][0], abs=1e-5)


# --- ensembles


def test_an_ensemble_has_a_mean_a_lower_bound_and_disagreement(tmp_path: Path) -> None:
    data = ragged_examples(8)
    scorer = train(data, tmp_path, ensemble=3)
    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "reward")
    assert loaded.config.num_labels == 3
    heads = torch.cat(scorer.outputs_of(data))
    heads = heads - heads.mean(0)  # each head's zero is its own
    mean = torch.cat(scorer.score_examples(data))
    torch.testing.assert_close(mean, heads.mean(1), atol=1e-5, rtol=0)
    prompts = [e.prompt for e in data for _ in e.responses]
    texts = [text for e in data for text in e.responses]
    _, spread = scorer.moments(prompts, texts)
    torch.testing.assert_close(spread, heads.std(1), atol=1e-5, rtol=0)
    assert spread.min() > 0
    scorer.readout = replace(scorer.readout, uncertainty_penalty=2.0)
    low = torch.cat(scorer.score_examples(data))
    torch.testing.assert_close(low, mean - 2 * spread, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_heads_disagree_where_their_annotators_do(tmp_path: Path) -> None:
    data = disputed(24)
    scorer = train(
        data, tmp_path, epochs=6, ensemble=4, learn_from="ballots", bootstrap=True, seed=1
    )
    a, b, c = torch.cat(scorer.outputs_of(data[:1]))
    assert (a - b).std() < (c - b).std()
    assert (a > b).all()


def test_a_bootstrap_of_annotators_is_as_large_as_their_number() -> None:
    draws = np.array(list(bootstrap_draws([f"v{i}" for i in range(50)], 20, seed=0).values()))
    assert (draws.sum(0) == 50).all()
    assert 0.2 < (draws == 0).mean() < 0.5  # about 1 / e of them are not drawn


# --- heads with a distribution


@pytest.mark.slow
@pytest.mark.parametrize("head", ["mean_variance", "categorical"])
def test_spread_shows_what_annotators_do_not_agree_on(head: Any, tmp_path: Path) -> None:
    data = disputed(24)
    scorer = train(data, tmp_path, head=head, learn_from="shares", epochs=12, learning_rate=1e-2)
    outputs = RewardConfig(head=head).outputs
    assert scorer.model.config.num_labels == outputs
    one = data[0]
    mean, spread = scorer.moments([one.prompt] * 3, one.responses)
    assert mean[0] > mean[1]
    assert spread[2] > spread[0]
    assert float(mean.mean()) == pytest.approx(0, abs=1e-5)
    cautious = replace(scorer.readout, quantile=0.01).reward(scorer.outputs_of([one])[0])
    assert cautious.argmin() == 2  # half of the annotators would be ill served
    assert 0 < settings_of(tmp_path / "reward")["r_squared"] < 1


def test_a_quantile_is_the_reward_when_it_is_set(tmp_path: Path) -> None:
    data = ragged_examples(6)
    scorer = train(data, tmp_path, head="mean_variance", quantile=0.1)
    assert scorer.readout.quantile == 0.1
    scores = torch.cat(scorer.score_examples(data))
    assert float(scores.mean()) == pytest.approx(0, abs=1e-5)
    plain = Readout("mean_variance").reward(torch.cat(scorer.outputs_of(data)))
    assert not torch.allclose(scores, plain - plain.mean(), atol=1e-4)


@pytest.mark.slow
def test_a_categorical_head_ranks_held_out_responses(tmp_path: Path) -> None:
    data = fox_examples(48)
    tiny_backbone(tmp_path / "backbone")
    config = RewardConfig(epochs=4, learning_rate=1e-2, batch_size=4, head="categorical")
    trained = train_reward(data[:36], data[36:], tmp_path / "backbone", config, tmp_path / "reward")
    assert trained.figures["held_out_pair_accuracy"] >= 0.85
