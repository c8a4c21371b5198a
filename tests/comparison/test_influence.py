"""Influence against leaving people out by hand."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

import rlchf
from rlchf.simulate import culture

GROUPS = {"a1": "north", "a2": "north", "a3": "south", "a4": "south"}
Places = dict[str, dict[str, int]]


def poll(**settings: Any) -> rlchf.Rankings:
    return culture("mallows", prompts=12, annotators=5, phi=0.8, seed=3, **settings)


def places(rows: pd.DataFrame, rankings: rlchf.Rankings, rule: str) -> Places:
    """The rank of each response under a rule; all tied on prompts without a ballot."""
    ranks = {p: dict.fromkeys(rankings.responses(p), 1) for p in rankings.prompt_ids}
    left = set(rows["prompt_id"])
    given = rlchf.Rankings.from_frame(
        rows, candidates={p: rankings.responses(p) for p in rankings.prompt_ids if p in left}
    )
    for prompt in left:
        for rank, names in enumerate(rlchf.aggregate(given, rule).ranking(prompt), start=1):
            ranks[prompt] |= dict.fromkeys(names, rank)
    return ranks


def changes(before: Places, after: Places) -> tuple[int, int, int]:
    """Pairs that are flipped, pairs that change at all, and prompts with another first place."""
    flipped = changed = first = 0
    for prompt, ranks in before.items():
        others = after[prompt]
        for a, b in combinations(ranks, 2):
            one, other = np.sign(ranks[a] - ranks[b]), np.sign(others[a] - others[b])
            flipped += one * other < 0
            changed += one != other
        first += {a for a in ranks if ranks[a] == 1} != {a for a in others if others[a] == 1}
    return flipped, changed, first


def agreement(rows: pd.DataFrame, ranks: Places, members: set[str]) -> float:
    """The share of pairs ordered as on the members' ballots, each ballot with its weight."""
    values, weights = [], []
    for (prompt, who), ballot in rows.groupby(["prompt_id", "annotator_id"]):
        if str(who) in members:
            own = dict(zip(ballot["response_id"], ballot["rank"], strict=True))
            pairs = [(a, b) for a, b in combinations(own, 2) if own[a] != own[b]]
            shares = [
                0.5
                + np.sign(own[b] - own[a])
                * np.sign(ranks[str(prompt)][b] - ranks[str(prompt)][a])
                / 2
                for a, b in pairs
            ]
            values.append(np.mean(shares) if shares else 0.5)
            weights.append(ballot["weight"].iloc[0])
    return float(np.average(values, weights=weights))


@pytest.mark.parametrize("rule", ["borda", "perpetual_pav"])
def test_influence_is_what_changes_without_the_ballots(rule: str) -> None:
    rankings = poll(responses=4, per_prompt=3, per_ballot=3, tie_probability=0.2)
    rankings = rankings.weighted({"a2": 2.0})
    rows = rankings.to_frame()
    found = rlchf.influence(rankings, rule, groups=GROUPS)
    before = places(rows, rankings, rule)
    assert {one.name for one in found.annotators} == set(rankings.annotator_ids)
    assert {one.name for one in found.groups} == {"north", "south"}
    for one in (*found.annotators, *found.groups):
        members = {a for a, group in GROUPS.items() if group == one.name} or {one.name}
        after = places(rows[~rows["annotator_id"].isin(members)], rankings, rule)
        assert (one.flipped, one.changed, one.first) == changes(before, after)
        for group, effect in one.groups.items():
            people = {a for a, of in GROUPS.items() if of == group}
            fall = agreement(rows, before, people) - agreement(rows, after, people)
            assert effect == pytest.approx(fall)
        votes = rows[rows["annotator_id"].isin(members)].drop_duplicates(["prompt_id"])
        assert (one.prompts, one.pairs) == (len(votes), 6 * len(votes))
    assert sum(one.weight for one in found.annotators) == pytest.approx(1)
    order = [one.changed for one in found.annotators]
    assert order == sorted(order, reverse=True)
    assert order[0] > 0
    assert (found.prompts, found.pairs) == (12, 72)


def test_a_prompt_is_tied_without_its_only_ballot() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b > c"), ("q", "bob", "d > e")])
    for rule in ("kemeny", "perpetual_pav"):
        found = {one.name: one for one in rlchf.influence(rankings, rule).annotators}
        assert (found["ann"].flipped, found["ann"].changed, found["ann"].first) == (0, 3, 1)
        assert (found["bob"].changed, found["bob"].pairs) == (1, 1)


def test_a_clicker_lowers_the_agreement_of_the_others_and_they_raise_it() -> None:
    data = rlchf.simulate.simulated(
        "groups", prompts=300, annotators=9, groups=1, phi=0.3, clickers=1, seed=2
    )
    kind = dict(zip(data.annotators["annotator_id"], data.annotators["clicker"], strict=True))
    found = rlchf.influence(data.rankings, "borda", groups=kind).annotators
    by_kind = {name: [one for one in found if kind[one.name] == name] for name in ("yes", "no")}
    (clicker,) = by_kind["yes"]
    assert clicker.groups["no"] < 0 < min(one.groups["no"] for one in by_kind["no"])


def test_some_annotators_alone_have_the_figures_that_they_have_among_all() -> None:
    rankings = poll(responses=3)
    ticks: list[tuple[int, int]] = []
    everybody = {one.name: one for one in rlchf.influence(rankings, "stv").annotators}
    some = rlchf.influence(
        rankings, "stv", annotators=["a4", "a2"], progress=lambda *now: ticks.append(now)
    )
    assert {one.name: one for one in some.annotators} == {n: everybody[n] for n in ("a2", "a4")}
    assert ticks == [(2, 2)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rule": "bordaa"}, "unknown rule 'bordaa'"),
        ({"rule": "borda", "k": 1}, "rule 'borda' has no option 'k'"),
        ({"annotators": ["a9"]}, "mallows: there is no annotator 'a9'"),
        ({"groups": {"nobody": "x"}}, "the groups name none of the annotators"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rlchf.influence(poll(responses=3), **settings)
