"""Datasets with exact answers."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.rules.across.carry_psb import budgets as carry_psb_budgets
from rlchf.rules.across.cpb import budgets as cpb_budgets

FILE = Path(__file__).parents[1] / "data" / "known_answers.json"
ANSWERS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))

DATASETS = ANSWERS.get("dataset_profiles", {})
BUDGETS = {"cpb": cpb_budgets, "carry_psb": carry_psb_budgets}
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "independent": ("kemeny", {"ties": "lexicographic"}),
    "carry_psb": ("carry_psb", {}),
    "cpb": ("cpb", {}),
}


def dataset(name: str) -> Rankings:
    return Rankings.from_ballots(
        [
            (t, annotator, [[response] for response in ballot])
            for t, ballots in enumerate(DATASETS[name]["prompts"])
            for annotator, ballot in ballots.items()
        ]
    )


def orders(name: str, rule: str) -> list[list[str]]:
    name_of_rule, options = RULES[rule]
    result = rlchf.aggregate(dataset(name), name_of_rule, **options)
    return [[block[0] for block in result.ranking(t)] for t in range(len(result))]


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("rule", RULES)
def test_orders_are_the_known_ones(name: str, rule: str) -> None:
    key = "independent_kemeny" if rule == "independent" else rule
    assert orders(name, rule) == DATASETS[name]["expected"][key]


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("rule", BUDGETS)
def test_final_budgets_are_the_known_ones(name: str, rule: str) -> None:
    known = [float(Fraction(x)) for x in DATASETS[name]["expected"][f"{rule}_final_budget"]]
    assert BUDGETS[rule](dataset(name)) == pytest.approx(known, abs=1e-12)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("rule", RULES)
def test_shares_of_contested_pairs_are_the_known_ones(name: str, rule: str) -> None:
    known = [float(Fraction(x)) for x in DATASETS[name]["expected"][f"{rule}_contested_share"]]
    rankings = dataset(name)
    name_of_rule, options = RULES[rule]
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, name_of_rule, **options))
    assert np.allclose([row.contested for row in report.annotators], known)
