"""The tutorials as notebooks: an extension of Sphinx, and what the tests make of the same pages.

A page's ``console`` blocks become cells of shell commands, its ``python`` blocks cells of Python, its
``py`` blocks cells that need another package, and everything else prose. A notebook holds the example
files that its page names, so that it runs in any folder in which rlchf is installed.
"""

import base64
import doctest
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parents[2]
TUTORIALS = sorted(
    page for page in (ROOT / "docs" / "tutorials").glob("*.md") if page.stem != "index"
)
FOLDER = "_static/notebooks"
UNTESTED = "needs-another-package"

_BLOCK = re.compile(r"^```(console|python|py)\n(.*?)^```\n?", re.M | re.S)
_FILE = re.compile(r"\b(?:examples|tests/data/sources)/[\w./-]+")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)]+)\)")

UNPACK = """\
# The files of this tutorial, which are not in every installation of rlchf.
import base64, io, zipfile
from pathlib import Path

FILES = "{files}"
with zipfile.ZipFile(io.BytesIO(base64.b64decode(FILES))) as archive:
    for name in archive.namelist():
        if not Path(name).exists():
            archive.extract(name)

"""
SETUP = """\
import os, sys
from pathlib import Path

# The commands of this environment, and the width of the output on the page.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ["COLUMNS"] = "110"
"""


def notebook(page: Path, base_url: str = "") -> Any:
    """A tutorial as a notebook.

    Each code cell has what the page shows below it as ``cell.metadata["shown"]``.

    Parameters
    ----------
    base_url
        Address of the site, for links to other pages; without it they are plain text.
    """
    text = page.read_text(encoding="utf-8")
    end = text.index("\n## ")
    cells = [_prose(text[:end], page, base_url), _code(_setup(text), "")]
    for block in _BLOCK.finditer(text):
        cells.append(_prose(text[end : block.start()], page, base_url))
        if block[1] == "py":
            cells.append(nbformat.v4.new_code_cell(block[2].strip(), metadata={"tags": [UNTESTED]}))
        else:
            parts = _commands(block[2]) if block[1] == "console" else _statements(block[2])
            cells.extend(_code(source, shown) for source, shown in parts)
        end = block.end()
    cells.append(_prose(text[end:], page, base_url))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(
        cells=[cell for cell in cells if cell.source],
        metadata={"kernelspec": kernel, "language_info": {"name": "python"}},
    )
    for n, cell in enumerate(made.cells):
        cell["id"] = f"cell-{n}"  # the same page is the same notebook, to the byte
    return made


def _setup(text: str) -> str:
    """The first cell of code: the example files that a page names, in a zip archive, and settings."""
    blocks = "".join(block[2] for block in _BLOCK.finditer(text))
    paths = {ROOT / name.rstrip("./") for name in _FILE.findall(blocks)}
    files = {file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])}
    if not files:
        return SETUP
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(file for file in files if file.is_file() and file.suffix != ".pyc"):
            name = file.relative_to(ROOT).as_posix()
            archive.writestr(zipfile.ZipInfo(name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return UNPACK.format(files=base64.b64encode(packed.getvalue()).decode()) + SETUP


def _commands(block: str) -> Iterator[tuple[str, str]]:
    """Each ``$ command`` of a block, with what the page shows below it."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command = re.findall(r"\A(?:.*\\\n)*.*", part)[0]  # a line may go on after a backslash
        if set(command) & set("${}"):
            raise ValueError(f"a notebook would replace what is in the braces of: {command}")
        yield f"!{command}", part[len(command) + 1 :]


def _statements(block: str) -> Iterator[tuple[str, str]]:
    """The cells of a block: each ends with a statement that has output.

    A block that begins with a comment such as ``# my_rule.py`` is that file.
    """
    if file := re.match(r"# (\w+\.py)\n", block):
        yield f"%%writefile {file[1]}\n{block[file.end() :].strip()}", f"Writing {file[1]}"
        return
    if not block.startswith(">>>"):
        yield block.strip(), ""
        return
    source = ""
    for example in doctest.DocTestParser().get_examples(block):
        source += example.source
        if example.want:
            yield source.strip(), example.want
            source = ""
    if source:
        yield source.strip(), ""


def _code(source: str, shown: str) -> Any:
    return nbformat.v4.new_code_cell(source, metadata={"shown": shown} if shown else {})


def _prose(text: str, page: Path, base_url: str) -> Any:
    """A cell of prose, with its pictures attached."""
    cell = nbformat.v4.new_markdown_cell()
    pictures = {}

    def link(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        path = page.parent / target.partition("#")[0]
        if picture:
            pictures[path.name] = {"image/png": base64.b64encode(path.read_bytes()).decode()}
            return f"![{words}](attachment:{path.name})"
        if not base_url:
            return words
        there = path.resolve().relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        return f"[{words}]({base_url.rstrip('/')}/{there}{''.join(target.partition('#')[1:])})"

    cell.source = _LINK.sub(link, text).strip()
    if pictures:
        cell["attachments"] = pictures
    return cell


def offer(app: Any, name: str, source: list[str]) -> None:
    """Put the link to its notebook below a tutorial's title."""
    if name in {f"tutorials/{page.stem}" for page in TUTORIALS}:
        title, _, rest = source[0].partition("\n")
        address = f"../{FOLDER}/{Path(name).name}.ipynb"
        link = f'<a href="{address}" download>Download this page as a notebook</a>'
        source[0] = f"{title}\n\n{link}\n{rest}"


def write(app: Any, error: Exception | None) -> None:
    """Write the notebooks where the links lead."""
    if error is None and app.builder.format == "html":
        folder = Path(app.outdir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for page in TUTORIALS:
            made = notebook(page, app.config.html_baseurl)
            for cell in made.cells:
                cell.metadata.pop("shown", None)
            nbformat.write(made, folder / f"{page.stem}.ipynb")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("source-read", offer)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
