"""The look that the pictures share."""

from typing import Literal

from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000")

DASHES = ("-", "--", "-.")
"""Styles of lines, so that lines differ in more than colour."""


def short(name: str) -> str:
    """A name for a picture: of 28 characters at most, and no mathematics.

    Examples
    --------
    >>> short("US$ to EUR$")
    'US\\\\$ to EUR\\\\$'
    """
    name = name if len(name) <= 28 else name[:27] + "…"
    return name.replace("$", r"\$")


def tidy(axes: Axes, grid: Literal["both", "x"] = "both") -> None:
    """Draw a light grid, and no frame at the top and on the right."""
    axes.grid(axis=grid, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
