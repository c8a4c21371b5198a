"""What becomes of given shares, from the ballots to the texts. This module needs matplotlib."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlchf.plots.save import describe
from rlchf.plots.style import COLOURS, short, tidy
from rlchf.report.shares import by_stage

COLUMNS = {
    "ballots": "ballots",
    "aggregated": "collective\nrankings",
    "reward model, held out": "reward model,\nheld out",
    "policy before PPO": "texts\nbefore PPO",
    "policy after PPO": "texts\nafter PPO",
}
"""The stages from left to right, and their names in the picture."""
BETWEEN = 2.5
"""Where the target is written: between the reward model and the texts before PPO."""
BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
STYLES = (("o", "-", COLOURS[0]), ("s", "--", COLOURS[1]))
"""Marker, line and colour: they differ in more than colour."""


def kept_plot(summary: Mapping[str, Any]) -> Figure:
    """A panel per label: its share at every stage, the target, and the run to compare with.

    Parameters
    ----------
    summary
        What ``report.json`` of a run with share targets holds.
    """
    targets = summary["targets"]
    figure = Figure(figsize=(7.6, 0.6 + 2.9 * len(targets)), layout="constrained")
    panels = figure.subplots(len(targets), 1, sharex=True, squeeze=False).ravel()
    runs = {f"{summary['rule']}, share targets": summary["shares"]}
    if "compared" in summary:
        compared = summary["compared"]
        runs[f"{compared['rule']}, KL penalty alone"] = compared["shares"]
    for axes, (label, target) in zip(panels, targets.items(), strict=True):
        for n, (name, rows) in enumerate(runs.items()):
            _line(axes, by_stage(rows, label, several=len(targets) > 1), name, n)
        axes.axhline(target, color="0.35", lw=1.2, ls=":", label="target")
        axes.annotate(
            f"target {target:.2f}",
            (BETWEEN, target),
            ha="center",
            va="center",
            color="0.2",
            bbox=BOX,
        )
        axes.set(ylabel=f"share of {short(label)}", ylim=(-0.02, None))
        axes.set_xticks(range(len(COLUMNS)), list(COLUMNS.values()))
        axes.set_xlim(-0.4, len(COLUMNS) - 0.45)
        tidy(axes)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False)
    return describe(figure, in_words(summary, runs))


def in_words(summary: Mapping[str, Any], runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The picture for those who do not see it: every share at every stage."""
    parts = []
    for label, target in summary["targets"].items():
        for name, rows in runs.items():
            line = by_stage(rows, label, several=len(summary["targets"]) > 1)
            shares = [
                f"{COLUMNS[s]} {row['share']:.2f}".replace("\n", " ") for s, row in line.items()
            ]
            parts.append(f"{label}, target {target:.2f}, {name}: {', '.join(shares)}")
    return f"Lines: shares from the ballots to the texts. {'; '.join(parts)}."


def _line(axes: Axes, line: Mapping[str, Mapping[str, Any]], name: str, n: int) -> None:
    """Draw one run: its shares with their intervals, and the last one in figures."""
    marker, style, colour = STYLES[n]
    order = list(COLUMNS)
    x = np.array([order.index(stage) for stage in line]) + (-0.05 if n else 0.05)
    share, low, high = (
        np.array([row[key] for row in line.values()]) for key in ("share", "low", "high")
    )
    axes.errorbar(
        x, share, yerr=[share - low, high - share], fmt=marker, color=colour, capsize=3, ms=6
    )
    texts = np.array([stage.startswith("policy") for stage in line])
    for part in (~texts, texts):  # the policy starts from its own share
        axes.plot(x[part], share[part], marker=marker, ls=style, lw=1.5, color=colour)
    axes.plot([], [], marker=marker, ls=style, lw=1.5, color=colour, label=name)
    place = (x[-1] + 0.1, share[-1])
    text = f"{share[-1]:.2f}"
    axes.annotate(text, place, va="center", color=colour, weight="bold", bbox=BOX, zorder=3)
