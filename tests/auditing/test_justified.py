"""Justified representation against its definition, group by group."""

from fractions import Fraction
from importlib import import_module
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlchf
from rlchf.auditing import Rounds, justified, rounds_of, tally
from tests.oracles.auditing import committee_axioms, committee_axioms_by_type, temporal_axioms

PEOPLE, OPTIONS = "uvwxyz", "abc"
MODULE = import_module("rlchf.auditing.justified")


@st.composite
def elections(draw: st.DrawFn) -> tuple[list[dict[str, frozenset[str]]], list[str]]:
    people = PEOPLE[: draw(st.integers(1, 6))]
    options = OPTIONS[: draw(st.integers(2, 3))]
    T = draw(st.integers(1, 6))
    ballots = st.frozensets(st.sampled_from(options), max_size=2)
    rounds = [{i: draw(ballots) for i in people} for _ in range(T)]
    return rounds, [draw(st.sampled_from(options)) for _ in range(T)]


def check(rounds: list[dict[str, frozenset[str]]], winners: list[str]) -> dict[str, bool | None]:
    lists = [{i: sorted(approved) for i, approved in ballots.items()} for ballots in rounds]
    return {v.axiom: v.holds for v in justified(Rounds.from_approvals(lists, winners))}


@given(elections())
@settings(max_examples=300, deadline=None)
def test_rounds_agree_with_the_definition(
    election: tuple[list[dict[str, frozenset[str]]], list[str]],
) -> None:
    rounds, winners = election
    weights = dict.fromkeys(rounds[0], Fraction(1))
    assert check(rounds, winners) == temporal_axioms(rounds, winners, weights)


@given(elections(), st.lists(st.integers(0, 3), min_size=6, max_size=6))
@settings(max_examples=150, deadline=None)
def test_weights_count_as_people(
    election: tuple[list[dict[str, frozenset[str]]], list[str]], counts: list[int]
) -> None:
    rounds, winners = election
    weights = {i: Fraction(c) for i, c in zip(PEOPLE, counts, strict=True) if i in rounds[0]}
    if not sum(weights.values()):
        return
    lists = [{i: sorted(approved) for i, approved in ballots.items()} for ballots in rounds]
    plain = Rounds.from_approvals(lists, winners)
    weighted = Rounds(
        plain.starts, plain.outcome_shares, plain.voters, plain.options,
        np.array([float(weights[i]) for i in plain.names]), plain.names,
    )  # fmt: skip
    heavy_people = {i: w for i, w in weights.items() if w}
    expected = temporal_axioms(rounds, winners, heavy_people)
    assert {v.axiom: v.holds for v in justified(weighted)} == expected


@pytest.mark.slow
@given(elections())
@settings(max_examples=200, deadline=None)
def test_what_the_search_decides_is_right(
    election: tuple[list[dict[str, frozenset[str]]], list[str]],
) -> None:
    rounds, winners = election
    exact = check(rounds, winners)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULE, "EXACT_TYPES", -1)
        searched = check(rounds, winners)
    for axiom, holds in searched.items():
        assert holds in (None, exact[axiom])


@pytest.mark.slow
def test_the_search_finds_most_violations() -> None:
    rng = np.random.default_rng(0)
    missed = violations = 0
    for _ in range(300):
        rounds = [
            {i: frozenset(rng.choice(list(OPTIONS), size=rng.integers(1, 3))) for i in PEOPLE}
            for _ in range(6)
        ]
        winners = [str(rng.choice(list(OPTIONS))) for _ in rounds]
        exact = check(rounds, winners)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MODULE, "EXACT_TYPES", -1)
            searched = check(rounds, winners)
        for axiom in ("JR", "PJR", "EJR"):
            violations += exact[axiom] is False
            missed += exact[axiom] is False and searched[axiom] is None
    assert violations > 100
    assert missed <= 0.02 * violations


