"""Ranks that seem to mean "not ranked", and other numbers that are fine."""

import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

from rlchf.io import plain_files, read_rankings
from rlchf.io.plain_rows import LARGE
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


def long_columns(n: int, ranks: Any) -> dict[str, Any]:
    """The columns of ``n`` ballots of two responses each."""
    return {
        "prompt_id": [f"p{i // 2}" for i in range(2 * n)],
        "annotator_id": ["ann"] * (2 * n),
        "response_id": ["a", "b"] * n,
        "rank": ranks,
    }


@pytest.mark.parametrize("n", [1, LARGE // 2])
def test_whole_numbers_that_become_one_float_are_refused(
    n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_files, "LARGE_BYTES", 0 if n > 1 else 2**60)
    table = pa.table(long_columns(n, pa.array([1, 2] * (n - 1) + [2**53, 2**53 + 1])))
    message = (
        "the rank is '9007199254740993', which is no float64 and would be read as "
        "9007199254740992; give whole"
    )
    with pytest.raises(ValueError, match=f"row {2 * n}: {message}"):
        Rankings.from_frame(table)
    pyarrow.csv.write_csv(table, tmp_path / "votes.csv")
    with pytest.raises(ValueError, match=f"row {2 * n + 1}: {message}"):
        read_rankings(tmp_path / "votes.csv")


def test_large_numbers_that_float64_holds_are_read_exactly() -> None:
    for scores in ([2**53 + 2, 2**53], ["9007199254740994", "9007199254740992.0"], [1e300, 1e23]):
        table = pa.table({**long_columns(1, scores), "score": scores}).drop_columns("rank")
        read = Rankings.from_frame(table).entry_scores
        assert read is not None
        assert read.tolist() == list(map(float, scores))


def test_a_duration_is_no_rank() -> None:
    ranks = pa.array([1, 2]).cast(pa.duration("s"))
    with pytest.raises(ValueError, match=r"'rank' has type duration\[s\]; give text or numbers"):
        Rankings.from_frame(pa.table(long_columns(1, ranks)))
    dates = pa.array([1, 2], pa.int32()).cast(pa.date32())
    with pytest.raises(ValueError, match="row 1: the rank is '1970-01-02'; give a number"):
        Rankings.from_frame(pa.table(long_columns(1, dates)))
