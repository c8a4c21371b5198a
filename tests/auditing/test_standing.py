"""Where groups stand, on data whose truth is known."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlchf
from rlchf.auditing import Audit, Standing
from rlchf.auditing._orders import above_in_optimal_orders

Scores = dict[str, np.ndarray]  # (people, P, M) by group


def draw(
    sizes: dict[str, int], tastes: dict[str, np.ndarray], noise: float, rng: np.random.Generator
) -> Scores:
    """Scores of people who share their group's taste, (P, M), up to noise."""
    return {
        name: tastes[name] + noise * rng.normal(size=(n, *tastes[name].shape))
        for name, n in sizes.items()
    }


def audited(scores: Scores, rule: str = "kemeny", **options: object) -> dict[str, Standing]:
    return {row.name: row for row in report_of(scores, rule, **options).standings}


def report_of(scores: Scores, rule: str = "kemeny", **options: object) -> Audit:
    ballots, groups = [], {}
    for name, people in scores.items():
        for i, of_prompts in enumerate(people):
            groups[f"{name}{i}"] = name
            for p, values in enumerate(of_prompts):
                order = " > ".join("abcdefgh"[r] for r in np.argsort(-values))
                ballots.append((f"p{p}", f"{name}{i}", order))
    rankings = rlchf.Rankings.from_ballots(ballots)
    result = rlchf.aggregate(rankings, rule, **options)  # type: ignore[arg-type]
    if rule == "random":
        raise AssertionError
    return rlchf.audit(rankings, result, groups, baselines=True)


P, M = 40, 4


def tastes_of(names: str, rng: np.random.Generator, common: float = 0.0) -> dict[str, np.ndarray]:
    shared = common * rng.normal(size=(P, M))
    return {name: shared + rng.normal(size=(P, M)) for name in names}


@given(st.integers(0, 10_000), st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_the_orders_are_all_those_that_agree_most(seed: int, m: int) -> None:
    wins = np.random.default_rng(seed).integers(0, 4, size=(1, m, m)).astype(float)
    wins[:, range(m), range(m)] = 0
    agreed = {
        order: sum(wins[0, a, b] for i, a in enumerate(order) for b in order[i + 1 :])
        for order in permutations(range(m))
    }
    best = [order for order, value in agreed.items() if value == max(agreed.values())]
    expected = np.zeros((m, m))
    for order in best:
        for i, a in enumerate(order):
            expected[a, list(order[i + 1 :])] += 1 / len(best)
    assert above_in_optimal_orders(wins)[0] == pytest.approx(expected)


def test_two_blocs_stand_at_their_share_between_minus_one_and_one() -> None:
    taste = np.tile([1.0, 0.0], (P, 1))
    scores = draw({"few": 4, "many": 6}, {"many": taste, "few": -taste}, 0.0, np.random.default_rng(0))
    kemeny = audited(scores)
    assert (kemeny["few"].position.value, kemeny["many"].position.value) == (-1, 1)
    assert (kemeny["few"].cost, kemeny["many"].cost) == (1, 0)
    assert kemeny["few"].losing
    assert not kemeny["many"].losing
    fair = report_of(scores, "perpetual_pav")
    few, many = fair.standings
    assert few.position.value == pytest.approx(2 * 0.4 - 1, abs=0.1)
    assert many.position.value == pytest.approx(2 * 0.6 - 1, abs=0.1)
    assert few.opposed
    assert many.opposed
    ratios = [row.representation_ratio for row in fair.groups]
    assert ratios == pytest.approx([1, 1], abs=0.15)


def test_a_random_order_puts_every_group_at_zero_and_has_no_representation_ratio() -> None:
    rng = np.random.default_rng(1)
    sizes = {"a": 24, "b": 12, "c": 6}
    scores = draw(sizes, tastes_of("abc", rng, common=1.0), 0.7, rng)
    report = report_of(scores, "random_ranking") if False else None
    assert report is None
    ballots, groups = [], {}
    for name, people in scores.items():
        for i, of_prompts in enumerate(people):
            groups[f"{name}{i}"] = name
            for p, values in enumerate(of_prompts):
                ballots.append((f"p{p}", f"{name}{i}", " > ".join("abcd"[r] for r in np.argsort(-values))))
    rankings = rlchf.Rankings.from_ballots(ballots)
    random = rlchf.Aggregation.from_scores(
        rankings, rng.random(len(rankings.response_ids)), "random", {}
    )
    report = rlchf.audit(rankings, random, groups, baselines=True)
    for row in report.standings:
        assert row.random == pytest.approx(0.5)
        assert row.position.low < 0 < row.position.high
        assert not row.opposed
        assert not row.again
    assert all(math.isnan(row.representation_ratio) for row in report.groups)
