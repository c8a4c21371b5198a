"""Worked cases for STAR voting."""

import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import cardinal as oracles
from tests.oracles.textbook import blocks_of
from tests.rules.test_scores import SCALES, profiles_of, random_scored
from tests.rules.test_utilitarian import scored
from tests.support.profiles import random_cases, together

star = get_rule("star")


def test_the_runoff_can_overturn_the_sum() -> None:
    """The sums are 8, 9 and 7; two of three prefer the second highest to the highest."""
    profiles = scored([[4, 3, 0], [4, 3, 2], [0, 3, 5]])
    assert get_rule("utilitarian")(profiles).tolist() == [[8, 9, 7]]
    assert star(profiles).tolist() == [[2, 1, 0]]


def test_the_higher_sum_wins_a_tied_runoff() -> None:
    assert star(scored([[5, 0], [2, 3]])).tolist() == [[1, 0]]


def test_all_who_can_win_share_a_place_or_the_first_of_them_wins() -> None:
    """b and c are tied for the second place in the runoff with a; c wins it and b loses it."""
    profiles = scored([[5, 4, 0], [4, 0, 5], [3, 0, 5], [2, 5, 2], [0, 5, 1.5], [1, 0, 0.5]])
    assert get_rule("utilitarian")(profiles).tolist() == [[15, 14, 14]]
    assert (profiles.margins[0, 0] > 0).tolist() == [False, True, False]
    assert star(profiles).tolist() == [[1, 0, 1]]
    assert star(profiles, ties="lexicographic").tolist() == [[2, 1, 0]]


@pytest.mark.parametrize("ties", ["keep", "lexicographic"])
@pytest.mark.parametrize("scale", ["ranks", *SCALES])
def test_star_is_that_of_the_textbook(scale: str, ties: str) -> None:
    for m in (2, 3, 5):
        if scale == "ranks":
            ranked = random_cases(95, 240, m)
            scores = star(together(ranked), ties=ties)
            expected = [oracles.star(case.ballots, m, ties) for case in ranked]
        else:
            cases = random_scored(96, scale, 120, m)
            scores = star(profiles_of(cases), ties=ties)
            expected = [oracles.worth_star(case.worths, m, ties) for case in cases]
        assert [blocks_of(row) for row in scores.tolist()] == expected
        assert ties == "keep" or all(len(blocks) == m for blocks in expected)


def test_star_on_rankings_can_reject_a_majority_favourite() -> None:
    """Four of seven put d first, but its sum is the third highest."""
    ballots = ["d > a > c > b"] * 3 + ["d > c > a > b", "a > c > b > d", "c > a > b > d"]
    profiles = Profiles.from_ballots([[*ballots, "c > b > a > d"]])
    assert get_rule("utilitarian")(profiles).tolist() == [[13, 4, 13, 12]]
    assert star(profiles).tolist() == [[3, 0, 1, 2]]


def test_star_on_rankings_can_punish_a_rise() -> None:
    """b wins against d in the runoff; raised above d on the last ballot it meets a there, and loses."""
    ballots = ["b > d > c > a", "a > b > c > d", "d > a > c > b", "c > a > b > d"]
    before, after = star(
        Profiles.from_ballots([[*ballots, "d > b > c > a"], [*ballots, "b > d > c > a"]])
    )
    assert before.argmax() == 1
    assert after.argmax() != 1
