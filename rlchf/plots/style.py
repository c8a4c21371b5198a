"""The look that the pictures share."""

import textwrap
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000")

DASHES = ("-", "--", "-.")
"""Styles of lines, so that lines differ in more than colour."""

TITLE = 60
"""Characters of a name in a title, which may take several lines."""


def short(name: str, longest: int = 28) -> str:
    """A name for a picture: of 28 characters at most where there is little room, and no mathematics.

    Examples
    --------
    >>> short("US$ to EUR$")
    'US\\\\$ to EUR\\\\$'
    """
    name = name if len(name) <= longest else name[: longest - 1] + "…"
    return name.replace("$", r"\$")


def head(figure: Figure, title: str) -> None:
    """Write the title over the whole picture, in as many lines as its width needs."""
    width = int(10.5 * figure.get_figwidth())  # letters of this size
    figure.suptitle(textwrap.fill(title, width), x=0.01, ha="left", fontsize=11)


def tidy(axes: Axes, grid: Literal["both", "x"] = "both") -> None:
    """Draw a light grid, and no frame at the top and on the right."""
    axes.grid(axis=grid, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
