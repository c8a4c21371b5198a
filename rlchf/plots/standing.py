"""Pictures of where groups, or single annotators, stand. This module needs matplotlib."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlchf.auditing.agreement import Agreement
from rlchf.auditing.held_out import Shares, low_outliers
from rlchf.auditing.report import Audit
from rlchf.auditing.standing import Standing, by_position
from rlchf.display import number
from rlchf.plots.save import describe
from rlchf.plots.style import COLOURS, TITLE, head, short, tidy

LISTED = 25
"""Rows of a picture at most."""

OUTLIERS = 8
"""People who are named in a picture of many, at most."""

SERVED, LOSING = COLOURS[0], COLOURS[1]


def standing_plot(report: Audit) -> Figure:
    """Each group's agreement on contested pairs between a random order and its own ranking, lowest first."""
    if not report.standings:
        return _agreement_dots(report, report.groups, "groups")
    rows = by_position(report.standings)
    shown = [row for row in rows[:LISTED] if not np.isnan(row.agreed.value)]
    figure = Figure(figsize=(8.5, 2.4 + 0.36 * max(len(shown), 2)), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(shown):
        _standing_row(axes, y, row)
    axes.axvline(0.5, color="0.25", lw=1.2, ls=":", zorder=0)
    labels = [f"{short(row.name)}\u2002({row.annotators})" for row in shown]
    axes.set_yticks(range(len(shown)), labels)
    _positions(axes, shown)
    _legend(axes, rows)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    of = f", the lowest {LISTED} of {len(rows)} groups" if len(rows) > LISTED else ""
    sample = "held out" if report.standings[0].again else "as given"
    _finish(
        figure, axes, len(shown), f"Where groups stand ({short(report.rule, TITLE)}, {sample}{of})"
    )
    axes.set_xlabel("share of the contested pairs on the members' ballots that agree")
    listed = "; ".join(_in_words(row, _behind(rows)) for row in shown)
    return describe(
        figure,
        f"Dots: each group's share of the contested pairs under {report.rule}, {sample}, lowest position "
        f"first; position 0 is a random order, 1 the group's own ranking{of}: {listed}.",
    )


def _mark(row: Standing) -> tuple[str, str]:
    """The colour and the marker of a group."""
    if row.losing:
        return LOSING, "v"
    if np.isnan(row.position.value):
        return "0.5", "o"
    return (LOSING, "s") if row.far_behind else (SERVED, "o")


def _standing_row(axes: Axes, y: int, row: Standing) -> None:
    colour, marker = _mark(row)
    if row.best.value > row.random and not np.isnan(row.position.value):
        axes.plot([row.random, row.best.value], [y, y], color="0.75", lw=1.5, zorder=1)
        axes.plot(row.best.value, y, "D", ms=9, mfc="white", mec="0.25", mew=1.4, zorder=2)
    if not np.isnan(row.agreed.low):
        ends = [row.agreed.low, row.agreed.high]
        axes.plot(ends, [y, y], color=colour, lw=7, alpha=0.25, solid_capstyle="butt", zorder=1)
    axes.plot(row.agreed.value, y, marker, ms=7, color=colour, zorder=3)
    if not np.isnan(row.others.value):  # longer than the dot is wide, so that it is seen behind it
        axes.plot(row.others.value, y, "|", ms=16, color="0.1", mew=1.6, zorder=2.5)


def _positions(axes: Axes, rows: list[Standing]) -> None:
    """The positions as figures at the right."""
    right = axes.get_yaxis_transform()
    axes.text(1.02, -1.0, "position*", transform=right, fontsize=9, color="0.3", va="center")
    for y, row in enumerate(rows):
        value = row.position.value
        text = "–" if np.isnan(value) else number(value, 2).replace("-", "−")
        axes.text(1.02, y, text, transform=right, fontsize=9, va="center")


def _legend(axes: Axes, rows: list[Standing]) -> None:
    """What the marks mean."""
    axes.plot([], [], "o", ms=7, color=SERVED, label="the collective rankings (bar: 95 % interval)")
    for any_such, marker, what in (
        (any(row.losing for row in rows), "v", "below a random order"),
        (any(_mark(row)[1] == "s" for row in rows), "s", _behind(rows)),
    ):
        if any_such:
            axes.plot([], [], marker, ms=7, color=LOSING, label=f"the same, {what}")
    if any(_mark(row)[0] == "0.5" for row in rows):
        axes.plot([], [], "o", ms=7, color="0.5", label="the same, no position")
    axes.plot([], [], "|", ms=10, color="0.1", mew=1.6, ls="", label="the others' ranking")
    axes.plot([], [], "D", ms=9, mfc="white", mec="0.25", mew=1.4, label="the group's own ranking")
    axes.plot([], [], color="0.25", lw=1.2, ls=":", label="a random order")
    axes.plot([], [], color="0.75", lw=1.5,
              label="* from a random order (position 0) to the own ranking (1)")  # fmt: skip
    axes.plot([], [], " ", label="(in brackets: people)")


def _finish(figure: Figure, axes: Axes, n: int, title: str) -> None:
    head(figure, title)
    axes.set_ylim(n - 0.4, -1.2)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("share of the contested pairs that agree")
    tidy(axes, grid="x")


def _behind(rows: Sequence[Standing]) -> str:
    """Behind whom a group is that is far behind."""
    placed = sum(not np.isnan(row.position.low) for row in rows)
    return "far behind the other group" if placed == 2 else "far behind most groups"


def _in_words(row: Standing, behind: str) -> str:
    where = (
        "no position"
        if np.isnan(row.position.value)
        else f"position {number(row.position.value, 2)}"
    )
    if row.stands_low:
        where += ", below a random order" if row.losing else f", {behind}"
    return f"{row.name} {row.agreed.value:.2f} ({where})"


def people_plot(report: Audit) -> Figure:
    """Single annotators' agreement on contested pairs: named if they are few, else as a distribution."""
    people: Sequence[Shares | Agreement] = (
        report.held_out.annotators if report.held_out else report.annotators
    )
    rows = [row for row in people if not np.isnan(row.contested)]
    if len(rows) <= LISTED:
        return _agreement_dots(report, rows, "annotators")
    shares = np.array([row.contested for row in rows])
    outliers = low_outliers(rows)
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.hist(shares, bins=np.linspace(0, 1, 41).tolist(), color=SERVED, alpha=0.75)
    axes.axvline(0.5, color="0.25", lw=1.2, ls=":", label="a random order")
    axes.axvline(float(np.median(shares)), color="0.25", lw=1.4, label="the median annotator")
    if outliers:
        values = [row.contested for row in outliers]
        axes.plot(values, [0] * len(values), "v", ms=9, color=LOSING, clip_on=False, zorder=4,
                  label=f"lower than most: {len(outliers)}")  # fmt: skip
        lines = [f"{short(row.name)}  {row.contested:.2f}" for row in outliers[:OUTLIERS]]
        if len(outliers) > OUTLIERS:
            lines.append(f"and {len(outliers) - OUTLIERS} more")
        axes.text(0.02, 0.97, "\n".join(["Lowest", *lines]), transform=axes.transAxes, va="top",
                  fontsize=9)  # fmt: skip
    axes.set(xlabel="share of the contested pairs that agree", ylabel="annotators")
    axes.set_xlim(0, 1)
    head(
        figure,
        f"Agreement of {len(rows)} annotators ({short(report.rule, TITLE)}, {_sample(report)})",
    )
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    tidy(axes)
    named = ", ".join(f"{row.name} {row.contested:.2f}" for row in outliers[:OUTLIERS]) or "nobody"
    return describe(
        figure,
        f"Histogram: share of the contested pairs on which {len(rows)} annotators agree with {report.rule}, "
        f"{_sample(report)}; "
        f"median {np.median(shares):.2f}, a random order has 0.5. Lower than most: {named}.",
    )


def _sample(report: Audit) -> str:
    if report.held_out is None:
        return "in sample"
    return "held out" if report.held_out.again else "as given"


def _agreement_dots(report: Audit, rows: Sequence[Agreement | Shares], who: str) -> Figure:
    """Agreement of groups or annotators whose position is not measured."""
    known = sorted((r for r in rows if not np.isnan(r.contested)), key=lambda row: row.contested)
    shown = known[:LISTED]
    figure = Figure(figsize=(7.5, 1.8 + 0.36 * max(len(shown), 2)), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(shown):
        axes.plot(row.contested, y, "o", ms=8, color=SERVED, zorder=3)
    axes.axvline(0.5, color="0.25", lw=1.2, ls=":", label="a random order")
    axes.plot([], [], "o", ms=8, color=SERVED, label="the collective rankings")
    axes.set_yticks(range(len(shown)), [short(row.name) for row in shown])
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    _finish(
        figure,
        axes,
        len(shown),
        f"Agreement of {who} ({short(report.rule, TITLE)}, {_sample(report)})",
    )
    listed = ", ".join(f"{row.name} {row.contested:.2f}" for row in shown) or "nothing is contested"
    return describe(
        figure,
        f"Dots: share of the contested pairs that agree with {report.rule}, lowest first; a random order has "
        f"0.5: {listed}.",
    )
