"""Closed forms and tabular solvers, held against their definitions and against each other."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from rlchf.optima import (
    bradley_terry,
    kl_optimum,
    max_min,
    population_proportional,
    preference_matching,
    regularised_nash,
    share_bounds,
    uniform,
)
from rlchf.profiles import Profiles
from rlchf.rules import get_rule

CYCLE = [["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2]


def divergence(policy: np.ndarray, reference: np.ndarray) -> float:
    return float((policy * np.log(policy / reference)).sum())


def chances(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.asarray(rng.dirichlet(np.ones(count)))


def fair_game(rng: np.random.Generator, count: int) -> np.ndarray:
    above = np.triu(rng.random((count, count)), 1)
    return above + np.tril(1 - above.T, -1) + np.eye(count) / 2


def logit(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(x) - np.log(1 - x))


@pytest.mark.parametrize("seed", range(5))
def test_no_policy_gets_more_reward_minus_divergence_than_the_kl_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, rewards, beta = chances(rng, 5), rng.normal(size=5), rng.uniform(0.1, 2)

    def objective(policy: np.ndarray) -> float:
        return float(policy @ rewards) - beta * divergence(policy, reference)

    best = kl_optimum(reference, rewards, beta)
    assert objective(best) == pytest.approx(beta * np.log(reference @ np.exp(rewards / beta)))
    for _ in range(100):
        other = chances(rng, 5)
        for step in (1.0, 1e-2):
            assert objective(best + step * (other - best)) < objective(best)


def test_no_policy_gets_more_reward_plus_entropy_than_preference_matching() -> None:
    rng = np.random.default_rng(0)
    rewards = rng.normal(size=4)
    best = preference_matching(rewards)

    def objective(policy: np.ndarray) -> float:
        return float(policy @ rewards - policy @ np.log(policy))

    for _ in range(100):
        other = best + rng.choice([1.0, 0.01]) * (chances(rng, 4) - best)
        assert objective(other) < objective(best)


@pytest.mark.parametrize(("beta", "share"), [(1, 0.4), (0.5, 0.308), (0.2, 0.116), (0.1, 0.017)])
def test_the_share_of_a_minority_of_40_falls_with_beta(beta: float, share: float) -> None:
    rewards = bradley_terry([[0, 60], [40, 0]])
    assert kl_optimum(uniform(2), rewards, beta)[1] == pytest.approx(share, abs=5e-4)


def test_the_reward_of_win_shares_is_what_the_rule_finds() -> None:
    rng = np.random.default_rng(1)
    ballots = [" > ".join(rng.permutation(list("abcd"))) for _ in range(9)]
    profiles = Profiles.from_ballots([ballots])
    wins = (np.asarray(profiles.compared)[0] + np.asarray(profiles.margins)[0]) / 2
    scores = get_rule("bradley_terry")(profiles)[0]
    np.testing.assert_allclose(bradley_terry(wins, prior=1.0), scores, atol=2e-9)


def test_a_response_that_never_wins_has_no_finite_reward_without_a_prior() -> None:
    with pytest.raises(ValueError, match="give a prior above 0"):
        bradley_terry([[0, 3, 2], [1, 0, 4], [0, 0, 0]])
    low = bradley_terry([[0, 3, 2], [1, 0, 4], [0, 0, 0]], prior=1.0)
    assert np.isfinite(low).all()
    assert low.argmin() == 2


def test_share_bounds_are_never_below_the_part_that_likes_a_response_best() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        orders = np.stack([rng.permutation(4) for _ in range(7)])  # places
        above = orders[:, :, None] < orders[:, None, :]
        shares = above.mean(0) + np.eye(4) / 2
        firsts = (orders == 0).mean(0)
        assert (share_bounds(shares) >= firsts - 1e-12).all()


def test_a_sharp_population_proportional_policy_is_minimax() -> None:
    shares = [[0.5, 0.55, 0.6], [0.45, 0.5, 0.8], [0.4, 0.2, 0.5]]
    plain = population_proportional(shares)
    np.testing.assert_allclose(plain, np.array([0.55, 0.45, 0.2]) / 1.2)
    assert population_proportional(shares, 500.0)[0] > 0.999


@pytest.mark.parametrize("beta", [1.0, 0.1, 0.003])
@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_regularised_equilibrium_is_its_own_best_answer(count: int, beta: float) -> None:
    rng = np.random.default_rng(count)
    for _ in range(5):
        payoff, reference = fair_game(rng, count), chances(rng, count)
        policy = regularised_nash(payoff, reference, beta)
        np.testing.assert_allclose(policy, kl_optimum(reference, payoff @ policy, beta), atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_for_a_small_beta_the_equilibrium_is_the_maximal_lottery(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ballots = [" > ".join(rng.permutation(list("abcde"))) for _ in range(7)]
    profiles = Profiles.from_ballots([CYCLE[0] if seed == 0 else ballots])
    margins = np.asarray(profiles.margins)[0] / len(ballots)
    lottery = get_rule("maximal_lottery")(profiles)[0]
    policy = regularised_nash((1 + margins) / 2, uniform(len(margins)), 1e-5)
    np.testing.assert_allclose(policy, lottery, atol=1e-3)
    if seed == 0:
        np.testing.assert_allclose(lottery, np.array([5, 1, 3]) / 9)


def test_a_response_that_the_reference_never_gives_stays_out() -> None:
    payoff = fair_game(np.random.default_rng(0), 3)
    policy = regularised_nash(payoff, [0.5, 0.0, 0.5], 0.3)
    assert policy[1] == 0
    inner = regularised_nash(payoff[np.ix_([0, 2], [0, 2])], [0.5, 0.5], 0.3)
    np.testing.assert_allclose(policy[[0, 2]], inner)


def test_the_log_odds_game_of_a_bradley_terry_model_ends_at_its_kl_optimum() -> None:
    rng = np.random.default_rng(3)
    rewards, reference = rng.normal(size=4), chances(rng, 4)
    shares = 1 / (1 + np.exp(rewards[None] - rewards[:, None]))
    for beta in (1.0, 0.3):
        np.testing.assert_allclose(
            regularised_nash(logit(shares), reference, beta),
            kl_optimum(reference, rewards, beta),
            atol=1e-9,
        )


@pytest.mark.parametrize("seed", range(6))
def test_max_min_is_the_best_for_the_worst_off(seed: int) -> None:
    """Against maximising the smallest mean reward minus divergence over policies, by another solver."""
    rng = np.random.default_rng(seed)
    groups, count, beta = 2 + seed % 3, 4, [0.1, 0.5][seed % 2]
    rewards, reference = rng.normal(size=(groups, count)), chances(rng, count)

    def objective(policy: np.ndarray) -> float:
        return float((rewards @ policy).min()) - beta * divergence(policy, reference)

    policy, weights = max_min(reference, rewards, beta)
    limits: Any = [
        {"type": "eq", "fun": lambda x: x[:-1].sum() - 1},
        {"type": "ineq", "fun": lambda x: rewards @ x[:-1] - x[-1]},
    ]
    worst: Any = lambda x: -x[-1] + beta * divergence(x[:-1], reference)  # noqa: E731
    bounds: Any = [(1e-9, 1.0)] * count + [(None, None)]
    start = np.append(reference, (rewards @ reference).min())
    best = minimize(
        worst, start, bounds=bounds, method="SLSQP", options={"ftol": 1e-12}, constraints=limits
    )
    assert objective(policy) == pytest.approx(-best.fun, abs=1e-6)
    gains = rewards @ policy
    assert weights @ gains == pytest.approx(gains.min(), abs=1e-5), "no weight for the better off"
    for _ in range(100):
        assert objective(chances(rng, count)) < objective(policy)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kl_optimum([0.5, 0.6], [0, 0], 1), "add up to 1"),
        (lambda: kl_optimum([0.5, 0.5], [0, 0], 0), "beta is 0; it must be above 0"),
        (lambda: regularised_nash(np.full((2, 2), 0.5), [0.5, 0.5], -1), "beta is -1"),
        (lambda: regularised_nash([[0, 1], [1, 0]], [0.5, 0.5], 1), "not symmetric"),
        (lambda: share_bounds([[0.5, 0.7], [0.4, 0.5]]), "must add up to 1"),
    ],
)
def test_bad_games_and_bad_policies_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
