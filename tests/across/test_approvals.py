"""Rules across prompts with the approvals that ballots state."""

from typing import Any

import numpy as np
import pytest

import rlchf
from rlchf import Aggregation, Rankings

PERPETUAL = [
    "perpetual_pav", "perpetual_quota", "perpetual_unit_cost", "perpetual_consensus", "perpetual_reset",
]  # fmt: skip
RULES: list[tuple[str, dict[str, Any]]] = [
    *((rule, {"base": "approval", "unit": "approval"}) for rule in PERPETUAL),
    *(
        (rule, {"unit": "approval"})
        for rule in ("perpetual_phragmen", "perpetual_nash", "perpetual_equality")
    ),
    ("pav_welfare", {"unit": "approval"}),
    ("nash_welfare", {"unit": "approval"}),
]


def drawn(seed: int, empty: bool) -> list[dict[str, Any]]:
    """Approvals of four responses by six annotators on 30 prompts; if asked, some approve nothing."""
    rng = np.random.default_rng(seed)
    rows = []
    for p in range(30):
        for a in range(6):
            approvals = rng.integers(0, 2, 4)
            if not empty and approvals.sum() in (0, 4):
                approvals = np.array([1, 1, 0, 0])
            rows += [
                {"prompt_id": p, "annotator_id": a, "response_id": r, "approval": int(approval)}
                for r, approval in enumerate(approvals)
            ]
    return rows


def results(rows: list[dict[str, Any]], rule: str, options: dict[str, Any]) -> Aggregation:
    return rlchf.aggregate(Rankings.from_frame(rows), rule, **options)


@pytest.mark.parametrize(("rule", "options"), RULES, ids=[rule for rule, _ in RULES])
def test_approvals_count_like_rankings_of_two_levels(rule: str, options: dict[str, Any]) -> None:
    """A ballot with what it approves in first place is read as approving that."""
    stated = drawn(0, empty=False)
    ranked = [{**row, "rank": 2 - row["approval"]} for row in stated]
    for row in ranked:
        del row["approval"]
    of_stated, of_ranked = results(stated, rule, options), results(ranked, rule, options)
    assert of_stated.response_ranks.tolist() == of_ranked.response_ranks.tolist()


@pytest.mark.parametrize(("rule", "options"), RULES, ids=[rule for rule, _ in RULES])
def test_the_order_beside_approvals_is_no_approval(rule: str, options: dict[str, Any]) -> None:
    """Who approves nothing has no say about the winner, whatever the ballot's order is."""
    rows = drawn(1, empty=True)
    approving = {(row["prompt_id"], row["annotator_id"]) for row in rows if row["approval"]}
    silent = [row for row in rows if (row["prompt_id"], row["annotator_id"]) not in approving]
    assert silent
    approved, winners = _approved(rows), []
    for sign in (1, -1):
        order = [
            {**row, "rank": 1 + (row["response_id"] if sign > 0 else 3 - row["response_id"])}
            if row in silent
            else {**row, "rank": 2 - row["approval"]}
            for row in rows
        ]
        result = results(order, rule, options)
        winners.append([result.ranking(p)[0] for p in result.prompt_ids])
        for p, first in zip(result.prompt_ids, winners[-1], strict=True):
            assert any((p, r) in approved for r in first)
    if rule in PERPETUAL:
        assert winners[0] == winners[1]


def _approved(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(str(row["prompt_id"]), str(row["response_id"])) for row in rows if row["approval"]}


@pytest.mark.parametrize("rule", PERPETUAL)
def test_exact_fractions_agree_on_ballots_that_approve_nothing(rule: str) -> None:
    rows, options = drawn(2, empty=True), {"base": "approval", "unit": "approval"}
    exact = results(rows, rule, {**options, "exact": True})
    assert exact.response_ranks.tolist() == results(rows, rule, options).response_ranks.tolist()
