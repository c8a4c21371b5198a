"""The share audit's picture: a panel per population and model, the share from stage to stage."""

from pathlib import Path
from typing import Any

import numpy as np

from rlchf.io.json import read_json

CLOSED_FORM = "closed form"
"""Name of the row with the closed form among those of the rules."""
TITLES = {
    "bandit": "exact training",
    "tiny": "a Llama of a million parameters",
    "smollm2": "SmolLM2-135M-Instruct",
}


def picture(folder: Path) -> None:
    """Draw the JSONs that the audit has left in the folder into ``shares.png``."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    panels: list[tuple[str, list[dict[str, Any]]]] = []
    for model, what in TITLES.items():
        if not (folder / f"{model}.json").exists():
            continue
        rows = read_json(folder / f"{model}.json")["rows"]
        for population in dict.fromkeys(row["population"] for row in rows):
            members = [row for row in rows if row["population"] == population]
            panels.append((f"{population}, {what}", members))
    high = -(-len(panels) // 2)
    figure, axes = plt.subplots(high, 2, figsize=(13, 4.4 * high), sharey=True, squeeze=False)
    names = dict.fromkeys(
        row["rule"] for _, rows in panels for row in rows if row["rule"] != CLOSED_FORM
    )
    colours = {name: f"C{n}" for n, name in enumerate(names)}
    for axis, (title, rows) in zip(axes.flat, panels, strict=False):
        panel(axis, rows, colours)
        axis.set_title(f"{title}: share of the smallest group's kind", fontsize=10)
        axis.tick_params(labelleft=True)
        axis.set_ylim(-0.02, 1.0)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=9, ncols=4, loc="lower center")
    figure.tight_layout(rect=(0, 0.11 / high, 1, 1))
    figure.savefig(folder / "shares.png", dpi=110)
    plt.close(figure)


def panel(axis: Any, rows: list[dict[str, Any]], colours: dict[str, str]) -> None:
    """Points with intervals for each rule, and a line where the closed form is."""
    rules = [row for row in rows if row["rule"] != CLOSED_FORM]
    stages = list(dict.fromkeys(stage for row in rules for stage in row["shares"]))
    width = 0.8 / len(rules)
    for n, row in enumerate(rules):
        x = np.array([stages.index(stage) for stage in row["shares"]])
        positions = x + (n - (len(rules) - 1) / 2) * width
        cells = list(row["shares"].values())
        means = np.array([cell["mean"] for cell in cells])
        ends = [[cell["low"] for cell in cells], [cell["high"] for cell in cells]]
        axis.errorbar(
            positions, means, np.abs(np.array(ends) - means), fmt="o", ms=4, lw=1.2,
            color=colours[row["rule"]], label=row["rule"],
        )  # fmt: skip
        for position, cell in zip(positions, cells, strict=True):
            if "closed_form" in cell:
                axis.hlines(
                    cell["closed_form"],
                    position - width / 2,
                    position + width / 2,
                    color="0.4",
                    lw=1.5,
                )
    for row in rows:
        if row["rule"] == CLOSED_FORM:
            for position, cell in enumerate(row["shares"].values()):
                label = None if position else "closed form"
                span = (position - 0.45, position + 0.45)
                axis.hlines(cell["mean"], *span, color="0.4", lw=1.2, label=label, zorder=0)
    axis.set_xticks(range(len(stages)), stages)
