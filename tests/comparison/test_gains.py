"""Who gains, and what is recommended: against the audit, and on groups whose answer is known."""

import json

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.comparison.gains import measure_gains
from rlchf.comparison.halves import split_halves
from rlchf.comparison.paired import difference, share, tied
from rlchf.comparison.recommend import most_stable, recommend
from rlchf.comparison.stability import RuleStability, stability
from rlchf.comparison.ties import Ties, count_ties
from tests.support.comparisons import divided, random_rankings


def test_figures_are_those_of_the_audit() -> None:
    rankings = random_rankings(3, prompts=15)
    groups = {name: "odd" if int(name[1:]) % 2 else "even" for name in rankings.annotator_ids}
    results = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "cpb")}
    for row in measure_gains(rankings, results, groups).rules:
        audit = rlchf.audit(rankings, results[row.rule], groups, baselines=True)
        figures = {(one.name, one.measure): one.value for one in audit.intervals}
        assert row.again
        assert row.pairs.value == pytest.approx(figures["all", "pairs"])
        assert row.mean.value == pytest.approx(figures["all", "pairs"])
        assert row.price == pytest.approx(audit.price_of_fairness)
        for group, standing in zip(row.groups, audit.standings, strict=True):
            assert group.contested.value == pytest.approx(figures[group.name, "contested"])
            assert group.position == standing.position or np.isnan(standing.position.value)
        assert row.least is not None
        assert row.least.value == pytest.approx(min(g.contested.value for g in row.groups))


def test_a_minority_is_recommended_a_rule_that_hears_it_and_the_average_another() -> None:
    rankings, groups = divided()
    comparison = rlchf.compare(
        rankings, "borda,kemeny,perpetual_pav", groups, bootstrap=0, splits=0
    )
    average, least, shares = comparison.recommendations
    assert (average.rule, average.tied_with, average.worse) == (
        "kemeny",
        ["borda"],
        ["perpetual_pav"],
    )
    assert (least.rule, least.worse) == ("perpetual_pav", ["borda", "kemeny"])
    assert shares.rule == "perpetual_pav"
    assert "take perpetual_pav" in least.sentence
    assert "few" in least.figure
    (first,) = (one for one in comparison.findings if one.startswith("Which rule:"))
    assert first.startswith(
        "Which rule: for the average, 2 rules are not told apart (kemeny and borda;"
    )
    assert first.endswith("For few take perpetual_pav at the price above.")
    assert "The price: perpetual_pav gives few 0.4" in "".join(comparison.findings)


