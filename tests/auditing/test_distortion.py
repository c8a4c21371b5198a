"""Distortion: known answers, the definition on random ballots, and annotators who compare by utility."""

from fractions import Fraction

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.auditing import distortion, worst_distortion
from rlchf.rules import get_rule
from tests.oracles.distortion import worst_distortion as by_definition
from tests.support.profiles import random_cases, together


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_worst_utilities_are_those_of_the_definition(m: int) -> None:
    """Ballots with ties and odd weights; outcomes that are certain, even and in between."""
    rng = np.random.default_rng(m)
    cases = [case for case in random_cases(50 + m, 240, m, 5) if (case.ranks > 0).all()]
    cases = [case for case in cases if case.weights.any()]
    kinds = [
        np.eye(m),
        np.ones((1, m)),
        rng.integers(0, 3, (9, m)) + np.eye(m)[rng.integers(m, size=9)],
    ]
    rows = np.concatenate(kinds)
    chances = rows[rng.integers(len(rows), size=len(cases))]
    found = worst_distortion(together(cases), chances)
    for case, row, value in zip(cases, chances.tolist(), found.tolist(), strict=True):
        shares = [Fraction(c) / Fraction(sum(row)) for c in row]
        known = by_definition(case.ballots, m, shares)
        assert value == pytest.approx(float("inf") if known is None else float(known))


def test_a_response_that_nobody_ranks_first_can_have_no_utility() -> None:
    profiles = Profiles.from_ballots([["a > b > c", "c > b > a"]])
    assert worst_distortion(profiles, np.array([[0, 1, 0]])).tolist() == [float("inf")]
    assert worst_distortion(profiles, np.array([[1, 0, 1]])).tolist() == [2]  # both like b as well


def test_a_winner_of_two_has_no_more_than_its_supporters_who_may_hardly_care() -> None:
    """Supporters have 1/2 and 1/2, the others 0 and 1."""
    for p in np.arange(10, 20) / 20:
        profiles = Profiles.from_ballots([["a > b", "b > a"]], weights=[[p, 1 - p]])
        lost = worst_distortion(profiles, np.array([[1, 0]]))
        assert lost.tolist() == pytest.approx([(2 - p) / p])


@pytest.mark.parametrize("beta", [10.0, 40.0])
def test_where_all_compare_by_utility_every_rule_can_lose_half_of_beta(beta: float) -> None:
    """A tenth gets 1 from b, the others so little from a that the comparisons are even."""
    part = 0.1
    edge = part / (1 - part) * (1 / (1 + np.exp(-beta)) - 0.5)
    little = np.log((0.5 + edge) / (0.5 - edge)) / beta
    utilities = np.array([[0.0, 1.0], [little, 0.0]])
    weights = np.array([part, 1 - part])
    wins = 1 / (1 + np.exp(-beta * (utilities[:, 0] - utilities[:, 1])))
    assert weights @ wins == pytest.approx(0.5)
    lost = distortion(utilities, np.array([1, 0]), weights)
    assert lost == pytest.approx(beta / 2, rel=0.02)
    either = distortion(utilities, np.array([0.5, 0.5]), weights)
    assert either == pytest.approx(2 / (1 + 1 / lost))


def test_no_outcome_has_less_than_one_and_the_best_has_one() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        utilities, weights = rng.random((5, 4)), rng.random(5)
        best = np.eye(4)[int((weights @ utilities).argmax())]
        assert distortion(utilities, best, weights) == pytest.approx(1)
        assert distortion(utilities, rng.random(4), weights) >= 1
    assert distortion(np.zeros((2, 3)), np.ones(3)) == 1
    assert distortion(np.array([[1.0, 0.0]]), np.array([0, 1])) == float("inf")


def test_the_worst_utilities_are_at_least_as_bad_as_any_that_fit() -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        utilities = rng.dirichlet(np.ones(4), size=6)
        ranks = (-utilities).argsort(axis=1).argsort(axis=1).T + 1
        profiles = Profiles(
            ranks=np.ascontiguousarray(ranks.astype(np.int16)), starts=np.array([0, 6]),
            weights=np.ones(6), annotators=np.arange(6),
        )  # fmt: skip
        chances = np.asarray(get_rule("maximal_lottery")(profiles))
        assert worst_distortion(profiles, chances)[0] >= distortion(utilities, chances[0]) - 1e-9


def test_what_has_no_distortion_is_refused() -> None:
    gaps = Profiles.from_ballots([["a > b", "a"]])
    with pytest.raises(ValueError, match="prompt 0: a ballot leaves out a response"):
        worst_distortion(gaps, np.array([[1, 0]]))
    with pytest.raises(ValueError, match=r"the chances have shape \(2,\)"):
        worst_distortion(gaps, np.array([1, 0]))
    with pytest.raises(ValueError, match="the utilities must be finite and 0 or more"):
        distortion(np.array([[-1.0, 0.0]]), np.array([1, 0]))
    with pytest.raises(ValueError, match="must not all be 0"):
        distortion(np.array([[1.0, 0.0]]), np.array([0, 0]))
    with pytest.raises(ValueError, match=r"utilities have shape \(1, 2\), chances \(3,\)"):
        distortion(np.array([[1.0, 0.0]]), np.ones(3))
