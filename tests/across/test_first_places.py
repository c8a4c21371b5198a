"""Whose responses come first where six prefer one kind of two responses each, and four the other."""

from itertools import permutations
from typing import Any

import pytest
from _pytest.mark import ParameterSet

import rlchf
from rlchf import Rankings
from tests.support.profiles import QUICK_ACROSS, rule_parameters

PROMPTS = 60
NAMINGS = ("abcd", "cdab", "acbd")
"""The names of the majority's first and second, then of the minority's; ties go to the first name."""


def first_places(rule: str, names: str, **options: Any) -> float:
    """The minority's share of the first places, of which 0.4 are its due."""
    ballots = ["".join(names), names[2:] + names[:2]]
    rankings = Rankings.from_ballots(
        [(t, v, [[x] for x in ballots[v >= 6]]) for t in range(PROMPTS) for v in range(10)]
    )
    result = rlchf.aggregate(rankings, rule, **options)
    return sum(result.ranking(t)[0][0] in names[2:] for t in range(PROMPTS)) / PROMPTS


def cell(rule: str, unit: str, *expected: float) -> ParameterSet:
    """A case; rules that take long to compile are marked slow."""
    marks = [] if rule in QUICK_ACROSS else [pytest.mark.slow]
    return pytest.param(
        rule, unit, expected * (3 // len(expected)), marks=marks, id=f"{rule}-{unit}"
    )


CELLS = [
    cell("phragmen_credit", "", 0.4), cell("perpetual_quota", "", 0.4), cell("perpetual_pav", "", 0.4),
    cell("perpetual_phragmen", "", 0.4), cell("apportioned_dictator", "", 0.4),
    cell("cpb", "", 0, 0.2, 0), cell("nash_welfare", "", 0, 0.6, 0), cell("pav_welfare", "", 0, 0.6, 0),
    cell("perpetual_nash", "", 0, 0.6, 0), cell("perpetual_equality", "", 0, 1, 0),
    cell("perpetual_pav", "winner", 0.3), cell("perpetual_nash", "winner", 0.3),
    cell("nash_welfare", "winner", 0.3), cell("pav_welfare", "winner", 0.3),
    cell("perpetual_phragmen", "winner", 1 / 3), cell("perpetual_consensus", "winner", 0.45),
    cell("perpetual_quota", "winner", 0.4), cell("perpetual_unit_cost", "winner", 0.4),
    *[cell(rule, "approval", 0.4) for rule in (
        "perpetual_pav", "perpetual_nash", "nash_welfare", "pav_welfare", "perpetual_phragmen",
        "perpetual_consensus", "perpetual_quota", "perpetual_unit_cost",
    )],
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*approvals")  # read off the rankings: the better half
@pytest.mark.parametrize(("rule", "unit", "expected"), CELLS)
def test_first_places_of_the_page(rule: str, unit: str, expected: tuple[float, ...]) -> None:
    """Under each naming; a rule whose first places depend on the names has a range in the page."""
    options = {"unit": unit} if unit else {}
    assert [first_places(rule, names, **options) for names in NAMINGS] == pytest.approx(expected)


@pytest.mark.parametrize(
    "rule",
    rule_parameters([
        "phragmen_credit", "perpetual_quota", "perpetual_pav", "perpetual_phragmen",
        "apportioned_dictator",
    ]),
)  # fmt: skip
def test_under_these_rules_names_decide_at_most_one_first_place(rule: str) -> None:
    shares = {first_places(rule, "".join(names)) for names in permutations("abcd")}
    assert max(abs(share - 0.4) for share in shares) <= 1 / PROMPTS + 1e-9
