"""Pictures of a constitution. This module needs matplotlib."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rlchf.constitution.correlation import Correlations
from rlchf.constitution.influence import RuleInfluence
from rlchf.constitution.position import PositionBias
from rlchf.constitution.reliability import Reliability
from rlchf.constitution.stages import StageScore, stages_apart
from rlchf.plots.style import COLOURS, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
REFERENCES = {"truth": "planted truth", "humans": "human labels"}
NUMBERED = 20  # principles in a matrix whose cells have numbers
DIVERGING = LinearSegmentedColormap.from_list("blue-orange", [COLOURS[1], "#FFFFFF", COLOURS[0]])


def influence_plot(rules: Sequence[RuleInfluence]) -> Figure:
    """How often each principle's comparisons prevail under each rule, and what turns around without it."""
    prevails = {
        row.principle: [rule.principles[k].prevails for rule in rules]
        for k, row in enumerate(rules[0].principles)
    }
    names = sorted(prevails, key=lambda name: sum(prevails[name]))
    left_out = any(row.flipped is not None for rule in rules for row in rule.principles)
    figure, panels = _rows(names, 3 if left_out else 2)
    step = 0.5 / len(rules)
    for r, rule in enumerate(rules):
        rows = [next(row for row in rule.principles if row.principle == name) for name in names]
        y = np.arange(len(names)) + (r - (len(rules) - 1) / 2) * step
        columns = [[row.prevails for row in rows], [row.share for row in rows]]
        if left_out:
            columns.append([(row.flipped or 0) / max(rule.pairs, 1) for row in rows])
        for axes, values in zip(panels, columns, strict=True):
            colour, marker = COLOURS[r % len(COLOURS)], MARKERS[r % len(MARKERS)]
            axes.plot(values, y, marker, color=colour, ms=6, label=rule.rule)
        for place, row in enumerate(rows):
            ends = [place - 0.4, place + 0.4]
            panels[1].plot([row.weight, row.weight], ends, color="0.3", lw=1.5)
    panels[0].plot([], [], "-", color="0.3", lw=1.5, label="share of the weight")
    panels[0].axvline(0.5, color="0.5", lw=1, ls="--")
    panels[0].set_title("comparisons that prevail", loc="left", fontsize=10)
    panels[1].set_title("share of all that prevail", loc="left", fontsize=10)
    shares = [max(row.share, row.weight) for rule in rules for row in rule.principles]
    panels[1].set_xlim(0, 1.1 * max(shares))
    if left_out:
        panels[2].set_title("pairs turned around\nif it is left out", loc="left", fontsize=10)
        turned = [row.flipped or 0 for rule in rules for row in rule.principles]
        top = max([1, *turned]) / max(rules[0].pairs, 1)
        panels[2].set_xlim(-0.04 * top, 1.1 * top)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def correlation_plot(found: Correlations) -> Figure:
    """The correlation of soft labels between principles, with similar principles side by side."""
    order = clustered(found.soft)
    names = [_short(found.principles[k]) for k in order]
    matrix, K = found.soft[np.ix_(order, order)], len(order)
    side = 2.6 + 0.36 * max(K, 3)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(matrix, cmap=DIVERGING, vmin=-1, vmax=1)
    axes.set_xticks(range(K), names, rotation=90)
    axes.set_yticks(range(K), names)
    if K <= NUMBERED:
        for i, j in np.ndindex(K, K):
            value = matrix[i, j]
            text = "–" if np.isnan(value) else f"{np.round(value, 1) + 0.0:.1f}".replace("-", "−")
            colour = "white" if abs(value) > 0.75 else "0.15"
            axes.text(j, i, text, ha="center", va="center", fontsize=8, color=colour)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.colorbar(picture, ax=axes, shrink=0.6, label="correlation of soft labels")
    return figure