def test_ejr_plus_implies_ejr_and_an_optimum_of_pav_satisfies_it() -> None:
    rng = np.random.default_rng(1)
    for _ in range(150):
        n, T = int(rng.integers(2, 7)), int(rng.integers(2, 6))
        rounds = [
            {i: frozenset(rng.choice(list(OPTIONS), size=rng.integers(0, 3))) for i in PEOPLE[:n]}
            for _ in range(T)
        ]

        def welfare(winners: tuple[str, ...], rounds: list[dict[str, frozenset[str]]]) -> Fraction:
            total = Fraction(0)
            for i in rounds[0]:
                wins = sum(w in ballots[i] for w, ballots in zip(winners, rounds, strict=True))
                total += sum(Fraction(1, j) for j in range(1, wins + 1))
            return total

        outcomes = list(product(OPTIONS, repeat=T))
        best = max(outcomes, key=lambda winners: welfare(winners, rounds))
        assert all(check(rounds, list(best)).values())
        some = check(rounds, list(outcomes[int(rng.integers(len(outcomes)))]))
        assert some["EJR"] or not some["EJR+"]


@given(
    st.lists(st.frozensets(st.sampled_from("abcde"), max_size=4), min_size=1, max_size=6),
    st.frozensets(st.sampled_from("abcde"), min_size=1, max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_committees_agree_with_the_definition(
    ballots: list[frozenset[str]], committee: frozenset[str]
) -> None:
    approvals = dict(zip(PEOPLE, ballots, strict=False))
    by_type = committee_axioms_by_type(approvals, committee, len(committee))
    assert by_type == committee_axioms(approvals, committee)


def test_unanimous_prompts_hide_a_minority_that_the_contested_ones_show() -> None:
    plain, emoji, same = "plain > emoji", "emoji > plain", "right > wrong"
    ballots = [
        (p, i, (plain if i < 6 else emoji) if p % 2 else same) for p in range(10) for i in range(10)
    ]
    rankings = rlchf.Rankings.from_ballots(ballots)
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, "kemeny"), axioms=True)
    holds = {unit: {v.axiom: v.holds for v in verdicts} for unit, verdicts in report.axioms.items()}
    assert all(holds["rounds"].values())
    assert not any(holds["contested rounds"].values())
    assert not any(holds["contested pairs"].values())
    worst = next(v for v in report.axioms["contested pairs"] if v.axiom == "EJR")
    assert (worst.group, worst.agreed, worst.deserved, worst.received) == (
        ("6", "7", "8", "9"),
        5,
        2,
        0,
    )


def test_a_tied_first_place_counts_in_parts() -> None:
    ballots = [(p, i, "a > b" if i < 2 else "b > a") for p in range(4) for i in range(4)]
    rankings = rlchf.Rankings.from_ballots(ballots)
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, "borda"), axioms=True)
    assert all(v.holds for v in report.axioms["rounds"])


def test_contested_pairs_of_different_sizes_keep_their_sides() -> None:
    ballots = [
        ("p", "ann", "a > b > c"), ("p", "bob", "c > a > b"), ("q", "ann", "x > y"),
        ("q", "bob", "y > x"),
    ]  # fmt: skip
    rankings = rlchf.Rankings.from_ballots(ballots)
    result = rlchf.aggregate(rankings, lambda profiles: -profiles.ranks[:, profiles.starts[:-1]].T)
    rounds = rounds_of(rankings, tally(rankings, result), "contested pairs")
    assert rounds is not None
    assert len(rounds) == 3  # a and b are not contested
    wins = np.bincount(rounds.voters, rounds.outcome_shares[rounds.options], 2)
    assert wins.tolist() == [3, 0]


def test_with_many_types_the_axioms_hold_where_ejr_plus_does_and_else_a_search_proves_none() -> (
    None
):
    rng = np.random.default_rng(0)
    ballots = [
        (p, i, ["a > b > c", "b > c > a", "c > a > b"][rng.integers(3)])
        for p in range(30)
        for i in range(20)
    ]
    rankings = rlchf.Rankings.from_ballots(ballots)
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, "perpetual_pav"), axioms=True)
    assert {v.holds for v in report.axioms["rounds"]} == {True}  # EJR+ implies the others
    worst = rlchf.Aggregation.from_scores(
        rankings, -rlchf.aggregate(rankings, "borda").response_scores, "worst", {}
    )
    holds = {v.axiom: v.holds for v in rlchf.audit(rankings, worst, axioms=True).axioms["rounds"]}
    assert holds.pop("EJR+") is False
    assert set(holds.values()) <= {None, False}
