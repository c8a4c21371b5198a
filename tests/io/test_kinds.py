"""Kinds of files: text with semicolons, workbooks, JSON arrays, Arrow."""

import datetime
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from rlchf.installing import pip_install
from rlchf.io import read_rankings, write_table
from tests.support.files import LONG, Write, content, ranks, set_stdin

COLUMNS: dict[str, list[Any]] = {
    "prompt_id": ["p", "p", "p"],
    "annotator_id": [7, 7, 8],
    "response_id": ["a", "b", "b"],
    "score": [1.5, 2.5, -1],
}
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
SCORES = "prompt_id;annotator_id;response_id;score\n"


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, Any]:
    write_table(tmp_path / "expected.csv", COLUMNS)
    return content(read_rankings(tmp_path / "expected.csv"))


def workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


ROWS = [list(COLUMNS), *([list(row) for row in zip(*COLUMNS.values(), strict=True)])]


def test_semicolons_and_decimal_commas_are_read(write: Write, expected: dict[str, Any]) -> None:
    path = write("v.csv", SCORES + "p;7;a;1,5\np;7;b;+2,5\np;8;b;-1\n")
    assert content(read_rankings(path)) == expected
    points = write("v.csv", SCORES + "p;7;a;1.5\np;7;b;2.5\np;8;b;-1\n")
    assert content(read_rankings(points)) == expected
    quoted = write(
        "v.csv", '"prompt_id";"annotator_id";"a, b";"response_id";score\np;7;;a;1\np;7;;b;2'
    )
    assert ranks(read_rankings(quoted)) == [[2, 1]]
    ids = write("v.csv", SCORES + "p;7;1,5;1\np;7;1.5;2\n")
    assert read_rankings(ids).responses("p") == ["1,5", "1.5"]
    wide = write("v.csv", "annotator_id;a;b\nann;1,5;2\nbob;;3,25\n")
    scores = read_rankings(wide, format="wide_scores").entry_scores
    assert scores is not None
    assert scores.tolist() == [2.0, 1.5, 3.25]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "p;7;a;1,5\np;7;b;2.5\n",
            "row 3: the score is '2.5', but '1,5' in row 2; write all decimals with",
        ),
        ("p;7;a;1.000,5\np;7;b;2,5\n", "row 2: the score is '1.000,5', but '2,5' in row 3"),
        ("p;7;a;1,5,2\np;7;b;2,5\n", "row 2: the score is '1,5,2'; give a number"),
    ],
)
def test_mixed_decimals_are_refused(write: Write, rows: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"v\.csv, " + message):
        read_rankings(write("v.csv", SCORES + rows))


def test_a_comma_among_commas_is_no_decimal(write: Write) -> None:
    text = 'prompt_id,annotator_id,response_id,score\np,7,a,"1,5"\np,7,b,2\n'
    with pytest.raises(ValueError, match="row 2: the score is '1,5'; give a number"):
        read_rankings(write("v.csv", text))


@pytest.mark.parametrize("text", ["\t".join, ",".join, ";".join])
def test_text_files_are_recognised_by_their_content(write: Write, text: Any) -> None:
    lines = [text(["prompt_id", "annotator_id", "ranking"]), text(["p", "ann", "a > b"])]
    assert ranks(read_rankings(write("v.txt", "\n".join(lines)))) == [[1, 2]]


@pytest.mark.parametrize("name", ["v.json", "v.jsonl", "v", "v.json.gz"])
@pytest.mark.parametrize("indent", [None, 2])
def test_arrays_of_objects_are_read(
    tmp_path: Path, name: str, indent: int | None, expected: dict[str, Any]
) -> None:
    import gzip

    data = json.dumps(RECORDS, indent=indent).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert content(read_rankings(tmp_path / name)) == expected


@pytest.mark.parametrize("name", ["v.json", "v.ndjson"])
def test_lines_of_objects_are_read_by_any_name(
    write: Write, name: str, expected: dict[str, Any]
) -> None:
    path = write(name, "\n".join(map(json.dumps, RECORDS)))
    assert content(read_rankings(path)) == expected


def test_an_array_on_standard_input_is_read(
    monkeypatch: pytest.MonkeyPatch, expected: dict[str, Any]
) -> None:
    set_stdin(monkeypatch, json.dumps(RECORDS).encode())
    assert content(read_rankings("-")) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "the array is empty"),
        ("[1]", "object 1: found '1'; give an array of objects"),
        ('[{"prompt_id": 1},\n{"prompt_id": }]', "line 2: not JSON"),
        (
            '[{"prompt_id": [1], "annotator_id": 1, "ranking": "a"}]',
            r"object 1: prompt_id is '\[1\]'",
        ),
        (
            '[{"prompt_id": "\\ud83d", "annotator_id": 1, "ranking": "a"}]',
            "object 1: .* half of a character",
        ),
        (json.dumps([*RECORDS, {"prompt_id": "p"}]), "object 4: the (annotator_id|score) is empty"),
        ('{\n"data": []\n}', "line 1: not JSON .*; give one JSON object per line"),
    ],
)
def test_an_array_is_refused_with_its_object(write: Write, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"v\.json(, |: )" + message):
        read_rankings(write("v.json", text))


