"""Worked cases for proportional sequential Borda, and its promise on random profiles."""

import importlib
from itertools import combinations
from typing import Literal

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.ties import strict_order
from tests.oracles import distance as oracles
from tests.oracles.textbook import blocks_of
from tests.support.profiles import Case, random_cases, together

rule = get_rule("proportional_sequential_borda")


def test_a_minority_of_40_percent_gets_every_other_place() -> None:
    """Two plain texts p and q, two with an emoji e and f; six prefer the plain ones."""
    profiles = Profiles.from_ballots([["p > q > e > f"] * 6 + ["e > f > p > q"] * 4])  # e, f, p, q
    assert strict_order(rule, profiles).tolist() == [[2, 0, 3, 1]]


def test_the_group_that_has_paid_for_the_first_place_has_no_say_in_the_second() -> None:
    """Budgets 2 and 1 for three pairs. Scores a 4, b 3, c 2: a costs 2, all paid by the first group.

    It has nothing left, so the second chooses between b and c.
    """
    profiles = Profiles.from_ballots([["a > b > c"] * 2 + ["c > b > a"]])
    assert rule(profiles).tolist() == [[2, 0, 1]]


def test_tied_responses_are_elected_together_and_pay_for_the_pair_between_them() -> None:
    """a and b cost 2 together with c left, and 1 between them; then nothing is left to pay for c."""
    profiles = Profiles.from_ballots([["a > b > c", "b > a > c"]])
    assert rule(profiles).tolist() == [[1.5, 1.5, 0]]
    assert rule(profiles, ties="lexicographic").tolist() == [[2, 1, 0]]


@pytest.mark.parametrize("m", [3, 4, 5, 6])
def test_the_lexicographic_order_is_that_of_the_textbook(m: int) -> None:
    batch = random_cases(30 + m, 120, m)
    orders = strict_order(rule, together(batch))
    for case, order in zip(batch, orders.tolist(), strict=True):
        blocks = oracles.proportional_sequential_borda(case.ballots, m, lexicographic=True)
        assert [[i] for i in order] == blocks


def shortfall(profiles: Profiles, ties: Literal["keep", "lexicographic"]) -> float:
    """By how many pairs a group of equal ballots falls short of its share at most; a tie counts half."""
    scores, shares = rule(profiles, ties=ties), profiles.weights / profiles.totals[profiles.owners]
    ranks, pairs = profiles.ranks, list(combinations(range(profiles.n_responses), 2))
    agreed = np.zeros(len(shares))
    for i, j in pairs:
        higher = np.sign(scores[:, i] - scores[:, j])[profiles.owners]
        agreed += (1 + higher * np.sign(ranks[j] - ranks[i])) / 2
    same = (ranks[:, :, None] == ranks[:, None]).all(axis=0)
    same &= profiles.owners[:, None] == profiles.owners
    return float((same @ shares * len(pairs) - agreed).max())


def opposed(rng: np.random.Generator, m: int, voters: int) -> Case:
    """Strict ballots: opposite to the last, equal to it but for one pair, or random; odd weights."""
    orders = [rng.permutation(m)]
    for kind in rng.integers(0, 3, voters - 1):
        order, k = orders[-1].copy(), int(rng.integers(m - 1))
        order[k : k + 2] = order[k : k + 2][::-1]
        orders.append([order, orders[-1][::-1], rng.permutation(m)][kind])
    ranks = np.argsort(orders, axis=1).T + 1
    weights = rng.integers(1, int(rng.choice([1, 2, 4, 10])) + 1, voters)
    return Case(ranks.astype(np.int16), weights.astype(np.float64))


@pytest.mark.parametrize("m", [2, 3, 4, 5, 7, 20])
def test_no_group_of_equal_ballots_falls_short_of_its_share_by_more_than_three_quarters(
    m: int,
) -> None:
    rng = np.random.default_rng(m)
    count = 600 if m < 20 else 20
    profiles = together([opposed(rng, m, int(rng.integers(2, 6))) for _ in range(count)])
    assert shortfall(profiles, "lexicographic") <= 0.75 + 1e-9


def test_a_group_can_fall_short_of_its_share_by_three_quarters() -> None:
    profiles = Profiles.from_ballots([["c > b > a", "b > c > a", "a > c > b", "a > b > c"]])
    assert shortfall(profiles, "lexicographic") == 0.75


def test_with_ties_kept_a_ballot_can_fall_short_of_its_share_by_more() -> None:
    """First, the third ballot has 3/8 of the weight, so 9/8 pairs, and agrees with half a pair."""
    weights = [[1.0, 4.0, 3.0]]
    profiles = Profiles.from_ballots([["c > a > b", "a > c > b", "b > c > a"]], weights=weights)
    assert rule(profiles).tolist() == [[1.5, 0, 1.5]]
    assert shortfall(profiles, "keep") == 9 / 8 - 1 / 2
    ballots = [
        "a > b > g > d > e > f > c",
        "e > f > c > d > a > b > g",
        "g > b > a > d > c > f > e",
    ]
    profiles = Profiles.from_ballots([ballots], weights=[[1.0, 10.0, 11.0]])
    assert shortfall(profiles, "keep") == pytest.approx(10 * 21 / 22 - 7.5)
    assert shortfall(profiles, "lexicographic") <= 0.75


def test_a_tie_that_is_kept_can_leave_a_ballot_below_its_share() -> None:
    """3 of 8 parts of three pairs are one pair; b > c > a agrees with c > b or with none, on average 1/2."""
    ballots = {"c > a > b": 1.0, "a > c > b": 4.0, "b > c > a": 3.0}
    profiles = Profiles.from_ballots([list(ballots)], weights=[list(ballots.values())])
    assert rule(profiles).tolist() == [[1.5, 0, 1.5]]
    (order,) = strict_order(rule, profiles).tolist()
    assert sum(order.index(i) < order.index(j) for i, j in ((1, 2), (1, 0), (2, 0))) >= 1


def test_a_majority_can_be_denied_its_second_favourite() -> None:
    """Between the favourite of all but one and its second comes who the minority wants."""
    profiles = Profiles.from_ballots([["a > b > c"] * 2 + ["c > b > a"]])
    assert profiles.margins[0, 1, 2] > 0
    scores = rule(profiles)[0]
    assert scores[2] > scores[1]


def test_the_condorcet_loser_can_be_first_on_ballots_with_ties() -> None:
    """A ballot that ties a and b gives nothing for that pair, so that c gets 8 points to their 5."""
    profiles = Profiles.from_ballots([["c > a = b"] * 4 + ["a = b > c"] * 5])
    assert (profiles.margins[0, 2, :2] < 0).all()
    assert blocks_of(rule(profiles)[0].tolist())[0] == [2]


def test_near_ties_of_budgets_are_decided_exactly() -> None:
    """Thirds of votes are no floats; ties after the first payment are found by whole numbers."""
    module = importlib.import_module("rlchf.rules.proportional_sequential_borda")
    batch = random_cases(1, 240, 5)
    doubtful = module._elect(
        together(batch).ranks, together(batch).integer_weights, together(batch), lexicographic=False
    )[1]
    assert 0 < doubtful.sum() < 240
