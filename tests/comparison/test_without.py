"""Outcomes without parts of the annotators, of many rules at once: those of each rule by itself."""

from unittest import mock

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.auditing._left_out import outcomes_without
from rlchf.auditing.groups import Grouping
from rlchf.comparison import gains, resampling
from rlchf.comparison.without import outcomes_without_each
from tests.support.comparisons import random_rankings

RULES = (
    "borda", "kemeny", "stv", "ranked_pairs", "maximal_lottery", "minimax", "random_ballot", "cpb",
    "perpetual_pav",
)  # fmt: skip


@pytest.mark.parametrize("cells", [2**20, 2**6])
def test_outcomes_of_all_rules_at_once_are_those_of_each_by_itself(cells: int) -> None:
    """With gaps, ties and weights; in one part, and with the parts of the annotators in several."""
    rankings = random_rankings(4, prompts=8, annotators=7)
    names = {name: "xyz"[n % 3] for n, name in enumerate(rankings.annotator_ids)}
    (grouping,) = Grouping.each(rankings, names)
    results = {rule: rlchf.aggregate(rankings, rule) for rule in RULES}
    ticks: list[tuple[int, int]] = []
    with mock.patch.object(resampling, "CELLS", cells):
        found = outcomes_without_each(
            rankings, results, grouping, 5, np.arange(8), lambda *at: ticks.append(at)
        )
    for rule, result in results.items():
        expected = outcomes_without(rankings, result, grouping, 5)
        assert len(expected) == 5
        for one, other in zip(found[rule], expected, strict=True):
            assert one.tolist() == other.tolist(), rule
    assert ticks == sorted(ticks)
    assert ticks[-1][0] <= ticks[-1][1] == len(RULES)


def test_rankings_that_a_rule_does_not_give_are_not_made_again() -> None:
    rankings = random_rankings(4, prompts=4)
    grouping = Grouping.everybody(rankings)
    results = {rule: rlchf.aggregate(rankings, "plurality") for rule in ("borda", "perpetual_pav")}
    for rule, result in results.items():
        results[rule] = rlchf.Aggregation.from_scores(
            rankings, -result.response_ranks.astype(float), rule, {}
        )
    found = outcomes_without_each(rankings, results, grouping, 3, np.arange(4))
    assert found == {"borda": [], "perpetual_pav": []}


def test_slow_rules_get_fewer_parts_and_the_slowest_none_and_it_is_said() -> None:
    rankings = random_rankings(6, prompts=10, annotators=24)
    rules = ("borda", "stv", "expanding_approvals", "tax_equal_shares")
    results = {rule: rlchf.aggregate(rankings, rule) for rule in rules}
    times = {"borda": 0.001, "stv": 0.01, "expanding_approvals": 0.5, "tax_equal_shares": 50.0}
    with (
        mock.patch.object(gains, "seconds", lambda rule, _: times[rule]),
        mock.patch.object(gains, "BUDGET", 0.5),
        mock.patch.object(gains, "MEMORY", 1),
    ):
        found = gains.measure_gains(rankings, results)
    assert [row.again for row in found.rules] == [True, True, True, False]
    assert [row.rule for row in found.rules] == list(rules)
    said = " ".join(found.notes)
    assert "stv is slow on this file, so people are left out in 10 parts instead of 20." in said
    assert "expanding_approvals is slow on this file, so people are left out in 5 parts" in said
    assert (
        "tax_equal_shares would take too long to make again, and its figures are in sample" in said
    )


def test_rules_measured_together_have_the_figures_that_each_has_by_itself() -> None:
    ballots = [
        (f"p{p}", f"a{a}", ["a > b > c", "b > c > a", "c = a > b"][(a * a + p) % 3])
        for p in range(12)
        for a in range(9)
    ]
    rankings = Rankings.from_ballots(ballots)
    groups = {f"a{a}": "xy"[a % 2] for a in range(9)}
    results = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "veto", "perpetual_pav")}
    together = gains.measure_gains(rankings, results, groups, folds=4).to_dict()["rules"]
    for row in together:
        alone = gains.measure_gains(rankings, {row["rule"]: results[row["rule"]]}, groups, folds=4)
        assert str(alone.to_dict()["rules"]) == str([row])