@pytest.mark.parametrize("suffix", ["arrow", "feather", "ipc"])
def test_arrow_files_are_read(tmp_path: Path, suffix: str, expected: dict[str, Any]) -> None:
    table, path = pa.table(COLUMNS), tmp_path / f"v.{suffix}"
    feather.write_feather(table, path)
    assert content(read_rankings(path)) == expected
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    assert content(read_rankings(path)) == expected
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match="cannot be read as Arrow"):
        read_rankings(path)


@pytest.mark.parametrize("name", ["v.csv", "v.txt", "v.jsonl"])
def test_a_binary_file_is_known_by_its_content(
    tmp_path: Path, name: str, expected: dict[str, Any]
) -> None:
    pq.write_table(pa.table(COLUMNS), tmp_path / name)
    assert content(read_rankings(tmp_path / name)) == expected
    feather.write_feather(pa.table(COLUMNS), tmp_path / name)
    assert content(read_rankings(tmp_path / name)) == expected
    path = workbook(tmp_path / "v.xlsx", {"Votes": ROWS})
    path.rename(tmp_path / name)
    assert content(read_rankings(tmp_path / name)) == expected


def test_a_sheet_is_read(tmp_path: Path, expected: dict[str, Any]) -> None:
    blank = [None] * 4
    rows = [blank, ROWS[0], *ROWS[1:3], blank, ROWS[3], blank]
    path = workbook(tmp_path / "v.xlsx", {"Votes": rows, "Empty": []})
    rankings = read_rankings(path)
    assert content(rankings) == expected
    assert rankings.annotator_ids == ["7", "8"]
    numbered = [[i or None, *row] for i, row in enumerate(ROWS)]  # pandas writes a column like this
    assert content(read_rankings(workbook(path, {"Votes": numbered}))) == expected
    wide: list[list[Any]] = [["voter", "a", "b"], ["ann", 1, 2], ["bob", None, 1]]
    rankings = read_rankings(
        workbook(path, {"Votes": wide}), format="wide_ranks", columns="annotator_id=voter"
    )
    assert ranks(rankings) == [[1, 2], [0, 1]]
    assert rankings.prompt_ids == ["v"]


def test_a_sheet_of_several_must_be_named(tmp_path: Path, expected: dict[str, Any]) -> None:
    path = workbook(tmp_path / "v.xlsx", {"Notes": [["x"]], "Round 2": ROWS})
    with pytest.raises(
        ValueError, match=r"several sheets have cells, Notes, Round 2; name one .*xlsx#Notes"
    ):
        read_rankings(path)
    assert content(read_rankings(f"{path}#Round 2")) == expected
    with pytest.raises(ValueError, match="there is no sheet 'Round 3'; choose from Notes, Round 2"):
        read_rankings(f"{path}#Round 3")


def test_values_of_a_sheet_become_the_text_that_it_shows(tmp_path: Path) -> None:
    header = ["prompt_id", "annotator_id", "response_id", "rank"]
    day = datetime.datetime(2024, 5, 1)
    path = workbook(
        tmp_path / "v.xlsx",
        {"A": [header, ["007", 1.0, day, 1], ["007", 1, True, 2], ["007", 1, 2.5, 3]]},
    )
    rankings = read_rankings(path)
    assert rankings.prompt_ids == ["007"]
    assert rankings.annotator_ids == ["1"]
    assert rankings.responses("007") == ["2.5", "2024-05-01", "true"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [ROWS[0], ["p", 7, "a", "#N/A"]],
            "row 2: the cell D2 of the sheet 'A' has the error #N/A",
        ),
        ([ROWS[0], ["p", 7, "a", "x"]], "row 2: the score is 'x'; give a number"),
        (
            [[], ROWS[0], [], ["p", 7, "a", None]],
            "1 empty score \\(row 4\\); mend it, or leave it out",
        ),
        ([ROWS[0], ["p", 7, "a", 1, "note"]], "row 2: the cell in column E has no name above it"),
        ([ROWS[0]], "there is no row below the header"),
        ([[*ROWS[0], "score"], ["p", 7, "a", 1, 2]], "two columns are named 'score'"),
        ([], "the file is empty"),
    ],
)
def test_a_sheet_is_refused_with_its_row(
    tmp_path: Path, rows: list[list[Any]], message: str
) -> None:
    path = workbook(tmp_path / "v.xlsx", {"A": rows})
    with pytest.raises(ValueError, match=r"v\.xlsx(, |: )" + message):
        read_rankings(path)


def test_a_file_that_is_no_workbook_is_refused(write: Write) -> None:
    pytest.importorskip("openpyxl")
    for data in (b"PK\x03\x04 and nothing else", b"\xd0\xcf\x11\xe0 of an old Excel"):
        with pytest.raises(ValueError, match=r"v\.xlsx: cannot be read as an Excel workbook"):
            read_rankings(write("v.xlsx", data))


def test_a_workbook_without_openpyxl_says_what_to_install(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    hint = re.escape(pip_install("excel"))
    with pytest.raises(ValueError, match=f"needs openpyxl; run {hint}, or save"):
        read_rankings(write("v.xlsx", io.BytesIO(b"PK\x03\x04").getvalue()))


def test_a_comma_file_may_have_semicolons_in_cells(write: Write) -> None:
    path = write("v.csv", LONG + "p;q,u,a,1\np;q,u,b,2\n")
    assert read_rankings(path).prompt_ids == ["p;q"]
