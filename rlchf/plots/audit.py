"""Pictures of an audit. This module needs matplotlib."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from rlchf.aggregation import Aggregation
from rlchf.auditing import Agreement, tally
from rlchf.auditing.groups import Groups
from rlchf.auditing.report import Audit, influences
from rlchf.auditing.sequences import CumulativeAgreement, cumulative_agreement
from rlchf.auditing.welfare import gini, lorenz, mean_weights
from rlchf.plots.stages import stages_plot
from rlchf.plots.style import COLOURS, tidy
from rlchf.rankings import Rankings

LISTED = 24  # rows in a picture that names its rows
LINES = 8  # lines in a picture that names its lines
POINTS = 1000  # points on a line


def audit_plots(
    rankings: Rankings, result: Aggregation, report: Audit, groups: Groups | None = None
) -> dict[str, Figure]:
    """Shares, agreement over the prompts, Lorenz curves and, if shares are traced, stages, by name.

    Of anonymous annotators there are no pictures, only of groups.
    """
    figures = {}
    if report.groups or not report.anonymous:
        figures["shares"] = shares_plot(report)
        lines = cumulative_agreement(rankings, result, groups)
        figures["agreement"] = agreement_plot(lines, report.rule)
    if not report.anonymous:
        figures["lorenz"] = lorenz_plot(rankings, result, report)
    if any(stage.groups for stage in report.stages):
        figures["stages"] = stages_plot(report.stages)
    return figures


def shares_plot(report: Audit) -> Figure:
    """Groups' (or annotators') shares of the contested pairs, and their shares of the weight."""
    rows = [row for row in report.groups or report.annotators if not np.isnan(row.contested)]
    if len(rows) > LISTED:
        return _shares_scatter(rows, report.rule)
    rows = sorted(rows, key=lambda row: row.proportional_share)
    intervals = {i.name: i for i in report.intervals if i.measure == "contested"}
    figure = Figure(figsize=(7.5, 1.5 + 0.38 * max(len(rows), 2)), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(rows):
        deserved, share = row.proportional_share, row.contested
        interval = intervals.get(row.name) if report.groups else None
        if interval and not np.isnan(interval.low):
            ends = [interval.low, interval.high]
            axes.plot(ends, [y, y], color=COLOURS[0], lw=7, alpha=0.2, solid_capstyle="butt")
        axes.plot([deserved, share], [y, y], color="0.6", lw=1.5, zorder=1)
        axes.plot(deserved, y, "D", ms=7, mfc="white", mec="0.25", mew=1.5, zorder=2)
        colour = COLOURS[0] if share >= deserved - 1e-9 else COLOURS[1]
        axes.plot(share, y, "o", ms=8, color=colour, zorder=3)
    axes.set_yticks(range(len(rows)), [_short(row.name) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("share of the contested pairs")
    axes.set_title(f"Share of contested pairs and of weight ({report.rule})", loc="left")
    axes.plot([], [], "D", ms=7, mfc="white", mec="0.25", mew=1.5, label="share of the weight")
    axes.plot([], [], "o", ms=8, color=COLOURS[0], label="at least proportional")
    axes.plot([], [], "o", ms=8, color=COLOURS[1], label="less")
    if report.groups and intervals:
        axes.plot([], [], color=COLOURS[0], lw=7, alpha=0.2, label="95 % interval")
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    tidy(axes, grid="x")
    return figure


def _shares_scatter(rows: Sequence[Agreement], rule: str) -> Figure:
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.subplots()
    deserved = np.array([row.proportional_share for row in rows])
    shares = np.array([row.contested for row in rows])
    top = min(1.0, 1.1 * float(deserved.max()))
    axes.plot([0, top], [0, top], color="0.4", lw=1.2, ls="--")
    axes.annotate(
        "proportional", (top, top), (-4, 6), textcoords="offset points", ha="right", color="0.3"
    )
    size, less = 30 if len(rows) < 300 else 8, shares < deserved - 1e-9
    for chosen, label, alpha, colour in (
        (~less, "at least proportional", 0.5, COLOURS[0]),
        (less, "less", 0.7, COLOURS[1]),
    ):
        label = f"{label}: {chosen.sum()}"
        x, y = deserved[chosen], shares[chosen]
        axes.scatter(x, y, s=size, alpha=alpha, lw=0, color=colour, label=label)
    axes.set(
        xlabel="share of the weight on the annotator's prompts",
        ylabel="share of the contested pairs",
    )
    low = float(deserved.min())
    axes.set_xlim(0 if low < top / 2 else 0.8 * low, top)
    axes.set_ylim(-0.02, 1.02)
    axes.set_title(f"Shares of the contested pairs ({rule})", loc="left")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    tidy(axes)
    return figure


def agreement_plot(lines: Sequence[CumulativeAgreement], rule: str) -> Figure:
    """Contested pairs agreed, added up over the prompts, and those deserved by weight."""
    lines = [line for line in lines if len(line.prompts)]
    lines.sort(key=lambda line: -float(line.agreed[-1]))
    named = len(lines) <= LINES
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    for n, line in enumerate(lines):
        points = np.unique(np.linspace(0, len(line.prompts) - 1, POINTS).astype(int))
        x = np.concatenate([[0], line.prompts[points] + 1])
        agreed = np.concatenate([[0], line.agreed[points]])
        if named:
            colour, label = COLOURS[n % len(COLOURS)], _short(line.name)
            axes.plot(x, agreed, color=colour, lw=2, label=label, drawstyle="steps-post")
            deserved = np.concatenate([[0], line.deserved[points]])
            axes.plot(x, deserved, color=colour, lw=1.2, ls=":")
        else:
            colour = COLOURS[int(line.agreed[-1] < line.deserved[-1] - 1e-9)]
            axes.plot(x, agreed, color=colour, lw=0.7, alpha=0.35, drawstyle="steps-post")
    if named:
        axes.plot([], [], color="0.4", lw=1.2, ls=":", label="deserved by weight")
        figure.legend(loc="outside right upper", frameon=False)
        title = f"Contested pairs agreed so far ({rule})"
    else:
        title = f"Contested pairs agreed so far, {len(lines)} lines ({rule})"
        axes.plot([], [], color=COLOURS[0], label="at least proportional")
        axes.plot([], [], color=COLOURS[1], label="less")
        axes.legend(loc="upper left", frameon=False)
    axes.set_title(title, loc="left")
    axes.set(xlabel="prompts", ylabel="contested pairs")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    tidy(axes)
    return figure


def lorenz_plot(rankings: Rankings, result: Aggregation, report: Audit) -> Figure:
    """Lorenz curves of agreement and influence over the annotators."""
    weights = mean_weights(rankings)
    shares = np.array([row.contested for row in report.annotators])
    present = ~np.isnan(shares) & (weights > 0)
    figure = Figure(figsize=(5.2, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.4", lw=1.2, ls="--", label="all equal")
    for name, (values, value_weights), colour in (
        ("agreement on contested pairs", (shares[present], weights[present]), COLOURS[0]),
        ("influence", influences(tally(rankings, result), weights), COLOURS[1]),
    ):
        if len(values):
            label = f"{name} (Gini {gini(values, value_weights):.3f})"
            x, y = lorenz(values, value_weights)
            marker = "o" if len(x) < 16 else None
            axes.plot(x, y, color=colour, lw=2, label=label, marker=marker, ms=4)
    axes.set(xlabel="share of the annotators, lowest first", ylabel="share of the whole")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    axes.set_title(f"Lorenz curves ({report.rule})", loc="left")
    axes.legend(loc="upper left", frameon=False)
    tidy(axes)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= 28 else name[:27] + "…"
