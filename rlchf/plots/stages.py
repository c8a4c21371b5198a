"""The groups' shares from stage to stage. This module needs matplotlib."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlchf.auditing.stages import CONTESTED, StageShares
from rlchf.plots.save import describe
from rlchf.plots.style import COLOURS, head, short, tidy

MEASURES = {
    "contested pairs": COLOURS[0],
    "first places": COLOURS[1],
    "mixed pairs": COLOURS[4],
    "texts": COLOURS[2],
}
PANELS = 6  # groups in the picture
COLUMNS = 3


def stages_plot(stages: Sequence[StageShares]) -> Figure:
    """A panel per group: its share at every stage with its interval, and its proportional share."""
    every = _in_order(stages)
    names = every[:PANELS]
    n_columns = max(1, min(len(names), COLUMNS))
    n_rows = max(1, -(-len(names) // n_columns))
    height = 1.1 + 0.32 * max(len(stages), 3)
    figure = Figure(figsize=(2.9 + 3 * n_columns, n_rows * height), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        _panel(axes, name, stages)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    labels = [f"{stage.stage}: {stage.measure}" for stage in stages]
    panels[0].set_yticks(range(len(stages)), labels, fontsize=9)
    panels[0].set_ylim(len(stages) - 0.5, -0.5)
    handles = [
        mpl.lines.Line2D([], [], color="0.35", lw=1.2, ls="--", label="share of the weight"),
        mpl.lines.Line2D([], [], color="0.35", lw=1.2, ls=":", label="a random order"),
        mpl.lines.Line2D([], [], color="0.4", marker="o", ls="", ms=6, label="share"),
        mpl.lines.Line2D([], [], color="0.4", lw=6, alpha=0.3, label="95 % interval"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    title = "Shares of the groups from stage to stage"
    if len(every) > len(names):
        title += (
            f": the {len(names)} of {len(every)} groups with the lowest shares of contested pairs"
        )
    head(figure, title)
    return describe(figure, _in_words(names, stages))


def _in_order(stages: Sequence[StageShares]) -> list[str]:
    """The groups: the largest first if there is a panel for each, else the lowest first."""
    weights: dict[str, float] = {}
    contested: dict[str, float] = {}
    every = [(stage.measure, group) for stage in stages for group in stage.groups]
    for measure, group in every:
        weight = float(np.nan_to_num(group.proportional_share))
        weights[group.name] = max(weights.get(group.name, 0.0), weight)
        if measure == CONTESTED and not np.isnan(group.share):
            contested[group.name] = min(contested.get(group.name, 1.0), group.share)
    if len(weights) <= PANELS:
        return sorted(weights, key=lambda name: -weights[name])
    return sorted(weights, key=lambda name: contested.get(name, 2.0))


def _in_words(names: Sequence[str], stages: Sequence[StageShares]) -> str:
    """Every group's share at every stage, for those who do not see the picture."""
    parts = []
    for name in names:
        shares = [
            f"{stage.stage} ({stage.measure}) {group.share:.2f}"
            for stage in stages
            for group in stage.groups
            if group.name == name and not np.isnan(group.share)
        ]
        parts.append(f"{name}: {', '.join(shares)}")
    return f"Dots: shares of the groups by stage. {'; '.join(parts)}."


def _panel(axes: Axes, name: str, stages: Sequence[StageShares]) -> None:
    """Draw one group's shares."""
    groups = [next((g for g in stage.groups if g.name == name), None) for stage in stages]
    for y, (stage, group) in enumerate(zip(stages, groups, strict=True)):
        if group is None or np.isnan(group.share):
            continue
        colour = MEASURES[stage.measure]
        if not np.isnan(group.low):
            interval = [group.low, group.high]
            axes.plot(interval, [y, y], color=colour, lw=6, alpha=0.25, solid_capstyle="butt")
        axes.plot(group.share, y, "o", ms=6, color=colour)
        if stage.measure == CONTESTED:
            axes.plot([0.5] * 2, [y - 0.5, y + 0.5], color="0.35", lw=1.2, ls=":")
        if not np.isnan(group.proportional_share):
            proportional = [group.proportional_share] * 2
            axes.plot(proportional, [y - 0.5, y + 0.5], color="0.35", lw=1.2, ls="--")
    prefers = max((group.prefers for group in groups if group), key=len)
    title = short(name)
    if prefers:
        category = max(prefers, key=lambda category: prefers[category])
        mostly = "mostly " if prefers[category] < 0.9995 else ""
        title = f"{title}\nprefers {mostly}{short(category)}"
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlim(-0.03, 1.03)
    tidy(axes, grid="x")
