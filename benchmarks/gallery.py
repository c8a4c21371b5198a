"""The pictures of the gallery, made by the commands that stand on its page.

    python benchmarks/gallery.py                     all of them
    python benchmarks/gallery.py "PPO" "Weights"     those under these headings, and the commands before them

The commands run in a temporary folder with a copy of ``examples/``. A picture ``audit-shares.svg`` of the
page is that file, or ``audit/shares.svg``, which they leave there; ``compare-people-2.svg`` is the second
chart of the section ``people`` of ``compare.html``, or of ``compare/report.html``. PNG files get 64 colours.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/gallery.md"
PICTURES = ROOT / "docs/images/gallery"
MOST = 80_000
"""Bytes of a picture, at most."""


def parts(page: str) -> dict[str, tuple[list[str], list[str]]]:
    """The commands and the pictures under each heading.

    Examples
    --------
    >>> parts("# Gallery\\n\\n## A\\n\\n```sh\\nrlchf rules\\n```\\n\\n![So.](images/gallery/a-b.svg)\\n")
    {'A': (['rlchf rules'], ['a-b.svg'])}
    """
    found = {}
    for section in page.split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.M | re.S)
        commands = [line for block in blocks for line in block.replace("\\\n  ", "").splitlines()]
        found[title] = (commands, re.findall(r"\]\(images/gallery/([^)]+)\)", text))
    return found


def picture(folder: Path, name: str) -> bytes:
    """A picture that the commands have left in a folder: a file, or a chart of a report."""
    for made in (folder / name.replace("-", "/", slashes) for slashes in range(3)):
        if made.exists():
            return made.read_bytes() if made.suffix == ".svg" else with_few_colours(made)
    report, section, number = name.rpartition(".")[0].split("-")
    pages = [folder / f"{report}.html", folder / report / "report.html"]
    html = next(page for page in pages if page.exists()).read_text(encoding="utf-8")
    return chart(html, section, int(number))


def with_few_colours(path: Path) -> bytes:
    """A PNG file with a palette, which is a third of its size."""
    small = io.BytesIO()
    Image.open(path).convert("RGB").quantize(64).save(small, "png", optimize=True)
    return small.getvalue()


def chart(html: str, section: str, number: int) -> bytes:
    """The static picture of a chart of a report, on white."""
    (part,) = re.findall(rf'<section id="{section}".*?</section>', html, flags=re.S)
    figure = re.findall(r'<figure class="chart">.*?</figure>', part, flags=re.S)[number - 1]
    (svg,) = re.findall(r"<svg .*?</svg>", figure, flags=re.S)
    white = '<rect width="100%" height="100%" fill="white"/>'
    return re.sub(r"^<svg[^>]*>", lambda opening: opening[0] + white, svg).encode()


def main() -> None:
    """Run the commands, copy the pictures."""
    wanted = sys.argv[1:]
    page = parts(PAGE.read_text(encoding="utf-8"))
    program = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"PATH": program, "SOURCE_DATE_EPOCH": "0", "NO_COLOR": "1", "COLUMNS": "110"}
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        for title, (commands, pictures) in page.items():
            if wanted and title not in wanted:
                continue
            for command in commands:
                print(command, flush=True)
                subprocess.run(
                    command, shell=True, cwd=folder, check=True, env=os.environ | settings,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            for file in pictures:
                data = picture(folder, file)
                assert len(data) <= MOST, f"{file} has {len(data)} bytes"
                (PICTURES / file).write_bytes(data)
                print(f"  {file}: {len(data):,} bytes", flush=True)


if __name__ == "__main__":
    main()
