"""Worked cases for Copeland."""

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import blocks_of

copeland = get_rule("copeland")


def test_schulzes_45_voters_leave_three_responses_tied() -> None:
    from tests.test_rule_schulze import schulze_45

    scores = copeland(schulze_45())[0].tolist()
    assert blocks_of(scores) == [[4], [0, 1, 2], [3]]  # E, then A = B = C, then D


def test_copeland_ties_a_cycle_however_strong_its_majorities_are() -> None:
    cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    assert copeland(Profiles.from_ballots([cycle])).tolist() == [[0, 0, 0]]


def test_weights_that_add_up_to_a_tie_tie() -> None:
    profiles = Profiles.from_ballots([["a > b", "a > b", "b > a"]], weights=[[0.1, 0.2, 0.3]])
    assert copeland(profiles).tolist() == [[0, 0]]
