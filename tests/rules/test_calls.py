"""Wrong calls of rules: the messages name the mistake and what would work."""

import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, Literal, get_origin, get_type_hints

import numpy as np
import pytest

import rlchf
from rlchf import Aggregation, Profiles, Rankings
from rlchf.rules import (
    borda,
    get_rule,
    is_across,
    list_rules,
    rule_modules,
    rule_names,
    voting_rule,
)
from rlchf.rules._names import OTHER_NAMES

BALLOTS = ["a > b > c", "b > a > c", "c > b > a"]
PROFILES = Profiles.from_ballots([BALLOTS])
RANKINGS = Rankings.from_ballots([("p", f"annotator {n}", b) for n, b in enumerate(BALLOTS)])
RAGGED = Rankings.from_ballots([("p", "ann", "a > b > c"), ("q", "ann", "d > e")])
COUNTS = [
    ("approval", "top"), ("chamberlin_courant", "k"), ("chamberlin_courant", "top"),
    ("equal_shares", "k"), ("equal_shares", "top"), ("expanding_approvals", "k"),
    ("k_approval", "k"), ("net_approval", "top"), ("pav", "k"), ("pav", "top"), ("reverse_seq_pav", "k"),
    ("reverse_seq_pav", "top"), ("seq_pav", "k"), ("seq_pav", "top"), ("seq_phragmen", "k"),
    ("seq_phragmen", "top"), ("stv", "k"), ("tax_equal_shares", "k"), ("tax_equal_shares", "top"),
    ("updown_pav", "k"), ("updown_pav", "top"), ("updown_phragmen", "k"), ("updown_phragmen", "top"),
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
        rlchf.aggregate(PROFILES, "borda")


def test_asking_for_an_attribute_still_works() -> None:
    assert not hasattr(RANKINGS, "ranks")
    assert not hasattr(PROFILES, "profiles")
    with pytest.raises(AttributeError, match="'Rankings' object has no attribute 'rank'"):
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
        warnings.filterwarnings("ignore", ".* reads approvals")
        all_of_them = rlchf.aggregate(RAGGED, rule, **three)
    assert np.array_equal(many.response_scores, all_of_them.response_scores)


def test_the_list_of_options_that_count_is_complete() -> None:
    from inspect import signature

    options = [(name, p) for name in rule_names() for p in signature(get_rule(name)).parameters]
    assert sorted(COUNTS) == [(name, p) for name, p in options if p in ("k", "top")]


def test_misspelt_names_and_values_are_answered_with_suggestions() -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("borda", {"variant": "symetric"}, "did you mean symmetric?"),
        ("kemeny", {"tim_limit": 3}, "has no option 'tim_limit'; did you mean time_limit?"),
        ("Kemeny", {}, "unknown rule 'Kemeny'; did you mean kemeny?"),
        ("antiplurality", {}, "unknown rule 'antiplurality'; did you mean veto?"),
        ("IRV", {}, "unknown rule 'IRV'; did you mean instant_runoff?"),
        ("ranked-pairs", {}, "unknown rule 'ranked-pairs'; did you mean ranked_pairs?"),
        ("perpetual_pav", {"base": "kemny"}, "did you mean kemeny?"),
    ]
    for rule, options, message in cases:
        with pytest.raises(ValueError, match=message.replace("?", r"\?")):
            rlchf.aggregate(RANKINGS, rule, **options)


@pytest.mark.parametrize("name", rule_names())
def test_every_call_of_a_rule_is_checked(name: str) -> None:
    rule = get_rule(name)
    data = RANKINGS if is_across(rule) else PROFILES
    with pytest.raises(ValueError, match=f"rule {name!r} has no option 'tie_s'"):
        rule(data, tie_s="keep")
    with pytest.raises(TypeError, match=f"rule {name!r} takes a (Profiles|Rankings), not a list"):
        rule(BALLOTS)
    for option, hint in get_type_hints(rule).items():
        if get_origin(hint) is Literal:
            with pytest.raises(ValueError, match=f"rule {name!r}: option {option} is 'x'; choose"):
                rule(data, **{option: "x"})
        elif hint in (int, float, bool):
            wrong = rf"rule {name!r}: option {option} is \[\]; it must be of type {hint.__name__}"
            with pytest.raises(ValueError, match=wrong):
                rule(data, **{option: []})


def test_numpy_numbers_are_numbers() -> None:
    k_approval = get_rule("k_approval")
    assert np.array_equal(k_approval(PROFILES, k=np.int64(2)), k_approval(PROFILES, k=2))
    bradley_terry = get_rule("bradley_terry")
    single = bradley_terry(PROFILES, prior=np.float32(0.5))
    assert np.array_equal(single, bradley_terry(PROFILES, prior=0.5))


