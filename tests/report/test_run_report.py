"""The report of a run, from what its stages left."""

from typing import Any

import pytest

import rlchf
from rlchf.auditing.report import audit
from rlchf.report.document import Chart, Document, SideBySide, Table
from rlchf.report.page import blocks_of, render
from rlchf.report.run import run_document
from tests.support.reports import EVIL

UPDATES = 40


def summary(**more: Any) -> dict[str, Any]:
    """The contents of ``report.json`` of a run on two ballots."""
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b"), ("p", "eve", "b > a")])
    texts = {"label": "emoji", "measure": "texts", "low": 0.1, "high": 0.3, "n": 24}
    return {
        "rule": "kemeny",
        "shares": [
            {**texts, "stage": "policy before PPO", "share": 0.2},
            {**texts, "stage": "policy after PPO", "share": 0.25},
        ],
        "stages": [],
        "reward_accuracy": {
            "held_out_prompts": 3, "collective_ranking": 0.75, "ballots": 0.5,
            "groups": {"north": 0.6}, "annotators": {EVIL: 0.4},
        },
        "audit": audit(rankings, rlchf.aggregate(rankings)).to_dict(),
        "targets": {},
        "sentences": [],
        **more,
    }  # fmt: skip


def metrics() -> list[dict[str, Any]]:
    reward = [{"stage": "reward", "step": n, "loss": 1 / n} for n in (1, 2, 3)]
    ppo = [
        {"stage": "ppo", "update": n, "reward_mean": n / 10, "kl": n / 100, "share of emoji": 0.5}
        for n in range(UPDATES + 1)
    ]
    return [*reward, {"stage": "reward", "loss": 0.1}, *ppo]


def samples() -> list[dict[str, Any]]:
    return [
        {
            "stage": stage, "prompt": f"Prompt {p} {EVIL}", "response": f"{stage} {p}", "emoji": p == 1,
            "score": p / 10 + (stage == "after"),
        }
        for stage in ("before", "after")
        for p in range(20)
    ]  # fmt: skip


def document(**more: Any) -> Document:
    return run_document({"seed": 1}, summary(**more), [], metrics(), samples(), {"Date": "today"})


def test_the_findings_have_shares_accuracy_and_reward() -> None:
    findings = document().findings
    assert findings[0] == (
        "The share of emoji in the policy's texts is 20 % (10 to 30 %) before PPO and 25 % (10 to 30 %) "
        "after it."
    )
    assert "On 3 held-out prompts the reward model puts 75 % of the pairs" in findings[1]
    assert findings[2] == (
        "Over 40 updates of PPO the mean reward went from 0.25 to 3.85 (means of the first and the last "
        "tenth), at a KL divergence of 0.39 nats to the policy it started from."
    )


def test_texts_stand_side_by_side_with_their_scores() -> None:
    beside = [one for one in blocks_of(document().sections) if isinstance(one, SideBySide)]
    *pairs, best, worst = beside
    assert len(pairs) == 12
    first = pairs[0]
    assert first.heading == f"Prompt 0 {EVIL}"
    assert [card.text for card in first.cards] == ["before 0", "after 0"]
    assert [list(card.notes) for card in first.cards] == [["score 0.00"], ["score 1.00"]]
    assert [card.text for card in best.cards] == ["after 19", "after 18", "after 17"]
    assert [card.text for card in worst.cards] == ["after 0", "after 1", "after 2"]
    assert list(worst.cards[1].notes) == ["score 1.10", "emoji"]


def test_the_curves_have_every_update_and_a_running_mean() -> None:
    charts = {one.title: one for one in blocks_of(document().sections) if isinstance(one, Chart)}
    rows = next(iter(charts["Mean reward."].spec["datasets"].values()))
    means = [row["y"] for row in rows if row["name"] == "mean of the last 4"]
    assert len(means) == UPDATES
    assert means[0] == pytest.approx(0.1)
    assert means[-1] == pytest.approx((3.7 + 3.8 + 3.9 + 4.0) / 4)
    assert "Shares of the kinds of text in each update." in charts
    assert "Loss of the reward model." in charts


def test_targets_are_drawn_beside_the_run_to_compare_with() -> None:
    row = {"label": "emoji", "stage": "ballots", "measure": "mixed pairs", "share": 0.4}
    rows = [row | {"low": 0.3, "high": 0.5, "n": 9}]
    made = document(
        targets={"emoji": 0.4}, shares=rows, compared={"rule": "borda", "shares": rows},
        sentences=["The share of emoji is kept."],
    )  # fmt: skip
    assert made.findings[0] == "The share of emoji is kept."
    section = next(one for one in made.sections if one.name == "targets")
    table = next(one for one in section.blocks if isinstance(one, Table))
    assert [cells[2] for cells in table.rows] == [
        "kemeny, share targets", "borda, KL penalty alone",
    ]  # fmt: skip


def test_a_run_without_ppo_has_a_report() -> None:
    made = run_document({}, summary(shares=[], reward_accuracy={}), [], [], [], {})
    names = [section.name for section in made.sections]
    assert "samples" not in names
    assert "ppo" not in names
    page = render(made)
    assert "<img src=x" not in page
