"""What is no set of ballots is refused before anything is computed with it."""

import re
from typing import Any

import numpy as np
import pytest

from rlchf.entries import Entries
from rlchf.rankings import Rankings

BALLOTS: dict[str, Any] = {
    "prompt_ids": ["p", "q"],
    "annotator_ids": ["ann", "bob"],
    "response_ids": ["a", "b"],
    "ballot_prompts": [0, 0, 1],
    "ballot_annotators": [0, 1, 0],
    "entry_ballots": [0, 0, 1, 1, 2, 2],
    "entry_responses": [0, 1, 0, 1, 0, 1],
    "entry_ranks": [1.0, 2.0, 2.0, 1.0, 1.0, 2.0],
}


def rankings_of(**columns: Any) -> Rankings:
    return Rankings.from_entries(Entries(**{**BALLOTS, **columns}))


def test_columns_may_be_lists_or_unsigned() -> None:
    rankings = rankings_of(entry_responses=np.array(BALLOTS["entry_responses"], dtype=np.uint64))
    assert rankings.entry_responses.tolist() == [0, 1, 1, 0, 0, 1]


@pytest.mark.parametrize("outside", [5, -1, 10**7, 2**40, -(10**9)])
@pytest.mark.parametrize(
    ("column", "ids", "n"),
    [
        ("ballot_prompts", "prompt_ids", 2),
        ("ballot_annotators", "annotator_ids", 2),
        ("entry_ballots", "ballot_prompts", 3),
        ("entry_responses", "response_ids", 2),
    ],
)
def test_a_code_out_of_range_is_refused(column: str, ids: str, n: int, outside: int) -> None:
    codes = [*BALLOTS[column][:-1], outside]
    problem = (
        f"rankings: {column}[{len(codes) - 1}] is {outside}, but {ids} has {n}; give indices from 0 "
        f"to {n - 1}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        rankings_of(**{column: codes})


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"response_ids": ["a", "a"]}, "response_ids has 'a' twice; give each id once"),
        ({"prompt_ids": ["p", "p"]}, "prompt_ids has 'p' twice"),
        ({"annotator_ids": ["x", "x"]}, "annotator_ids has 'x' twice"),
        (
            {"ballot_weights": [1.0] * 2},
            "ballot_weights has the shape (2,), but ballot_prompts has 3",
        ),
        ({"ballot_counts": [1] * 4}, "ballot_counts has the shape (4,)"),
        ({"ballot_strengths": [1.0] * 2}, "ballot_strengths has the shape (2,)"),
        ({"ballot_probabilities": [1.0] * 2}, "ballot_probabilities has the shape (2,)"),
        ({"ballot_parts": [0] * 2}, "ballot_parts has the shape (2,)"),
        ({"ballot_annotators": [0, 1]}, "ballot_annotators has the shape (2,)"),
        (
            {"entry_responses": [0, 1]},
            "entry_responses has the shape (2,), but entry_ballots has 6",
        ),
        ({"entry_ranks": np.ones((6, 1))}, "entry_ranks has the shape (6, 1)"),
        ({"entry_approvals": [1]}, "entry_approvals has the shape (1,)"),
        (
            {"entry_responses": [0.0, 1.5, 0, 1, 0, 1]},
            "entry_responses are of type float64; give whole",
        ),
        ({"ballot_annotators": [True, False, True]}, "ballot_annotators are of type bool"),
        ({"ballot_counts": [0, 1, 1]}, "ballot_counts[0] is 0; give whole numbers from 1"),
        ({"ballot_counts": [1, 1.5, 1]}, "ballot_counts[1] is 1.5"),
        ({"ballot_counts": [1, np.nan, 1]}, "ballot_counts[1] is nan"),
        ({"ballot_counts": [2**62, 2**62, 1]}, "the counts add up to more than 2**53"),
        ({"listed": np.array([[0, 9]])}, "listed[0] is 9, but response_ids has 2"),
        ({"listed": np.array([[-1, 0]])}, "listed[0] is -1, but prompt_ids has 2"),
        ({"listed": np.array([0, 1])}, "listed has the shape (2,)"),
        ({"listed": np.array([[0, 1]]), "listed_names": []}, "listed_names has 0, but listed 1"),
        (
            {"ballot_weights": [1e308, 1e308, 1]},
            "the weights of prompt 'p' add up to more than 1e+290",
        ),
        ({"ballot_weights": [1, 1, 1e291]}, "the weights of prompt 'q' add up to more than 1e+290"),
        ({"ballot_weights": [1.0] * 3, "ballot_counts": [1, 1, 2**60]}, "the counts add up to"),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(
    columns: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=f"^rankings: {re.escape(problem)}"):
        rankings_of(**columns)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0])
def test_the_weight_of_an_annotator_is_a_number_that_is_0_or_more(weight: float) -> None:
    problem = (
        f"rankings: the weight of annotator 'bob' is {weight}; give a number that is 0 or more"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        rankings_of().weighted({"ann": 1.0, "bob": weight})


def test_weights_whose_product_with_the_annotators_overflows_are_refused() -> None:
    with pytest.raises(ValueError, match="add up to more than 1e"):
        rankings_of(ballot_weights=[1e200, 1e200, 1e200]).weighted({"ann": 1e200})
