"""Large plain tables take a short way to rankings, which ends where the long one does."""

import re
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from rlchf.io import plain_rows, read_rankings
from rlchf.io.coding import coded
from rlchf.io.columns import Table
from rlchf.io.formats.long import read_long
from rlchf.io.parquet import from_arrow
from rlchf.io.plain_rows import plain_columns
from rlchf.rankings import Rankings, Unranked

IDS = ("prompt_id", "annotator_id", "response_id")


def random_rows(rng: np.random.Generator, value: str) -> dict[str, list[Any]]:
    """The columns of a long table with gaps and ties, whose ballots rank at least two responses."""
    rows = []
    for prompt in rng.permutation(rng.integers(1, 8)):
        offered = rng.permutation([f"r{i}" for i in range(rng.integers(2, 60))])
        for annotator in rng.permutation(rng.integers(1, 9)):
            named = rng.permutation(offered)[: rng.integers(2, len(offered) + 1)]
            levels = rng.integers(1, len(named) + 1, len(named))
            rows += [
                (f"p {prompt}", f"ann-{annotator}", r, int(v))
                for r, v in zip(named, levels, strict=True)
            ]
    order = np.arange(len(rows)) if rng.random() < 0.5 else rng.permutation(len(rows))
    columns = list(zip(*(rows[i] for i in order), strict=True))
    values = [float(v) for v in columns[3]] if rng.random() < 0.5 else list(columns[3])
    if value == "score":
        values = [v / 2 - 3 for v in values]
    return {**dict(zip(IDS, map(list, columns), strict=False)), value: values}


def table_of(columns: dict[str, list[Any]]) -> Table:
    return from_arrow(pa.table(columns), "votes", list(columns))


def differences(a: Rankings, b: Rankings) -> list[str]:
    """The attributes in which two rankings differ, in values or in types."""
    return [
        field.name
        for field in fields(Rankings)
        if not equal(getattr(a, field.name), getattr(b, field.name))
    ]


def equal(x: object, y: object) -> bool:
    if isinstance(x, np.ndarray):
        return isinstance(y, np.ndarray) and x.dtype == y.dtype and np.array_equal(x, y)
    return bool(x == y)


@pytest.mark.parametrize("value", ["rank", "score"])
@pytest.mark.parametrize("seed", range(20))
def test_both_ways_give_the_same_arrays(seed: int, value: str) -> None:
    rng = np.random.default_rng(seed)
    table = table_of(random_rows(rng, value))
    unranked: Unranked = "last" if seed % 2 else "missing"
    short = plain_columns(table, large=0)
    assert short is not None
    assert (
        differences(
            Rankings(**short, unranked=unranked),
            Rankings.from_entries(read_long(table, unranked), unranked),
        )
        == []
    )


def plain_votes() -> dict[str, list[Any]]:
    return {
        "prompt_id": ["p", "p", "p", "p"],
        "annotator_id": ["ann", "ann", "bob", "bob"],
        "response_id": ["a", "b", "b", "a"],
        "rank": [1, 2, 1, 2],
    }


def test_a_plain_table_takes_the_short_way_only_if_it_is_large() -> None:
    table = table_of(plain_votes())
    assert plain_columns(table, large=4) is not None
    assert plain_columns(table, large=5) is None
    assert plain_rows.LARGE > 5


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("response_id", ["a", "a", "b", "a"]),
        ("response_id", ["a > b", "b", "b", "a"]),
        ("response_id", ["a", "a", "a", "a"]),
        ("prompt_id", ["p", "p", " ", "p"]),
        ("rank", [1, 2, 1, None]),
        ("rank", [0, 1, 0, 1]),
        ("rank", [1, 2, 1, 99]),
        ("rank", [1.0, 2.0, 1.0, float("inf")]),
        ("rank", ["1", "2", "1", "second"]),
        ("weight", [1.0, 2.0, 2.0, 2.0]),
        ("weight", [1.0, 1.0, -2.0, -2.0]),
        ("weight", [1.0, 1.0, None, 2.0]),
        ("approval", [1, 0, 1, -1]),
        ("ballot_id", ["x", "x", "y", "y"]),
        ("score", [1, 2, 1, 2]),
    ],
)
def test_what_is_not_plain_takes_the_long_way(column: str, values: list[Any]) -> None:
    table = table_of({**plain_votes(), column: values})
    assert plain_columns(table, large=0) is None


def test_too_many_responses_take_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLCHF_MAX_RESPONSES", "1")
    assert plain_columns(table_of(plain_votes()), large=0) is None


@pytest.mark.parametrize(
    "rank", [[1, 3, 2, 1], [4, 8, 8, 4], [3, 99, 1, 2], [1, 2, 1, 10], [9, 1, 2, 1]]
)
def test_ranks_with_gaps_take_the_short_way_unless_one_may_mean_not_ranked(
    rank: list[int],
) -> None:
    table = table_of({**plain_votes(), "rank": rank})
    short = plain_columns(table, large=0)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        long = Rankings.from_entries(read_long(table, "missing"))
    assert bool(warned) == (short is None)
    if short is not None:
        assert differences(Rankings(**short), long) == []


@pytest.mark.parametrize(
    ("rank", "problem"),
    [
        ([1, 2, 1, None], "votes.parquet: 1 empty rank (row 4)"),
        ([1, 2, 0, 1], "votes.parquet, row 3: the rank is 0; 1 is best"),
    ],
)
def test_a_large_file_is_refused_in_the_words_of_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: list[Any], problem: str
) -> None:
    monkeypatch.setattr(plain_rows, "LARGE", 0)
    monkeypatch.chdir(tmp_path)
    pyarrow.parquet.write_table(pa.table({**plain_votes(), "rank": rank}), "votes.parquet")
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}"):
        read_rankings("votes.parquet")


@pytest.mark.parametrize("use_dictionary", [True, False])
def test_columns_of_parquet_are_read_alike_however_they_are_written(
    tmp_path: Path, use_dictionary: bool
) -> None:
    path = tmp_path / "votes.parquet"
    columns = {"places": [{"first": 1, "last": 2}] * 4, **plain_votes()}
    columns["response_id"] = [" b", "a", "a", "b"]  # of which two are the same id
    pyarrow.parquet.write_table(
        pa.table(columns), path, use_dictionary=use_dictionary, row_group_size=2
    )
    assert read_rankings(path).to_frame().to_dict("list") == {
        **plain_votes(),
        "response_id": ["b", "a", "a", "b"],
        "weight": [1.0] * 4,
    }


@pytest.mark.parametrize("runs", [1, 5])
def test_codes_count_texts_as_they_appear(runs: int) -> None:
    rng = np.random.default_rng(runs)
    texts = np.repeat(rng.choice(["b", "a ", " a", "é", "", "c"], 300), runs).tolist()
    arrays = [pa.array(texts[:100]), pa.array(texts[100:]), pa.array([], pa.string())]
    cleaned = [text.strip() for text in texts]
    for chunks in (arrays, [array.dictionary_encode() for array in arrays]):
        names, codes = coded([pa.chunked_array(chunks)])
        assert names == list(dict.fromkeys(cleaned))
        assert [names[code] for code in codes] == cleaned
        assert codes.dtype == np.int32


def test_codes_of_a_dictionary_count_only_what_appears_and_in_that_order() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([2, 0, 2]), pa.array(["x", "y", "z"]))
    names, codes = coded([pa.chunked_array([column])])
    assert names == ["z", "x"]
    assert codes.tolist() == [0, 1, 0]
