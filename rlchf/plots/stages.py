"""The picture of the shares from stage to stage. This module needs matplotlib."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from rlchf.auditing.stages import Got, Step

COLOURS = {
    "contested pairs": "#0072B2",
    "first places": "#D55E00",
    "mixed pairs": "#E69F00",
    "texts": "#009E73",
}
PANELS = 6  # groups that are drawn: those of the largest weight
ACROSS = 3


def stages_plot(steps: Sequence[Step]) -> Figure:
    """A panel per group: what it got at every stage, with its interval, and what it is due."""
    first = {got.name: got for step in steps for got in reversed(step.groups)}
    names = sorted(first, key=lambda name: -np.nan_to_num(first[name].due))[:PANELS]
    columns = max(1, min(len(names), ACROSS))
    rows = max(1, -(-len(names) // columns))
    high = 1.1 + 0.32 * max(len(steps), 3)
    figure = Figure(figsize=(2.9 + 3 * columns, rows * high), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        mine = [_of(step, name) for step in steps]
        for y, (step, got) in enumerate(zip(steps, mine, strict=True)):
            if got is None or np.isnan(got.share):
                continue
            colour = COLOURS[step.measure]
            if not np.isnan(got.low):
                axes.plot([got.low, got.high], [y, y], color=colour, lw=6, alpha=0.25,
                          solid_capstyle="butt")  # fmt: skip
            axes.plot(got.share, y, "o", ms=6, color=colour)
            if not np.isnan(got.due):
                axes.plot([got.due] * 2, [y - 0.5, y + 0.5], color="0.35", lw=1.2, ls="--")
        liked = max((got.prefers for got in mine if got), key=len)
        prefers = max(liked, key=lambda kind: liked[kind]) if liked else ""
        some = "mostly " if prefers and liked[prefers] < 0.9995 else ""
        axes.set_title(
            f"{name}\nprefers {some}{prefers}" if prefers else name, loc="left", fontsize=10
        )
        axes.set_xlim(-0.03, 1.03)
        axes.grid(axis="x", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    labels = [f"{step.stage}: {step.measure}" for step in steps]
    panels[0].set_yticks(range(len(steps)), labels, fontsize=9)
    panels[0].set_ylim(len(steps) - 0.5, -0.5)
    handles = [
        mpl.lines.Line2D([], [], color="0.35", lw=1.2, ls="--", label="share of the weight"),
        mpl.lines.Line2D([], [], color="0.4", marker="o", ls="", ms=6, label="got"),
        mpl.lines.Line2D([], [], color="0.4", lw=6, alpha=0.3, label="95 % interval"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _of(step: Step, name: str) -> Got | None:
    return next((got for got in step.groups if got.name == name), None)
