"""What ballots say of responses by themselves: approvals, and strengths of comparisons."""

from typing import Any

import numpy as np
import pytest

from rlchf import Rankings, aggregate
from rlchf.profiles import UNSTATED
from rlchf.rankings import Unranked


def approvals_of(rankings: Rankings) -> list[list[int]]:
    """Each ballot's approvals of the first prompt's responses."""
    _, profiles = next(rankings.profiles())
    return [] if profiles.approvals is None else profiles.approvals.T.tolist()


def judged(*rows: tuple[str, str, object], **columns: list[Any]) -> dict[str, list[Any]]:
    annotators, responses, approvals = zip(*rows, strict=True)
    return {
        "prompt_id": ["p"] * len(rows), "annotator_id": list(annotators),
        "response_id": list(responses), "approval": list(approvals), **columns,
    }  # fmt: skip


THREE = judged(("ann", "a", 1), ("ann", "b", -1), ("bob", "c", 0), ("bob", "a", -1))


@pytest.mark.parametrize("unranked", ["missing", "last"])
def test_what_is_left_out_is_neither_approved_nor_disapproved(unranked: Unranked) -> None:
    rankings = Rankings.from_frame(THREE, unranked=unranked)
    assert approvals_of(rankings) == [[1, -1, 0], [-1, 0, 0]]


def test_responses_are_in_the_order_of_their_approval() -> None:
    missing = next(Rankings.from_frame(THREE).profiles())[1]
    assert missing.ranks.T.tolist() == [[1, 2, 0], [2, 0, 1]]
    last = next(Rankings.from_frame(THREE, unranked="last").profiles())[1]
    assert last.ranks.T.tolist() == [[1, 3, 2], [2, 1, 1]]


def test_what_is_listed_without_approval_is_tied_with_what_is_not_listed() -> None:
    rows = judged(
        ("ann", "a", 1), ("ann", "b", 0), ("bob", "a", 1), ("bob", "b", 0), ("cyd", "c", 1), ("cyd", "d", 0)
    )  # fmt: skip
    scores = aggregate(Rankings.from_frame(rows, unranked="last"), "borda").scores("p")
    assert scores == {"a": 7.0, "b": 3.0, "c": 5.0, "d": 3.0}


def test_approvals_stand_beside_an_order() -> None:
    rankings = Rankings.from_frame({**THREE, "rank": [1, 2, 1, 2]}, unranked="last")
    assert approvals_of(rankings) == [[1, -1, 0], [-1, 0, 0]]
    assert next(rankings.profiles())[1].ranks.T.tolist() == [[1, 2, 3], [2, 3, 1]]


def test_a_ballot_states_approvals_or_none() -> None:
    rows = judged(
        ("ann", "a", 1), ("ann", "b", ""), ("bob", "a", ""), ("bob", "b", ""), rank=[1, 2, 2, 1]
    )
    rankings = Rankings.from_frame(rows)
    assert approvals_of(rankings) == [[1, 0], [UNSTATED, UNSTATED]]
    assert rankings.subset(np.array([0])).entry_approvals is not None


def test_rankings_without_approvals_carry_none() -> None:
    rankings = Rankings.from_ballots([("p", "ann", "a > b")])
    assert rankings.entry_approvals is None
    assert rankings.ballot_strengths is None


@pytest.mark.parametrize("unranked", ["missing", "last"])
@pytest.mark.parametrize("more", [{}, {"rank": [1, 2, 1, 2]}, {"strength": [1.5, 1.5, "", ""]}])
def test_ballots_are_read_back_as_they_were(unranked: Unranked, more: dict[str, Any]) -> None:
    rankings = Rankings.from_frame({**THREE, **more}, unranked=unranked)
    again = Rankings.from_frame(rankings.to_frame(), unranked=unranked)
    for name in ("entry_ranks", "entry_responses", "entry_approvals", "ballot_strengths"):
        np.testing.assert_array_equal(getattr(again, name), getattr(rankings, name))


def test_strengths_belong_to_comparisons() -> None:
    rows = [
        {"prompt_id": "p", "annotator_id": "ann", "chosen": "a", "rejected": "b", "strength": 2},
        {"prompt_id": "p", "annotator_id": "bob", "chosen": "b", "rejected": "a", "strength": None},
    ]
    strengths = Rankings.from_frame(rows).ballot_strengths
    np.testing.assert_array_equal(strengths, [2.0, np.nan])


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "approval": (
        judged(("ann", "a", 2), ("ann", "b", 0)),
        "row 1: approval is '2'; give 1 .approve.,",
    ),
    "no approval": (
        judged(("ann", "a", 1), ("ann", "b", "")),
        "row 2: the approval is empty; give one",
    ),
    "strength": (
        judged(("ann", "a", 1), ("ann", "b", 0), strength=[-1, -1]),
        "row 1: the strength is -1; give a number that is 0 or more",
    ),
    "strengths": (
        judged(("ann", "a", 1), ("ann", "b", 0), strength=[1, ""]),
        "row 2: the strength is nan, but 1 in an earlier row of the same prompt and annotator",
    ),
    "both": (
        judged(("ann", "a", 1), ("ann", "b", 0), approved=[1, 0]),
        "has both a column 'approval' and a column 'approved'; keep one of them",
    ),
}


@pytest.mark.parametrize(("table", "problem"), WRONG.values(), ids=WRONG)
def test_what_is_no_judgement_is_refused(table: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Rankings.from_frame(table)


def test_anonymous_annotators_are_known_by_their_ids() -> None:
    rankings = Rankings.from_ballots([("p", "anonymous:1", "a > b"), ("p", "ann", "a > b")])
    assert rankings.anonymous == ["anonymous:1"]
