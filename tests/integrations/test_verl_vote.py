"""The vote as an advantage estimator of verl, without verl."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rlchf.integrations.verl import vote_advantages
from rlchf.train.ppo.advantages import grpo
from rlchf.train.ppo.rewards import Vote

EXAMPLE = Path(__file__).parents[2] / "examples" / "integrations" / "verl_vote.py"


def vowels(prompts: Any, texts: list[str]) -> list[float]:
    return [float(sum(c in "aeiou" for c in text)) for text in texts]


def brief(prompts: Any, texts: list[str]) -> list[float]:
    return [-float(len(text)) for text in texts]


TEXTS = ["aa", "b", "eie", "aa", "x", "ae", "the fox", "oo"]
PROMPTS = ["p"] * 4 + ["q"] * 4


def by_our_own_path(rule: str, weights: list[float]) -> torch.Tensor:
    """The advantages of our loop: the vote's reward at the last token, and GRPO."""
    rewards = Vote([vowels, brief], rule, weights)(PROMPTS, TEXTS)
    mask = torch.ones(8, 1, dtype=torch.bool)
    return grpo(rewards.view(8, 1), mask, responses_per_prompt=4).flatten()


@pytest.mark.parametrize("weights", [[2.0, 1.0], [1.0, 3.0]])
@pytest.mark.parametrize("rule", ["kemeny", "borda", "perpetual_pav", "schulze"])
def test_the_advantages_are_those_of_our_grpo_with_the_vote(
    rule: str, weights: list[float]
) -> None:
    scores = {"vowels": vowels([], TEXTS), "brief": brief([], TEXTS)}
    expected = by_our_own_path(rule, weights)
    assert expected.abs().max() > 0.5
    assert torch.equal(vote_advantages(scores, PROMPTS, TEXTS, rule, weights), expected)
    order = [5, 0, 7, 1, 4, 2, 3, 6] if rule != "perpetual_pav" else [0, 4, 1, 5, 2, 6, 3, 7]
    mixed = vote_advantages(
        {name: [column[n] for n in order] for name, column in scores.items()},
        [PROMPTS[n] for n in order],
        [(TEXTS[n],) for n in order],
        rule,
        weights,
    )
    torch.testing.assert_close(mixed, expected[order], atol=1e-6, rtol=0)


def test_groups_may_differ_in_size_and_bonuses_are_added_to_the_votes_rewards() -> None:
    scores = {"vowels": [1.0, 2.0, 0.0, 9.0, 3.0, 1.0]}
    made = vote_advantages(scores, list("ppprqq"), list("abcabc"), "borda")
    assert made[3] == 0
    half = 0.5 / (0.5**0.5 + 1e-4)
    assert made.tolist() == pytest.approx([0, 0.99980, -0.99980, 0, half, -half], abs=1e-4)
    moved = vote_advantages(
        scores, list("ppprqq"), list("abcabc"), "borda", bonuses=[0, 0, 0, 5, 0, 2.0]
    )
    assert moved[:4].tolist() == made[:4].tolist()
    assert moved[4] < 0 < moved[5]


@pytest.mark.parametrize(
    ("scores", "prompts", "message"),
    [
        ({"ann": [1.0, 2.0]}, "pq", "every prompt has one; set actor_rollout_ref.rollout.n"),
        ({"ann": [1.0]}, "pp", r"voter 'ann' has scores of shape \(1,\) for 2 responses"),
        ({"ann": [1.0, float("nan")]}, "pp", "voter 0: .*nan"),
        ({}, "pp", "no voters"),
    ],
)
def test_scores_without_a_vote_are_refused(
    scores: dict[str, list[float]], prompts: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        vote_advantages(scores, list(prompts), ["a", "b"])


# -- the example -----------------------------------------------------------------------------------


def example() -> Any:
    spec = importlib.util.spec_from_file_location("verl_vote", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def given() -> dict[str, Any]:
    """What verl gives the estimator `gdpo`: rows of tokens, and the scores by each reward."""
    lengths = torch.tensor([len(text) for text in TEXTS])
    mask = (torch.arange(8)[None] < lengths[:, None]).long()
    tokens = torch.tensor([list(text.ljust(8, "?").encode()) for text in TEXTS])
    return {
        "token_level_rewards": torch.zeros(8, 8),
        "response_mask": mask,
        "config": {"gdpo_reward_keys": ["vowels", "brief"], "gdpo_reward_weights": [1, 3]},
        "index": np.array(PROMPTS, dtype=object),
        "non_tensor_batch": {"vowels": np.array(vowels([], TEXTS)), "brief": brief([], TEXTS)},
        "batch": {"responses": tokens},
    }


def test_the_example_gives_every_token_the_advantage_of_our_grpo() -> None:
    advantages, returns = example().vote_outcome_advantage(**given(), rule="borda")
    mask = given()["response_mask"]
    expected = by_our_own_path("borda", [1.0, 3.0])
    assert torch.equal(advantages, expected[:, None] * mask)
    assert advantages is returns


def test_the_example_adds_what_verl_put_into_the_tokens_rewards() -> None:
    penalised = given()
    penalised["token_level_rewards"][0, 0] = -4.0  # a KL penalty
    advantages, _ = example().vote_outcome_advantage(**penalised, rule="borda")
    assert advantages[0, 0] == advantages[:4].min()


def test_the_example_registers_itself_when_verl_imports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `verl/trainer/ppo/core_algos.py` does: a name that is taken is refused."""
    registry: dict[str, Any] = {"gdpo": None}

    def register_adv_est(name: str) -> Any:
        assert name not in registry
        return lambda function: registry.setdefault(name, function)

    core = SimpleNamespace(ADV_ESTIMATOR_REGISTRY=registry, register_adv_est=register_adv_est)
    ppo = ModuleType("verl.trainer.ppo")
    monkeypatch.setattr(ppo, "core_algos", core, raising=False)
    assert not any(name.partition(".")[0] == "verl" for name in sys.modules)
    example()
    assert registry == {"gdpo": None}
    for name in ("verl", "verl.trainer"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "verl.trainer.ppo", ppo)
    monkeypatch.setenv("RLCHF_RULE", "borda")
    example()
    advantages, _ = registry["gdpo"](**given())
    assert torch.equal(advantages[:, 0], by_our_own_path("borda", [1.0, 3.0]))


def test_the_example_scores_one_response_for_each_voter() -> None:
    assert example().compute_score("data", "Tea, please.", None, extra_info={}) == {
        "score": 0.0, "vowels": 5.0, "brief": -12.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"non_tensor_batch": None}, "verl gave no scores by reward; set algorithm.adv_estimator"),
        ({"config": {}}, "are not among the scores that compute_score returned"),
        ({"config": {"gdpo_reward_keys": ["eve"]}}, r"voters \['eve'\] are not among the scores"),
    ],
)
def test_the_example_says_what_verl_has_to_be_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        example().vote_outcome_advantage(**given() | change)