def clustered(matrix: np.ndarray) -> list[int]:
    """An order of the rows of a correlation matrix, (K, K), that puts similar ones side by side.

    Examples
    --------
    >>> clustered(np.array([[1, -0.5, 0.9], [-0.5, 1, -0.4], [0.9, -0.4, 1]]))[1] in (0, 2)
    True
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(matrix) < 3:
        return list(range(len(matrix)))
    distance = 1 - np.nan_to_num(matrix)
    distance = np.clip((distance + distance.T) / 2, 0, None)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    return [int(leaf) for leaf in leaves_list(tree)]


def position_plot(rows: Sequence[PositionBias]) -> Figure:
    """The position bias of each principle with its interval, and how often the order decides."""
    shown = [row for row in rows if not np.isnan(row.bias.value)]
    shown = [*sorted(shown[1:], key=lambda row: row.bias.value), shown[0]]
    figure, (left, right) = _rows([row.name for row in shown], 2)
    for y, row in enumerate(shown):
        colour = "0.15" if row.name == "all" else COLOURS[0]
        for axes, one in ((left, row.bias), (right, row.flips)):
            if not np.isnan(one.low):
                axes.plot([one.low, one.high], [y, y], color=colour, lw=6, alpha=0.25)
            axes.plot(one.value, y, "o", ms=6, color=colour)
    left.axvline(0, color="0.5", lw=1, ls="--")
    left.set_title("position bias\n(right: for the first shown)", loc="left", fontsize=10)
    right.set_title(
        "pairs on which the order\nchanges the preferred response", loc="left", fontsize=10
    )
    top = max(0.01, *(max(row.flips.value, np.nan_to_num(row.flips.high)) for row in shown))
    right.set_xlim(-0.04 * top, 1.06 * top)
    left.plot([], [], color=COLOURS[0], lw=6, alpha=0.25, label="95 % interval")
    figure.legend(loc="outside lower center", frameon=False)
    return figure


def reliability_plot(rows: Sequence[Reliability]) -> Figure:
    """Cohen's kappa of each principle and rule with truth and human labels."""
    rows = [row for row in rows if not np.isnan(row.kappa.value)]
    names = list(dict.fromkeys(row.name for row in rows))[::-1]
    present = {row.reference for row in rows}
    references = [name for name in REFERENCES if name in present]
    figure, (axes,) = _rows(names, 1)
    for r, reference in enumerate(references):
        shift = 0.15 * (2 * r - len(references) + 1)
        look = list(REFERENCES).index(reference)
        colour, marker = COLOURS[look], MARKERS[look]
        for row in (row for row in rows if row.reference == reference):
            y = names.index(row.name) - shift
            if not np.isnan(row.kappa.low):
                axes.plot([row.kappa.low, row.kappa.high], [y, y], color=colour, lw=5, alpha=0.25)
            axes.plot(row.kappa.value, y, marker, ms=6, color=colour)
        axes.plot([], [], marker, color=colour, label=REFERENCES[reference])
    axes.axvline(0, color="0.5", lw=1, ls="--")
    axes.set_xlabel("Cohen's kappa, with 95 % interval")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def stage_scores_plot(rows: Sequence[StageScore]) -> Figure:
    """The mean of every measure from stage to stage, with intervals."""
    measures = list(dict.fromkeys(row.measure for row in rows))
    stages, apart = list(dict.fromkeys(row.stage for row in rows)), stages_apart(rows)
    n_columns = min(3, len(measures))
    n_rows = -(-len(measures) // n_columns)
    figure = Figure(figsize=(3.6 * n_columns, 3.0 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, measure in zip(panels, measures, strict=False):
        chosen = [row for row in rows if row.measure == measure]
        x = [stages.index(row.stage) for row in chosen]
        axes.plot(x, [row.mean.value for row in chosen], "o", color=COLOURS[0], ms=6)
        joined = [row for row in chosen if row.stage not in apart]  # the others have other prompts
        line = [stages.index(row.stage) for row in joined]
        axes.plot(line, [row.mean.value for row in joined], "-", color=COLOURS[0], lw=1.2)
        for place, row in zip(x, chosen, strict=True):
            if not np.isnan(row.mean.low):
                ends = [row.mean.low, row.mean.high]
                axes.plot([place, place], ends, color=COLOURS[0], lw=6, alpha=0.25)
        axes.set_xticks(
            range(len(stages)), [_short(s, 14) for s in stages], rotation=30, ha="right"
        )
        axes.set_xlim(-0.4, len(stages) - 0.6)
        axes.set_title(measure, loc="left", fontsize=10)
        if measure in ("refusals", "I don't know"):
            axes.set_ylim(-0.03, 1.03)
        tidy(axes)
    for axes in panels[len(measures) :]:
        axes.set_visible(False)
    return figure


def _rows(names: Sequence[str], n_panels: int) -> tuple[Figure, list["Axes"]]:
    """A figure with a line for each name, and so many panels beside each other."""
    height = 1.7 + 0.34 * max(len(names), 2)
    figure = Figure(figsize=(2.6 + 2.7 * n_panels, height), layout="constrained")
    panels = list(figure.subplots(1, n_panels, sharey=True, squeeze=False)[0])
    panels[0].set_yticks(range(len(names)), [_short(name) for name in names])
    panels[0].set_ylim(-0.6, len(names) - 0.4)
    for axes in panels:
        tidy(axes, grid="x")
        axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure, panels


def _short(name: str, length: int = 28) -> str:
    """A name without its middle if it is too long: names may differ at their ends only."""
    tail = length // 3
    return name if len(name) <= length else f"{name[: length - tail - 1]}…{name[-tail:]}"
