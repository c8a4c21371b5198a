"""Contested pairs that count by the weight of their smaller side, and what one dissenter can do."""

from functools import cache

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.rules import rule_names
from rlchf.rules.across._parts.orders import FULL, GRADE, graded_pairs
from tests.across.test_frozen import CHOOSING, WEIGHING
from tests.support.profiles import random_case

pytestmark = pytest.mark.slow  # most of these rules take seconds to compile

PERPETUAL = [f"perpetual_{name}" for name in (*WEIGHING, *CHOOSING)]
BUDGETED = ["cpb", "phragmen_credit", "equal_shares_pairs", "phragmen_pairs"]
RULES = [*PERPETUAL, *BUDGETED]
SHARES = {
    "perpetual_pav": (0.39, 0.17), "perpetual_phragmen": (0.40, 0.0), "perpetual_nash": (0.39, 0.173),
    "perpetual_consensus": (0.40, 0.27), "perpetual_quota": (0.40, 0.39),
    "perpetual_unit_cost": (0.40, 0.38), "cpb": (0.39, 0.333), "phragmen_credit": (0.40, 0.40),
    "equal_shares_pairs": (0.40, 0.573), "phragmen_pairs": (0.38, 0.667),
}  # fmt: skip
"""The minority's share of what divides 30 and 20 annotators, beside prompts with one dissenter."""
FIRST_PLACES = {
    "perpetual_pav": (0.39, 0.29), "perpetual_phragmen": (0.40, 0.335), "perpetual_consensus": (0.40, 0.36),
    "perpetual_quota": (0.40, 0.40), "perpetual_unit_cost": (0.40, 0.39), "phragmen_credit": (0.40, 0.40),
}  # fmt: skip
"""Its share of first places, where one annotator orders the two responses of a kind the other way."""


@cache
def common(dissenters: int, prompts: int = 200) -> Rankings:
    """30 against 20 on every second prompt; on the others all agree, but for some of the 30."""
    rows = []
    for t in range(prompts):
        for i in range(50):
            opposed = i >= 30 if t % 2 == 0 else i < dissenters
            rows.append((f"{t:03d}", i, "c > b > a" if opposed else "a > b > c"))
    return Rankings.from_ballots(rows)


@cache
def emoji(dissenters: int, prompts: int = 200) -> Rankings:
    """Two plain responses and two with an emoji."""
    orders = {
        "plain": "p1 > p2 > e1 > e2",
        "turned": "p2 > p1 > e2 > e1",
        "emoji": "e1 > e2 > p1 > p2",
    }
    kinds = ["turned"] * dissenters + ["plain"] * (30 - dissenters) + ["emoji"] * 20
    rows = [(f"{t:03d}", i, orders[kind]) for t in range(prompts) for i, kind in enumerate(kinds)]
    return Rankings.from_ballots(rows)


def share_of_pairs(result: rlchf.Aggregation) -> float:
    """The minority's share of the pairs of the prompts that divide the groups."""
    ranks = result.response_ranks.reshape(-1, 3)[::2]
    return float(
        np.mean([ranks[:, 2] < ranks[:, 1], ranks[:, 2] < ranks[:, 0], ranks[:, 1] < ranks[:, 0]])
    )


def share_of_firsts(result: rlchf.Aggregation) -> float:
    return float(np.mean([result.ranking(p)[0][0][0] == "e" for p in result.prompt_ids]))


@pytest.mark.parametrize("rule", SHARES)
def test_one_dissenter_on_common_prompts_does_not_take_the_minoritys_share(rule: str) -> None:
    graded, each = SHARES[rule]
    assert share_of_pairs(rlchf.aggregate(common(0), rule)) == pytest.approx(0.40, abs=0.01)
    assert share_of_pairs(rlchf.aggregate(common(1), rule)) == pytest.approx(graded, abs=0.01)
    old = rlchf.aggregate(common(1), rule, unit="contested_pair")
    assert share_of_pairs(old) == pytest.approx(each, abs=0.01)
    assert graded >= 0.38


@pytest.mark.parametrize("rule", FIRST_PLACES)
def test_one_dissenter_within_a_kind_does_not_take_the_minoritys_first_places(rule: str) -> None:
    graded, each = FIRST_PLACES[rule]
    assert share_of_firsts(rlchf.aggregate(emoji(0), rule)) == pytest.approx(0.40, abs=0.01)
    assert share_of_firsts(rlchf.aggregate(emoji(1), rule)) == pytest.approx(graded, abs=0.012)
    old = rlchf.aggregate(emoji(1), rule, unit="contested_pair")
    assert share_of_firsts(old) == pytest.approx(each, abs=0.012)


@pytest.mark.parametrize("dissenters", [1, 2, 3])
def test_perpetual_pav_keeps_the_share_up_to_what_dissent_counts(dissenters: int) -> None:
    """At least b - (a - b) u / c: the two common pairs count (10 d / 50)^2 each, and four pairs divide."""
    counts = min(1.0, (10 * dissenters / 50) ** 2)
    bound = 0.40 - 0.20 * (2 * counts) / 4
    assert share_of_firsts(rlchf.aggregate(emoji(dissenters, 400), "perpetual_pav")) >= bound - 0.01


