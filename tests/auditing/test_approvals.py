"""Approvals in the audit, and what it leaves out of anonymous annotators."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import rlchf
from rlchf import Rankings
from tests.support.cli import rlchf as command


def votes(*rows: tuple[str, str, str, int]) -> list[dict[str, Any]]:
    names = ("prompt_id", "annotator_id", "response_id", "approval")
    return [dict(zip(names, row, strict=True)) for row in rows]


REJECTED = votes(
    *(("p", f"yes{n}", r, int(r == "s1")) for n in range(3) for r in ("s1", "s2", "s3", "s4")),
    *(("p", f"no{n}", r, -1) for n in range(4) for r in ("s1", "s2", "s3", "s4")),
)
"""Three approve s1, and four reject all four."""


def test_a_ballot_that_approves_nothing_has_won_nothing() -> None:
    rankings = Rankings.from_frame(REJECTED)
    result = rlchf.aggregate(rankings, "approval")
    assert result.scores("p") == {"s1": 3.0, "s2": 0.0, "s3": 0.0, "s4": 0.0}
    report = rlchf.audit(rankings, result, axioms=True)
    won = {row.name: row.won for row in report.annotators}
    assert [won[f"yes{n}"] for n in range(3)] == [1.0] * 3
    assert [won[f"no{n}"] for n in range(4)] == [0.0] * 4
    influence = {row.name: row.influence for row in report.annotators}
    assert influence["no0"] == 0.0
    assert influence["yes0"] == pytest.approx(1 / 3)
    assert report.approvals.without == ["no0", "no1", "no2", "no3"]
    assert report.approvals.without_weight == pytest.approx(4 / 7)
    assert {v.axiom: v.holds for v in report.axioms["rounds"]}["JR"]


def test_majority_approved_responses_are_counted_by_prompt() -> None:
    """p: none (1 of 2 for a is no majority); q: a by both, b by one of one who names it; r: a only."""
    rankings = Rankings.from_frame(
        votes(
            ("p", "ann", "a", 1), ("p", "bob", "a", -1), ("p", "bob", "b", 0),
            ("q", "ann", "a", 1), ("q", "bob", "a", 1), ("q", "bob", "b", 1),
            ("r", "ann", "a", 1), ("r", "ann", "b", 0), ("r", "bob", "a", 1),
        )
    )  # fmt: skip
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, "approval"))
    assert report.approvals.majorities == {"none": 1, "one": 1, "several": 1}
    assert (report.approvals.ballots, report.approvals.stated) == (6, 6)
    assert report.approvals.how == "approvals are those that the ballots state"


def test_where_approvals_come_from_is_said() -> None:
    ranked = [
        {"prompt_id": "p", "annotator_id": "cyd", "response_id": r, "rank": n}
        for n, r in enumerate("ab", 1)
    ]
    stated = [row | {"rank": 1} for row in votes(("p", "ann", "a", 1), ("p", "ann", "b", 1))]
    read_off = "approvals are read off the rankings: a ballot approves its better half"
    for rows, how in (
        (ranked, read_off),
        (ranked + stated, f"1 of 2 ballots state approvals; on the others {read_off}"),
    ):
        rankings = Rankings.from_frame(rows)
        report = rlchf.audit(rankings, rlchf.aggregate(rankings, "borda"))
        assert report.approvals.how == how


@pytest.fixture
def anonymous(tmp_path: Path) -> Path:
    """Rankings of two anonymous annotators and ann, and the collective rankings."""
    rows = "".join(
        f"{p},{who},{ranking}\n"
        for p in "pq"
        for who, ranking in (("anonymous:1", "a > b"), ("anonymous:2", "b > a"), ("ann", "a > b"))
    )
    (tmp_path / "votes.csv").write_text("prompt_id,annotator_id,ranking\n" + rows)
    done = command(
        "aggregate", tmp_path / "votes.csv", "--rule", "borda", "--out", tmp_path / "all.jsonl"
    )
    assert done.returncode == 0
    return tmp_path


def test_of_anonymous_annotators_there_are_no_figures_of_single_people(anonymous: Path) -> None:
    rankings = rlchf.read_rankings(anonymous / "votes.csv")
    result = rlchf.aggregate(rankings, "borda")
    report = rlchf.audit(rankings, result, axioms=True, baselines=True)
    assert report.anonymous == 2
    assert (report.annotators, report.welfare, report.axioms, report.intervals) == ([], {}, {}, [])
    assert report.held_out is None
    assert math.isnan(report.influence_gini)
    assert report.overall.contested == pytest.approx(2 / 3)
    grouped = rlchf.audit(rankings, result, groups={"ann": "named", "anonymous:1": "not"})
    assert [row.name for row in grouped.groups] == ["named", "not"]


def test_the_command_says_so_and_draws_no_single_people(anonymous: Path) -> None:
    pytest.importorskip("matplotlib")
    done = command(
        "audit", anonymous / "votes.csv", anonymous / "all.jsonl",
        "--out", anonymous / "audit.json", "--plot", anonymous / "plots",
    )  # fmt: skip
    assert done.returncode == 0
    assert "2 annotators are anonymous" in done.stdout
    assert "anonymous:1" not in done.stdout
    assert "no picture is drawn" in done.stderr
    assert json.loads((anonymous / "audit.json").read_text())["annotators"] == []


def test_all_members_of_a_committee_have_won() -> None:
    """Two seats: a and c win; who approves c alone approves something that won, whoever is first."""
    rows = votes(
        *(("p", f"x{n}", r, int(r in "ab")) for n in range(3) for r in "abcd"),
        *(("p", f"y{n}", r, int(r == "c")) for n in range(2) for r in "abcd"),
        *(("p", "z", r, int(r == "d")) for r in "abcd"),
    )
    rankings = Rankings.from_frame(rows)
    for rule in ("seq_phragmen", "updown_pav"):
        result = rlchf.aggregate(rankings, rule, k=2, ties="lexicographic")
        approvals = rlchf.audit(rankings, result).approvals
        assert (approvals.seats, approvals.without) == (2, ["z"])
    first = rlchf.audit(rankings, rlchf.aggregate(rankings, "approval")).approvals
    assert (first.seats, first.without) == (1, ["y0", "y1", "z"])


def test_python_is_told_that_approvals_are_read_off_rankings() -> None:
    ballots = [("p", "ann", "a > b"), ("p", "bob", "b > a")]
    with pytest.warns(UserWarning, match="pav reads approvals, and 2 of 2 ballots state none"):
        rlchf.aggregate(Rankings.from_ballots(ballots), "pav")


@pytest.mark.parametrize(
    ("scores", "only_marks"), [((1, 0, -1), True), ((1, 0), True), ((3, 2, 1), False)]
)
def test_scores_of_votes_for_and_against_are_proposed_as_approvals(
    scores: tuple[int, ...], only_marks: bool
) -> None:
    """Agree, pass and disagree of a poll, read as scores."""
    rows = [
        {
            "prompt_id": "p",
            "annotator_id": i,
            "response_id": r,
            "score": scores[(i + j) % len(scores)],
        }
        for i in range(4)
        for j, r in enumerate("abc")
    ]
    rankings = rlchf.Rankings.from_frame(pd.DataFrame(rows))
    with pytest.warns(UserWarning, match="approval reads approvals") as caught:
        rlchf.aggregate(rankings, "approval")
    assert ("--columns approval=score" in str(caught[0].message)) == only_marks
