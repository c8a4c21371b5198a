"""Worked cases for Copeland."""

from fractions import Fraction

import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles.majority import copeland_alpha
from tests.oracles.textbook import blocks_of
from tests.support.profiles import random_cases, together

copeland = get_rule("copeland")


def test_schulzes_45_voters_leave_three_responses_tied() -> None:
    from tests.rules.test_schulze import schulze_45

    scores = copeland(schulze_45())[0].tolist()
    assert blocks_of(scores) == [[4], [0, 1, 2], [3]]  # E, then A = B = C, then D


def test_copeland_ties_a_cycle_however_strong_its_majorities_are() -> None:
    cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    assert copeland(Profiles.from_ballots([cycle])).tolist() == [[0, 0, 0]]


def test_weights_that_add_up_to_a_tie_tie() -> None:
    profiles = Profiles.from_ballots([["a > b", "a > b", "b > a"]], weights=[[0.1, 0.2, 0.3]])
    assert copeland(profiles).tolist() == [[0, 0]]


@pytest.mark.parametrize("tie", [-1, -0.25, 0, 0.5, 1])
def test_a_tie_is_worth_what_the_option_says(tie: float) -> None:
    batch = random_cases(31, 240, 4)
    for case, scores in zip(batch, copeland(together(batch), tie=tie).tolist(), strict=True):
        assert scores == [float(s) for s in copeland_alpha(case.ballots, 4, Fraction(tie))]


def test_with_ties_worth_a_win_copeland_ranks_as_llull() -> None:
    profiles = together(random_cases(32, 240, 5))
    ranked = [
        [blocks_of(row) for row in rule.tolist()]
        for rule in (copeland(profiles, tie=1), get_rule("llull")(profiles))
    ]
    assert ranked[0] == ranked[1]


def test_the_worth_of_ties_can_decide_who_wins() -> None:
    """a ties with all; b beats d, ties with a, and loses to c; so does c to d, and d to b."""
    ballots = ["a > b > d > c", "c > b > d > a", "b > d > c > a", "a > c > b > d"]
    profiles = Profiles.from_ballots([[*ballots, "d > c > b > a", "a > d > c > b"]])
    best = {tie: blocks_of(copeland(profiles, tie=tie)[0].tolist())[0] for tie in (-1, 1)}
    assert best[-1] != best[1]


def test_a_tie_is_not_worth_more_than_a_win() -> None:
    with pytest.raises(ValueError, match="tie is 2; choose a value from -1, a loss, to 1, a win"):
        copeland(Profiles.from_ballots([["a > b"]]), tie=2)


def test_copies_of_a_loser_can_make_copelands_winner() -> None:
    """In the cycle a > b > c > a all are tied; two more like b, which a beats, leave a alone on top."""
    cycle = Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]])
    assert blocks_of(copeland(cycle)[0].tolist()) == [[0, 1, 2]]
    copies = ["a > b > d > e > c", "d > e > b > c > a", "c > a > e > b > d"]
    assert copeland(Profiles.from_ballots([copies])).tolist() == [[2, 0, -2, 0, 0]]
