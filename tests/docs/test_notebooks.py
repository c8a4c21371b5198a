"""The tutorials as notebooks: what a cell prints is what the page shows."""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from rlchf.cli.plain_console import PlainConsole
from rlchf.jobs.progress import stage
from tests.support.notebooks import extension, printed

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
notebooks = extension()
TUTORIALS = [pytest.param(page, id=page.stem) for page in notebooks.TUTORIALS]


def lines(text: str) -> list[str]:
    """Lines without what doctest does not compare: blanks at the end, and their number."""
    return [" ".join(line.split()) for line in text.strip().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS)
def test_the_cells_print_what_the_page_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one test, because a cell may need those before it; the pages' own tests leave tutorials out."""
    pytest.importorskip("torch")
    for name, value in {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    for name in ("COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    notebook = notebooks.notebook(page)
    if not find_spec("trl"):
        notebook.cells = [
            c for c in notebook.cells if notebooks.UNTESTED not in c.metadata.get("tags", [])
        ]
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code" and notebooks.UNTESTED not in cell.metadata.get("tags", []):
            assert lines(printed(cell)) == lines(cell.metadata.get("shown", "")), cell.source


@pytest.mark.parametrize("page", TUTORIALS)
def test_a_notebook_needs_no_other_file(page: Path, tmp_path: Path, monkeypatch: Any) -> None:
    notebook = notebooks.notebook(page)
    nbformat.validate(notebook)
    assert notebook == notebooks.notebook(page)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.search(r"\]\((?!https?://|attachment:)", prose)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setenv("COLUMNS", "80")
    exec(notebook.cells[1].source, {})
    code = "\n".join(cell.source for cell in notebook.cells[2:] if cell.cell_type == "code")
    for name in set(re.findall(r"\bexamples/[\w./-]+", code)):
        assert (tmp_path / name).exists(), name


def test_commands_of_a_notebook_print_no_control_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a kernel does
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = []
    for kernel in ("", "1"):
        if kernel:
            monkeypatch.setenv("JPY_PARENT_PID", kernel)
        PlainConsole().print(Text("positional", style="bold"))
        with stage("work"):
            pass
        shown.append("".join(capsys.readouterr()))
    assert "\x1b" in shown[0]
    assert "\x1b" not in shown[1]
    assert "work ..." in shown[1]


def test_links_lead_to_the_site_where_its_address_is_known() -> None:
    (page, *_) = notebooks.TUTORIALS
    notebook = notebooks.notebook(page, "https://example.org/docs/")
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "](https://example.org/docs/guide/" in prose


def test_every_tutorial_says_what_it_ends_in_and_shows_a_picture() -> None:
    assert len(TUTORIALS) == 5
    for page in notebooks.TUTORIALS:
        text = page.read_text(encoding="utf-8")
        assert text.splitlines()[2].startswith("You will have: ")
        assert "](../images/tutorials/" in text
        assert "## Common mistakes" in text
        assert "## What next" in text
