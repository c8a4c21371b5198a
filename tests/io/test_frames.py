"""Rankings from tables in memory, and back."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings

from rlchf.io import read_rankings, write_rankings, write_table
from rlchf.rankings import Rankings, as_rankings
from tests.io.test_reading import datasets
from tests.support.files import ELECTION, Write, content

LONG: dict[str, list[Any]] = {
    "prompt_id": [1, 1, 1, 2, 2],
    "annotator_id": ["ann", "ann", "bob", "bob", "bob"],
    "response_id": ["a", "b", "b", "c", "d"],
    "rank": [1, 2, 1, 2, 1],
}
SHAPES: dict[str, dict[str, list[Any]]] = {
    "ranks": LONG,
    "scores": {**{k: v for k, v in LONG.items() if k != "rank"}, "score": [0.5, 2, 1, -1, 3]},
    "weights": {**LONG, "weight": [0.5, 0.5, 2.0, 1.0, 1.0]},
    "ballots as lists": {
        "prompt_id": ["p", "p"],
        "annotator_id": ["ann", "bob"],
        "ranking": [[["a"], ["b", "c"]], [["c"], ["a"]]],
    },
    "ballots as text": {
        "prompt_id": ["p", "p"],
        "annotator_id": ["ann", "bob"],
        "ranking": ["a > b = c", "c > a"],
    },
    "comparisons": {
        "prompt_id": ["p", "p", "p"],
        "annotator_id": ["ann", "ann", "bob"],
        "chosen": ["a", "b", "c"],
        "rejected": ["b", "c", "a"],
        "tie": [False, True, None],
    },
    "arena": {
        "prompt_id": ["p", "p", "p"],
        "judge": ["ann", "bob", "eve"],
        "model_a": ["a", "b", "c"],
        "model_b": ["b", "c", "a"],
        "winner": ["model_a", "tie", "both_bad"],
    },
    "pairs": {
        "prompt": ["Which tea?", "Which tea?", "Which cup?"],
        "chosen": ["Green.", "Black.", "A large one."],
        "rejected": ["Black.", "Mint.", "A small one."],
    },
    "pairs of messages": {
        "prompt": [[{"role": "user", "content": "Which tea?"}]] * 2,
        "chosen": [[{"role": "assistant", "content": text}] for text in ("Green.", "Black.")],
        "rejected": [[{"role": "assistant", "content": text}] for text in ("Black.", "Mint.")],
    },
    "names in another case": {
        "Prompt ID": ["p", "p"],
        "ANNOTATOR-ID": ["ann", "ann"],
        "responseId": ["a", "b"],
        "Rank": [1, 2],
    },
    "approvals": {
        "prompt_id": ["p", "p"],
        "annotator_id": ["ann", "ann"],
        "response_id": ["a", "b"],
        "approved": [True, False],
    },
}


class ArrowOnly:
    """A table that offers nothing but an Arrow stream, as any library may write one."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self.table = pa.table(columns)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def records(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


