"""The report's pictures, as SVG text."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rlchf.auditing.stages import Step
from rlchf.plots.audit import COLOURS
from rlchf.plots.stages import stages_plot


def share_plot(steps: Sequence[Step]) -> str:
    """What each group got at every stage, with its interval, from the ballots down to the texts."""
    return _svg(stages_plot(steps))


def training_plot(lines: Sequence[dict[str, Any]]) -> str:
    """Reward and KL divergence from the reference over the updates of PPO."""
    return _svg(training_figure(lines))


def training_figure(
    lines: Sequence[dict[str, Any]], shares: Sequence[str] = (), others: Sequence[str] = ()
) -> Figure:
    """Reward, KL divergence, and further figures by their names over the updates of PPO.

    Each as it was (thin), and as the mean of the last tenth of the updates so far (thick).
    """
    curves = [("reward_mean", "reward"), ("kl", "KL to the start, nats")]
    curves += [(name, name) for name in others] + [(name, f"share: {name}") for name in shares]
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(4.5 * columns, 3 * rows), layout="constrained")
    updates = [line["update"] for line in lines]
    width = max(1, len(lines) // 10)
    for n, (name, label) in enumerate(curves):
        values = [line[name] for line in lines]
        recent = [values[max(0, i + 1 - width) : i + 1] for i in range(len(values))]
        axes = figure.add_subplot(rows, columns, n + 1)
        colour = COLOURS[n % len(COLOURS)]
        axes.plot(updates, values, color=colour, lw=0.8, alpha=0.4)
        axes.plot(updates, [sum(own) / len(own) for own in recent], color=colour, lw=2)
        axes.set(xlabel="update", ylabel=label)
        if name in shares:
            axes.set_ylim(-0.02, 1.02)
        elif max(values) - min(values) < 1e-6:  # a vote's mean is 0, but for rounding
            axes.set_ylim(values[0] - 1, values[0] + 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    if width > 1:
        figure.suptitle(f"thin: each update; thick: mean of the last {width}", fontsize=9)
    return figure


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "rlchf"}):  # the same picture gives the same bytes
        figure.savefig(text, format="svg", metadata={"Date": None})
    plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]
