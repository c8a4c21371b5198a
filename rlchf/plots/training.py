"""Curves of PPO training. This module needs matplotlib."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rlchf.plots.style import COLOURS, tidy


def training_plot(
    rows: Sequence[dict[str, Any]], shares: Sequence[str] = (), others: Sequence[str] = ()
) -> Figure:
    """Reward, KL divergence, and further metrics by their names over the updates of PPO.

    A thin line shows each update, a thick line the mean of the last tenth of the updates so far.
    """
    curves = [("reward_mean", "reward"), ("kl", "KL divergence, nats")]
    curves += [(name, name) for name in others] + [(name, f"share: {name}") for name in shares]
    n_columns = min(3, len(curves))
    n_rows = -(-len(curves) // n_columns)
    figure = Figure(figsize=(3.6 * n_columns, 2.8 * n_rows), layout="constrained")
    updates = [row["update"] for row in rows]
    window = max(1, len(rows) // 10)
    for n, (name, label) in enumerate(curves):
        values = [row[name] for row in rows]
        windows = [values[max(0, i + 1 - window) : i + 1] for i in range(len(values))]
        axes = figure.add_subplot(n_rows, n_columns, n + 1)
        colour = COLOURS[n % len(COLOURS)]
        axes.plot(updates, values, color=colour, lw=0.8, alpha=0.4)
        axes.plot(updates, [sum(recent) / len(recent) for recent in windows], color=colour, lw=2)
        axes.set(xlabel="update", ylabel=label)
        if name in shares:
            axes.set_ylim(-0.02, 1.02)
        elif max(values) - min(values) < 1e-6:  # the mean of a vote is 0 up to rounding
            axes.set_ylim(values[0] - 1, values[0] + 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        tidy(axes)
    if window > 1:
        figure.suptitle(f"thin: each update; thick: mean of the last {window}", fontsize=9)
    return figure
