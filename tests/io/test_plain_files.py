"""Large csv and jsonl files are read block by block, to the same rankings or the same refusal."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf.io import plain_files, read_rankings
from rlchf.io.plain_files import plain_file
from rlchf.io.plans import Reading
from rlchf.rankings import Rankings
from tests.io.test_plain_rows import differences, random_rows

AUTO = Reading("auto", {})


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_files, "LARGE_BYTES", 0)
    monkeypatch.setattr(plain_files, "BLOCK", 700)


def by_blocks(path: Path) -> Rankings | None:
    read = plain_file(str(path), str(path), AUTO)
    return None if read is None else Rankings(**read)


def whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> Rankings:
    """The rankings by the readers of whole files."""
    with monkeypatch.context() as patch:
        patch.setattr(plain_files, "LARGE_BYTES", 2**60)
        return read_rankings(path)


def csv_text(columns: dict[str, list[Any]]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


def jsonl_text(columns: dict[str, list[Any]]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows)


WRITERS: dict[str, Callable[[dict[str, list[Any]]], str]] = {
    "csv": csv_text,
    "tsv": lambda columns: csv_text(columns).replace(",", "\t"),
    "jsonl": jsonl_text,
}


def odd_ids(columns: dict[str, list[Any]], seed: int) -> dict[str, list[Any]]:
    """The same rows with ids of other kinds: with blanks at their ends, beyond ASCII, or numbers."""
    columns = {"note": [True] * len(columns["prompt_id"]), **columns}
    columns["prompt_id"] = [
        p.replace("p ", ("é", "", "p ")[seed % 3]) for p in columns["prompt_id"]
    ]
    columns["annotator_id"] = [a + " " * (i % 2) for i, a in enumerate(columns["annotator_id"])]
    if seed % 3 == 1:
        columns["prompt_id"] = list(map(int, columns["prompt_id"]))
    weights = {
        a: float(i) for i, a in enumerate(dict.fromkeys(map(str.strip, columns["annotator_id"])))
    }
    return {**columns, "weight": [weights[a.strip()] for a in columns["annotator_id"]]}


@pytest.mark.parametrize("value", ["rank", "score"])
@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("seed", range(6))
def test_blocks_give_the_rankings_of_the_whole_file(
    seed: int, suffix: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = odd_ids(random_rows(np.random.default_rng(seed), value), seed)
    path = tmp_path / f"votes.{suffix}"
    path.write_text(WRITERS[suffix](columns))
    read = by_blocks(path)
    assert read is not None
    assert differences(read, whole(path, monkeypatch)) == []


PLAIN = """prompt_id,annotator_id,response_id,rank
p,ann,a,1
p,ann,b,2
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("b,2\n", "b,2\n\np,bob,a,1\np,bob,b,1\n"),
        ("p,ann,a,1", 'p,"ann",a,1'),
        ("p,ann", '"p, ""q""","ann"'),
        ("rank\n", "rank\r\n"),
        ("prompt_id,a", '"prompt_id",a'),
    ],
)
def test_some_oddities_of_csv_are_plain_all_the_same(
    old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "votes.csv"
    path.write_bytes(PLAIN.replace(old, new).encode())
    read = by_blocks(path)
    assert read is not None
    assert differences(read, whole(path, monkeypatch)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("p,ann,a,1", 'p,"ann,a,1'),
        ("p,ann,a,1", 'p,a"n"n,a,1'),
        ("p,ann,a,1", 'p,"ann"x,a,1'),
        ("p,ann,a,1", 'p,"an\nn",a,1'),
        ("p,ann,a,1", "p,ann,a"),
        ("p,ann,a,1", "p,ann,a,1,2"),
        ("p,ann,a,1", ",ann,a,1"),
        ("p,ann,a,1", " ,ann,a,1"),
        ("p,ann,a,1", "p,ann,a,"),
        ("p,ann,a,1", "p,ann,a,0"),
        ("p,ann,a,1", "p,ann,a,first"),
        ("p,ann,a,1", "p,ann,a,nan"),
        ("p,ann,b,2", "prompt_id,annotator_id,response_id,rank"),
        ("p,ann,b,2\n", ""),
        ("p,ann,b,2", "p,ann,a,2"),
        ("p,ann,b,2", "p,ann,\udcff,2"),
        ("p,ann,b,2", "p,ann,a > b,2"),
        ("annotator_id", "prompt_id"),
        ("rank", "place"),
        ("response_id,rank", "response_id,approval"),
    ],
)
def test_csv_that_is_not_plain_is_left_to_the_reader_of_whole_files(
    old: str, new: str, tmp_path: Path
) -> None:
    path = tmp_path / "votes.csv"
    path.write_bytes(PLAIN.replace(old, new).encode("utf-8", "surrogateescape"))
    assert by_blocks(path) is None


