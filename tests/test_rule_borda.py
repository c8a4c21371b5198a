"""Worked cases for Borda."""

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import blocks_of

borda = get_rule("borda")


def test_tennessee_is_ranked_nashville_chattanooga_memphis_knoxville() -> None:
    ballots = ["M > N > C > K", "N > C > K > M", "C > K > N > M", "K > C > N > M"]
    scores = borda(Profiles.from_ballots([ballots], weights=[[42, 26, 15, 17]]))
    assert scores.tolist() == [[173, 107, 126, 194]]  # C, K, M, N


def test_borda_can_reject_a_majority_favourite() -> None:
    profiles = Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2])
    assert profiles.margins[0, 0].min() == 0  # a beats both others
    assert blocks_of(borda(profiles)[0].tolist()) == [[1], [0], [2]]


def test_a_clone_can_change_the_borda_winner() -> None:
    before = borda(Profiles.from_ballots([["a > b"] * 3 + ["b > a"] * 2]))
    after = borda(Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2]))
    assert before.argmax() == 0
    assert after.argmax() == 1


def test_a_tie_or_a_gap_gives_half_a_point_to_each_side() -> None:
    assert borda(Profiles.from_ballots([["a = b > c"]])).tolist() == [[1.5, 1.5, 0]]
    assert borda(Profiles.from_ballots([["a > b"]], ["a", "b", "c"])).tolist() == [[1.5, 0.5, 1]]
