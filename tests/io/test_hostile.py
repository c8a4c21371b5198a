"""Broken and hostile inputs: each is read, or refused in one sentence that names the file."""

import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import rlchf
from tests.support.hostile import CASES, EITHER, GOOD, Case

MEMORY = 2 * 2**30
"""Bytes that an input may make a command take."""


@pytest.fixture(autouse=True, scope="module")
def _little_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_there_are_as_many_inputs_as_the_documentation_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guide" / "data" / "limits.md").read_text(
        encoding="utf-8"
    )
    assert f"{len(CASES)} inputs" in page


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_an_input_is_read_or_refused_in_one_sentence(case: Case, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    file = tmp_path / case.name
    file.write_bytes(case.content)
    before = sorted(tmp_path.iterdir())
    places = {"file": str(file), "folder": str(tmp_path)}
    command = [
        part.format(**places) if part.startswith(("{file}", "{folder}")) else part
        for part in case.command
    ]
    done = rlchf(*command)
    assert "Traceback" not in done.stderr
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout + done.stderr)
    if case.said == EITHER:
        assert done.returncode in (0, 2)
    elif case.said:
        assert done.returncode == 2, done.stderr
        assert re.search(case.said, done.stderr), done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert len(done.stderr) < 5_000
        assert done.stdout == ""
    else:
        assert done.returncode == 0, done.stderr
    assert sorted(tmp_path.iterdir()) == before
