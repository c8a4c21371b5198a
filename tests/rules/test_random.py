"""Worked cases for the rules that draw ballots: random_dictator and random_ballot."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from rlchf import Profiles, Rankings, aggregate
from rlchf.rules import get_rule
from tests.oracles import probabilistic as oracles
from tests.oracles.textbook import blocks_of
from tests.support.profiles import random_cases, together

random_dictator, random_ballot = get_rule("random_dictator"), get_rule("random_ballot")
BOTH = ["random_dictator", "random_ballot"]


def often(ballots: list[str], weights: list[float], count: int = 20_000) -> Profiles:
    """The same ballots on many prompts."""
    return Profiles.from_ballots([ballots] * count, weights=[weights] * count)


def frequencies(scores: np.ndarray, orders: Sequence[tuple[int, ...]]) -> list[int]:
    """How often each order, best first, was the result."""
    rankings = np.argsort(-scores, axis=1, kind="stable")
    return [int((rankings == order).all(axis=1).sum()) for order in orders]


@pytest.mark.parametrize("name", BOTH)
def test_each_prompt_of_a_batch_draws_for_itself(name: str) -> None:
    for seed in (0, 5):
        batch = random_cases(3, 120, 4)
        profiles = replace(together(batch), prompts=np.arange(120) * 7)
        scores = get_rule(name)(profiles, seed=seed)
        for n, (case, row) in enumerate(zip(batch, scores, strict=True)):
            drawn = getattr(oracles, name)(case.ballots, 4, seed=seed, prompt=7 * n)
            assert blocks_of(row.tolist()) == drawn


@pytest.mark.parametrize("name", BOTH)
def test_a_draw_depends_on_the_place_of_the_prompt_and_not_on_other_ballots(name: str) -> None:
    """Twenty prompts with the same ballots; then the first has others, then the first is left out."""
    ballots = [(f"v{v}", order) for v, order in enumerate(["a > b > c", "b > c > a", "c > a > b"])]
    first = [("t00", "v0", "c > b > a")]
    same = [(f"t{t:02}", *ballot) for t in range(20) for ballot in ballots]
    results = [
        aggregate(Rankings.from_ballots(rows), name) for rows in (same, first + same[3:], same[3:])
    ]
    rankings = [[result.ranking(f"t{t:02}") for t in range(1, 20)] for result in results]
    assert rankings[0] == rankings[1]
    assert rankings[0] != rankings[2]
    assert rankings[0][:-1] == [results[2].ranking(f"t{t:02}") for t in range(2, 20)]


def test_ballots_are_drawn_as_often_as_they_weigh() -> None:
    ballots = ["a > b > c", "c > b > a", "b > a > c", "b > c > a"]
    scores = random_dictator(often(ballots, [3.0, 1.5, 0.5, 0.0]))
    orders = [(0, 1, 2), (2, 1, 0), (1, 0, 2)]
    observed = frequencies(scores, orders)
    assert sum(observed) == len(scores)  # the ballot without weight is never drawn
    assert chisquare(observed, np.array([0.6, 0.3, 0.1]) * len(scores)).pvalue > 0.01


@pytest.mark.slow
def test_orders_from_random_ballots_are_as_frequent_as_the_lottery_says() -> None:
    weights = {(0, 1, 2): 0.5, (1, 2, 0): 0.3, (2, 0, 1): 0.2}
    scores = random_ballot(often(["a > b > c", "b > c > a", "c > a > b"], [5.0, 3.0, 2.0]))
    orders = list(permutations(range(3)))
    chances = []
    for first, second, _ in orders:
        alike = sum(w for r, w in weights.items() if r[0] == first)
        then = sum(w for r, w in weights.items() if next(i for i in r if i != first) == second)
        chances.append(alike * then)
    assert sum(chances) == pytest.approx(1)
    observed = np.array(frequencies(scores, orders))
    assert chisquare(observed, np.array(chances) * len(scores)).pvalue > 0.01


@pytest.mark.parametrize("name", BOTH)
def test_another_seed_draws_other_ballots(name: str) -> None:
    profiles = often(["a > b", "b > a"], [1.0, 1.0], 100)
    one, again, other = (get_rule(name)(profiles, seed=seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert 20 < (one != other).any(axis=1).sum() < 80


def test_a_dictator_leaves_what_is_not_ranked_tied_behind() -> None:
    profiles = Profiles.from_ballots([["b > a = d"]], ["a", "b", "c", "d", "e"])
    assert blocks_of(random_dictator(profiles)[0].tolist()) == [[1], [0, 3], [2, 4]]


def test_a_ballot_that_ranks_no_remaining_response_is_not_drawn() -> None:
    profiles = often(["a", "b = c > d"], [9.0, 1.0], 200)
    outcomes = {repr(blocks_of(scores.tolist())) for scores in random_ballot(profiles)}
    assert outcomes == {"[[0], [1, 2], [3]]", "[[1, 2], [0], [3]]", "[[1, 2], [3], [0]]"}


@pytest.mark.parametrize("name", BOTH)
def test_without_weight_nothing_is_drawn(name: str) -> None:
    profiles = Profiles.from_ballots([["a > b"], ["a > b"]], weights=[[0.0], [1.0]])
    assert get_rule(name)(profiles).tolist()[0] == [0, 0]
    assert blocks_of(get_rule(name)(profiles)[1].tolist()) == [[0], [1]]


@pytest.mark.parametrize("name", BOTH)
def test_chance_can_overrule_a_majority_of_nine_tenths(name: str) -> None:
    scores = get_rule(name)(often(["a > b", "b > a"], [9.0, 1.0], 100))
    assert (scores[:, 1] > scores[:, 0]).any()


@pytest.mark.parametrize("name", BOTH)
def test_the_order_of_the_ballots_matters_to_a_single_draw(name: str) -> None:
    one = get_rule(name)(often(["a > b", "b > a"], [1.0, 1.0], 50))
    other = get_rule(name)(often(["b > a", "a > b"], [1.0, 1.0], 50))
    assert (one == other[:, ::-1]).all()
    assert (one != other).any()
