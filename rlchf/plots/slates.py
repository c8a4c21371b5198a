"""A picture of slates by several rules. This module needs matplotlib."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from rlchf.constitution.choosing.service import Service
from rlchf.plots.style import COLOURS, TITLE, head, short, tidy

MARKERS = "osD^vP"


def service_plot(services: Sequence[Service], name: str = "") -> Figure:
    """By rule and group, the statements with which its majority agrees, and its share of the seats.

    Raises
    ------
    ValueError
        If there are no groups.
    """
    if not services or not services[0].groups:
        raise ValueError("there are no opinion groups to draw; give --annotators and --group")
    groups, seats = services[0].groups, max(service.seats for service in services)
    figure = Figure(
        figsize=(7.5, 1.7 + 0.22 * len(services) * (len(groups) + 1)), layout="constrained"
    )
    axes = figure.subplots()
    centres = -np.arange(len(services)) * (len(groups) + 1.0)
    for g, group in enumerate(groups):
        colour, marker = COLOURS[g % len(COLOURS)], MARKERS[g % len(MARKERS)]
        y = centres - g + (len(groups) - 1) / 2
        agreed = [service.groups[g].agreed for service in services]
        due = [service.seats * service.groups[g].share for service in services]
        axes.hlines(y, due, agreed, color=colour, lw=2, alpha=0.5, zorder=1)
        axes.plot(due, y, "|", ms=12, mew=2, color="0.25", zorder=2)
        label = f"group {group.name} ({group.share:.0%} of the voters)".replace("%", " %")
        axes.plot(agreed, y, marker, ms=7, color=colour, label=label, zorder=3, ls="none")
    axes.plot([], [], "|", ms=12, mew=2, color="0.25", ls="none", label="share of the seats")
    axes.set_yticks(centres, [service.rule for service in services])
    axes.set_xlim(-0.02 * seats, 1.02 * seats)
    axes.set_ylim(centres[-1] - len(groups) / 2 - 0.5, len(groups) / 2 + 0.5)
    axes.set_xlabel(f"statements on a slate of {seats} with which a majority of the group agrees")
    axes.set_ylabel("rule")
    title = "Statements for each opinion group"
    head(figure, f"{title} ({short(name, TITLE)})" if name else title)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    tidy(axes, grid="x")
    return figure
