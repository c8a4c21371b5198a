"""The share audit's picture: a panel per population and model, the share from stage to stage."""

from collections.abc import Mapping, Sequence
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
MARKS = "osD^vP"
"""A mark for each rule, so that rules differ in more than colour."""


def picture(folder: Path) -> None:
    """Draw the JSONs that the audit has left in the folder into ``shares.png``."""
    files = {model: folder / f"{model}.json" for model in TITLES}
    rows = {model: read_json(file)["rows"] for model, file in files.items() if file.exists()}
    draw(rows, folder / "shares.png")


def draw(rows: Mapping[str, Sequence[dict[str, Any]]], out: Path) -> None:
    """Draw the rows of each model."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    from rlchf.plots.save import save

    panels = [
        (f"{population}, {TITLES[model]}", [row for row in of if row["population"] == population])
        for model, of in sorted(rows.items(), key=lambda item: list(TITLES).index(item[0]))
        for population in dict.fromkeys(row["population"] for row in of)
    ]
    rules = [rule for of in rows.values() for rule in dict.fromkeys(row["rule"] for row in of)]
    names = list(dict.fromkeys(rule for rule in rules if rule != CLOSED_FORM))
    high = -(-len(panels) // 2)
    figure = Figure(figsize=(14, 3.6 * high + 0.5), dpi=110, layout="constrained")
    axes = figure.subplots(high, 2, sharey=True, squeeze=False)
    for axis, (title, members) in zip(axes.flat, panels, strict=False):
        panel(axis, members, names)
        axis.set_title(title, fontsize=11)
        axis.tick_params(labelleft=True)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("share of the smallest group's kind")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, ncols=len(labels), loc="outside lower center")
    save(figure, out)


def panel(axis: Any, rows: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
    """Points with intervals for each rule, and a line where the closed form is."""
    from rlchf.plots.style import COLOURS, tidy

    rules = [row for row in rows if row["rule"] != CLOSED_FORM]
    stages = in_order(list(dict.fromkeys(stage for row in rules for stage in row["shares"])))
    width = 0.8 / len(names)
    for row in rules:
        n = names.index(row["rule"])
        x = np.array([stages.index(stage) for stage in row["shares"]])
        positions = x + (n - (len(names) - 1) / 2) * width
        cells = list(row["shares"].values())
        means = np.array([cell["mean"] for cell in cells])
        ends = [[cell["low"] for cell in cells], [cell["high"] for cell in cells]]
        axis.errorbar(
            positions, means, np.abs(np.array(ends) - means), fmt=MARKS[n], ms=4, lw=1.2,
            color=COLOURS[n], label=row["rule"],
        )  # fmt: skip
        for position, cell in zip(positions, cells, strict=True):
            if "closed_form" in cell:
                span = position - width / 2, position + width / 2
                axis.hlines(cell["closed_form"], *span, color="0.3", lw=1.5)
    for row in rows:
        if row["rule"] == CLOSED_FORM:
            for position, cell in enumerate(row["shares"].values()):
                label = None if position else CLOSED_FORM
                span = position - 0.45, position + 0.45
                axis.hlines(cell["mean"], *span, color="0.3", lw=1.2, label=label, zorder=0)
    axis.axhline(int(rows[0]["population"].split("/")[-1]) / 100, color="0.7", lw=1, ls=":")
    axis.set_xticks(range(len(stages)), [stage.replace(" ", "\n") for stage in stages], fontsize=8)
    axis.set_ylim(-0.02, 0.72)
    tidy(axis, grid="x")


def in_order(stages: list[str]) -> list[str]:
    """Stages with those that rest on share targets last, from the largest beta to the smallest."""
    targets = sorted(
        (s for s in stages if s.startswith("targets")), key=lambda s: -float(s.split()[1])
    )
    return [stage for stage in stages if stage not in targets] + targets
