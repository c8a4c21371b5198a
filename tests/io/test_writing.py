"""Tables out: complete or absent."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf.io import (
    atomic_write,
    read_table,
    table_format,
    write_table,
)
from rlchf.io.json import read_jsonl, write_json, write_jsonl
from tests.support.files import LONG, Write


@pytest.mark.parametrize(
    "name", ["t.csv", "t.tsv", "t.parquet", "t.jsonl", "t.csv.gz", "t.jsonl.zst"]
)
def test_a_table_comes_back_as_it_was_written_and_twice_the_same(tmp_path: Path, name: str) -> None:
    text = 'a, "b"\nc' if name == "t.tsv" else 'a,\t"b"\nc'
    columns = {"id": [text, "é", "007"], "score": np.array([0.1, -2.0, 1e300])}
    write_table(tmp_path / name, columns)
    first = (tmp_path / name).read_bytes()
    table = read_table(tmp_path / name)
    assert table.texts("id") == columns["id"]
    assert table.numbers("score", "").tolist() == [0.1, -2.0, 1e300]
    write_table(tmp_path / name, columns)
    assert (tmp_path / name).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    (tmp_path / name).write_text("old")

    def interrupted() -> None:
        with atomic_write(tmp_path / name) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        interrupted()
    assert (tmp_path / name).read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_write_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with atomic_write(tmp_path / "link.csv") as file:
        file.write(b"new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


def test_standard_output_is_written_in_one_piece(capfdbinary: Any) -> None:
    with atomic_write("-") as file:
        file.write(b"a")
        file.write(b"b")
    assert capfdbinary.readouterr().out == b"ab"


def test_standard_output_stays_empty_on_an_exception(capfdbinary: Any) -> None:
    def interrupted() -> None:
        with atomic_write("-") as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert capfdbinary.readouterr().out == b""


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"out\.csv: there is no folder .*nowhere.* to write to"),
        atomic_write(tmp_path / "nowhere" / "out.csv"),
    ):
        pass
    with pytest.raises(ValueError, match=r"out\.xlsx: unknown suffix '\.xlsx'; choose from \.csv"):
        table_format("out.xlsx")
    with pytest.raises(ValueError, match="out: no suffix; choose from"):
        table_format("out")


def test_reading_imports_neither_torch_nor_pandas(write: Write) -> None:
    path = write("v.csv", LONG + "p,ann,a,1\np,ann,b,2\n")
    program = (
        "import sys; import rlchf.rankings; heavy = {'pyarrow', 'pandas', 'torch'};"
        "assert not heavy & set(sys.modules);"
        f"from rlchf.io import read_rankings; read_rankings({str(path)!r});"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "['pyarrow']\n", done.stderr


def test_json_and_json_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    value = {"name": "é\u2028", "figures": [1, None, 0.5]}
    write_json(tmp_path / "x.json", value)
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == value
    assert write_jsonl(tmp_path / "x.jsonl.gz", [value, {}]) == 2
    assert read_jsonl(tmp_path / "x.jsonl.gz") == [value, {}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.json", "x.jsonl.gz"]


def test_rows_that_fail_leave_no_file(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield {"a": 1}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_jsonl(tmp_path / "x.jsonl", rows())
    assert list(tmp_path.iterdir()) == []
