"""Saving pictures: the same figure gives the same bytes. This module needs matplotlib."""

import io
from collections.abc import Mapping
from html import escape
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from rlchf.io.atomic import atomic_write, write_files

METADATA: dict[str, dict[str, str | None]] = {"svg": {"Date": None}, "png": {"Software": None}}


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to a file that ends in ``.svg`` or ``.png``, with its description."""
    with atomic_write(path) as file:
        file.write(_picture(figure, Path(path).suffix[1:]))


def save_all(figures: Mapping[str, Figure], folder: str | Path) -> list[Path]:
    """Write each figure as SVG and PNG.

    Returns
    -------
    The files, in the folder, which is created if it does not exist.
    """
    pictures = {
        Path(folder) / f"{name}.{end}": _picture(figure, end)
        for name, figure in figures.items()
        for end in ("svg", "png")
    }
    write_files(pictures)
    return list(pictures)


def svg_text(figure: Figure, description: str = "") -> str:
    """The figure as an SVG element to put into a page, with a description for those who do not see it."""
    if description:
        describe(figure, description)
    text = _picture(figure, "svg").decode()
    return text[text.index("<svg") :]


def describe(figure: Figure, description: str) -> Figure:
    """Give a figure a description for those who do not see it, which is saved with it."""
    figure.set_label(description)
    return figure


def _picture(figure: Figure, format: str) -> bytes:
    picture = io.BytesIO()
    description, metadata = str(figure.get_label() or ""), METADATA[format]
    if description and format == "png":
        metadata = metadata | {"Description": description}
    with mpl.rc_context({"svg.hashsalt": "rlchf"}):
        figure.savefig(picture, format=format, dpi=150, metadata=metadata)
    data = picture.getvalue()
    if description and format == "svg":
        label = escape(description, quote=True)
        data = data.replace(b"<svg", f'<svg role="img" aria-label="{label}"'.encode(), 1)
    return data
