"""Pictures of an audit. This module needs matplotlib."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from rlchf.aggregation import Aggregation
from rlchf.auditing import tally
from rlchf.auditing.groups import Groups
from rlchf.auditing.report import Audit, influences
from rlchf.auditing.sequences import CumulativeAgreement, cumulative_agreement
from rlchf.auditing.welfare import gini, lorenz, mean_weights
from rlchf.display import number
from rlchf.plots.save import describe
from rlchf.plots.stages import stages_plot
from rlchf.plots.standing import people_plot, standing_plot
from rlchf.plots.style import COLOURS, DASHES, TITLE, head, short, tidy
from rlchf.rankings import Rankings

LINES = 8  # lines in a picture that names all its lines
LOWEST = 3  # lines that are named among more
POINTS = 1000  # points on a line


def audit_plots(
    rankings: Rankings, result: Aggregation, report: Audit, groups: Groups | None = None
) -> dict[str, Figure]:
    """Agreement, agreement over the prompts, Lorenz curves and, if shares are traced, stages, by name.

    Of anonymous annotators there are no pictures, only of groups.
    """
    figures = {}
    if report.groups or not report.anonymous:
        figures["shares"] = standing_plot(report) if report.groups else people_plot(report)
        lines = cumulative_agreement(rankings, result, groups)
        figures["agreement"] = agreement_plot(lines, report.rule)
    if not report.anonymous:
        figures["lorenz"] = lorenz_plot(rankings, result, report)
    if any(stage.groups for stage in report.stages):
        figures["stages"] = stages_plot(report.stages)
    return figures


def agreement_plot(lines: Sequence[CumulativeAgreement], rule: str) -> Figure:
    """The share of the contested pairs agreed so far, over the prompts, beside that of a random order.

    Up to eight lines are named; of more, the lowest three.
    """
    lines = [line for line in lines if len(line.prompts) and line.contested[-1] > 0]
    lines.sort(key=lambda line: -float(line.agreed[-1] / line.contested[-1]))
    named = lines if len(lines) <= LINES else lines[-LOWEST:]
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    for n, line in enumerate(lines):
        known = np.flatnonzero(line.contested > 0)
        points = known[np.unique(np.linspace(0, len(known) - 1, POINTS).astype(int))]
        x, share = line.prompts[points] + 1, line.agreed[points] / line.contested[points]
        if line in named:
            k = n - len(lines) + len(named)
            colour, dashes = COLOURS[k % len(COLOURS)], DASHES[k % len(DASHES)]
            axes.plot(x, share, color=colour, ls=dashes, lw=2, label=short(line.name), zorder=3)
        else:
            axes.plot(x, share, color="0.6", lw=0.6, alpha=0.3)
    axes.axhline(0.5, color="0.25", lw=1.2, ls=":", label="random order")
    if len(named) < len(lines):
        axes.plot([], [], color="0.6", lw=0.6, label=f"{len(lines) - len(named)} others")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    head(figure, f"Share of contested pairs agreed so far, in sample ({short(rule, TITLE)})")
    axes.set(xlabel="prompts", ylabel="share of the contested pairs")
    axes.set_xlim(left=0)
    axes.set_ylim(-0.02, 1.02)
    tidy(axes)
    ends = ", ".join(
        f"{line.name} {line.agreed[-1] / line.contested[-1]:.2f}" for line in reversed(named)
    )
    return describe(
        figure,
        f"Lines: share of the contested pairs agreed so far over the prompts under {rule}, in sample; "
        f"a random order has 0.5. At the end, lowest first: {ends or 'nothing is contested'}.",
    )


def lorenz_plot(rankings: Rankings, result: Aggregation, report: Audit) -> Figure:
    """Lorenz curves of agreement and influence over the annotators."""
    weights = mean_weights(rankings)
    held_out = report.held_out
    people = held_out.annotators if held_out else report.annotators
    where = ", held out" if held_out and held_out.again else ""
    shares = np.array([row.contested for row in people])
    present = ~np.isnan(shares) & (weights > 0)
    figure = Figure(figsize=(5.2, 6.0), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.4", lw=1.2, ls="--", label="all equal")
    labels: list[str] = []
    for name, (values, value_weights), colour in (
        (f"agreement on contested pairs{where}", (shares[present], weights[present]), COLOURS[0]),
        ("influence", influences(tally(rankings, result), weights), COLOURS[1]),
    ):
        if len(values):
            label = f"{name} (Gini {number(gini(values, value_weights))})"
            labels.append(label)
            x, y = lorenz(values, value_weights)
            marker = "o" if len(x) < 16 else None
            axes.plot(x, y, color=colour, lw=2, label=label, marker=marker, ms=4)
    axes.set(xlabel="share of the annotators, lowest first", ylabel="share of the whole")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    head(figure, f"Lorenz curves ({short(report.rule, TITLE)})")
    figure.legend(loc="outside lower center", ncols=1, frameon=False)
    tidy(axes)
    return describe(
        figure, f"Lorenz curves over the annotators under {report.rule}: {'; '.join(labels)}."
    )
