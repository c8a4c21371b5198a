"""Worked cases for plurality."""

from rlchf import Profiles
from rlchf.rules import get_rule

plurality = get_rule("plurality")


def test_plurality_can_put_first_whom_a_majority_puts_last() -> None:
    ballots = ["M > N > C > K", "N > C > K > M", "C > K > N > M", "K > C > N > M"]
    profiles = Profiles.from_ballots([ballots], weights=[[42, 26, 15, 17]])
    assert plurality(profiles).tolist() == [[15, 17, 42, 26]]  # Memphis, last for 58 of 100
    assert (profiles.margins[0, 2] <= 0).all()


def test_a_half_and_a_third_and_a_sixth_are_one() -> None:
    shared = ["a = b", "a = c = d", "a = c = d = e = f = g"]
    scores = plurality(Profiles.from_ballots([[*shared, "h"]]))[0]
    assert scores[0] == scores[-1] == 1


def test_first_places_shared_in_many_ways_still_add_up() -> None:
    names = [f"r{i:02}" for i in range(60)]
    ballots = [" = ".join(names[:t]) for t in range(1, 61)]
    scores = plurality(Profiles.from_ballots([ballots]))[0]
    assert abs(scores.sum() - 60) < 1e-9
    assert (scores[:-1] > scores[1:]).all()


def test_a_ballot_that_ranks_nothing_counts_for_nobody() -> None:
    profiles = Profiles.from_ballots([["a > b", ""]], ["a", "b"])
    assert plurality(profiles).tolist() == [[1, 0]]


def test_a_condorcet_winner_can_be_last_by_plurality() -> None:
    """b beats both others by 4 to 3 or better, and has the fewest first places."""
    profiles = Profiles.from_ballots([["a > b > c"] * 3 + ["c > b > a"] * 3 + ["b > a > c"]])
    assert (profiles.margins[0, 1, [0, 2]] > 0).all()
    assert plurality(profiles).tolist() == [[3, 1, 3]]


def test_a_clone_can_cost_the_first_place() -> None:
    before = plurality(Profiles.from_ballots([["a > b"] * 4 + ["b > a"] * 3]))
    split = ["a > x > b"] * 2 + ["x > a > b"] * 2 + ["b > a > x"] * 3
    after = plurality(Profiles.from_ballots([split]))
    assert before.tolist() == [[4, 3]]
    assert after.tolist() == [[2, 3, 2]]
