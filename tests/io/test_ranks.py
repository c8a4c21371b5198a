"""Ranks that seem to mean "not ranked", and other numbers that are fine."""

import warnings

import pytest

from rlchf.io import read_rankings
from rlchf.rankings import Rankings
from tests.support.files import LONG, Write, ranks


@pytest.mark.parametrize("rank", ["0", "-1", "0.5", "-99"])
def test_ranks_below_1_are_refused_and_counted(write: Write, rank: str) -> None:
    rows = f"p,u,a,1\np,u,b,{rank}\np,v,a,0\np,v,b,-1\n"
    message = f"row 3: the rank is {rank}, and 2 others below 1; 1 is best: leave the cell empty if"
    with pytest.raises(ValueError, match=rf"v\.csv, {message}"):
        read_rankings(write("v.csv", LONG + rows))
    frame = {
        "prompt_id": ["p", "p"],
        "annotator_id": ["u", "u"],
        "response_id": ["a", "b"],
        "rank": [1, float(rank)],
    }
    with pytest.raises(ValueError, match=f"table, row 2: the rank is {rank}; .* begin at 0"):
        Rankings.from_frame(frame)


@pytest.mark.parametrize("rank", [9, 99, 999, 100, 10])
def test_a_rank_far_beyond_the_responses_brings_a_warning(write: Write, rank: int) -> None:
    rows = "".join(
        f"p,{u},a,1\np,{u},b,2\np,{u},c,{rank}\np,{u},d,{rank}\np,{u},e,3\n" for u in "uvw"
    )
    message = (
        f"the rank {rank} stands on 3 ballots of at most 5 responses; if it means 'not ranked'"
    )
    with pytest.warns(UserWarning, match=message):
        rankings = read_rankings(write("v.csv", LONG + rows))
    assert ranks(rankings)[0] == [1, 2, 4, 4, 3]


@pytest.mark.parametrize(
    "given",
    [
        [1, 2, 3, 4, 5],
        [1.5, 1.5, 3, 4.5, 4.5],  # mean ranks of ties
        [1, 1, 1, 1, 5],
        [3, 7, 12, 20, 31],  # ranks among more responses than the ballot has
        [1, 2, 3, 4, 6],  # the fifth is not in the table
    ],
)
def test_other_ranks_bring_none(write: Write, given: list[float]) -> None:
    rows = "".join(
        f"p,u,{response},{rank}\n" for response, rank in zip("abcde", given, strict=True)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_rankings(write("v.csv", LONG + rows))
