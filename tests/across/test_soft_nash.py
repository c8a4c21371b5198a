"""Worked cases for soft targets by Nash welfare."""

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.rules.across._parts.welfare.ascent import ascend
from rlchf.rules.across._parts.welfare.soft import MOST_POINTS, soften
from tests.across.test_welfare import random_dataset, sixty_forty

pytestmark = pytest.mark.slow  # The ascent takes seconds to compile.


def test_sixty_against_forty_is_sixty_to_forty_on_every_prompt() -> None:
    for prompts in (1, 10):
        result = rlchf.aggregate(sixty_forty(prompts), "soft_nash")
        for t in range(prompts):
            assert result.scores(t) == {"emoji": 0.4, "plain": 0.6}


def test_the_optimum_is_found_where_it_is_far_from_the_start() -> None:
    """Everybody agrees on half the prompts of one annotator: the exact optimum of two variables.

    Ann votes a > b on p and q, Bob b > a on p only, Cid b > a on q only. With x = P(a above b) on both,
    2 x (1 - x)^2 is largest at x = 1/3, not at the ballots' own 1/2.
    """
    ballots = [
        ("p", "ann", "a > b"),
        ("q", "ann", "a > b"),
        ("p", "bob", "b > a"),
        ("q", "cid", "b > a"),
    ]
    soft = soften(Rankings.from_ballots(ballots), "contested_pair", 1e-6, 1e-15, 50)
    assert soft.point == pytest.approx([1 / 3, 1 / 3], abs=1e-5)
    assert soft.nash_gap < 1e-5


@pytest.mark.parametrize("kind", ["strict", "ties gaps weights"])
def test_the_gap_proves_the_optimum_of_random_datasets(kind: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        _, rankings = random_dataset(rng, kind, 8, 5)
        soft = soften(rankings, "contested_pair", 1e-4, 1e-12, 200)
        assert soft.gaps[-1] <= 1e-11
        assert soft.nash_gap <= 1e-4 * 10  # the pull moves 10 pairs by at most 1 each
        assert (np.diff(soft.objective) >= -1e-11).all()
        assert (soft.gaps >= -1e-11).all()
        ahead = soft.objective[-1] - soft.objective
        assert (ahead <= soft.gaps + 1e-11).all()  # every round's gap was a bound


def test_no_orders_have_a_larger_product_than_the_mixture() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        _, rankings = random_dataset(rng, "strict", 8, 4)
        soft = soften(rankings, "contested_pair", 1e-6, 1e-12, 200)
        hard = ascend(rankings, "nash")
        positive = hard.satisfaction > 0
        if positive.any() and positive.sum() == (soft.satisfaction > 0).sum():
            bound = np.log(soft.satisfaction[positive]).mean() + soft.nash_gap
            assert bound >= np.log(hard.satisfaction[positive]).mean() - 1e-9


def test_probabilities_are_those_of_a_distribution_over_orders() -> None:
    """The triangle inequalities, which are all there are for up to five responses."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        _, rankings = random_dataset(rng, "ties gaps", 6, 5)
        result = rlchf.aggregate(rankings, "soft_nash")
        for prompt in rankings.prompt_ids:
            table = result.pair_probabilities(prompt)
            assert table is not None
            p = np.nan_to_num(table, nan=0.0)
            assert np.allclose(p + p.T, 1 - np.eye(len(p)))
            triangles = p[:, :, None] + p[None] + p.T[:, None, :]
            for i, j, k in zip(*np.nonzero(triangles > 2 + 1e-5), strict=True):
                assert len({i, j, k}) < 3
            expected = list(result.scores(prompt).values())
            assert p.sum(axis=1) == pytest.approx(expected, abs=1e-5)


def test_prompts_with_the_same_ballots_get_the_same_probabilities() -> None:
    orders = ["a > b > c", "b > c > a", "c > b > a", "a > c > b"]
    ballots = [(t, i, orders[i % 4]) for t in range(6) for i in range(7)]
    result = rlchf.aggregate(Rankings.from_ballots(ballots), "soft_nash")
    tables = [result.pair_probabilities(t) for t in range(6)]
    assert all(np.allclose(tables[0], t, atol=1e-6, equal_nan=True) for t in tables)  # type: ignore[arg-type]


def test_merging_points_loses_nothing() -> None:
    _, rankings = random_dataset(np.random.default_rng(12), "strict", 400, 4)
    soft = soften(rankings, "contested_pair", 1e-4, 1e-15, 2 * MOST_POINTS)
    assert (np.diff(soft.objective) >= -1e-11).all()
    assert soft.nash_gap < 1e-3


def test_many_responses_are_ordered_by_search() -> None:
    names = [f"r{i:02}" for i in range(12)]
    up, down = [[n] for n in names], [[n] for n in reversed(names)]
    ballots = [("p", i, up if i < 3 else down) for i in range(4)]
    result = rlchf.aggregate(Rankings.from_ballots(ballots), "soft_nash")
    assert result.scores("p") == {n: round(8.25 - 0.5 * i, 6) for i, n in enumerate(names)}


def test_a_pull_of_0_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pull is 0.0; give a number above 0"):
        rlchf.aggregate(sixty_forty(1), "soft_nash", pull=0.0)


def panel(
    rng: np.random.Generator, prompts: int, people: int
) -> list[tuple[str, str, list[list[str]]]]:
    """Ballots with ties of people with stated tastes."""
    tastes, ballots = rng.normal(size=(people, 3)), []
    for p in range(prompts):
        m = int(rng.integers(2, 6))
        features = rng.normal(size=(m, 3))
        for a in rng.choice(people, int(rng.integers(2, 9)), replace=False):
            grades = np.round(features @ tastes[a] + rng.normal(size=m) * 0.3)
            levels = [
                [f"r{i}" for i in np.flatnonzero(grades == grade)]
                for grade in np.unique(grades)[::-1]
            ]
            ballots.append((f"p{p}", f"a{a}", levels))
    return ballots


def test_the_order_of_the_rows_changes_no_bit_of_a_search_that_did_not_end() -> None:
    rng = np.random.default_rng(388)
    ballots = panel(rng, 388, 40)
    before = rlchf.aggregate(Rankings.from_ballots(ballots), "soft_nash")
    for _ in range(2):
        shuffled = [ballots[n] for n in rng.permutation(len(ballots))]
        after = rlchf.aggregate(Rankings.from_ballots(shuffled), "soft_nash")
        for prompt in before.prompt_ids:
            assert after.scores(prompt) == before.scores(prompt)


def test_repeated_ballots_of_an_annotator_may_come_in_any_order() -> None:
    ballots = [("p", "ann", "a > b"), ("p", "ann", "b > a > c"), ("p", "bob", "c > b")] * 3
    before = rlchf.aggregate(Rankings.from_ballots(ballots, repeats="all"), "soft_nash")
    again = rlchf.aggregate(Rankings.from_ballots(ballots[::-1], repeats="all"), "soft_nash")
    assert again.scores("p") == before.scores("p")


def test_a_search_that_stops_far_from_the_optimum_says_so() -> None:
    rankings = Rankings.from_ballots(panel(np.random.default_rng(1), 100, 30))
    with pytest.warns(
        UserWarning, match="stopped after 3 rounds .*; give a larger number of rounds"
    ):
        rlchf.aggregate(rankings, "soft_nash", rounds=3)
