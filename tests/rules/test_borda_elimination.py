"""Worked cases for the rules of Baldwin and Nanson."""

import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.support.profiles import random_cases, ranking, together


def test_baldwin_can_drop_a_winner_whom_three_ballots_raise() -> None:
    before = {"a > b > c": 5, "c > b > a": 3, "b > c > a": 2, "c > a > b": 1}
    assert ranking("baldwin", before)[0] == [0]
    after = {"a > b > c": 5, "b > c > a": 2, "c > a > b": 1 + 3}
    assert ranking("baldwin", after)[0] == [2]


def test_nanson_can_drop_a_winner_whom_two_ballots_raise() -> None:
    before = {"c > b > d > a": 3, "b > d > c > a": 6, "a > d > c > b": 5, "a > c > d > b": 2}
    assert ranking("nanson", before)[0] == [3]
    after = {"c > b > d > a": 3, "b > d > c > a": 6, "a > d > c > b": 5, "d > a > c > b": 2}
    assert ranking("nanson", after)[0] == [1]


def test_nanson_orders_the_responses_of_one_round_by_their_points() -> None:
    """c and d are below the average together, c by less."""
    assert ranking("nanson", {"a > b > c > d": 1}) == [[0], [1], [2], [3]]


def test_a_response_at_the_average_is_eliminated_in_the_weak_variant_only() -> None:
    """Borda counts less the average: a 2, b 0, c -2; without c, a and b tie."""
    ballots = {"a > b > c": 1, "b > a > c": 2, "a > c > b": 2, "c > b > a": 1}
    profiles = Profiles.from_ballots([list(ballots)], weights=[list(ballots.values())])
    assert (get_rule("borda")(profiles)[0] - 6).tolist() == [2, 0, -2]
    assert ranking("nanson", ballots) == [[0, 1], [2]]
    assert ranking("nanson", ballots, variant="weak") == [[0], [1], [2]]


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ValueError, match="variant is 'weaker'; choose from strict, weak"):
        ranking("nanson", {"a > b": 1}, variant="weaker")


def test_baldwin_and_nanson_differ_where_only_one_round_is_enough_for_nanson() -> None:
    profiles = together(random_cases(41, 600, 4, most_voters=9))
    baldwin, nanson = (get_rule(rule)(profiles).argmax(axis=1) for rule in ("baldwin", "nanson"))
    assert 0 < (baldwin != nanson).sum() < 60
