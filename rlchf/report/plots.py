"""The report's pictures, as SVG text."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from rlchf.audit.stage_plot import stages_plot
from rlchf.audit.stages import Step


def share_plot(steps: Sequence[Step]) -> str:
    """What each group got at every stage, with its interval, from the ballots down to the texts."""
    return _svg(stages_plot(steps))


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
