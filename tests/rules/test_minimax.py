"""Worked cases for minimax, Llull's and Black's rules."""

import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import majority as oracles
from tests.oracles.textbook import blocks_of
from tests.rules.test_schulze import schulze_45
from tests.support.profiles import random_cases, together

minimax, llull, black = (get_rule(name) for name in ("minimax", "llull", "black"))


def test_minimax_ranks_schulzes_45_voters_by_their_worst_losses() -> None:
    scores = minimax(schulze_45())[0].tolist()
    assert scores == [-5, -13, -11, -21, -3]  # lost to B, C, D, B and C
    assert blocks_of(scores) == [[4], [0], [2], [1], [3]]


@pytest.mark.parametrize("variant", ["margins", "winning_votes", "pairwise_opposition"])
@pytest.mark.parametrize("m", [2, 4])
def test_minimax_scores_are_those_of_the_textbook(variant: str, m: int) -> None:
    batch = random_cases(21, 300, m)
    scores = minimax(together(batch), variant=variant)
    for case, row in zip(batch, scores.tolist(), strict=True):
        assert row == [float(s) for s in oracles.minimax(case.ballots, m, variant)]


def test_all_variants_of_minimax_rank_strict_complete_ballots_alike() -> None:
    strict = random_cases(22, 600, 5)[::6]
    rankings = [
        [blocks_of(row) for row in minimax(together(strict), variant=variant).tolist()]
        for variant in ("margins", "winning_votes", "pairwise_opposition")
    ]
    assert rankings[0] == rankings[1] == rankings[2]


def test_minimax_can_choose_the_condorcet_loser() -> None:
    """a loses to each of b, c and d by 1, but they lose to each other by more, in a cycle."""
    cycle = ["b > c > d", "c > d > b", "d > b > c"]
    ballots = [f"a > {order}" for order in cycle * 3] + [f"{order} > a" for order in cycle * 3]
    ballots += ["b > c > d > a"]
    assert blocks_of(minimax(Profiles.from_ballots([ballots]))[0].tolist())[0] == [0]


def test_minimax_ties_the_losers_of_unanimous_ballots() -> None:
    assert minimax(Profiles.from_ballots([["a > b > c"] * 3])).tolist() == [[0, -3, -3]]


def test_pairwise_opposition_can_reject_the_condorcet_winner() -> None:
    ballots = ["a > b"] * 5 + ["b > a"] * 4 + ["c > b", "a > c"]
    profiles = Profiles.from_ballots([ballots])
    assert minimax(profiles)[0].tolist() == [0, -1, -1]
    assert minimax(profiles, variant="pairwise_opposition")[0].tolist() == [-4, -5, -1]


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ValueError, match="variant is 'wins'; choose from margins, winning_votes"):
        minimax(schulze_45(), variant="wins")


def test_weights_that_cancel_make_a_tie() -> None:
    profiles = Profiles.from_ballots([["a > b", "a > b", "b > a"]], weights=[[0.1, 0.2, 0.3]])
    assert minimax(profiles).tolist() == [[0, 0]]
    assert llull(profiles).tolist() == [[1, 1]]


def test_black_puts_the_condorcet_winner_before_the_borda_winner() -> None:
    profiles = Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2])
    assert blocks_of(get_rule("borda")(profiles)[0].tolist()) == [[1], [0], [2]]
    assert blocks_of(black(profiles)[0].tolist()) == [[0], [1], [2]]


def test_black_is_borda_without_a_condorcet_winner() -> None:
    assert black(schulze_45()).tolist() == get_rule("borda")(schulze_45()).tolist()


def test_black_can_leave_the_smith_set() -> None:
    """a and b tie and both beat d by 6 to 4; but d beats c on every ballot, and has as many points."""
    orders = ["dcba", "abdc", "bdca", "badc", "dcab", "abdc", "dbac", "adcb", "badc", "abdc"]
    profiles = Profiles.from_ballots([[" > ".join(order) for order in orders]])
    assert blocks_of(get_rule("smith")(profiles)[0].tolist()) == [[0, 1], [3], [2]]
    assert black(profiles).tolist() == [[18, 18, 6, 18]]
