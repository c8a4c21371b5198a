"""Saving pictures: the same figure gives the same bytes. This module needs matplotlib."""

import io
from collections.abc import Mapping
from html import escape
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from rlchf.io.atomic import atomic_write

METADATA: dict[str, dict[str, None]] = {"svg": {"Date": None}, "png": {"Software": None}}


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to a file that ends in ``.svg`` or ``.png``."""
    with atomic_write(path) as file:
        file.write(_picture(figure, Path(path).suffix[1:]))


def save_all(figures: Mapping[str, Figure], folder: str | Path) -> list[Path]:
    """Write each figure as SVG and PNG.

    Returns
    -------
    The files, in the folder, which is created if it does not exist.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / f"{name}.{end}": name for name in figures for end in ("svg", "png")}
    for path, name in paths.items():
        save(figures[name], path)
    return list(paths)


def svg_text(figure: Figure, description: str = "") -> str:
    """The figure as an SVG element to put into a page, with a description for those who do not see it."""
    text = _picture(figure, "svg").decode()
    text = text[text.index("<svg") :]
    if description:
        label = escape(description, quote=True)
        text = text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return text


def _picture(figure: Figure, format: str) -> bytes:
    picture = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "rlchf"}):
        figure.savefig(picture, format=format, dpi=150, metadata=METADATA[format])
    return picture.getvalue()
