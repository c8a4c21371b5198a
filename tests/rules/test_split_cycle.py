"""Worked cases for Split Cycle, Stable Voting and River, which refines it."""

from importlib import import_module

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import majority as oracles
from tests.oracles.textbook import blocks_of
from tests.rules.test_schulze import schulze_45
from tests.support.profiles import random_cases, ranking, together

split_cycle, stable_voting, river = (
    get_rule(name) for name in ("split_cycle", "stable_voting", "river")
)


def four_in_a_cycle() -> Profiles:
    """Margins: d > a, a > b and b > d by 2; b > c and c > d by 4; a and c tied."""
    ballots = ["a > b > c > d"] * 2 + ["b > c > d > a"] * 2 + ["c > d > a > b", "d > a > b > c"]
    return Profiles.from_ballots([ballots])


def test_the_three_rules_rank_schulzes_45_voters_differently() -> None:
    # A is undefeated as E is: the margin of E over A is the weakest of the cycle E > A > C > E.
    assert ranking("split_cycle", schulze_45()) == [[0, 4], [2], [1], [3]]
    assert ranking("stable_voting", schulze_45()) == [[0], [4], [2], [1], [3]]
    assert ranking("river", schulze_45()) == [[0], [2], [4], [1], [3]]


def test_equally_weak_wins_of_a_cycle_are_all_dropped() -> None:
    # a > b and d > a are the weakest of a > b > c > d > a, and b > d of a > b > d > a.
    assert ranking("split_cycle", four_in_a_cycle()) == [[0, 1], [2], [3]]


def test_a_response_scores_higher_than_those_that_it_defeats() -> None:
    for case in random_cases(11, 300, 5):
        scores = split_cycle(together([case]))[0]
        wins = oracles.strengths(case.ballots, 5, "margins")
        assert all(scores[i] > scores[j] for i, j in oracles.defeats(wins, range(5)))


def test_rules_that_refine_split_cycle_choose_among_the_undefeated() -> None:
    profiles = together(random_cases(12, 300, 5))
    undefeated = split_cycle(profiles) == split_cycle(profiles).max(axis=1, keepdims=True)
    for rule in ("river", "stable_voting", "ranked_pairs"):
        scores = get_rule(rule)(profiles)
        assert (undefeated | (scores < scores.max(axis=1, keepdims=True))).all()


def test_winning_votes_may_choose_another_than_margins() -> None:
    # a > b by 5 to 4, b > c by 4 to 1, c > a by 3 to 1: the weakest is a > b, or else c > a.
    ballots = {"a > b": 5, "b > a": 1, "b > a > c": 1, "b > c > a": 2, "c > a": 1, "b > c": 1}
    profiles = Profiles.from_ballots([list(ballots)], weights=[list(map(float, ballots.values()))])
    assert profiles.wins[0].tolist() == [[0, 5, 1], [4, 0, 4], [3, 0, 0]]
    assert ranking("split_cycle", profiles) == [[1], [2], [0]]
    assert ranking("split_cycle", profiles, strength="winning_votes") == [[0], [1], [2]]


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="strength is 'wins'; choose from margins, winning_votes"):
        split_cycle(four_in_a_cycle(), strength="wins")
    with pytest.raises(ValueError, match="ties is 'all'; choose from keep, lexicographic"):
        river(four_in_a_cycle(), ties="all")


@pytest.mark.parametrize("m", [3, 4, 5])
def test_split_cycle_by_winning_votes_equals_its_definition(m: int) -> None:
    batch = random_cases(13, 120, m)
    scores = split_cycle(together(batch), strength="winning_votes")
    for case, row in zip(batch, scores, strict=True):
        expected = oracles.split_cycle(case.ballots, m, "winning_votes")
        assert row.tolist() == oracles.scores_of(expected, m)


def test_stable_voting_takes_the_undefeated_response_that_wins_without_a_rival() -> None:
    # a and b are undefeated, and the largest margin of either is that of b over c. Without c, the
    # cycle of a, b and d has equal margins, so that b is among the winners.
    assert ranking("stable_voting", four_in_a_cycle()) == [[1], [2], [3], [0]]


@pytest.mark.parametrize("m", [4, 6, 8])
def test_one_search_for_stable_winners_gives_what_the_other_gives(m: int) -> None:
    module = import_module("rlchf.rules.stable_voting")
    margins = together(random_cases(14, 60, m)).margins.transpose(1, 2, 0)
    assert np.array_equal(module._by_search(margins), module._by_all_sets(margins))


@pytest.mark.parametrize("rule", ["stable_voting", "river"])
def test_where_the_search_is_too_long_the_undefeated_share_a_place(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module(f"rlchf.rules.{rule}"), "WORK", 0)
    profiles = together(random_cases(15, 40, 13, most_voters=12))
    scores, tiers = get_rule(rule)(profiles), split_cycle(profiles)
    undefeated = tiers == tiers.max(axis=1, keepdims=True)
    assert ((scores == scores.max(axis=1, keepdims=True)) == undefeated).all()
    assert (undefeated.sum(axis=1) > 1).sum() > 5


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["stable_voting", "river"])
def test_renaming_many_responses_renames_the_result(rule: str) -> None:
    rng = np.random.default_rng(16)
    for case in random_cases(16, 12, 13):
        shuffle = rng.permutation(13)
        scores, renamed = get_rule(rule)(together([case, case.permuted(shuffle)]))
        assert renamed.tolist() == scores[shuffle].tolist()


def test_river_lets_each_response_lose_once() -> None:
    """c > d is locked first and b > c next, then a > b; b > d comes too late, as does d > a."""
    margins = {"c > d": 9, "b > c": 7, "b > d": 5, "a > b": 3, "d > a": 1}
    ballots = [ballot for ballot in margins for _ in range(margins[ballot])]
    assert ranking("river", Profiles.from_ballots([ballots])) == [[0], [1], [2], [3]]


def test_river_keeps_whoever_can_win_by_some_order_of_equal_margins() -> None:
    even = Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]])
    assert ranking("river", even) == [[0, 1, 2]]
    assert ranking("river", even, ties="lexicographic") == [[0], [1], [2]]
    assert ranking("river", four_in_a_cycle()) == [[0, 1], [2], [3]]


@pytest.mark.parametrize("m", [3, 4, 5])
def test_lexicographic_river_equals_its_definition(m: int) -> None:
    batch = random_cases(17, 240, m)
    scores = river(together(batch), ties="lexicographic")
    for case, row in zip(batch, scores, strict=True):
        assert blocks_of(row.tolist()) == oracles.river(case.ballots, m, "lexicographic")


@pytest.mark.parametrize("m", [1, 3, 6, 12])
def test_river_for_one_prompt_alone_gets_what_a_batch_gets(m: int) -> None:
    profiles = together(random_cases(18, 60, m))
    lock_one = import_module("rlchf.rules._parts.many_responses").lock_one_per_loser
    alone = np.stack([lock_one(margins) for margins in profiles.margins])
    assert np.array_equal(alone, river(profiles, ties="lexicographic"))
