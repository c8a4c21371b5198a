"""Worked cases for Bucklin's rule and approval voting."""

import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import positional as oracles
from tests.oracles.textbook import blocks_of
from tests.support.profiles import random_cases, together

bucklin, approval = get_rule("bucklin"), get_rule("approval")


def test_tennessee_by_bucklin_takes_two_rounds() -> None:
    ballots = ["M > N > C > K", "N > C > K > M", "C > K > N > M", "K > C > N > M"]
    scores = bucklin(Profiles.from_ballots([ballots], weights=[[42, 26, 15, 17]]))
    assert scores.tolist() == [[2 + 0.58, 1 + 0.58, 0 + 1, 2 + 0.68]]  # C, K, M, N


def test_bucklin_equals_its_definition_whatever_the_ballots() -> None:
    for m in (2, 4, 6):
        batch = random_cases(51, 360, m)
        for case, scores in zip(batch, bucklin(together(batch)).tolist(), strict=True):
            expected = oracles.bucklin(case.ballots, m)
            assert blocks_of(scores) == blocks_of(expected), case
            total = sum(weight for _, weight in case.ballots)
            for score, (minus_round, support) in zip(scores, expected, strict=True):
                rounds_left = max(m + minus_round, 0)
                assert score == rounds_left + (float(support / total) if total else 0)


def test_half_the_weight_is_no_majority() -> None:
    """a has 2 of 4 in the first round, so it waits for the second, in which b has all."""
    assert bucklin(Profiles.from_ballots([["a > b > c"] * 2 + ["c > b > a"] * 2])).tolist() == [
        [1, 2, 1]
    ]


def test_responses_that_too_few_ballots_rank_come_last_by_their_support() -> None:
    profiles = Profiles.from_ballots([["a > b", "a > b", "a > c", "a"]])
    assert bucklin(profiles).tolist() == [[3, 0.5, 0.25]]


def test_those_tied_for_first_are_all_supported_in_the_first_round() -> None:
    assert bucklin(Profiles.from_ballots([["a = b > c", "c > a > b"]])).tolist() == [[2, 1, 1]]


def test_bucklin_can_reject_the_condorcet_winner() -> None:
    """c beats each other by 4 to 3, but b is among the first two of six ballots and c of five."""
    ballots = ["c > b > a"] * 3 + ["b > a > c"] * 2 + ["b > c > a", "a > c > b"]
    profiles = Profiles.from_ballots([ballots])
    assert (profiles.margins[0, 2, :2] > 0).all()
    assert bucklin(profiles).tolist() == [[1, 1 + 6 / 7, 1 + 5 / 7]]


def test_two_electorates_that_agree_by_bucklin_can_disagree_together() -> None:
    one, other = ["b > a > c", "c > b > a", "a > b > c"], ["b > a > c", "a > c > b", "b > a > c"]
    scores = bucklin(Profiles.from_ballots([one, other, one + other])).tolist()
    assert [blocks_of(row) for row in scores] == [[[1], [0], [2]], [[1], [0], [2]], [[0, 1], [2]]]


def test_approval_scores_are_those_of_the_textbook() -> None:
    for top in (None, 1, 2, 4):
        batch = random_cases(53, 240, 4)
        for case, scores in zip(batch, approval(together(batch), top=top), strict=True):
            expected = oracles.approval(case.ballots, 4, top)
            assert scores.tolist() == pytest.approx([float(s) for s in expected], rel=1e-15)


def test_the_most_approved_responses_win_when_ballots_approve_sets() -> None:
    """Six approve all of one party and four all of the other."""
    profiles = Profiles.from_ballots([["a = b > c = d"] * 6 + ["c = d > a = b"] * 4])
    assert approval(profiles).tolist() == [[6, 6, 4, 4]]


def test_approval_can_reject_a_majority_favourite() -> None:
    ballots = ["a > b > c > d"] * 3 + ["b > c > d > a"] * 2
    assert approval(Profiles.from_ballots([ballots])).tolist() == [[3, 5, 2, 0]]
