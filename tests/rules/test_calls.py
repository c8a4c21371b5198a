"""Rules called in ways that cannot be meant: what the caller is told."""

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Profiles, Rankings
from rlchf.rules import get_rule, is_across, list_rules, rule_names

BALLOTS = ["a > b > c", "b > a > c", "c > b > a"]
PROFILES = Profiles.from_ballots([BALLOTS])
RANKINGS = Rankings.from_ballots([("p", f"annotator {n}", b) for n, b in enumerate(BALLOTS)])
RAGGED = Rankings.from_ballots([("p", "ann", "a > b > c"), ("q", "ann", "d > e")])
COUNTS = [
    ("approval", "top"), ("chamberlin_courant", "k"), ("chamberlin_courant", "top"),
    ("equal_shares", "k"), ("equal_shares", "top"), ("expanding_approvals", "k"),
    ("k_approval", "k"), ("pav", "k"), ("pav", "top"), ("reverse_seq_pav", "k"),
    ("reverse_seq_pav", "top"), ("seq_pav", "k"), ("seq_pav", "top"), ("seq_phragmen", "k"),
    ("seq_phragmen", "top"), ("stv", "k"),
]  # fmt: skip


@pytest.mark.parametrize("name", rule_names())
def test_a_rule_says_what_to_call_instead(name: str) -> None:
    rule = get_rule(name)
    if is_across(rule):
        with pytest.raises(TypeError, match=r"this is a Profiles, .* takes a Rankings"):
            rule(PROFILES)
    else:
        with pytest.raises(TypeError, match=r"this is a Rankings, .*rlchf\.aggregate\(rankings"):
            rule(RANKINGS)


def test_aggregate_refuses_profiles() -> None:
    with pytest.raises(TypeError, match="rankings is a Profiles; call the rule itself"):
        rlchf.aggregate(PROFILES, "borda")  # type: ignore[arg-type]


def test_asking_for_an_attribute_still_works() -> None:
    assert not hasattr(RANKINGS, "ranks")
    assert not hasattr(PROFILES, "profiles")
    with pytest.raises(AttributeError, match="'Rankings' has no attribute 'rank'"):
        RANKINGS.rank  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(("rule", "option"), COUNTS)
def test_a_count_beyond_every_prompt_is_all_of_them_and_brings_a_warning(
    rule: str, option: str
) -> None:
    nine: dict[str, Any] = {option: 9}
    three: dict[str, Any] = {option: 3}  # more than q has
    with pytest.warns(UserWarning, match=f"{option} is 9, but no prompt .* more than 3 responses"):
        many = rlchf.aggregate(RAGGED, rule, **nine)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        all_of_them = rlchf.aggregate(RAGGED, rule, **three)
    assert np.array_equal(many.response_scores, all_of_them.response_scores)


def test_the_list_of_options_that_count_is_complete() -> None:
    from inspect import signature

    found = [(name, p) for name in rule_names() for p in signature(get_rule(name)).parameters]
    assert sorted(COUNTS) == [(name, p) for name, p in found if p in ("k", "top")]


def test_misspelt_names_and_values() -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("borda", {"variant": "symetric"}, "did you mean symmetric?"),
        ("kemeny", {"tim_limit": 3}, "has no option 'tim_limit'; did you mean time_limit?"),
        ("Kemeny", {}, "unknown rule 'Kemeny'; did you mean kemeny?"),
        ("ranked-pairs", {}, "unknown rule 'ranked-pairs'; did you mean ranked_pairs?"),
        ("perpetual_pav", {"base": "kemny"}, "did you mean kemeny?"),
    ]
    for rule, options, said in cases:
        with pytest.raises(ValueError, match=said.replace("?", r"\?")):
            rlchf.aggregate(RANKINGS, rule, **options)


def test_what_stands_beside_a_rule_is_imported_when_it_is_asked_for() -> None:
    script = (
        "import sys, rlchf; before = 'rlchf.rules.kemeny' in sys.modules; "
        "from rlchf.rules import KemenyResult, kemeny_optima, kemeny_orders, ranked_pairs_outcomes; "
        "print(before, kemeny_orders.__module__, ranked_pairs_outcomes.__module__)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.split() == ["False", "rlchf.rules.kemeny", "rlchf.rules.ranked_pairs"]
    with pytest.raises(AttributeError, match="no attribute 'kemeny_order'"):
        rlchf.rules.kemeny_order  # type: ignore[attr-defined]  # noqa: B018


def test_no_rule_of_ours_is_broken() -> None:
    assert [card.line for card in list_rules().values() if card.broken] == []
