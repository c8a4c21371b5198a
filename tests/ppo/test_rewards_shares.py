"""The real loop, on a policy of a few responses, ends where the tabular solvers say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rlchf
from rlchf.mixtures import apportion
from rlchf.optima import (
    kl_optimum,
    max_min,
    population_proportional,
    preference_matching,
    regularised_nash,
    uniform,
)
from rlchf.preferences import examples
from rlchf.profiles import Profiles
from rlchf.prompts import Prompt
from rlchf.rules import get_rule
from rlchf.train.mixture import Mixture
from rlchf.train.ppo.rewards import (
    MaxMin,
    PopulationProportional,
    SelfPlay,
    Vote,
    VoterPreferences,
    WinShare,
)
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.trainer import train_reward
from tests.support.bandit import Bandit, distance
from tests.support.reward_examples import tiny_backbone

pytestmark = pytest.mark.slow

FAST: dict[str, Any] = {
    "updates": 60, "learning_rate": 5e-3, "ppo_epochs": 2, "advantages": "rloo", "responses_per_prompt": 512,
}  # fmt: skip


def favourites(bandit: Bandit, sizes: list[float]) -> VoterPreferences:
    """Groups of these sizes; each likes one response best and the others equally."""
    return VoterPreferences([bandit.rewarding(row) for row in np.eye(len(sizes))], sizes)


@pytest.mark.parametrize(("beta", "share"), [(1.0, 0.4), (0.5, 0.308), (0.2, 0.116)])
def test_win_shares_keep_the_share_at_beta_1_only(
    beta: float, share: float, tmp_path: Path
) -> None:
    bandit = Bandit(2)
    reward = WinShare(favourites(bandit, [6, 4]))
    policy = bandit.train(reward, tmp_path, kl_coef=beta, **FAST)
    assert distance(policy, kl_optimum(uniform(2), np.log([0.6, 0.4]), beta)) < 0.01
    assert policy[1] == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(("kl_coef", "share"), [(4 / 3, 0.2), (1.0, 0.136)])
def test_rloo_on_groups_of_four_scales_win_shares_by_four_thirds(
    kl_coef: float, share: float, tmp_path: Path
) -> None:
    """0.136 is 0.2 to the power of 4 / 3, divided by the sum of that and of 0.8 to that power."""
    bandit = Bandit(2)
    win_share = WinShare(favourites(bandit, [8, 2]))

    def by_fours(prompts: list[Any], texts: list[str]) -> torch.Tensor:
        parts = [win_share(prompts[n : n + 4], texts[n : n + 4]) for n in range(0, 512, 4)]
        return torch.cat(parts)

    policy = bandit.train(
        by_fours, tmp_path, **FAST | {"responses_per_prompt": 4, "kl_coef": kl_coef}
    )
    assert policy[1] == pytest.approx(share, abs=0.005)


def test_a_prompt_that_comes_again_is_a_group_of_its_own(tmp_path: Path) -> None:
    """So a KL coefficient of 4 / 3 is right for groups of four, though all answer the same prompt."""
    bandit = Bandit(2)
    reward = WinShare(favourites(bandit, [8, 2]))
    options = FAST | {"responses_per_prompt": 4, "kl_coef": 4 / 3}
    assert bandit.train(reward, tmp_path, **options)[1] == pytest.approx(0.2, abs=0.01)


def test_preference_matching_keeps_the_shares_whatever_the_reference(tmp_path: Path) -> None:
    bandit, rewards = Bandit(3, scale=4.0), np.log([5.0, 3.0, 2.0])
    optimum = preference_matching(rewards)
    assert distance(bandit.reference, optimum) > 0.3
    assert distance(kl_optimum(bandit.reference, rewards, 1.0), optimum) > 0.2
    policy = bandit.train(bandit.rewarding(rewards), tmp_path, reference="uniform", **FAST)
    assert distance(policy, optimum) < 0.01


def test_population_proportional_alignment_ends_at_the_share_bounds(tmp_path: Path) -> None:
    bandit = Bandit(3, scale=4.0)
    reward = PopulationProportional(favourites(bandit, [5, 3, 2]), sharpness=1.0)
    shares = [[0.5, 0.6, 0.65], [0.4, 0.5, 0.55], [0.35, 0.45, 0.5]]
    optimum = population_proportional(shares, sharpness=1.0)
    assert distance(bandit.reference, optimum) > 0.2
    policy = bandit.train(reward, tmp_path, reference="uniform", **FAST)
    assert distance(policy, optimum) < 0.01


def test_self_play_shares_a_cycle_as_the_regularised_equilibrium_does(tmp_path: Path) -> None:
    """Adam at a larger learning rate runs around the equilibrium instead of into it."""
    bandit, beta = Bandit(3), 0.1
    cycle = [bandit.rewarding(row) for row in ([2, 1, 0], [0, 2, 1], [1, 0, 2])]
    payoff = [[1 / 2, 6 / 9, 4 / 9], [3 / 9, 1 / 2, 7 / 9], [5 / 9, 2 / 9, 1 / 2]]
    optimum = regularised_nash(payoff, uniform(3), beta)
    assert distance(optimum, uniform(3)) > 0.15
    reward = SelfPlay(VoterPreferences(cycle, [4, 3, 2]))
    policy = bandit.train(reward, tmp_path, kl_coef=beta, updates=200, learning_rate=1e-3)
    assert distance(policy, optimum) < 0.03
    lottery = get_rule("maximal_lottery")(
        Profiles.from_ballots([["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2])
    )[0]
    assert distance(policy, lottery) < distance(uniform(3), lottery)


def test_max_min_ends_at_the_saddle_point(tmp_path: Path) -> None:
    bandit, beta = Bandit(3, scale=4.0), 0.3
    rewards = np.array([[1, 0, 0.3], [0, 1, 0.6], [0, 0.2, 1]])
    optimum, weights = max_min(bandit.reference, rewards, beta)
    assert distance(bandit.reference, optimum) > 0.2
    assert distance(kl_optimum(bandit.reference, rewards.mean(0), beta), optimum) > 0.2
    reward = MaxMin({str(g): bandit.rewarding(row) for g, row in enumerate(rewards)})
    policy = bandit.train(reward, tmp_path, kl_coef=beta)
    assert distance(policy, optimum) < 0.02
    assert list(reward.weights.values()) == pytest.approx(weights.tolist(), abs=0.05)


def test_a_vote_among_rewards_ends_at_the_optimum_of_the_rules_scores(tmp_path: Path) -> None:
    bandit, beta = Bandit(6, scale=4.0), 0.5
    opinions = np.random.default_rng(0).normal(size=(5, 6))
    borda = (opinions[:, :, None] > opinions[:, None, :]).sum((0, 2))
    optimum = kl_optimum(bandit.reference, borda / np.ptp(borda), beta)
    assert distance(bandit.reference, optimum) > 0.1
    reward = Vote([bandit.rewarding(row) for row in opinions], "borda")
    policy = bandit.train(reward, tmp_path, kl_coef=beta, **FAST)
    assert distance(policy, optimum) < 0.01


def test_a_mixture_answers_as_many_prompts_as_are_apportioned() -> None:
    """Two policies that almost always give one response each."""
    one, other = Bandit(3), Bandit(3)
    for bandit, letter in ((one, 1), (other, 2)):
        bandit.policy.lm_head.bias = torch.nn.Parameter(20.0 * torch.eye(3)[letter])
    weights = {"a": 0.6, "b": 0.4}
    mixture = Mixture({"a": one.policy, "b": other.policy}, one.tokenizer, weights)
    for count in (5, 100):
        texts, names = mixture.sample_texts(["a"] * count, seed=1, max_new_tokens=1)
        assert texts == names, "each text comes from the policy that is named"
        assert {name: names.count(name) for name in weights} == apportion(weights, count)
    again = mixture.sample_texts(["a"] * 100, seed=1, max_new_tokens=1, batch_size=7)
    assert again == (texts, names)
    assert mixture.sample_texts(["a"] * 100, seed=2, max_new_tokens=1)[1] != names
    with pytest.raises(ValueError, match="give each policy a weight"):
        Mixture({"a": one.policy}, one.tokenizer, weights)


@pytest.mark.parametrize("rule", ["pooled", "perpetual_pav", "kemeny"])
def test_from_ballots_through_a_fitted_reward_model_to_the_policy(
    rule: str, tmp_path: Path
) -> None:
    """Six of ten annotators like a plain text, four the other: the minority's share at each beta."""
    entries = [
        (f"p{n}", f"v{v}", [["a"], ["b"]] if v < 6 else [["b"], ["a"]])
        for n in range(20)
        for v in range(10)
    ]
    rankings = rlchf.Rankings.from_ballots(entries)
    result = rlchf.aggregate(rankings, "kemeny" if rule == "pooled" else rule)
    prompts: dict[str, Prompt] = dict.fromkeys((f"p{n}" for n in range(20)), "a")
    texts = {name: {"a": "a dog", "b": "a little girl"} for name in prompts}
    learnt = examples(result, prompts, texts, ballots_of=rankings)
    config = RewardConfig(
        epochs=60,
        learning_rate=3e-3,
        batch_size=20,
        lr_schedule="constant",
        held_out=0.0,
        learn_from="shares" if rule == "pooled" else "ranking",
    )
    base = tiny_backbone(tmp_path / "base")
    train_reward(learnt, [], base, config, tmp_path / "reward")
    model = RewardModel.load(tmp_path / "reward")
    plain, other = model(["a", "a"], ["a dog", "a little girl"]).tolist()
    share = 1 / (1 + np.exp(plain - other))
    if rule == "kemeny":
        assert share < 0.02, "no label is left of the minority"
    else:
        assert share == pytest.approx(0.4, abs=0.01)
    bandit = Bandit(2)

    def reward(prompts: list[Any], responses: list[str]) -> list[float]:
        return [plain if text == bandit.responses[0] else other for text in responses]

    for beta in (1.0, 0.5, 0.2):
        policy = Bandit(2).train(reward, tmp_path / f"{beta}", kl_coef=beta, **FAST)
        assert distance(policy, kl_optimum(uniform(2), [plain, other], beta)) < 0.01
        expected = 0.4 ** (1 / beta) / (0.4 ** (1 / beta) + 0.6 ** (1 / beta))
        assert policy[1] == pytest.approx(0.0 if rule == "kemeny" else expected, abs=0.03)
