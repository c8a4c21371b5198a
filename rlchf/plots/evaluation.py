"""Calibration of a reward model. This module needs matplotlib."""

import numpy as np
from matplotlib.figure import Figure

from rlchf.evaluation.calibration import Calibration
from rlchf.plots.style import COLOURS, tidy


def calibration_plot(calibration: Calibration) -> Figure:
    """Predicted probability against the share of the votes, with intervals; below it the votes by bin."""
    figure = Figure(figsize=(5.2, 6.2), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    bins = [b for b in calibration.bins if b.observed.weight > 0]
    x = np.array([b.predicted for b in bins])
    y = np.array([b.observed.value for b in bins])
    ends = np.array([[b.observed.low, b.observed.high] for b in bins]).reshape(-1, 2).T
    axes.plot([0.5, 1], [0.5, 1], color="0.4", lw=1.2, ls="--", label="as predicted")
    axes.axhline(0.5, color="0.7", lw=0.8)
    axes.vlines(x, ends[0], ends[1], color=COLOURS[0], lw=6, alpha=0.25, label="95 % interval")
    axes.plot(x, y, "o-", ms=6, lw=1.2, color=COLOURS[0], label="votes")
    axes.set_xlim(0.49, 1.01)
    lowest = min(0.5, *y, *np.nan_to_num(ends[0], nan=0.5)) if bins else 0.5
    axes.set_ylim(np.floor(20 * lowest - 0.5) / 20, 1.02)
    axes.set_ylabel("share of the votes for the higher score")
    error, loss = calibration.error, calibration.log_loss.value
    axes.set_title(f"Calibration: error {error:.3f}, log loss {loss:.3f}", loc="left")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    width = [b.high - b.low for b in bins]
    weights = [b.observed.weight for b in bins]
    lows = [b.low for b in bins]
    below.bar(lows, weights, width, align="edge", color=COLOURS[0], alpha=0.5, ec="white")
    below.set(xlabel="predicted probability that it wins", ylabel="votes")
    for panel in (axes, below):
        tidy(panel)
    return figure
