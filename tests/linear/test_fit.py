"""Linear rewards fitted to ballots: the gradient, the optimum, and a society of two groups."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

import rlchf
from rlchf import Rankings
from rlchf.linear import agreement, angular_mean, fit_annotators, fit_linear
from rlchf.linear.features import Features, feature_rows
from rlchf.linear.fit import Comparisons, loss


def simulated(
    thetas: np.ndarray, n_prompts: int, noise: float, seed: int
) -> tuple[Rankings, dict[str, dict[str, np.ndarray]]]:
    """Every annotator ranks three responses to each prompt by a linear reward and some noise."""
    rng = np.random.default_rng(seed)
    d = thetas.shape[1]
    features = {
        f"p{p}": dict(zip("abc", rng.normal(size=(3, d)), strict=True)) for p in range(n_prompts)
    }
    ballots = []
    for prompt, xs in features.items():
        for v, theta in enumerate(thetas):
            reward = {r: float(x @ theta + noise * rng.normal()) for r, x in xs.items()}
            ballots.append((prompt, f"v{v}", sorted(reward, key=lambda r: -reward[r])))
    return Rankings.from_ballots(ballots), features


def by_loops(theta: np.ndarray, rankings: Rankings, features: Features, ridge: float) -> float:
    """The loss, ballot by ballot and pair by pair."""
    total = ridge / 2 * float(theta @ theta)
    owners = np.repeat(rankings.prompt_ids, np.diff(rankings.ballot_starts))
    for n, prompt in enumerate(owners):
        entries = range(int(rankings.entry_starts[n]), int(rankings.entry_starts[n + 1]))
        names = rankings.responses(prompt)
        for e in entries:
            for f in entries:
                gap = rankings.entry_ranks[f] - rankings.entry_ranks[e]
                if e == f or gap < 0:
                    continue
                x = np.asarray(features[prompt][names[rankings.entry_responses[e]]])
                y = np.asarray(features[prompt][names[rankings.entry_responses[f]]])
                weight = rankings.ballot_weights[n] * (0.5 if gap == 0 else 1)
                total += weight * float(np.log1p(np.exp(-theta @ (x - y))))
    return total


@pytest.fixture
def odd() -> tuple[Rankings, Features]:
    """Ties, gaps, weights, and prompts of different size."""
    rng = np.random.default_rng(2)
    ballots = [
        ("p", "ann", "a > b = c"),
        ("p", "bob", "c > a"),
        ("q", "ann", "e > d"),
        ("q", "eve", "d = e"),
        ("q", "dan", "d"),
    ]
    features = {
        "p": {name: rng.normal(size=3) for name in "abc"},
        "q": {name: rng.normal(size=3) for name in "de"},
    }
    return Rankings.from_ballots(ballots, weights=[1, 2.5, 0.25, 3, 1]), features


def test_the_loss_is_that_of_going_through_all_ballots(odd: tuple[Rankings, Features]) -> None:
    rows, pairs = feature_rows(*odd), Comparisons.of(odd[0])
    for seed in range(5):
        theta = np.random.default_rng(seed).normal(size=3)
        value, gradient = loss(theta, rows, pairs, 0.7)
        assert value == pytest.approx(by_loops(theta, *odd, 0.7), rel=1e-12)

        def alone(t: np.ndarray) -> float:
            return loss(t, rows, pairs, 0.7)[0]

        numeric = approx_fprime(theta, alone, 1e-7)
        assert gradient == pytest.approx(numeric, abs=1e-5)


def test_the_gradient_at_the_fit_is_0(odd: tuple[Rankings, Features]) -> None:
    rows, pairs = feature_rows(*odd), Comparisons.of(odd[0])
    for ridge in (1e-3, 1.0, 50.0):
        theta = fit_linear(*odd, ridge=ridge)
        assert loss(theta, rows, pairs, ridge)[1] == pytest.approx(np.zeros(3), abs=1e-6)


def test_an_annotators_fit_is_that_of_their_ballots_alone(odd: tuple[Rankings, Features]) -> None:
    rankings, features = odd
    fits = fit_annotators(rankings, features)
    assert fits.annotators == ["ann", "bob", "eve"]  # dan compares nothing
    assert fits.weights.tolist() == [0.625, 2.5, 3.0]
    for name, theta in zip(fits.annotators, fits.thetas, strict=True):
        others = {other: 0.0 for other in rankings.annotator_ids if other != name}
        alone = fit_linear(rankings.weighted(others), features)
        assert theta == pytest.approx(alone, abs=1e-6)
    assert fits.thetas[2] == pytest.approx(np.zeros(3))


def test_one_feature_per_response_gives_the_bradley_terry_rule() -> None:
    ballots = ["a > b > c", "b > a > c", "c > a > b", "a > c > b", "b > c > a"]
    rankings = Rankings.from_ballots([("p", f"v{i}", b) for i, b in enumerate(ballots)])
    features = {"p": dict(zip("abc", np.eye(3), strict=True))}
    theta = fit_linear(rankings, features, ridge=1e-7)
    scores = rlchf.aggregate(rankings, "bradley_terry", prior=1e-7).scores("p")
    assert theta - theta.mean() == pytest.approx(list(scores.values()), abs=1e-5)


def test_the_fit_agrees_with_a_linear_annotator() -> None:
    truth = np.array([[1.0, -2.0, 0.5, 0.0]])
    rankings, features = simulated(truth, 300, 0.1, 1)
    assert float(agreement(truth[0], fit_linear(rankings, features))) > 0.97


def test_the_angular_mean_of_two_groups_gives_the_smaller_one_its_share() -> None:
    apart = np.radians(165)
    most, few = np.array([1.0, 0.0, 0.0]), np.array([np.cos(apart), np.sin(apart), 0.0])
    tastes = np.array([most] * 6 + [few] * 4)
    tastes += 0.05 * np.random.default_rng(0).normal(size=tastes.shape)
    rankings, features = simulated(tastes, 150, 0.2, 0)

    fits = fit_annotators(rankings, features)
    mean = angular_mean(fits.thetas, fits.weights)
    pooled = fit_linear(rankings, features)
    shares = {
        name: (agreement(tastes[:6], theta).mean(), agreement(tastes[6:], theta).mean())
        for name, theta in (("angular", mean), ("pooled", pooled))
    }
    assert shares["angular"][0] >= 0.6
    assert shares["angular"][1] >= 0.4
    assert shares["pooled"][1] < 0.3


def test_a_ridge_that_is_no_prior_is_refused(odd: tuple[Rankings, Features]) -> None:
    for ridge in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="give a number above 0"):
            fit_linear(*odd, ridge=ridge)
