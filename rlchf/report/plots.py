"""The report's pictures, as SVG text."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def share_plot(shares: Sequence[dict[str, Any]], trait: str) -> str:
    """The trait's share at every stage, with its interval, from the ballots down to the texts."""
    figure, axes = plt.subplots(figsize=(7, 0.5 + 0.4 * len(shares)), layout="constrained")
    colours = {"first places": "tab:blue", "mixed pairs": "tab:orange", "texts": "tab:green"}
    for y, row in enumerate(reversed(shares)):
        error = [[row["share"] - row["low"]], [row["high"] - row["share"]]]
        colour = colours.get(row["measure"], "tab:gray")
        axes.errorbar(row["share"], y, xerr=error, fmt="o", capsize=3, color=colour)
    names = [f"{row['stage']}: {row['measure']}" for row in reversed(shares)]
    axes.set_yticks(range(len(shares)), names)
    axes.set_ylim(-0.5, len(shares) - 0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(f"{trait} share, with 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    return _svg(figure)


def training_plot(lines: Sequence[dict[str, Any]]) -> str:
    """Reward and KL divergence from the reference over the updates of PPO."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    updates = [line["update"] for line in lines]
    left.plot(updates, [line["reward_mean"] for line in lines])
    left.set(xlabel="update", ylabel="reward")
    right.plot(updates, [line["kl"] for line in lines], color="tab:orange")
    right.set(xlabel="update", ylabel="KL to the reference, nats")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return _svg(figure)


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "rlchf"}):  # the same picture gives the same bytes
        figure.savefig(text, format="svg", metadata={"Date": None})
    plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]
