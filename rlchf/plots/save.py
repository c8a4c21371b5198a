"""Saving pictures: the same figure gives the same bytes. This module needs matplotlib."""

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from rlchf.io.atomic import atomic_write

METADATA: dict[str, dict[str, None]] = {"svg": {"Date": None}, "png": {"Software": None}}


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to a file that ends in ``.svg`` or ``.png``."""
    with atomic_write(path) as file:
        file.write(_picture(figure, Path(path).suffix[1:]))


def svg_text(figure: Figure) -> str:
    """The figure as an SVG element to put into a page."""
    text = _picture(figure, "svg").decode()
    return text[text.index("<svg") :]


def _picture(figure: Figure, format: str) -> bytes:
    picture = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "rlchf"}):
        figure.savefig(picture, format=format, dpi=150, metadata=METADATA[format])
    return picture.getvalue()
