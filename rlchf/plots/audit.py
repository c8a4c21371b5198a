"""The audit's pictures. This module needs matplotlib."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlchf.aggregation import Aggregation
from rlchf.auditing._tallies import tally
from rlchf.auditing.agreement import Agreement
from rlchf.auditing.groups import Groups
from rlchf.auditing.report import Audit, influences
from rlchf.auditing.sequences import Running, running
from rlchf.auditing.welfare import gini, lorenz, mean_weights
from rlchf.io.atomic import atomic_write
from rlchf.plots.stages import stages_plot
from rlchf.rankings import Rankings

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000")
LISTED = 24  # rows of a picture that names its rows
LINES = 8  # lines of a picture that names its lines
POINTS = 1000  # of a line


def write_plots(
    folder: str | Path,
    rankings: Rankings,
    result: Aggregation,
    report: Audit,
    groups: Groups | None = None,
) -> list[Path]:
    """Draw shares, satisfaction over the prompts, Lorenz curves and stages, each as SVG and PNG.

    Returns
    -------
    The files, in the folder, which is made if need be.
    """
    figures = {
        "shares": shares_plot(report),
        "satisfaction": satisfaction_plot(running(rankings, result, groups), report.rule),
        "lorenz": lorenz_plot(rankings, result, report),
    }
    if any(step.groups for step in report.steps):
        figures["stages"] = stages_plot(report.steps)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in figures.items():
        for kind in ("svg", "png"):
            drawn = io.BytesIO()
            with mpl.rc_context({"svg.hashsalt": "rlchf"}):  # the same picture, the same bytes
                metadata = {"Date": None} if kind == "svg" else {"Software": None}
                figure.savefig(drawn, format=kind, dpi=150, metadata=metadata)
            written.append(folder / f"{name}.{kind}")
            with atomic_write(written[-1]) as file:
                file.write(drawn.getvalue())
    return written


def shares_plot(report: Audit) -> Figure:
    """What groups (or annotators) got of the contested pairs, against what they deserve by weight."""
    rows = [row for row in report.groups or report.annotators if not np.isnan(row.contested)]
    if len(rows) > LISTED:
        return _shares_scatter(rows, report.rule)
    rows = sorted(rows, key=lambda row: row.due)
    intervals = {i.name: i for i in report.intervals if i.measure == "contested"}
    figure = Figure(figsize=(7.5, 1.5 + 0.38 * max(len(rows), 2)), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(rows):
        due, got = row.due, row.contested
        interval = intervals.get(row.name) if report.groups else None
        if interval and not np.isnan(interval.low):
            axes.plot([interval.low, interval.high], [y, y], color=COLOURS[0], lw=7, alpha=0.2,
                      solid_capstyle="butt")  # fmt: skip
        axes.plot([due, got], [y, y], color="0.6", lw=1.5, zorder=1)
        axes.plot(due, y, "D", ms=7, mfc="white", mec="0.25", mew=1.5, zorder=2)
        axes.plot(
            got, y, "o", ms=8, color=COLOURS[0] if got >= due - 1e-9 else COLOURS[1], zorder=3
        )
    axes.set_yticks(range(len(rows)), [_short(row.name) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("share of the contested pairs")
    axes.set_title(f"Share got and share of the weight ({report.rule})", loc="left")
    axes.grid(axis="x", alpha=0.3)
    axes.plot([], [], "D", ms=7, mfc="white", mec="0.25", mew=1.5, label="weight on their prompts")
    axes.plot([], [], "o", ms=8, color=COLOURS[0], label="at least that")
    axes.plot([], [], "o", ms=8, color=COLOURS[1], label="less than that")
    if report.groups and intervals:
        axes.plot([], [], color=COLOURS[0], lw=7, alpha=0.2, label="95 % interval")
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return _plain(figure, axes)


def _shares_scatter(rows: Sequence[Agreement], rule: str) -> Figure:
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.subplots()
    due = np.array([row.due for row in rows])
    got = np.array([row.contested for row in rows])
    top = min(1.0, 1.1 * float(due.max()))
    axes.plot([0, top], [0, top], color="0.4", lw=1.2, ls="--")
    axes.annotate("in proportion", (top, top), (-4, 6), textcoords="offset points", ha="right",
                  color="0.3")  # fmt: skip
    short = got < due - 1e-9
    size = 30 if len(rows) < 300 else 8
    axes.scatter(due[~short], got[~short], s=size, alpha=0.5, lw=0, color=COLOURS[0],
                 label=f"at least in proportion: {(~short).sum()}")  # fmt: skip
    axes.scatter(due[short], got[short], s=size, alpha=0.7, lw=0, color=COLOURS[1],
                 label=f"less: {short.sum()}")  # fmt: skip
    axes.set(xlabel="share of the weight on their prompts", ylabel="share of the contested pairs")
    low = float(due.min())
    axes.set_xlim(0 if low < top / 2 else 0.8 * low, top)
    axes.set_ylim(-0.02, 1.02)
    axes.set_title(f"What each got ({rule})", loc="left")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return _plain(figure, axes)


def satisfaction_plot(lines: Sequence[Running], rule: str) -> Figure:
    """Contested pairs agreed, added up over the prompts, with what the weight entitles to."""
    lines = [line for line in lines if len(line.prompts)]
    lines.sort(key=lambda line: -float(line.agreed[-1]))
    named = len(lines) <= LINES
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    for n, line in enumerate(lines):
        at = np.unique(np.linspace(0, len(line.prompts) - 1, POINTS).astype(int))
        x = np.concatenate([[0], line.prompts[at] + 1])
        short = line.agreed[-1] < line.deserved[-1] - 1e-9
        colour = COLOURS[n % len(COLOURS)] if named else COLOURS[int(short)]
        agreed, due = (
            np.concatenate([[0], line.agreed[at]]),
            np.concatenate([[0], line.deserved[at]]),
        )
        axes.plot(x, agreed, color=colour, lw=2 if named else 0.7, alpha=1 if named else 0.35,
                  label=_short(line.name) if named else None, drawstyle="steps-post")  # fmt: skip
        if named:
            axes.plot(x, due, color=colour, lw=1.2, ls=":")
    if named:
        axes.plot([], [], color="0.4", lw=1.2, ls=":", label="deserved by weight")
        figure.legend(loc="outside right upper", frameon=False)
        title = f"Contested pairs agreed so far ({rule})"
    else:
        title = f"Contested pairs agreed so far, {len(lines)} lines ({rule})"
        axes.plot([], [], color=COLOURS[0], label="at least what is deserved by weight")
        axes.plot([], [], color=COLOURS[1], label="less")
        axes.legend(loc="upper left", frameon=False)
    axes.set_title(title, loc="left")
    axes.set(xlabel="prompts", ylabel="contested pairs")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    return _plain(figure, axes)


def lorenz_plot(rankings: Rankings, result: Aggregation, report: Audit) -> Figure:
    """How unequally agreement and influence are spread over the annotators."""
    tallies = tally(rankings, result)
    weights = mean_weights(rankings)
    got = np.array([row.contested for row in report.annotators])
    there = ~np.isnan(got) & (weights > 0)
    figure = Figure(figsize=(5.2, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.4", lw=1.2, ls="--", label="all equal")
    for name, (values, heavy), colour in (
        ("agreement on contested pairs", (got[there], weights[there]), COLOURS[0]),
        ("influence", influences(tallies, weights, rankings.n_prompts), COLOURS[1]),
    ):
        if len(values):
            label = f"{name} (Gini {gini(values, heavy):.3f})"
            x, y = lorenz(values, heavy)
            axes.plot(
                x, y, color=colour, lw=2, label=label, marker="o" if len(x) < 16 else None, ms=4
            )
    axes.set(xlabel="share of the annotators, worst off first", ylabel="share of the whole")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    axes.set_title(f"Lorenz curves ({report.rule})", loc="left")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", frameon=False)
    return _plain(figure, axes)


def _short(name: str) -> str:
    return name if len(name) <= 28 else name[:27] + "…"


def _plain(figure: Figure, axes: Axes) -> Figure:
    axes.spines[["top", "right"]].set_visible(False)
    return figure
