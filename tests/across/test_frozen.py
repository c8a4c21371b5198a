"""Prompts that are decided already stay as they are, and count for those that come."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Aggregation, Rankings
from rlchf.rules import get_rule, is_across, rule_names
from rlchf.rules.across._parts.budgets import run
from rlchf.rules.across._parts.layout import lay_out
from rlchf.rules.across._parts.pair_purchases import buy_pairs
from rlchf.rules.across._parts.perpetual.satisfaction import GRADED_PAIR, PAIR
from rlchf.rules.across._parts.sequential_borda import carry_over
from tests.across.test_budgets import dataset, random_dataset
from tests.oracles import across_budgets as budgets
from tests.oracles import across_perpetual as perpetual
from tests.support.cli import refused
from tests.support.cli import rlchf as command

pytestmark = pytest.mark.slow  # most of these rules take seconds to compile

WEIGHING = ("pav", "unit_cost", "reset", "consensus", "quota")
CHOOSING = ("nash", "equality", "phragmen")
TEXTBOOK: dict[str, Callable[[list[Any], dict[int, list[int]]], Any]] = {
    **{
        f"perpetual_{name}": lambda p, d, name=name: perpetual.weighing(name, p, decided=d)  # type: ignore[misc]
        for name in WEIGHING
    },
    **{
        f"perpetual_{name}": lambda p, d, name=name: perpetual.choosing(name, p, decided=d)  # type: ignore[misc]
        for name in CHOOSING
    },
    "cpb": lambda p, d: budgets.carry_over(p, decided=d)[0],
    "carry_psb": lambda p, d: budgets.carry_over(p, "pair", d)[0],
    "phragmen_credit": lambda p, d: budgets.credit_accounting(p, decided=d)[0],
    "equal_shares_pairs": lambda p, d: budgets.pair_buying(p, False, d)[0],
    "phragmen_pairs": lambda p, d: budgets.pair_buying(p, True, d)[0],
}
RULES = list(TEXTBOOK)
NOT_PROPORTIONAL = ("perpetual_equality", "perpetual_reset")
TOGETHER = ("nash_welfare", "pav_welfare", "soft_nash", "apportioned_dictator")
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "perpetual_pav": [{"exact": True}, {"base": "copeland"}, {"unit": "winner"}],
    "perpetual_nash": [{"exact": True}, {"unit": "approval"}, {"unit": "winner", "exact": True}],
    "phragmen_credit": [{"base": "copeland"}, {"base": "borda"}],
}
CASES = [(rule, options) for rule in RULES for options in [{}, *OPTIONS.get(rule, [])]]


def orders(result: Aggregation) -> list[list[int]]:
    return [[int(block[0]) for block in result.ranking(p)] for p in result.prompt_ids]


def random_orders(rankings: Rankings, n: int, rng: np.random.Generator) -> Aggregation:
    """Random strict rankings of the first n prompts, as if they had been decided."""
    some = rankings.subset(np.arange(n))
    return Aggregation.from_scores(some, rng.permutation(len(some.response_ids)) * 1.0, "other", {})


def decided_as_a(rankings: Rankings, n: int, rule: str) -> Aggregation:
    """The first n prompts as the majority of `blocs` has them."""
    first = rankings.subset(np.arange(n))
    return Aggregation.from_scores(first, np.array([1.0, 0.0] * n), rule, {})


def letters(result: Aggregation) -> list[list[int]]:
    return [["ab".index(block[0]) for block in result.ranking(p)] for p in result.prompt_ids]


def blocs(n: int) -> Rankings:
    """Six prefer a, four prefer b."""
    rows = [(f"{t:02d}", i, "a > b" if i < 6 else "b > a") for t in range(n) for i in range(10)]
    return Rankings.from_ballots(rows)


@pytest.mark.filterwarnings("ignore:.* reads approvals")
@pytest.mark.parametrize(("rule", "options"), CASES)
def test_freezing_a_prefix_or_all_changes_nothing(rule: str, options: dict[str, Any]) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        _, rankings = random_dataset(rng, 8)
        full = rlchf.aggregate(rankings, rule, **options)
        first = rlchf.aggregate(
            rankings.subset(np.arange(int(rng.integers(1, 8)))), rule, **options
        )
        for earlier in (full, first):
            with warnings.catch_warnings():
                warnings.filterwarnings("error", ".* prompts are frozen")
                again = rlchf.aggregate(rankings, rule, frozen=earlier, **options)
            assert again.response_scores.tolist() == full.response_scores.tolist()
            assert again.options == full.options


@pytest.mark.filterwarnings("ignore:.* prompts are frozen")
@pytest.mark.parametrize("rule", RULES)
def test_any_frozen_orders_count_as_in_the_textbook(rule: str) -> None:
    """Ties, gaps, weights, absent annotators; also orders that contradict all ballots."""
    rng = np.random.default_rng(RULES.index(rule))
    n = 3 if rule in ("cpb", "carry_psb") else 6  # exact fractions grow quickly there
    for _ in range(30):
        prompts, rankings = random_dataset(rng, n)
        earlier = random_orders(rankings, n // 2 + 1, rng)
        decided = dict(enumerate(orders(earlier)))
        result = rlchf.aggregate(rankings, rule, frozen=earlier)
        assert orders(result)[: len(decided)] == list(decided.values())
        assert orders(result) == TEXTBOOK[rule](prompts, decided)


@pytest.mark.parametrize("rule", [r for r in RULES if r not in NOT_PROPORTIONAL])
def test_a_minority_is_paid_back_for_what_was_decided_without_it(rule: str) -> None:
    rankings = blocs(20)
    earlier = decided_as_a(rankings, 5, rule)
    with pytest.warns(
        UserWarning, match=r"5 prompts are frozen, .* on 0 of them; .* change [12] of their"
    ):
        result = rlchf.aggregate(rankings, rule, frozen=earlier)
    won = [order == [1, 0] for order in letters(result)]
    assert won[:6] == [False] * 5 + [True]
    paid_back = 7 if rule == "perpetual_consensus" else 8  # where those in debt pay nothing; 40 %
    assert sum(won) == paid_back


@pytest.mark.parametrize(
    ("kernel", "options"),
    [(buy_pairs, (False, GRADED_PAIR)), (carry_over, (GRADED_PAIR,)), (carry_over, (PAIR,))],
)
def test_income_is_spent_on_frozen_prompts_too(
    kernel: Callable[..., None], options: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        prompts = [[rng.permutation(4).tolist() for _ in range(5)] for _ in range(6)]
        rankings = dataset(prompts, rng.integers(1, 4, 5).tolist())
        layout = lay_out(rankings, frozen=random_orders(rankings, 4, rng))
        money = np.zeros(layout.n_annotators)
        run(kernel, layout, money, *options)
        assert money.sum() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("rule", ["perpetual_pav", "phragmen_credit"])
def test_new_prompts_come_after_frozen_ones_wherever_they_stand(rule: str) -> None:
    rows = [(t, i, "a > b" if i < 6 else "b > a") for t in range(10) for i in range(10)]
    day = rlchf.aggregate(Rankings.from_ballots([row for row in rows if row[0] >= 4]), rule)
    both = rlchf.aggregate(Rankings.from_ballots(rows), rule, frozen=day)
    turned = Rankings.from_ballots([*rows[40:], *rows[:40]])
    assert [both.ranking(p) for p in turned.prompt_ids] == [
        rlchf.aggregate(turned, rule).ranking(p) for p in turned.prompt_ids
    ]


def test_shuffling_is_for_the_new_prompts_alone() -> None:
    rankings = blocs(12)
    layout = lay_out(rankings, "shuffled", 1, decided_as_a(rankings, 5, "cpb"))
    assert layout.prompts[:5].tolist() == [0, 1, 2, 3, 4]
    assert sorted(layout.prompts[5:].tolist()) == list(range(5, 12))
    assert layout.prompts[5:].tolist() != list(range(5, 12))


@pytest.mark.parametrize("rule", ["perpetual_pav", "phragmen_credit", "cpb"])
def test_late_ballots_rewrite_nothing_and_their_effect_is_counted(rule: str) -> None:
    rng = np.random.default_rng(1)
    rows = [(f"{t:03d}", int(i), "a > b > c" if i < 6 else "c > b > a")
            for t in range(60) for i in rng.permutation(10)[:5]]  # fmt: skip
    here = {(t, i) for t, i, _ in rows}
    late = [(t, 9, "c > b > a") for t, i, _ in rows[:100] if i == rows[0][1] and (t, 9) not in here]
    before = rlchf.aggregate(Rankings.from_ballots(rows), rule)
    rankings = Rankings.from_ballots([*rows, *late])
    anew = rlchf.aggregate(rankings, rule)
    changed = sum(anew.ranking(p) != before.ranking(p) for p in before.prompt_ids)
    with pytest.warns(
        UserWarning, match=f"60 prompts .* on {len(late)} of them; .* change {changed} of their"
    ):
        after = rlchf.aggregate(rankings, rule, frozen=before)
    assert changed > 0
    assert after.response_scores.tolist() == before.response_scores.tolist()
    assert list(after.records()) == list(before.records())


@pytest.mark.parametrize("rule", rule_names())
def test_a_rule_freezes_prompts_or_says_why_not(rule: str) -> None:
    rankings = blocs(2)
    earlier = decided_as_a(rankings, 1, rule)
    if rule in RULES:
        assert rlchf.aggregate(rankings, rule, frozen=earlier).ranking("00") == [["a"], ["b"]]
        return
    together = is_across(get_rule(rule))
    said = "decides all prompts together" if together else "looks at one prompt at a time"
    assert together == (rule in TOGETHER)
    with pytest.raises(ValueError, match=f"rule '{rule}' {said}"):
        rlchf.aggregate(rankings, rule, frozen=earlier)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("new", "ann", "a > b"), "frozen, prompt 'new': is not in rankings"),
        (("00", "ann", "a > b > d"), "frozen, prompt '00': response 'd' is not in rankings"),
        (
            ("00", "ann", "a > b"),
            "frozen, prompt '00': there is no response 'c', which is in rankings",
        ),
        (("00", "ann", "a = b > c"), "frozen, prompt '00': has ties"),
    ],
)
def test_a_ranking_that_does_not_fit_is_named(row: tuple[str, str, str], said: str) -> None:
    earlier = replace(rlchf.aggregate(Rankings.from_ballots([row]), "borda"), rule="cpb")
    rows = [("00", i, "a > b > c" if i < 6 else "b > a") for i in range(10)]
    with pytest.raises(ValueError, match=said):
        rlchf.aggregate(Rankings.from_ballots(rows), "cpb", frozen=earlier)


@pytest.mark.filterwarnings("ignore:.* prompts are frozen")
def test_an_output_of_another_rule_or_with_other_options_is_refused() -> None:
    rankings = blocs(2)
    earlier = rlchf.aggregate(rankings, "perpetual_pav", unit="pair")
    with pytest.raises(ValueError, match="made by rule 'perpetual_pav', and the rule is 'cpb'"):
        rlchf.aggregate(rankings, "cpb", frozen=earlier)
    with pytest.raises(ValueError, match="with unit='pair', and unit is 'graded_pair'"):
        rlchf.aggregate(rankings, "perpetual_pav", frozen=earlier)
    options: dict[str, Any] = {"unit": "pair", "order": "shuffled", "seed": 3, "exact": True}
    assert rlchf.aggregate(rankings, "perpetual_pav", frozen=earlier, **options)
    with pytest.raises(ValueError, match=r"frozen is 'day1\.jsonl', which is no Aggregation"):
        rlchf.aggregate(rankings, "cpb", frozen="day1.jsonl")  # type: ignore[arg-type]


def test_day_after_day_on_the_command_line(tmp_path: Path) -> None:
    """Equal bytes to one run on all; a late ballot is told on standard error."""
    rows = [f"{t},{i},{order}" for t in range(9) for i in range(5)
            for order in (("a > b", "b > a")[i > 2],)]  # fmt: skip
    ballots, days = tmp_path / "rankings.csv", [tmp_path / f"day{n}.jsonl" for n in range(4)]
    for n in (1, 2, 3):
        ballots.write_text("\n".join(["prompt_id,annotator_id,ranking", *rows[: 15 * n]]) + "\n")
        frozen = ["--frozen", days[n - 1]] if n > 1 else []
        done = command("aggregate", ballots, "--rule", "phragmen_credit", *frozen, "--out", days[n])
        assert (done.returncode, done.stderr) == (0, "")
    whole = tmp_path / "whole.jsonl"
    command("aggregate", ballots, "--rule", "phragmen_credit", "--out", whole)
    assert days[3].read_bytes() == whole.read_bytes()
    with ballots.open("a") as file:
        file.write("0,zoe,b > a\n1,zoe,b > a\n2,zoe,b > a\n")
    done = command("aggregate", ballots, "--rule", "phragmen_credit", "--frozen", whole, "--out",
                   tmp_path / "late.jsonl")  # fmt: skip
    assert "9 prompts are frozen, and the number of ballots has changed on 3 of them" in done.stderr
    wrong = command(
        "aggregate", ballots, "--rule", "cpb", "--frozen", whole, "--out", tmp_path / "x.jsonl"
    )
    assert "made by rule 'phragmen_credit', and the rule is 'cpb'" in refused(wrong)
    assert not (tmp_path / "x.jsonl").exists()
    same = command("aggregate", ballots, "--rule", "cpb", "--frozen", whole, "--out", whole)
    assert "is an input" in refused(same)
