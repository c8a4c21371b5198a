"""Worked cases for maximal lotteries."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.rules._parts.lottery import closest, supported
from tests.oracles import probabilistic as oracles
from tests.oracles.textbook import blocks_of
from tests.support.profiles import random_cases, together

maximal_lottery = get_rule("maximal_lottery")


def lottery(*ballots: str) -> list[float]:
    chances: list[float] = maximal_lottery(Profiles.from_ballots([ballots]))[0].tolist()
    return chances


def random_margins(seed: int, k: int, count: int, largest: int = 4) -> np.ndarray:
    """(count, k, k) whole margins, many of them 0 if the largest is small."""
    upper = np.random.default_rng(seed).integers(-largest, largest + 1, (count, k, k))
    upper = np.triu(upper.astype(np.float64), 1)
    return upper - upper.transpose(0, 2, 1)


def test_schulzes_example_of_45_voters_has_a_lottery_over_three() -> None:
    # margins of Schulze 2011, example 1: A, C and E are in a cycle that B and D cannot break
    ballots = {
        "A>C>B>E>D": 5,
        "A>D>E>C>B": 5,
        "B>E>D>A>C": 8,
        "C>A>B>E>D": 3,
        "C>A>E>B>D": 7,
        "C>B>A>D>E": 2,
        "D>C>E>B>A": 7,
        "E>B>A>D>C": 8,
    }
    profiles = Profiles.from_ballots(
        [list(ballots)], weights=[[float(n) for n in ballots.values()]]
    )
    assert (maximal_lottery(profiles)[0] * 11).round(12).tolist() == [3, 0, 1, 0, 7]


def test_of_several_lotteries_the_one_closest_to_even_chances_is_taken() -> None:
    assert lottery("a > b > c", "c > b > a") == [1 / 3] * 3
    # c beats b, and a ties with both: any (1 - x, 0, x) is maximal, for x from 0 to 1
    assert lottery("a > c > b", "c > b > a") == [0.5, 0, 0.5]


def test_scores_are_the_exact_chances_as_floats() -> None:
    for m in (3, 4, 5):
        batch = random_cases(m, 120, m)
        for case, chances in zip(batch, maximal_lottery(together(batch)), strict=True):
            exact = oracles.maximal_lottery(case.ballots, m)
            assert chances.tolist() == [float(x) for x in exact]


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6, 7])
def test_both_ways_to_a_lottery_agree(k: int) -> None:
    margins = random_margins(k, k, 200)
    at_once, solved = supported(np.ascontiguousarray(margins.transpose(1, 2, 0)))
    assert solved.sum() > 10
    for n in np.flatnonzero(solved):
        assert at_once[:, n].tolist() == closest(margins[n])


@pytest.mark.parametrize(("k", "largest"), [(4, 1), (8, 2), (12, 1), (12, 50), (40, 9), (120, 3)])
def test_a_lottery_is_maximal_and_has_the_least_squares(k: int, largest: int) -> None:
    margins = random_margins(k, k, 1, largest)[0]
    lottery = np.array(closest(margins))
    assert lottery.sum() == pytest.approx(1)
    assert lottery.min() >= 0
    assert (margins @ lottery).max() <= 1e-9
    # The least squares: lottery @ lottery <= lottery @ other for every other maximal lottery.
    other = linprog(lottery, A_ub=margins, b_ub=np.zeros(k), A_eq=np.ones((1, k)), b_eq=[1.0])
    assert other.fun is not None
    assert lottery @ lottery <= other.fun + 1e-9


def test_huge_margins_are_solved_in_whole_numbers() -> None:
    a, b, c = 2.0**40 + 1, 2.0**39 + 3, 2.0**38 + 7
    margins = np.array([[0, a, -b], [-a, 0, c], [b, -c, 0]])
    exact = [float(Fraction(x) / Fraction(a + b + c)) for x in (c, b, a)]
    assert closest(margins) == exact


def test_a_bad_start_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    for start in ([], [0], [0, 1, 2, 3, 4], [0, 5, 6, 7, 8, 9]):
        for margins in random_margins(9, 5, 20):
            expected = closest(margins)
            with monkeypatch.context() as patch:
                patch.setattr("rlchf.rules._parts.lottery._guess", lambda _, start=start: start)
                assert closest(margins) == expected


def test_a_maximal_lottery_ties_all_responses_without_a_chance() -> None:
    assert lottery("a > b > c", "a > b > c") == [1, 0, 0]


def test_a_maximal_lottery_can_give_less_to_a_raised_response() -> None:
    same = ["a > c > b"] * 2 + ["b > a > c"] * 2 + ["c > b > a"] * 3
    assert lottery(*same, "b > c > a") == pytest.approx([1 / 3, 0, 2 / 3])
    assert lottery(*same, "c > b > a") == [0.5, 0, 0.5]


def test_clones_that_tie_share_the_chances_of_one() -> None:
    cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 3
    assert blocks_of(lottery(*cycle))[0] == [0, 2]  # chances 0.4, 0.2 and 0.4
    cloned = [ballot.replace("c", "c = d") for ballot in cycle]
    assert lottery(*cloned) == pytest.approx([0.4, 0.2, 0.2, 0.2])


def test_electorates_that_agree_on_a_ranking_can_disagree_together() -> None:
    one = ["b > a > c"] * 2 + ["a > c > b"] + ["c > b > a"] * 2
    other = ["c > a > b"] * 2 + ["b > a > c"]
    assert blocks_of(lottery(*one)) == blocks_of(lottery(*other)) == [[2], [0, 1]]
    assert lottery(*one, *other) == [0.5, 0, 0.5]
