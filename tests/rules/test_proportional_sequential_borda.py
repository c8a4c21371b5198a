"""Worked cases for proportional sequential Borda, and its promise on random profiles."""

import importlib
from itertools import combinations

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


@pytest.mark.parametrize("m", [3, 5, 7, 20])
def test_each_strict_ballot_agrees_on_its_share_of_the_pairs(m: int) -> None:
    rng = np.random.default_rng(m)
    for _ in range(40):
        voters = int(rng.integers(1, 5))
        ranks = (rng.random((m, voters)).argsort(axis=0).argsort(axis=0) + 1).astype(np.int16)
        case = Case(ranks, rng.integers(1, 6, voters).astype(np.float64))
        order = strict_order(rule, together([case]))[0]
        for ballot, weight in zip(ranks.T, case.weights, strict=True):
            agreed = sum(ballot[i] < ballot[j] for i, j in combinations(order, 2))
            assert agreed >= weight * (m * (m - 1) // 2) // case.weights.sum()


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
