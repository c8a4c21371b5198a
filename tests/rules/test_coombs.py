"""Worked cases for Coombs's rule."""

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.support.profiles import ranking

coombs = get_rule("coombs")


def test_the_capital_of_tennessee_is_nashville() -> None:
    """Memphis, last for 58, goes; then Nashville has 68 of 100 first places."""
    ballots = {"a > b > c > d": 42, "b > c > d > a": 26, "c > d > b > a": 15, "d > c > b > a": 17}
    assert ranking("coombs", ballots)[0] == [1]


def test_without_the_stop_a_majority_favourite_can_go_first() -> None:
    ballots = {"a > b > c": 3, "a > c > b": 3, "b > c > a": 2, "c > b > a": 3}
    assert ranking("coombs", ballots)[0] == [0]
    assert ranking("coombs", ballots, majority_stop=False)[-1] == [0]


def test_coombs_can_reject_the_condorcet_winner() -> None:
    ballots = {"b > a > c": 5, "a > c > b": 7, "a > b > c": 1, "b > c > a": 4, "c > b > a": 1}
    profiles = Profiles.from_ballots([list(ballots)], weights=[list(ballots.values())])
    b = sorted("abc").index("b")
    assert (profiles.margins[0, b, [0, 2]] > 0).all()
    assert ranking("coombs", ballots)[0] == [0]


def test_coombs_can_drop_a_winner_whom_a_ballot_raises() -> None:
    before = {"b > a > c": 4, "a > c > b": 1, "c > b > a": 4, "c > a > b": 1}
    assert ranking("coombs", before)[0] == [1]
    after = {"b > a > c": 4, "a > c > b": 1, "c > b > a": 4 + 1}
    assert ranking("coombs", after)[0] == [2]


def test_a_ballot_for_one_response_is_not_against_it() -> None:
    """c goes with two last places; then no ballot says who of a and b is last."""
    assert ranking("coombs", {"a": 3, "b > c": 2, "c > b": 1}, majority_stop=False) == [[0, 1], [2]]


def test_a_shared_last_place_is_split() -> None:
    """b has 1/2 + 1 last places, c has 1/2, a has 1; without a and b, c is left."""
    ballots = {"a > b = c": 1, "c > a > b": 1, "b > c > a": 1}
    assert ranking("coombs", ballots, majority_stop=False) == [[2], [0], [1]]


def test_a_majority_counts_only_ballots_that_still_say_something() -> None:
    """With b and d gone, a is first on two of the three ballots that rank a or c."""
    ballots = {"a > c > d > b": 2, "c > a > d > b": 1, "d > b": 1, "b > d": 1}
    assert ranking("coombs", ballots)[0] == [0]
