"""Matrices and graphs as charts: of rules or groups against each other, and of majorities."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlchf.report.document import Chart
from rlchf.report.drawing import (
    FADED,
    chart_of,
    cut_words,
    figure_text,
    given,
    scale_of,
    tooltips,
    unchecked,
)

NUMBERED = 24
"""Rows or columns of a matrix at most whose cells have numbers."""


def clustered(distances: np.ndarray) -> list[int]:
    """An order of the rows of a matrix of distances, (K, K), that puts similar ones side by side.

    Examples
    --------
    >>> clustered(np.array([[0, 9, 1], [9, 0, 8], [1, 8, 0]]))[1] in (0, 2)
    True
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(distances) < 3:
        return list(range(len(distances)))
    known = np.where(np.isfinite(distances), distances, np.nan)
    filled = np.where(np.isnan(known), np.nanmax(known) if np.isfinite(known).any() else 0, known)
    filled = np.clip((filled + filled.T) / 2, 0, None)
    np.fill_diagonal(filled, 0)
    tree = linkage(squareform(filled, checks=False), "average", optimal_ordering=True)
    return [int(leaf) for leaf in leaves_list(tree)]


@unchecked
def matrix_chart(
    title: str,
    names: Sequence[str],
    values: Sequence[Sequence[float]] | np.ndarray,
    *,
    value: str,
    columns: Sequence[str] = (),
    cluster: bool = True,
    similarity: bool = False,
    middle: float | None = None,
    digits: int = 2,
    row: str = "row",
    column: str = "column",
    link: str = "",
    link_columns: str = "",
    description: str = "",
) -> Chart:
    """A matrix as coloured cells with their values, similar rows side by side.

    Parameters
    ----------
    title, description
        What the chart shows; the same in words, by default the pairs with the lowest and the highest value.
    names, columns
        The rows, and the columns where they are others.
    values
        (rows, columns) figures; NaN is an empty cell.
    value, row, column
        What the figures, rows and columns are.
    cluster
        Whether similar names are put side by side, in a matrix of names against themselves.
    similarity
        Whether high values mean alike; by default the values are distances.
    middle
        The value between two colours, such as 0 for correlations; by default there is one colour.
    digits
        Decimal places in the cells.
    link, link_columns
        What a row and a column are, for charts that are linked; columns link as rows where they are the same.

    Examples
    --------
    >>> chart = matrix_chart("Distances", ["a", "b"], [[0, 3], [3, 0]], value="distance", digits=0)
    >>> chart.description
    'distance: lowest 3 (a, b), highest 3 (a, b).'
    """
    import altair as alt

    matrix, across = np.asarray(values, dtype=float), list(columns or names)
    if matrix.shape != (len(names), len(across)):
        raise ValueError(
            f"the matrix {title!r} has the shape {matrix.shape}; give {(len(names), len(across))}"
        )
    order = list(range(len(names)))
    if cluster and not columns:
        order = clustered(np.nanmax(matrix, initial=0) - matrix if similarity else matrix)
    rows_in_order = [names[k] for k in order]
    columns_in_order = across if columns else rows_in_order
    ends = _ends_of(matrix, middle)
    data = [
        {
            "row": names[i], "column": across[j], "value": given(matrix[i, j]),
            "dark": bool(_share(matrix[i, j], ends, middle) > 0.6),
        }
        for i in order
        for j in (range(len(across)) if columns else order)
    ]  # fmt: skip
    scale = (
        alt.Scale(domain=list(ends))
        if middle is None
        else alt.Scale(domain=[ends[0], middle, ends[1]], range="diverging")
    )
    test = (
        "(picked_row == '' || datum.row == picked_row || (same && datum.column == picked_row)) && "
        "(picked_column == '' || datum.column == picked_column)"
    )
    faded = alt.condition(test, alt.value(1), alt.value(FADED))
    base = alt.Chart(alt.Data(values=data)).encode(
        x=alt.X("column:N", sort=columns_in_order, title=None, axis=alt.Axis(labelAngle=-60)),
        y=alt.Y("row:N", sort=rows_in_order, title=None),
        tooltip=[*tooltips(row=row, column=column, value=value)],
        opacity=faded,
    )
    layers = [
        base.mark_rect().encode(color=alt.Color("value:Q", title=value, scale=scale)),
    ]
    if max(len(names), len(across)) <= NUMBERED:
        for style, test in (("on_low", "!datum.dark"), ("on_high", "datum.dark")):
            text = base.transform_filter(f"isValid(datum.value) && {test}").mark_text(style=style)
            layers.append(text.encode(text=alt.Text("value:Q", format=f".{digits}f")))
    links = {"row": link, "column": "" if not columns else link_columns}
    chart = chart_of(
        alt.layer(*layers), title, description or _extremes(value, names, across, matrix, not columns),
        max(22 * len(names), 60), links=links,
    )  # fmt: skip
    params = [{"name": "picked_row", "value": ""}, {"name": "picked_column", "value": ""}]
    same = {"name": "same", "value": not columns}
    return Chart({**chart.spec, "params": [*params, same]}, chart.title, chart.description)


