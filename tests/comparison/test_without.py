"""Outcomes without parts of the annotators, of many rules at once: those of each rule by itself."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.auditing._left_out import outcomes_without
from rlchf.auditing.groups import Grouping
from rlchf.comparison import gains, resampling
from rlchf.comparison.losing import lost_sentences, who_loses
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
    assert "tax_equal_shares would take too long to make again without some of the" in said
    assert np.isnan(found.rules[3].pairs.value)  # in sample, not set beside those held out
    assert found.rules[3].price >= 0


def test_a_rule_named_as_module_and_function_is_made_again_as_any_other() -> None:
    rankings = random_rankings(3, prompts=12)
    groups = {name: "odd" if int(name[1:]) % 2 else "even" for name in rankings.annotator_ids}
    own = {
        "borda": "rlchf.rules.borda:borda",
        "perpetual_pav": "rlchf.rules.across.perpetual_pav:perpetual_pav",
    }
    results = {rule: rlchf.aggregate(rankings, rule) for rule in (*own, *own.values())}
    found = gains.measure_gains(rankings, results, groups)
    rows = {row["rule"]: row for row in found.to_dict()["rules"]}
    assert found.notes == []
    for rule, name in own.items():
        assert rows[name]["again"]
        assert str({**rows[name], "rule": rule}) == str(rows[rule])


def test_a_rule_that_cannot_be_made_again_has_no_figures_beside_the_others() -> None:
    rankings = random_rankings(3, prompts=12)
    groups = {name: "odd" if int(name[1:]) % 2 else "even" for name in rankings.annotator_ids}
    results = {
        "borda": rlchf.aggregate(rankings, "borda"),
        "other": replace(rlchf.aggregate(rankings, "veto"), rule="a rule of another program"),
    }
    with (
        mock.patch("rlchf.comparison.gains.seconds", return_value=0.0),
        mock.patch("rlchf.comparison.gains.looks_across", return_value=False),
    ):
        found = gains.measure_gains(rankings, results, groups)
    borda, other = found.rules
    assert (borda.again, other.again, other.least) == (True, False, None)
    assert np.isnan([other.pairs.value, other.contested.value, other.first_place.value]).all()
    assert np.isnan([group.contested.value for group in other.groups]).all()
    assert "The outcome of other could not be made again" in " ".join(found.notes)
    served = who_loses(rankings, found, Grouping.each(rankings, groups))
    said = " ".join(lost_sentences(served))
    assert "each of the 1" not in said
    assert "None of the 1" not in said


def test_what_is_compared_are_names_of_rules_and_a_function_is_refused_in_words() -> None:
    rankings = random_rankings(3, prompts=2)
    with pytest.raises(ValueError, match="which is no name; give a name, or module:function"):
        rlchf.compare(rankings, [len, "kemeny"])  # type: ignore[list-item]


def test_rules_with_other_first_places_and_no_flipped_pair_are_not_compared_with_themselves() -> (
    None
):
    rankings = Rankings.from_ballots([("p", "x", "a > b"), ("p", "y", "b > a")])
    found = rlchf.compare(rankings, "borda,ranked_pairs", bootstrap=0, splits=0, folds=0)
    assert "No training pair flips between any two of them." in " ".join(found.findings)


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