def test_rules_that_chance_alone_tells_apart_are_tied() -> None:
    """Two coins as rules, on ballots that are coins: the better one is ahead by chance."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(100):
        rankings = Rankings.from_ballots([(p, a, "x > y") for p in range(15) for a in range(8)])
        one, other = (rng.random(120) < 0.5 for _ in range(2))
        ones = np.ones(120)
        figures = {"one": share(one * 1.0, ones, ones), "other": share(other * 1.0, ones, ones)}
        wrong += tied(rankings, figures)[1] == []
    assert wrong <= 12


def test_a_rule_that_is_better_with_everyone_is_not_tied() -> None:
    rankings = Rankings.from_ballots([(p, a, "x > y") for p in range(15) for a in range(8)])
    rng, ones = np.random.default_rng(1), np.ones(120)
    figures = {
        name: share((rng.random(120) < chance) * 1.0, ones, ones)
        for name, chance in (("good", 0.9), ("bad", 0.4))
    }
    assert tied(rankings, figures) == ("good", [])
    gap = difference(rankings, figures["good"], figures["bad"])
    assert gap.low < 0.5 < gap.high


def test_without_people_who_are_known_nothing_is_said_of_people() -> None:
    rankings = Rankings.from_ballots([("p", f"anonymous:{n}", "a > b > c") for n in range(5)])
    comparison = rlchf.compare(rankings, "borda,veto", bootstrap=10, splits=2)
    assert "<td>veto</td>" in comparison._repr_html_()
    assert comparison.gains is not None
    assert comparison.gains.rules == []
    assert "anonymous" in comparison.gains.notes[0]
    aims = [one.aim for one in comparison.recommendations]
    assert not any("agreement" in aim or "group" in aim for aim in aims)


def test_no_group_is_said_to_lose_where_intervals_overlap() -> None:
    rankings = random_rankings(11, prompts=8)
    groups = {name: "odd" if int(name[1:]) % 2 else "even" for name in rankings.annotator_ids}
    unsure = rlchf.compare(rankings, "borda,kemeny", groups, bootstrap=0, splits=0)
    assert any("the ballots do not tell beyond chance" in one for one in unsure.findings)
    sure = rlchf.compare(*divided()[:1], "borda,perpetual_pav", divided()[1], bootstrap=0, splits=0)
    assert any(one.startswith("few (4 members, 40 % of the weight) loses") for one in sure.findings)


def test_a_single_prompt_has_no_interval_and_ties_all_rules() -> None:
    """And every figure can be written as JSON."""
    rankings = Rankings.from_ballots(
        [("p", n, "a > b > c" if n < "d" else "c > b > a") for n in "abcde"]
    )
    comparison = rlchf.compare(rankings, "borda,plurality", bootstrap=10, splits=2)
    assert comparison.stability is not None
    assert np.isnan(comparison.stability.rules[0].mean_first.low)
    json.dumps(comparison.to_dict(), allow_nan=False)
    assert all(one.worse == [] for one in comparison.recommendations if "stable" in one.aim)


def test_a_rule_that_is_stable_because_it_breaks_ties_is_recommended_with_that_caveat() -> None:
    ballots = [(p, n, "a > b" if n % 2 else "b > a") for p in range(20) for n in range(8)]
    comparison = rlchf.compare(
        Rankings.from_ballots(ballots), "borda,ranked_pairs", splits=0, folds=0
    )
    (stable,) = [one for one in comparison.recommendations if "stable" in one.aim]
    assert stable.rule == "ranked_pairs"
    assert "breaks ties by the order" in stable.sentence


def test_a_rule_that_ties_everything_is_recommended_for_no_aim() -> None:
    """It would serve the smaller group with 0.5, and be the same from either half."""
    rankings, groups = divided(many=6, few=3)
    ties = rlchf.aggregate(rankings, "approval", top=3)  # everybody approves everything
    ordered = rlchf.aggregate(rankings, "borda")
    results = {
        "borda": ordered,
        "copeland": rlchf.aggregate(rankings, "copeland"),
        "approval": ties,
    }
    tied_pairs = count_ties(rankings, results)
    assert tied_pairs == Ties({"borda": 0.0, "copeland": 0.0, "approval": 1.0})
    gains = measure_gains(rankings, results, groups)
    halves = split_halves(rankings, results, 5)
    resampled = stability(rankings, results, 20)
    for one in recommend(rankings, tied_pairs, gains, resampled, halves):
        assert one.left_out == {"approval": 1.0}
        assert "approval (100 %)" in one.sentence
        assert "approval" not in (one.rule, *one.tied_with, *one.worse)


def test_pairs_that_the_ballots_tie_are_no_fault_of_a_rule() -> None:
    rankings = Rankings.from_ballots([("p", "x", "a > b > c"), ("p", "y", "a > c > b")])
    results = {
        rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "plurality", "ranked_pairs")
    }
    assert set(count_ties(rankings, results).shares.values()) == {0.0}
    cycle = [
        (p, n, ballot)
        for p in "pq"
        for n, ballot in enumerate(("a > b > c", "b > c > a", "c > a > b"))
    ]
    cyclic = Rankings.from_ballots(cycle)
    results = {rule: rlchf.aggregate(cyclic, rule) for rule in ("kemeny", "ranked_pairs")}
    ties = count_ties(cyclic, results)
    assert (ties.shares["kemeny"], ties.shares["ranked_pairs"], ties.many) == (1.0, 0.0, {})


def test_where_all_rules_are_tied_no_rule_is_taken_and_all_are_named() -> None:
    rankings, groups = divided(prompts=4, many=4, few=4)
    names = [
        "borda",
        "copeland",
        "kemeny",
        "schulze",
        "minimax",
        "llull",
        "nanson",
        "black",
        "slater",
    ]
    comparison = rlchf.compare(rankings, names, groups, bootstrap=0, splits=0)
    average = comparison.recommendations[0]
    assert f"the {len(names)} rules do not differ in this beyond chance" in average.sentence
    assert all(name in average.sentence for name in names)
    assert "on this file the 9 rules do not differ beyond chance" in " ".join(comparison.findings)


def test_the_best_known_of_tied_rules_is_taken_with_its_own_figure() -> None:
    rankings, _ = divided(many=7, few=2)
    comparison = rlchf.compare(rankings, "schulze,river,borda,random_ballot", bootstrap=0, splits=0)
    average = comparison.recommendations[0]
    assert (average.rule, sorted(average.tied_with)) == ("borda", ["river", "schulze"])
    assert average.worse == ["random_ballot"]
    assert "3 rules do not differ in this beyond chance, and 1 rule is worse" in average.sentence


def test_it_is_said_why_no_rule_is_named_where_no_group_is_opposed() -> None:
    rankings = random_rankings(11, prompts=8)
    groups = {name: "odd" if int(name[1:]) % 2 else "even" for name in rankings.annotator_ids}
    comparison = rlchf.compare(rankings, "borda,kemeny", groups, bootstrap=0, splits=0)
    (shares,) = [one for one in comparison.recommendations if "share" in one.aim]
    assert (shares.rule, shares.tied_with, shares.worse) == ("", [], [])
    assert "because no group is opposed to the others" in shares.sentence
    without = rlchf.compare(rankings, "borda,kemeny", bootstrap=0, splits=0)
    assert not any("share" in one.aim for one in without.recommendations)


def test_the_most_stable_rule_of_the_findings_is_the_best_of_the_recommendation() -> None:
    rows = [
        RuleStability(name, np.array(first), np.ones(2), np.ones(4), np.ones(2), 9, 2)
        for name, first in (("slater", [0.9, 0.5]), ("river", [0.5, 0.9]), ("kemeny", [0.9, 0.5]))
    ]
    assert most_stable(rows[:2]).rule == "slater"
    assert most_stable(rows).rule == "kemeny"
