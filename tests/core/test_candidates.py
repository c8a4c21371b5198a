"""The responses on offer: those that nobody names, and those that nobody could name."""

from typing import Any

import numpy as np
import pytest

from rlchf import Rankings, aggregate

BALLOTS = [("p", "1", "a > b"), ("p", "2", "a > c"), ("p", "3", "c"), ("q", "1", "a > b")]
OFFER = {"p": ["d", "c", "b", "a"], "q": ["a", "b"], "unasked": ["a"]}


def test_a_candidate_that_nobody_names_is_last_with_unranked_last() -> None:
    rankings = Rankings.from_ballots(BALLOTS, unranked="last", candidates=OFFER)
    assert rankings.responses("p") == ["a", "b", "c", "d"]
    assert rankings.prompt_ids == ["p", "q"]
    result = aggregate(rankings, "schulze")
    assert result.ranking("p")[-1] == ["d"]
    assert result.ranking("q") == [["a"], ["b"]]
    assert rankings.batch(np.array([0])).ranks.T.tolist() == [
        [1, 2, 3, 3],
        [1, 3, 2, 3],
        [2, 2, 1, 2],
    ]


def test_a_prompt_whose_ballots_name_one_of_two_candidates_is_complete() -> None:
    rankings = Rankings.from_ballots(
        [("p", "1", "a")], candidates={"p": {"a": "text", "b": "text"}}
    )
    assert rankings.responses("p") == ["a", "b"]


def test_with_approvals_a_candidate_that_nobody_lists_is_neutral() -> None:
    ballot = {"prompt_id": "p", "annotator_id": "1"}
    rows = [ballot | {"response_id": r, "approval": x} for r, x in [("a", 1), ("b", -1)]]
    rankings = Rankings.from_frame(rows, unranked="last", candidates={"p": list("abc")})
    assert rankings.batch(np.array([0])).ranks.T.tolist() == [[1, 3, 2]]


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        (
            {"p": list("abc")},
            r"the candidates list nothing for 1 prompt \('q'\); list all responses",
        ),
        (
            {"p": ["a", "b"], "q": ["a", "b"]},
            r"a response that is not among the candidates 2 times \(ballot 1: 'c' of prompt 'p'; ballot 2:",
        ),
        (
            {"p": "abc", "q": "ab"},
            "the candidates of prompt 'p' are 'abc'; give a list of response",
        ),
    ],
)
def test_ballots_and_candidates_that_do_not_fit_are_refused(
    candidates: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Rankings.from_ballots(BALLOTS, candidates=candidates)