def _ends_of(matrix: np.ndarray, middle: float | None) -> tuple[float, float]:
    """The ends of the scale of colours."""
    known = matrix[np.isfinite(matrix)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if middle is not None:
        reach = max(high - middle, middle - low) or 1.0
        return middle - reach, middle + reach
    return min(low, 0.0), high if high > min(low, 0.0) else min(low, 0.0) + 1.0


def _share(value: float, ends: tuple[float, float], middle: float | None) -> float:
    """How strong the colour of a value is, from 0 to 1."""
    if middle is None:
        return (value - ends[0]) / (ends[1] - ends[0])
    return abs(value - middle) / (ends[1] - middle)


def _extremes(
    value: str, names: Sequence[str], across: Sequence[str], matrix: np.ndarray, same: bool
) -> str:
    """The cells with the lowest and the highest value, in words."""
    cells = [
        (float(matrix[i, j]), names[i], across[j])
        for i in range(len(names))
        for j in range(i + 1 if same else 0, len(across))
        if math.isfinite(matrix[i, j])
    ]
    if not cells:
        return f"{value}: no figures."
    low, high = (choose(cells, key=lambda cell: cell[0]) for choose in (min, max))
    return (
        f"{value}: lowest {figure_text(low[0])} ({low[1]}, {low[2]}), highest {figure_text(high[0])} "
        f"({high[1]}, {high[2]})."
    )


@unchecked
def graph_chart(
    title: str,
    nodes: Sequence[str],
    margins: Mapping[tuple[str, str], float],
    *,
    margin: str = "margin",
    description: str = "",
) -> Chart:
    """A graph of majorities: an arrow from the winner to the loser of each pair, with its margin.

    Parameters
    ----------
    title, description
        What the chart shows; the same in words, by default all arrows.
    nodes
        The responses, which stand on a circle.
    margins
        The margin of each pair (winner, loser); only positive ones are drawn.
    margin
        What the margins are.

    Examples
    --------
    >>> graph_chart("A cycle", ["a", "b"], {("a", "b"): 2}).description
    'margin: a beats b by 2.'
    """
    import altair as alt
    import networkx

    graph = networkx.DiGraph()
    graph.add_nodes_from(nodes)
    places = networkx.circular_layout(graph)
    at = {name: (float(x), float(y)) for name, (x, y) in places.items()}
    arrows = [
        _arrow(at[winner], at[loser], winner, loser, float(size))
        for (winner, loser), size in margins.items()
        if size > 0
    ]
    _place_labels(arrows)
    dots = [{"name": name, "x": x, "y": y} for name, (x, y) in at.items()]
    hidden: dict[str, Any] = {"axis": None, "scale": alt.Scale(domain=[-1.35, 1.35])}
    x, y = alt.X("x:Q", **hidden), alt.Y("y:Q", **hidden)
    tooltip = [*tooltips(row="above", column="below", value=margin)]
    edges = alt.Chart(alt.Data(values=arrows)).encode(x=x, y=y, tooltip=tooltip)
    points = alt.Chart(alt.Data(values=dots)).encode(x=x, y=y, tooltip=tooltips(name="response"))
    sizes = [arrow["value"] for arrow in arrows]
    width = alt.StrokeWidth("value:Q", legend=None, scale=scale_of(sizes, range=[1, 4]))
    at_label = {
        "x": alt.X("label_x:Q", **hidden), "y": alt.Y("label_y:Q", **hidden),
        "text": alt.Text("value:Q", format=",.4~g"),
    }  # fmt: skip
    layers: list[Any] = [
        edges.mark_rule(style="arrow").encode(x2="x2", y2="y2", strokeWidth=width),
        edges.mark_point(
            style="arrow", shape="triangle-up", filled=True, size=110, opacity=1
        ).encode(
            x=alt.X("x2:Q", **hidden),
            y=alt.Y("y2:Q", **hidden),
            angle=alt.Angle("angle:Q", scale=None),
        ),
        points.mark_point(style="node", filled=True),
        points.mark_text(limit=90).encode(text="name:N"),
        *(edges.mark_text(**halo).encode(**at_label) for halo in ({"style": "halo"}, {})),
    ]
    words = [f"{one['row']} beats {one['column']} by {figure_text(one['value'])}" for one in arrows]
    listed = f"{margin}: {cut_words(words)}." if words else f"{margin}: no majority."
    chart = chart_of(alt.layer(*layers), title, description or listed, 360, links={})
    return Chart({**chart.spec, "width": 360}, chart.title, chart.description)


SHORTER = 0.22
"""How far from a node's centre its arrows begin and end, on a circle of radius 1."""
ALONG = (0.33, 0.28, 0.42, 0.24, 0.5, 0.58, 0.66, 0.72)
"""Where along an arrow its margin may stand, the best first."""
ROOM = 0.17
"""Distance of a margin from other margins and arrows with which it is read easily."""


def _arrow(
    start: tuple[float, float], end: tuple[float, float], winner: str, loser: str, size: float
) -> dict[str, Any]:
    """An arrow between two nodes: its ends, and the angle of its head in degrees."""
    (x, y), (x2, y2) = start, end
    length = math.hypot(x2 - x, y2 - y) or 1.0
    dx, dy = (x2 - x) / length, (y2 - y) / length
    return {
        "row": winner, "column": loser, "value": size,
        "x": x + SHORTER * dx, "y": y + SHORTER * dy,
        "x2": x2 - SHORTER * dx, "y2": y2 - SHORTER * dy,
        "angle": math.degrees(math.atan2(dx, dy)),
    }  # fmt: skip


def _place_labels(arrows: Sequence[dict[str, Any]]) -> None:
    """Put each margin on its arrow, away from other arrows and margins."""
    ends = [(complex(one["x"], one["y"]), complex(one["x2"], one["y2"])) for one in arrows]
    taken: list[complex] = []
    for n, (start, end) in enumerate(ends):
        others = [*ends[:n], *ends[n + 1 :]]
        places = [start + t * (end - start) for t in ALONG]
        gaps = [
            min(
                [ROOM, *(_gap(place, *other) for other in others)]
                + [abs(place - one) / 2 for one in taken]
            )
            for place in places
        ]
        best = places[gaps.index(max(gaps))]
        taken.append(best)
        arrows[n].update(label_x=best.real, label_y=best.imag)


def _gap(point: complex, start: complex, end: complex) -> float:
    """The distance from a point to a line between two others."""
    line = end - start
    along = ((point - start) * line.conjugate()).real / (abs(line) ** 2 or 1.0)
    return abs(point - start - min(max(along, 0.0), 1.0) * line)
