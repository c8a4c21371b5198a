"""Worked cases for proportional Borda."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import probabilistic as oracles
from tests.oracles.textbook import blocks_of
from tests.support.profiles import random_cases, together

proportional_borda = get_rule("proportional_borda")


def test_chances_are_those_of_the_textbook_and_add_up_to_one() -> None:
    batch = random_cases(1, 240, 4)
    scores = proportional_borda(together(batch))
    assert scores.sum(axis=1) == pytest.approx(np.ones(240))
    for case, row in zip(batch, scores, strict=True):
        exact = oracles.proportional_borda(case.ballots, 4)
        assert row == pytest.approx([float(x) for x in exact], abs=1e-15)


def test_the_ranking_is_bordas() -> None:
    profiles = together(random_cases(2, 240, 5))
    for row, points in zip(proportional_borda(profiles), get_rule("borda")(profiles), strict=True):
        assert blocks_of(row.tolist()) == blocks_of(points.tolist())


def test_tennessee_gives_each_city_its_share_of_borda_points() -> None:
    ballots = ["M > N > C > K", "N > C > K > M", "C > K > N > M", "K > C > N > M"]
    chances = proportional_borda(Profiles.from_ballots([ballots], weights=[[42, 26, 15, 17]]))
    assert chances[0] == pytest.approx(np.array([173, 107, 126, 194]) / 600)


def test_two_responses_are_drawn_as_often_as_they_are_preferred() -> None:
    emoji = Profiles.from_ballots([["plain > emoji"] * 6 + ["emoji > plain"] * 4])
    assert proportional_borda(emoji)[0] == pytest.approx([0.4, 0.6])


def test_without_weight_chances_are_even() -> None:
    nobody = Profiles.from_ballots([["a > b > c"]], weights=[[0.0]])
    assert proportional_borda(nobody).tolist() == [[1 / 3] * 3]


def test_proportional_borda_can_favour_another_than_a_majority_does() -> None:
    profiles = Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2])
    assert proportional_borda(profiles)[0].argmax() == 1