def test_a_line_beyond_the_limit_is_left_to_the_reader_of_whole_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "votes.csv"
    path.write_text(PLAIN + f"p,{'x' * 2000},a,1\np,{'x' * 2000},b,1\n")
    assert by_blocks(path) is not None
    monkeypatch.setenv("RLCHF_MAX_LINE", "800")
    assert by_blocks(path) is None
    monkeypatch.setenv("RLCHF_MAX_LINE", "600")
    assert by_blocks(path) is None


@pytest.mark.parametrize("name", ["none.csv", "a\0b.csv", "folder.csv", "x" * 300 + ".csv"])
def test_what_cannot_be_opened_is_left_to_the_reader_of_whole_files(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert by_blocks(tmp_path / name) is None


def test_a_file_that_cannot_be_read_is_left_to_the_reader_of_whole_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "votes.csv"
    path.write_text(PLAIN)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert by_blocks(path) is None


def test_a_compressed_file_is_left_to_the_reader_of_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv.gz"
    path.write_bytes(gzip.compress(PLAIN.encode()))
    assert by_blocks(path) is None
    assert read_rankings(path).n_ballots == 1


LINES = (
    '{"prompt_id": "p", "annotator_id": "ann", "response_id": "a", "rank": 1}\n'
    '{"prompt_id": "p", "annotator_id": "ann", "response_id": "b", "rank": 2}\n'
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"b", "rank": 2', '"b"'),
        ('"rank": 2', '"rank": null'),
        ('"rank": 2', '"rank": NaN'),
        ('"rank": 2', '"rank": "2"'),
        ('"rank": 2', '"rank": true'),
        ('"rank": 2', '"rank": 02'),
        ('"rank": 2', '"rank": 2, "weight": 3'),
        ('"rank": 2', '"rank": 2, "rank": 1'),
        ('"rank": 2', '"rank": {"x": 2}'),
        ('"b"', "7"),
        ('"b"', '"\\ud800"'),
        ('"b"', '"b\tc"'),
        ('"b"', '["b"]'),
        ("}\n{", "}{"),
        ("}\n{", "},\n{"),
        ("}\n{", "}\n\n{"),
        ('"p", "annotator_id"', '"p",\n"annotator_id"'),
        ('"b"', '"\udcff"'),
        ('"prompt_id": "p", ', '"note": {"x": 1}, "prompt_id": "p", '),
    ],
)
def test_jsonl_that_is_not_plain_is_left_to_the_reader_of_whole_files(
    old: str, new: str, tmp_path: Path
) -> None:
    path = tmp_path / "votes.jsonl"
    path.write_bytes(LINES.replace(old, new).encode("utf-8", "surrogateescape"))
    assert by_blocks(path) is None


def test_plain_lines_may_have_other_keys_and_escapes(tmp_path: Path) -> None:
    path = tmp_path / "votes.jsonl"
    path.write_text(LINES.replace('"rank"', '"note": "a \\"\\u00e9\\n", "x": -1.5e3, "rank"'))
    assert by_blocks(path) is not None


def test_lines_of_jsonl_that_differ_in_form_are_read_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = ["-0", "-0.0", "-0.5", "1e2", "0", "9007199254740991", "2.50"]
    forms = [
        '{"prompt_id": "p", "annotator_id": 7, "score": %s, "response_id": "r%d"}',
        '{"prompt_id":"p","annotator_id":7,"score":%s,"response_id":"r%d"} ',
        '{"annotator_id": 7, "response_id": "r\\n%d", "prompt_id": "p", "score": %s}',
    ]
    lines = [forms[0] % (score, i) for i, score in enumerate(scores)]
    lines += [forms[1] % (score, i + 10) for i, score in enumerate(scores)]
    lines += [forms[2] % (i + 20, score) for i, score in enumerate(scores)]
    path = tmp_path / "votes.jsonl"
    for each in (lines, lines[::-1]):
        path.write_text("\n".join(each))
        read = by_blocks(path)
        assert read is not None
        assert read.entry_scores is not None
        assert differences(read, whole(path, monkeypatch)) == []
        assert not np.signbit(read.entry_scores[read.entry_scores == 0]).any()


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_large_file_is_read_whole_only_where_it_is_not_plain(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns: dict[str, list[Any]] = {
        "prompt_id": ["p", "p"],
        "annotator_id": ["ann", "ann"],
        "response_id": ["a", "b"],
        "rank": [1, 2],
    }
    path = tmp_path / f"votes.{suffix}"
    path.write_text(WRITERS[suffix](columns))

    def refuse(path: object) -> bytes:
        raise AssertionError(f"{path} is read whole")

    with monkeypatch.context() as patch:
        patch.setattr("rlchf.io.rankings.read_bytes", refuse)
        assert read_rankings(path).n_ballots == 1
    path.write_text(WRITERS[suffix]({**columns, "rank": [1, 0]}))
    with pytest.raises(ValueError, match="the rank is 0; 1 is best"):
        read_rankings(path)