def test_a_rule_takes_its_profiles_by_name_too() -> None:
    assert np.array_equal(borda(profiles=PROFILES), borda(PROFILES))


def test_a_function_that_is_not_declared_as_a_rule_is_checked_by_aggregate() -> None:
    def seconds(profiles: Profiles, *, worth: float = 1.0) -> Any:
        return worth * (profiles.ranks == 2).sum(axis=1, dtype=np.float64)[None]

    assert rlchf.aggregate(RANKINGS, seconds, worth=2).scores("p")["b"] == 4
    with pytest.raises(ValueError, match="'seconds' has no option 'wort'; did you mean worth"):
        rlchf.aggregate(RANKINGS, seconds, wort=2)
    with pytest.raises(
        ValueError, match="'seconds': option worth is 'x'; it must be of type float"
    ):
        rlchf.aggregate(RANKINGS, seconds, worth="x")


@pytest.mark.parametrize(
    "first",
    [
        "import rlchf",
        "import rlchf.rules.borda, rlchf.rules.across.cpb",
        "from importlib import import_module as load; load('rlchf.rules.borda')",
        "from rlchf.rules.borda import borda",
        "import rlchf; rlchf.rules.list_rules()",
    ],
)
@pytest.mark.slow
def test_a_rule_is_imported_by_its_name(first: str) -> None:
    script = (
        f"{first}\n"
        "import importlib, rlchf\n"
        "from rlchf.rules import borda, cpb\n"
        "module = importlib.import_module('rlchf.rules.borda')\n"
        "assert module.borda is borda is rlchf.rules.borda is rlchf.rules.get_rule('borda')\n"
        "assert cpb is rlchf.rules.cpb is rlchf.rules.get_rule('cpb')\n"
        "from rlchf.rules.kemeny import KemenyResult, kemeny_optima, kemeny_orders\n"
        "assert rlchf.rules.kemeny.__name__ == 'kemeny', callable(kemeny_optima)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_every_rule_is_listed_among_the_names_of_the_package() -> None:
    assert set(rule_modules()) <= set(dir(rlchf.rules))
    with pytest.raises(AttributeError, match="no attribute 'kemeny_order'"):
        rlchf.rules.kemeny_order  # type: ignore[attr-defined]  # noqa: B018


def test_rules_can_be_pickled() -> None:
    for name in rule_modules():
        assert pickle.loads(pickle.dumps(get_rule(name))) is get_rule(name)


RULES_FILE = """
from rlchf import Aggregation, Profiles, Rankings
from rlchf.rules import borda, perpetual_pav

def second_places(profiles: Profiles, *, worth: float = 1.0):
    return borda(profiles) * 0 + worth * (profiles.ranks == 2).sum(axis=1)

def in_turn(rankings: Rankings) -> Aggregation:
    return perpetual_pav(rankings)

NOT_A_RULE = 3
"""


@pytest.fixture
def my_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of rules in the current folder."""
    (tmp_path / "rules_of_mine.py").write_text(RULES_FILE)
    (tmp_path / "broken_rules.py").write_text("1 / 0\n")
    (tmp_path / "needy_rules.py").write_text("import not_here\n")
    (tmp_path / "hasty_rules.py").write_text("from math import not_here\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return "rules_of_mine"


def test_a_function_is_a_rule_by_its_name(my_rules: str) -> None:
    by_name = f"{my_rules}:second_places"
    result = rlchf.aggregate(RANKINGS, by_name, worth=2.0, ties="lexicographic")
    assert (result.rule, result.scores("p")) == (by_name, {"a": 2.0, "b": 4.0, "c": 0.0})
    assert rlchf.aggregate(RANKINGS, "veto", ties=by_name).options == {"ties": by_name}
    assert rlchf.aggregate(RANKINGS, "perpetual_pav", base=by_name).ranking("p")[0] == ["b"]
    across = rlchf.aggregate(RANKINGS, f"{my_rules}:in_turn")
    assert across.rule == f"{my_rules}:in_turn"
    assert across.ranking("p") == rlchf.aggregate(RANKINGS, "perpetual_pav").ranking("p")


def test_every_command_takes_a_function_by_its_name(
    my_rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rlchf.cli.main import app

    by_name = f"{my_rules}:second_places"
    (tmp_path / "r.csv").write_text("prompt_id,annotator_id,ranking\np,ann,a > b > c\n")
    words = ["aggregate", "r.csv", "--rule", by_name, "-o", "worth=2", "--out", "out.jsonl"]
    app(words, standalone_mode=False)
    assert rlchf.read_aggregation("out.jsonl").rule == by_name
    app(["audit", "r.csv", "out.jsonl", "--shuffles", "2"], standalone_mode=False)
    app(["rules", by_name], standalone_mode=False)
    assert f"--rule {by_name} -o worth=0.5" in capsys.readouterr().out


def test_a_reward_by_votes_takes_a_function_by_its_name(my_rules: str) -> None:
    pytest.importorskip("torch")
    from rlchf.jobs.ppo_rewards import Rewards

    by_name, voters = (
        f"{my_rules}:second_places",
        ("rlchf.simulate:has_emoji", "rlchf.simulate:wordiness"),
    )
    Rewards(voters, "vote", rule=by_name, options={"worth": 2.0}).check(4)
    with pytest.raises(ValueError, match="has no option 'wort'"):
        Rewards(voters, "vote", rule=by_name, options={"wort": 2.0}).check(4)


def test_a_name_that_is_no_function_is_refused(my_rules: str) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("no_module:borda", {}, "rule is 'no_module:borda', which names no function"),
        (f"{my_rules}:first", {}, "write module:function, such as my_rules:second_places"),
        (f"{my_rules}:NOT_A_RULE", {}, "an int; name a function"),
        ("broken_rules:rule", {}, "broken_rules cannot be imported: ZeroDivisionError"),
        (
            "needy_rules:rule",
            {},
            "needy_rules cannot be imported: ModuleNotFoundError: No module named 'not_here'",
        ),
        ("hasty_rules:rule", {}, "hasty_rules cannot be imported: ImportError: cannot import name"),
        (f"{my_rules}:second_places", {"wort": 2}, "did you mean worth?"),
        ("borda", {"ties": f"{my_rules}:in_turn"}, "name a second rule that looks at one prompt"),
        ("borda", {"ties": f"{my_rules}:first"}, "which names no function"),
        ("perpetual_pav", {"base": f"{my_rules}:in_turn"}, "base"),
    ]
    for rule, options, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            rlchf.aggregate(RANKINGS, rule, **options)


def tied(rankings: Rankings) -> Aggregation:
    """A rule across prompts that ties everything."""
    return Aggregation.from_scores(rankings, np.zeros(len(rankings.response_ids)), "tied", {})


def test_a_result_that_records_how_ties_were_broken_has_none() -> None:
    broken = voting_rule(kind="across prompts", cost="1")(tied)
    result = rlchf.aggregate(RANKINGS, broken)
    assert (result.options, result.ranking("p")) == (
        {"ties": "lexicographic"},
        [["a"], ["b"], ["c"]],
    )
    keeps = voting_rule(kind="across prompts", cost="1", keeps_ties=True)(tied)
    kept = rlchf.aggregate(RANKINGS, keeps)
    assert (kept.options, kept.ranking("p")) == ({}, [["a", "b", "c"]])


def test_a_rule_across_prompts_without_its_annotation_is_told_of_it() -> None:
    with pytest.raises(AttributeError, match=r"'annotator_ids'; .*first parameter as Rankings"):
        rlchf.aggregate(RANKINGS, lambda rankings: rankings.annotator_ids)
    with pytest.raises(AttributeError, match=r"no attribute 'rank'$"):
        rlchf.aggregate(RANKINGS, lambda profiles: profiles.rank)


def test_no_rule_of_ours_is_broken() -> None:
    assert [card.line for card in list_rules().values() if card.broken] == []


def test_an_error_in_a_users_rule_names_the_rule_and_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_rules.py").write_text("def half(profiles):\n    return profiles.nothing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    rankings = Rankings.from_ballots([("p", "ann", "a > b")])
    with pytest.raises(ValueError, match=r"rule 'broken_rules:half' raised AttributeError.*line 2"):
        rlchf.aggregate(rankings, "broken_rules:half")


@pytest.mark.parametrize(
    "name", ["./mine.py:score", "mine.py:score", "rules/mine:score", ":score", "mine:"]
)
def test_a_near_miss_of_module_and_function_says_how_to_write_it(name: str) -> None:
    with pytest.raises(ValueError, match=r"write module:function without a path or an ending"):
        get_rule(name)


def test_a_module_may_have_a_hyphen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my-rules.py").write_text(
        "def margin(profiles):\n    return profiles.margins.sum(axis=2)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    rankings = Rankings.from_ballots([("p", "ann", "a > b")])
    assert rlchf.aggregate(rankings, "my-rules:margin").ranking("p") == [["a"], ["b"]]


def test_other_names_stand_for_rules_that_there_are_and_are_no_rules_themselves() -> None:
    assert set(OTHER_NAMES.values()) <= set(rule_names())
    assert not set(OTHER_NAMES) & set(rule_names())
