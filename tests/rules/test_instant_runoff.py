"""Worked cases for instant-runoff voting."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.rules._parts.elimination import places_of
from tests.oracles.elimination import first_places
from tests.oracles.textbook import blocks_of
from tests.support.profiles import Case, random_cases, ranking, together

instant_runoff = get_rule("instant_runoff")


TENNESSEE = {  # the capital of Tennessee: Memphis a, Nashville b, Chattanooga c, Knoxville d
    "a > b > c > d": 42,
    "b > c > d > a": 26,
    "c > d > b > a": 15,
    "d > c > b > a": 17,
}


def test_the_capital_of_tennessee_is_knoxville() -> None:
    assert ranking("instant_runoff", TENNESSEE) == [[3], [0], [1], [2]]


def test_instant_runoff_can_reject_the_condorcet_winner() -> None:
    profiles = Profiles.from_ballots([list(TENNESSEE)], weights=[list(TENNESSEE.values())])
    assert (profiles.margins[0, 1, [0, 2, 3]] > 0).all()
    assert ranking("instant_runoff", TENNESSEE)[0] != [1]


def test_instant_runoff_can_drop_a_winner_whom_two_ballots_raise() -> None:
    before = {"a > b > c": 6, "c > a > b": 5, "b > c > a": 4, "b > a > c": 2}
    assert ranking("instant_runoff", before)[0] == [0]
    after = {"a > b > c": 6 + 2, "c > a > b": 5, "b > c > a": 4}
    assert ranking("instant_runoff", after)[0] == [2]


def test_two_electorates_with_one_winner_can_have_another_one_together() -> None:
    """They agree on the winner, not on the ranking; where they agree on that, so do both together."""
    one = {"b > c > a": 3, "c > a > b": 3, "c > b > a": 2}
    other = {"a > b > c": 4, "b > c > a": 3, "c > b > a": 4}
    assert ranking("instant_runoff", one) == [[2], [1], [0]]
    assert ranking("instant_runoff", other) == [[2], [0], [1]]
    together = {ballot: one.get(ballot, 0) + other.get(ballot, 0) for ballot in one | other}
    assert ranking("instant_runoff", together) == [[1], [2], [0]]


def test_a_tie_for_elimination_can_let_the_condorcet_loser_win() -> None:
    """Both who would beat a go together; one at a time, one of them inherits enough to win."""
    ballots = {"a > b > c": 4, "b > c > a": 3, "c > b > a": 3}
    assert ranking("instant_runoff", ballots) == [[0], [1, 2]]
    assert ranking("instant_runoff", ballots, ties="lexicographic") == [[1], [0], [2]]


def test_a_tie_for_elimination_can_hurt_copies() -> None:
    assert ranking("instant_runoff", {"a > b > c": 4, "b > a > c": 3, "c > a > b": 3})[0] == [0]
    copied = {"a > d > b > c": 2, "d > a > b > c": 2, "b > a > d > c": 3, "c > a > d > b": 3}
    assert ranking("instant_runoff", copied) == [[1], [2], [0, 3]]


def test_shared_first_places_are_split() -> None:
    """a has 1/2 + 1/2, b 1/2 and c 1/2 + 1; without b, a has 1 + 1/2, as many as c."""
    assert ranking("instant_runoff", {"a = b > c": 1, "a = c > b": 1, "c > b > a": 1}) == [
        [0, 2],
        [1],
    ]


def test_thirds_and_sixths_add_up_exactly() -> None:
    """a has 1/2 + 1/3 + 1/6, b has 1."""
    ballots = ["a = c > b", "a = d = e > b", "a = c = d = e = f = g > b", "b > a"]
    profiles = Profiles.from_ballots([ballots])
    counts = places_of(profiles).first(np.ones((7, 1), dtype=bool))[:, 0]
    assert counts[0] == counts[1] > counts[2]


def test_exhausted_ballots_count_for_nobody() -> None:
    """c goes with its two ballots; the rest is 3 against 2."""
    assert ranking("instant_runoff", {"a": 3, "b": 2, "c": 1, "c > b": 0}) == [[0], [1], [2]]


def test_a_ballot_without_weight_counts_for_nobody() -> None:
    assert ranking("instant_runoff", {"a > b": 0, "b > a": 0}) == [[0, 1]]
    assert ranking("instant_runoff", {"a > b": 0, "b > a": 0}, ties="lexicographic") == [[0], [1]]


def test_an_unknown_value_of_ties_is_refused() -> None:
    with pytest.raises(ValueError, match="ties is 'random'; choose from keep, lexicographic"):
        ranking("instant_runoff", {"a > b": 1}, ties="random")


@pytest.mark.parametrize("m", [3, 5])
def test_first_places_are_in_the_order_of_the_textbook(m: int) -> None:
    rng = np.random.default_rng(m)
    batch = random_cases(31, 120, m)
    remaining = rng.random((m, len(batch))) < 0.7
    counts = places_of(together(batch)).first(remaining)
    for b, case in enumerate(batch):
        group = np.flatnonzero(remaining[:, b]).tolist()
        votes = first_places(case.ballots, group)
        assert blocks_of(counts[group, b].tolist()) == blocks_of([votes[i] for i in group])


def test_first_places_shared_by_many_are_still_exact() -> None:
    """Shares of 1/37, 1/41, ... have no common unit below 2^53, and differ by less than a float shows."""
    primes = [37, 41, 43, 47, 53, 59, 61, 67, 71, 73]
    M = 80
    ranks = np.ones((M, 2 * len(primes)), dtype=np.int16) * 2
    for k, t in enumerate(primes):
        ranks[[0, *range(2, t + 1)], k] = 1  # response 0 and t - 1 others, but not 1
        ranks[[1, *range(2, t + 1)], len(primes) + k] = 1  # response 1 and the same others
    case = Case(ranks, np.ones(2 * len(primes)))
    counts = places_of(together([case])).first(np.ones((M, 1), dtype=bool))[:, 0]
    votes = first_places(case.ballots, list(range(M)))
    assert counts[0] == counts[1]
    assert blocks_of(counts.tolist()) == blocks_of([votes[i] for i in range(M)])
    uneven = Case(ranks, np.concatenate([[2**40 + 1], np.full(2 * len(primes) - 1, 2.0**40)]))
    counts = places_of(together([uneven])).first(np.ones((M, 1), dtype=bool))[:, 0]
    assert counts[0] > counts[1]