@pytest.mark.parametrize("rule", RULES)
def test_where_a_tenth_dissents_on_every_contested_pair_nothing_changes(rule: str) -> None:
    """Panels of up to ten annotators of equal weight."""
    rng = np.random.default_rng(RULES.index(rule))
    for _ in range(15):
        m, n = int(rng.integers(2, 5)), int(rng.integers(2, 11))
        rows = [(t, i, [[str(r)] for r in rng.permutation(m)]) for t in range(6) for i in range(n)]
        rankings = Rankings.from_ballots(rows)
        assert (
            rlchf.aggregate(rankings, rule).response_scores.tolist()
            == rlchf.aggregate(rankings, rule, unit="contested_pair").response_scores.tolist()
        )


@pytest.mark.parametrize("rule", RULES)
def test_the_old_notion_is_an_option_and_the_new_one_the_default(rule: str) -> None:
    assert rule in rule_names()
    by_default = rlchf.aggregate(common(1, 40), rule)
    graded = rlchf.aggregate(common(1, 40), rule, unit="graded_pair")
    assert by_default.response_scores.tolist() == graded.response_scores.tolist()
    with pytest.raises(ValueError, match="choose from"):
        rlchf.aggregate(common(1, 2), rule, unit="graded")


def random_ranks(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(V, M) ranks with ties and gaps, and weights."""
    m, n = int(rng.integers(2, 6)), int(rng.integers(2, 30))
    ballots = random_case(rng, m, n, "ties gaps weights").ballots
    ranks = np.array([[ranks.get(i, 0) for i in range(m)] for ranks, _ in ballots], dtype=np.int16)
    return ranks, np.array([float(w) for _, w in ballots])


def test_what_a_pair_counts_is_neutral_continuous_and_rises_with_the_smaller_side() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        ranks, weights = random_ranks(rng)
        if weights.sum() == 0:
            continue
        grades = graded_pairs(ranks, weights)
        order = rng.permutation(ranks.shape[1])
        assert (grades == grades.T).all()
        assert (graded_pairs(ranks[:, order], weights) == grades[np.ix_(order, order)]).all()
        assert graded_pairs(ranks, 3.7 * weights) == pytest.approx(grades, abs=3 * GRADE)
        assert ((grades >= 0) & (grades <= 1)).all()
        nudged = weights + 1e-7 * rng.random(len(weights))
        assert graded_pairs(ranks, nudged) == pytest.approx(grades, abs=1e-4)
    for smaller in np.linspace(0, 0.5, 26):
        two = graded_pairs(
            np.array([[1, 2], [2, 1]], dtype=np.int16), np.array([1 - smaller, smaller])
        )
        assert two[0, 1] == pytest.approx(min(1.0, (smaller / FULL) ** 2), abs=GRADE)
    unanimous = graded_pairs(np.array([[1, 2]] * 5, dtype=np.int16), np.ones(5))
    assert (unanimous == 0).all()


def test_more_dissent_never_makes_a_pair_count_less() -> None:
    """Moving a ballot from the larger side to the smaller one, as long as that stays the smaller."""
    counts = []
    for dissenters in range(26):
        ranks = np.array([[2, 1]] * dissenters + [[1, 2]] * (50 - dissenters), dtype=np.int16)
        counts.append(graded_pairs(ranks, np.ones(50))[0, 1])
    assert (np.diff(counts) >= 0).all()
    assert counts[:2] == [0.0, pytest.approx(0.04)]
    assert counts[5:] == [1.0] * 21


@pytest.mark.parametrize("rule", RULES)
def test_the_limit_of_a_light_dissenter_is_its_absence(rule: str) -> None:
    rows = [
        (t, i, "c > b > a" if i > 5 and t % 2 == 0 else "a > b > c")
        for t in range(120)
        for i in range(10)
    ]
    light = [(t, "light", "c > b > a" if t % 2 else "a > b > c") for t in range(120)]
    weights = [1.0] * len(rows) + [1e-3] * len(light)
    without = rlchf.aggregate(Rankings.from_ballots(rows), rule)
    beside = rlchf.aggregate(Rankings.from_ballots([*rows, *light], weights), rule)
    assert share_of_pairs(beside) == pytest.approx(share_of_pairs(without), abs=0.035)


@pytest.mark.parametrize("rule", ["perpetual_pav", "perpetual_nash", "nash_welfare"])
@pytest.mark.filterwarnings("ignore:.* reads approvals")
def test_by_approvals_the_minority_has_its_share_of_first_places_and_by_the_winner_less(
    rule: str,
) -> None:
    """Two plain responses and two with an emoji, 6 against 4."""
    rows = [
        (t, i, "p1 > p2 > e1 > e2" if i < 6 else "e1 > e2 > p1 > p2")
        for t in range(60)
        for i in range(10)
    ]
    rankings = Rankings.from_ballots(rows)
    assert share_of_firsts(rlchf.aggregate(rankings, rule, unit="approval")) == pytest.approx(0.40)
    assert share_of_firsts(rlchf.aggregate(rankings, rule, unit="winner")) == pytest.approx(0.30)
