"""Tables in memory, and batches of Arrow rows from engines, take the short way of large tables too."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from rlchf.io import parquet, plain_rows, read_rankings
from rlchf.rankings import Rankings
from tests.io.test_plain_rows import differences, plain_votes, random_rows


@pytest.fixture(autouse=True)
def _all_tables_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_rows, "LARGE", 0)


def long_way(data: object, monkeypatch: pytest.MonkeyPatch) -> Rankings:
    with monkeypatch.context() as patch:
        patch.setattr(plain_rows, "LARGE", 2**60)
        return Rankings.from_frame(data)


def must_not_run(*_: object) -> None:
    raise AssertionError("the long way is taken")


def in_batches(table: Any) -> Iterator[Any]:
    yield from table.to_batches(max_chunksize=7)


class Stream:
    """A table of another library."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class Array:
    """A batch of another library."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self.batch.__arrow_c_array__(requested_schema)


DOORS: dict[str, Callable[[Any], Rankings]] = {
    "batches": lambda table: Rankings.from_batches(in_batches(table)),
    "tables": lambda table: Rankings.from_batches([table.slice(0, 5), Stream(table.slice(5))]),
    "reader": lambda table: Rankings.from_batches(table.to_reader(max_chunksize=3)),
    "stream": lambda table: Rankings.from_batches(Stream(table)),  # type: ignore[arg-type]
    "arrays": lambda table: Rankings.from_batches(map(Array, in_batches(table))),
    "frame": lambda table: Rankings.from_frame(table),
    "pandas": lambda table: Rankings.from_frame(pd.DataFrame(table.to_pydict())),
}
IDS_AS: dict[str, Callable[[list[str]], Any]] = {
    "text": lambda ids: pa.array(
        [f" {each}\u00a0" if i % 3 else each for i, each in enumerate(ids)]
    ),
    "large text": lambda ids: pa.array(ids, pa.large_string()),
    "views": lambda ids: pa.array(ids, pa.string_view()),
    "codes": lambda ids: pa.array([f"{each}é" for each in ids]).dictionary_encode(),
    "numbers": lambda ids: pa.array([int("".join(filter(str.isdigit, each))) for each in ids]),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("seed", "kind"), enumerate(IDS_AS))
@pytest.mark.parametrize("value", ["rank", "score"])
def test_every_door_gives_what_the_long_way_gives(
    door: str, seed: int, kind: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = random_rows(np.random.default_rng(seed), value)
    annotators = pa.array(columns["annotator_id"])
    ids = {
        name: IDS_AS[kind](columns[name]) for name in ("prompt_id", "annotator_id", "response_id")
    }
    weights = pa.array(np.arange(60) % 7 * 0.5).take(annotators.dictionary_encode().indices)
    table = pa.table({**ids, value: columns[value], "weight": weights, "note": annotators})
    long = long_way(table, monkeypatch)
    monkeypatch.setattr("rlchf.io.formats.long.gather_rows", must_not_run)
    assert differences(DOORS[door](table), long) == []


@pytest.mark.parametrize("use_dictionary", [True, False])
@pytest.mark.parametrize(("seed", "kind"), enumerate(IDS_AS))
def test_large_parquet_files_give_what_the_long_way_gives(
    seed: int, kind: str, use_dictionary: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = random_rows(np.random.default_rng(seed), "rank")
    ids = {
        name: IDS_AS[kind](columns[name]) for name in ("prompt_id", "annotator_id", "response_id")
    }
    table = pa.table(
        {"places": [{"rank": 1}] * len(columns["rank"]), **ids, "rank": columns["rank"]}
    )
    path = tmp_path / "votes.parquet"
    pyarrow.parquet.write_table(table, path, use_dictionary=use_dictionary, row_group_size=11)
    with monkeypatch.context() as patch:
        patch.setattr(parquet, "LARGE", 0)
        patch.setattr(parquet, "TOGETHER", 20)
        patch.setattr("rlchf.io.formats.long.gather_rows", must_not_run)
        short = read_rankings(path)
    monkeypatch.setattr(plain_rows, "LARGE", 2**60)
    assert differences(short, read_rankings(path)) == []


def test_parts_of_a_table_are_read_alike_whether_they_are_large_or_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table(random_rows(np.random.default_rng(5), "score"))
    for part, rows in enumerate((table.slice(0, 40), table.slice(40))):
        pyarrow.parquet.write_table(rows, tmp_path / f"votes-{part:05}-of-00002.parquet")
    monkeypatch.setattr(parquet, "LARGE", 41)
    short = read_rankings(tmp_path)
    monkeypatch.setattr(plain_rows, "LARGE", 2**60)
    monkeypatch.setattr(parquet, "LARGE", 2**60)
    assert differences(short, read_rankings(tmp_path)) == []


@pytest.mark.parametrize("name", ["prompt_id", "annotator_id", "response_id"])
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_an_empty_id_of_a_large_parquet_file_is_refused(
    name: str, use_dictionary: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = plain_votes()
    columns[name] = [*columns[name][:2], None, columns[name][3]]
    path = tmp_path / "votes.parquet"
    pyarrow.parquet.write_table(
        pa.table(columns), path, use_dictionary=use_dictionary, row_group_size=2
    )
    monkeypatch.setattr(parquet, "LARGE", 0)
    with pytest.raises(ValueError, match=f"votes.parquet, row 3: the {name} is empty$"):
        read_rankings(path)


@pytest.mark.parametrize("rank", [[1, 2, None, 1], [1, 2, 2, 0], [1, "2", 1, "x"], [1, 1, 1, 99]])
def test_batches_are_refused_and_warned_of_as_one_table_is(rank: list[Any]) -> None:
    values = pa.array(list(map(str, rank))) if "x" in rank else pa.array(rank)
    table = pa.table({**plain_votes(), "rank": values})

    def outcome(read: Callable[[], Rankings]) -> str:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                read()
            except ValueError as error:
                return str(error)
        return str(caught[0].message)

    expected = outcome(lambda: Rankings.from_frame(table))
    assert expected.startswith("table")
    assert outcome(lambda: Rankings.from_batches(table.to_batches(max_chunksize=1))) == expected


@pytest.mark.parametrize("shape", ["comparisons", "ballots", "renamed"])
def test_batches_may_have_any_shape_of_table(shape: str) -> None:
    columns: dict[str, list[Any]] = {"prompt_id": ["p", "p"], "annotator_id": ["ann", "bob"]}
    names = None
    if shape == "comparisons":
        columns.update(chosen=["a", "b"], rejected=["b", "a"])
    elif shape == "ballots":
        columns["ranking"] = [[["a"], ["b"]], [["b"], ["a"]]]
    else:
        columns = {"question": ["p"] * 4, "Annotator ID": ["ann", "ann", "bob", "bob"]}
        columns.update(response_id=["a", "b", "b", "a"], rank=[1, 2, 1, 2])
        names = "prompt_id=question"
    table = pa.table(columns)
    rankings = Rankings.from_batches(table.to_batches(max_chunksize=1), columns=names)
    assert rankings.annotator_ids == ["ann", "bob"]
    assert rankings.entry_responses.tolist() == [0, 1, 1, 0]
    assert differences(rankings, Rankings.from_frame(table, columns=names)) == []


@pytest.mark.parametrize(
    ("batches", "problem"),
    [
        ([], "table: there is no batch; give Arrow record batches"),
        (
            [pa.table({"rank": [1]}), pa.table({"rank": ["1"]})],
            r"table, batch 2: the columns are rank \(string\), but those of the first batch are "
            r"rank \(int64\); give batches of one table",
        ),
    ],
)
def test_batches_of_several_tables_are_refused(batches: list[Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}"):
        Rankings.from_batches(batches)


@pytest.mark.parametrize("batches", ["votes.csv", 7, [{"rank": 1}], {"rank": [1]}])
def test_what_is_no_batch_is_refused(batches: Any) -> None:
    with pytest.raises(TypeError, match="; give Arrow record batches, or tables with"):
        Rankings.from_batches(batches)
