"""Who loses under which rules, beyond chance, and what a rule that serves them better costs."""

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.comparison import Comparison
from rlchf.comparison.gains import measure_gains
from rlchf.comparison.losing import Served, lost_sentences, who_loses
from rlchf.simulate import culture
from tests.support.comparisons import divided


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Six of one opinion and four of the other."""
    rankings, groups = divided()
    return rlchf.compare(rankings, "borda,kemeny,perpetual_pav", groups, bootstrap=0, splits=0)


def test_the_first_finding_says_who_loses_and_the_second_at_what_price_they_would_not(
    comparison: Comparison,
) -> None:
    loses, price = comparison.findings[:2]
    assert loses.startswith(
        "few (4 members, 40 % of the weight) loses under each of the 3 rules (under perpetual_pav it still "
        "gets a share in proportion to its weight)"
    )
    assert "agrees with its members on 0.00 (0.00 to 0.11) under kemeny" in loses
    for baseline in (
        "a random order would agree on 0.50",
        "everybody else on 0.00",
        "ranking on 1.00",
    ):
        assert baseline in loses
    assert price.startswith("The price: perpetual_pav gives few 0.40 ")
    assert "instead of 0.00 under kemeny" in price
    assert comparison.to_dict()["served"][0]["price"] == price


def test_gain_and_cost_are_differences_of_the_figures_of_two_rules(comparison: Comparison) -> None:
    assert comparison.gains is not None
    rows = {row.rule: row for row in comparison.gains.rules}
    (few,) = comparison.served
    assert (few.rule, few.best_rule) == ("kemeny", "perpetual_pav")
    assert few.cost.value == pytest.approx(
        rows["kemeny"].pairs.value - rows["perpetual_pav"].pairs.value
    )
    assert few.gain.value == pytest.approx(few.best_share.value - few.share.value)
    assert few.gain.low > 0
    assert few.cost.low > 0


def test_without_kemeny_rules_are_compared_with_the_one_of_the_highest_agreement() -> None:
    rankings, groups = divided()
    (few,) = rlchf.compare(
        rankings, "perpetual_pav,borda", groups, bootstrap=0, splits=0, folds=5
    ).served
    assert (few.rule, few.best_rule) == ("borda", "perpetual_pav")


def test_groups_made_by_chance_are_not_said_to_lose() -> None:
    """Eight groups of people who are all alike: at 95 % each, many files would have a loser."""
    said, uncorrected = 0, 0
    for seed in range(8):
        rankings = culture(
            "impartial", prompts=40, annotators=48, responses=3, per_prompt=12, seed=seed
        )
        groups = {name: f"g{n % 8}" for n, name in enumerate(rankings.annotator_ids)}
        results = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "veto", "plurality")}
        gains = measure_gains(rankings, results, groups, folds=5)
        (grouping,) = rlchf.auditing.groups.Grouping.each(rankings, groups)
        said += any(one.loses_under for one in who_loses(rankings, gains, [grouping]))
        uncorrected += any(
            group.contested.high < 0.5 for row in gains.rules for group in row.groups
        )
    assert said <= 1
    assert uncorrected > said


def test_several_losers_are_named_the_lowest_first() -> None:
    """Two minorities of three against nine: one wants the reverse, the other half of it."""
    ballots = [
        (f"p{p}", f"{group}{i}", ballot)
        for p in range(40)
        for group, n, ballot in (
            ("m", 9, "a > b > c > d"),
            ("r", 4, "d > c > b > a"),
            ("s", 4, "d > c > a > b"),
        )
        for i in range(n)
    ]
    rankings = Rankings.from_ballots(ballots)
    names = {"m": "many", "r": "reverse", "s": "half"}
    groups = {name: names[name[0]] for name in rankings.annotator_ids}
    served = rlchf.compare(rankings, "borda,kemeny", groups, bootstrap=0, splits=0, folds=5).served
    assert [(one.group, one.loses_under) for one in served] == [
        ("reverse", ["borda", "kemeny"]),
        ("half", ["kemeny"]),
    ]
    assert lost_sentences(served)[1].startswith("So does half under kemeny (at the lowest 0.17 ")


def test_the_figure_is_of_a_rule_under_which_the_group_loses(comparison: Comparison) -> None:
    (few,) = comparison.served
    worst = rlchf.auditing.estimates.Estimate(0.25, 0.2, 0.3)
    changed = {"loses_under": ["bucklin", "veto"], "in_proportion": [], "lowest_rule": "veto"}
    first = lost_sentences([Served(**{**vars(few), **changed, "lowest": worst})])[0]
    assert "loses under bucklin and veto" in first
    assert "agrees with its members on 0.25 (0.20 to 0.30) under veto" in first


def test_nothing_is_said_where_there_are_no_groups_or_no_figures() -> None:
    rankings, _ = divided(prompts=4)
    assert rlchf.compare(rankings, "borda,veto", bootstrap=0, splits=0).served == []
    one = Rankings.from_ballots([("p", "ann", "a > b > c")])
    alone = rlchf.compare(one, "borda,veto", {"ann": "x"}, bootstrap=0, splits=0)
    assert [served for served in alone.served if served.loses_under] == []
    assert lost_sentences([]) == []


def test_a_rule_that_serves_them_better_by_chance_is_not_recommended(
    comparison: Comparison,
) -> None:
    (few,) = comparison.served
    unsure = rlchf.auditing.estimates.Estimate(0.01, -0.02, 0.04)
    told = Served(**{**vars(few), "gain": unsure}).price
    assert told.startswith("No rule serves few better than kemeny beyond chance")
    free = Served(**{**vars(few), "cost": unsure}).price
    assert "costs everybody nothing beyond chance (0.010 (-0.020 to 0.040) of all pairs)" in free
    assert np.isfinite(few.gain.value)
