"""A row that stands for several identical ballots counts so often, in every shape of table."""

from typing import Any

import pytest

import rlchf

COUNTED: dict[str, dict[str, Any]] = {
    "ballots": {"prompt_id": "p", "annotator_id": "ann", "ranking": "a > b"},
    "comparisons": {"prompt_id": "p", "annotator_id": "ann", "chosen": "a", "rejected": "b"},
    "pairs": {"prompt": "p", "chosen": "a", "rejected": "b"},
    "arena": {"prompt_id": "p", "model_a": "a", "model_b": "b", "winner": "model_a"},
    "signed": {"prompt_id": "p", "response_a": "a", "response_b": "b", "strength": -1},
    "wide_ranks": {"prompt_id": "p", "annotator_id": "ann", "a": 1, "b": 2},
}


@pytest.mark.parametrize("shape", COUNTED)
def test_a_counted_row_is_so_many_ballots(shape: str) -> None:
    rows = [COUNTED[shape] | {"count": 3, "weight": 0.5}]
    rankings = rlchf.Rankings.from_frame(rows, format=shape)
    assert rankings.ballot_counts.tolist() == [3]
    assert rankings.ballot_weights.tolist() == [1.5]
    assert rlchf.aggregate(rankings, "borda").scores("p") == {"a": 1.5, "b": 0.0}


@pytest.mark.parametrize("shape", COUNTED)
def test_a_count_that_is_no_whole_number_is_refused(shape: str) -> None:
    rows = [COUNTED[shape] | {"count": 2.5}]
    with pytest.raises(
        ValueError, match=r"the count is 2\.5; give a whole number that is 1 or more"
    ):
        rlchf.Rankings.from_frame(rows, format=shape)


def test_a_counted_soft_label_is_a_split_vote_that_is_counted_once() -> None:
    row = COUNTED["comparisons"] | {"probability": 0.75, "count": 4}
    rankings = rlchf.Rankings.from_frame([row])
    assert rankings.ballot_counts.tolist() == [4, 0]
    assert rankings.ballot_weights.tolist() == [3.0, 1.0]
