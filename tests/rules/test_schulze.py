"""Worked cases for Schulze's method."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles.textbook import blocks_of

schulze = get_rule("schulze")


def schulze_45() -> Profiles:
    """The example of Schulze's paper, section "Example 1": 45 voters, 5 alternatives."""
    votes = {"ACBED": 5, "ADECB": 5, "BEDAC": 8, "CABED": 3, "CAEBD": 7, "CBADE": 2, "DCEBA": 7}
    votes |= {"EBADC": 8}
    ballots = [" > ".join(order) for order in votes]
    return Profiles.from_ballots([ballots], weights=[list(votes.values())])


def test_schulzes_45_voters_rank_e_a_c_b_d() -> None:
    scores = schulze(schulze_45())[0]
    assert blocks_of(scores.tolist()) == [[4], [0], [2], [1], [3]]
    assert scores.tolist() == [3, 1, 2, 0, 4]


def test_a_perfectly_even_cycle_is_a_tie() -> None:
    profiles = Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]])
    assert schulze(profiles).tolist() == [[0, 0, 0]]


def test_an_unbeaten_response_wins_even_if_it_beats_no_other() -> None:
    """Of a cycle of four, b beats c and d, and c beats d; a is beaten by none of them, nor beats any."""
    ballots = ["a > b > c > d"] * 2 + ["b > c > d > a"] * 2 + ["c > d > a > b", "d > a > b > c"]
    assert schulze(Profiles.from_ballots([ballots])).tolist() == [[2, 2, 1, 0]]


@pytest.mark.parametrize(
    ("votes", "winners"),
    [
        ({"A B C": 2, "B C A": 2, "C A B": 1}, "AB"),  # the paper cited in the rule, example 13
        ({"A B C D": 3, "D A B C": 2, "D B C A": 2, "C B D A": 2}, "BD"),
    ],
)
def test_schulze_winners_are_the_first_tier(votes: dict[str, int], winners: str) -> None:
    ballots = [" > ".join(order.split()) for order in votes]
    profiles = Profiles.from_ballots([ballots], weights=[[float(n) for n in votes.values()]])
    top = blocks_of(schulze(profiles)[0].tolist())[0]
    assert "".join("ABCD"[i] for i in top) == winners


def test_large_batches_are_cut_into_chunks_that_do_not_show() -> None:
    one = schulze_45()
    many = Profiles(
        np.tile(one.ranks, 6000),
        np.arange(6001) * 8,
        np.tile(one.weights, 6000),
        np.tile(one.annotators, 6000),
    )
    assert many.n_prompts * 25 > 2**17  # numbers in one chunk
    assert (schulze(many) == schulze(one)).all()


def test_winning_votes_may_rank_otherwise_than_margins() -> None:
    # a > b by 5 to 4, b > c by 4 to 1, c > a by 3 to 1: the weakest is a > b, or else c > a.
    ballots = {"a > b": 5, "b > a": 1, "b > a > c": 1, "b > c > a": 2, "c > a": 1, "b > c": 1}
    profiles = Profiles.from_ballots([list(ballots)], weights=[list(map(float, ballots.values()))])
    assert blocks_of(schulze(profiles)[0].tolist()) == [[1], [2], [0]]
    assert blocks_of(schulze(profiles, strength="winning_votes")[0].tolist()) == [[0], [1], [2]]


def test_without_ties_and_gaps_winning_votes_rank_as_margins() -> None:
    profiles = schulze_45()
    assert (schulze(profiles, strength="winning_votes") == schulze(profiles)).all()


def test_an_unknown_strength_is_refused() -> None:
    with pytest.raises(ValueError, match="strength is 'wins'; choose from margins, winning_votes"):
        schulze(schulze_45(), strength="wins")