FRAMES = {
    "pandas": pd.DataFrame,
    "pandas objects": lambda columns: pd.DataFrame(columns, dtype=object),
    "pyarrow": pa.table,
    "pyarrow in parts": lambda c: pa.concat_tables([pa.table(c).slice(0, 1), pa.table(c).slice(1)]),
    "arrow stream": ArrowOnly,
    "dictionaries": records,
    "columns": dict,
    "numpy columns": lambda c: {k: np.array(v) if k == "rank" else v for k, v in c.items()},
    "series": lambda columns: {name: pd.Series(values) for name, values in columns.items()},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("frame", FRAMES)
def test_a_table_holds_what_a_file_of_the_same_rows_holds(
    write: Write, shape: str, frame: str
) -> None:
    columns = SHAPES[shape]
    path = write("votes.jsonl", "\n".join(json.dumps(row) for row in records(columns)))
    table: Any = FRAMES[frame](columns)
    assert content(Rankings.from_frame(table)) == content(read_rankings(path))


@pytest.mark.parametrize("library", ["polars", "duckdb"])
@pytest.mark.parametrize("shape", SHAPES)
def test_tables_of_other_libraries_are_read(shape: str, library: str) -> None:
    module = pytest.importorskip(library)
    table = pa.table(SHAPES[shape])
    frame = module.from_arrow(table)
    assert content(Rankings.from_frame(frame)) == content(Rankings.from_frame(table))


def test_categories_are_ids() -> None:
    frame = pd.DataFrame(LONG).astype({"annotator_id": "category", "response_id": "category"})
    assert content(Rankings.from_frame(frame)) == content(Rankings.from_frame(LONG))


def test_ids_of_several_types_and_other_columns_do_not_matter() -> None:
    frame = pd.DataFrame({**LONG, "annotator_id": ["ann", "ann", 7, 7, 7], "note": [object()] * 5})
    assert Rankings.from_frame(frame).annotator_ids == ["ann", "7"]


def test_a_missing_response_may_be_last() -> None:
    ballots = Rankings.from_frame(SHAPES["ballots as text"], unranked="last")
    assert ballots.unranked == "last"
    assert ballots.batch(np.array([0])).ranks.T.tolist() == [[1, 2, 2], [2, 3, 1]]


def test_the_format_may_be_named() -> None:
    both = {**LONG, "chosen": ["a", "b", "c", "d", "e"]}
    assert content(Rankings.from_frame(both, format="long")) == content(Rankings.from_frame(LONG))


REFUSED: dict[str, tuple[Any, str]] = {
    "empty rank": ({**LONG, "rank": [1, None, 1, 2, 1]}, r"table: 1 empty rank \(row 2\); mend it"),
    "empty id": (
        {**LONG, "annotator_id": ["ann", "ann", None, "bob", "bob"]},
        "table, row 3: the annotator_id is empty",
    ),
    "ranked twice": (
        {**LONG, "response_id": ["a", "b", "b", "c", "c"]},
        r"table: 1 repeated row \(row 5\), such as that of response 'c'",
    ),
    "ranking empty": (
        {**SHAPES["ballots as lists"], "ranking": [[["a"], ["b"]], []]},
        r"table: 1 blank ballot \(row 2\)",
    ),
    "no format": ({"prompt_id": ["p"]}, "table: the columns prompt_id fit no format; besides"),
    "no row": ({name: [] for name in LONG}, "table: there is no row in it"),
}


@pytest.mark.parametrize("frame", ["pandas", "pyarrow", "dictionaries", "columns"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_table_is_refused_with_its_row(case: str, frame: str) -> None:
    columns, message = REFUSED[case]
    table: Any = FRAMES[frame](columns)
    with pytest.raises(ValueError, match=message):
        Rankings.from_frame(table)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({**LONG, "rank": [1]}, "table: the columns differ in length: prompt_id 5, .*rank 1"),
        ([{**row, "prompt_id": ["p"]} for row in records(LONG)], "table, row 1: prompt_id is"),
        (pa.chunked_array([[1, 2]]), "table: cannot be read through Arrow"),
        (pa.table([["p"], ["q"]], ["prompt_id", "prompt_id"]), "two columns are named 'prompt_id'"),
    ],
)
def test_an_odd_table_is_refused(table: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rankings.from_frame(table)


def test_an_unknown_format_of_a_table_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"unknown format 'lang'; choose from auto, .*; did you me"
    ):
        Rankings.from_frame(LONG, format="lang")
    with pytest.raises(ValueError, match="unknown format 'preflib'"):
        Rankings.from_frame(LONG, format="preflib")


@pytest.mark.parametrize("data", ["votes.csv", None, 3, [("p", "ann", "a > b")]])
def test_what_is_no_table_is_refused(data: object) -> None:
    with pytest.raises(TypeError, match=r"the table is of type .*; give a DataFrame"):
        Rankings.from_frame(data)
    with pytest.raises(TypeError, match=r"rankings is of type .*; rlchf\.read_rankings reads"):
        as_rankings(data)


def test_rankings_pass_and_tables_become_rankings() -> None:
    rankings = Rankings.from_frame(LONG)
    assert as_rankings(rankings) is rankings
    assert content(as_rankings(pd.DataFrame(LONG))) == content(rankings)
    assert content(as_rankings(records(LONG))) == content(rankings)


@settings(max_examples=30, deadline=None)
@given(ballots=datasets())
def test_a_frame_is_read_back_equal(
    ballots: list[tuple[str, str, list[list[str]], float]],
) -> None:
    rankings = Rankings.from_ballots([b[:3] for b in ballots], [b[3] for b in ballots])
    assert content(Rankings.from_frame(rankings.to_frame())) == content(rankings)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_read_back_equal_from_a_frame_and_from_a_file(
    write: Write, shape: str
) -> None:
    rankings = Rankings.from_frame(SHAPES[shape])
    assert content(Rankings.from_frame(rankings.to_frame())) == content(rankings)
    path = write("votes.csv", "")
    write_rankings(path, rankings)
    assert content(read_rankings(path)) == content(rankings)


def test_counts_of_ballots_are_read_back(write: Write) -> None:
    election = read_rankings(write("drinks.toi", ELECTION))
    frame = election.to_frame()
    assert frame["count"].tolist() == [3000000, 3000000, 3000000, 7, 2, 2]
    back = Rankings.from_frame(frame)
    assert back.ballot_counts.tolist() == election.ballot_counts.tolist()
    assert back.ballot_weights.tolist() == election.ballot_weights.tolist()


def test_rows_of_one_ballot_have_one_count(write: Write) -> None:
    columns = {**LONG, "count": [2, 3, 1, 1, 1]}
    with pytest.raises(ValueError, match="row 2: the count is 3, but 2 in an earlier row"):
        Rankings.from_frame(columns)
    with pytest.raises(
        ValueError, match=r"row 3: the count is 0\.5; give a whole number that is 1"
    ):
        Rankings.from_frame({**LONG, "count": [1, 1, 0.5, 1, 1]})
    path = write("votes.csv", "")
    write_table(path, {**LONG, "ballot_id": [1, 2, 3, 4, 4]})
    assert read_rankings(path).n_ballots == 4


def test_a_dataset_is_shown_in_a_few_lines() -> None:
    ballots = [(f"prompt {i}", "<b>ann</b>", "a > b") for i in range(20_000)]
    rankings = Rankings.from_ballots(ballots, source="votes.csv")
    lines = repr(rankings).splitlines()
    assert lines[0] == (
        "Rankings of votes.csv: 20,000 prompts, 1 annotator, 40,000 responses, 20,000 ballots, "
        "unranked='missing'"
    )
    assert lines[1:] == [
        *(f"  prompt {i}, <b>ann</b>: a > b" for i in range(5)),
        "  ... and 19,995 more",
    ]
    html = rankings._repr_html_()
    assert "<b>" not in html
    assert html.count("<td>&lt;b&gt;ann&lt;/b&gt;</td><td>a &gt; b</td>") == 5
    (_, profiles), *_ = rankings.profiles()
    assert repr(profiles) == "Profiles: 20,000 prompts of 2 responses, 20,000 ballots"
