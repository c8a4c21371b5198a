"""The table of formats: a new one is one file."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlchf.io import formats, read_rankings
from rlchf.rankings import Rankings
from tests.support.files import Write, ranks

POINTS = '''
"""Points: each row is one response that an annotator gave points."""

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.io.formats.long import gather_rows


def read_points(table: Table, unranked: str) -> Entries:
    table.require("prompt_id", "annotator_id", "response_id", "points")
    return gather_rows(table, entry_scores=table.numbers("points", "give a number"))


FORMAT = Format(
    name="points",
    shape="response_id and points",
    columns=("response_id", "points"),
    marks=("points",),
    read=read_points,
)
'''


@pytest.fixture
def points_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file more in the folder of formats."""
    (tmp_path / "points.py").write_text(POINTS)
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    formats.formats.cache_clear()
    importlib.invalidate_caches()
    yield
    formats.formats.cache_clear()
    sys.modules.pop("rlchf.io.formats.points", None)


@pytest.mark.usefixtures("points_format")
def test_a_new_format_is_one_file(write: Write) -> None:
    path = write("v.csv", "prompt_id,annotator_id,response_id,points\np,ann,a,2\np,ann,b,7\n")
    for format in ("auto", "points"):
        assert ranks(read_rankings(path, format=format)) == [[2, 1]]
    frame = {"prompt_id": ["p"], "annotator_id": ["ann"], "response_id": ["a"], "points": ["x"]}
    with pytest.raises(ValueError, match="table, row 1: the points is 'x'; give a number"):
        Rankings.from_frame(frame)
    with pytest.raises(
        ValueError, match=r"choose from auto, .*, points, .*preflib; did you mean poi"
    ):
        read_rankings(path, format="point")
    with pytest.raises(ValueError, match=r"fit no format; .* response_id and points \(points\)"):
        read_rankings(write("w.csv", "prompt_id,annotator_id\np,ann\n"))


def test_formats_have_marks_of_their_own() -> None:
    marks = [frozenset(format.marks) for format in formats.formats().values() if not format.named]
    assert len(set(marks)) == len(marks)
    for format in formats.formats().values():
        assert set(format.marks) <= set(format.columns)
        assert bool(format.marks) != format.named


def test_a_ranking_beside_a_response_is_refused(write: Write) -> None:
    path = write("v.csv", "prompt_id,annotator_id,response_id,ranking\np,ann,a,1\np,ann,b,2\n")
    with pytest.raises(
        ValueError, match="rename 'ranking' to 'rank' if it holds one response's rank"
    ):
        read_rankings(path)
