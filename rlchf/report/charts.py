"""Charts of reports. Each function makes a `Chart` from named figures; this module needs Altair.

The charts have no colours of their own: those of the page apply, light or dark. ``link`` says what a name
is, such as ``"group"`` or ``"rule"``: a click on it highlights the same name in all charts of the section
that link the same. What a chart draws belongs into a table or into its description as well.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlchf.report.document import Chart
from rlchf.report.drawing import (
    Curve as Curve,
)
from rlchf.report.drawing import (
    Dot as Dot,
)
from rlchf.report.drawing import (
    Figures,
    chart_of,
    coloured,
    cut_words,
    dots_in_words,
    ends_of_curves,
    figure_text,
    finite_values,
    first_rows,
    given,
    given_at,
    name_labels,
    picked_opacity,
    reference_line,
    rows_of,
    scale_of,
    series_field,
    spread_words,
    tooltips,
    unchecked,
)
from rlchf.report.drawing import (
    Point as Point,
)
from rlchf.report.matrices import graph_chart as graph_chart
from rlchf.report.matrices import matrix_chart as matrix_chart


@unchecked
def interval_chart(
    title: str,
    dots: Sequence[Dot],
    *,
    x: str,
    name: str = "group",
    series: str = "",
    reference: float | None = None,
    domain: tuple[float, float] | None = None,
    link: str = "",
    link_series: str = "",
    keep: Sequence[str] = (),
    description: str = "",
) -> Chart:
    """Dots with intervals, one row per name, in the order given.

    Parameters
    ----------
    title
        What the chart shows.
    dots
        The figures; those of one name share a row, those of one series a colour and a shape.
    x, name, series
        What the figures, the names and the series are: titles of axes and legend.
    reference
        Where a dashed line stands, such as 0.5.
    domain
        The ends of the axis; by default they follow the figures.
    link, link_series
        What a name and a series are, for charts that are linked.
    keep
        Names that are drawn where there are too many for one chart, such as recommended rules.
    description
        The chart in words; by default the figures are dots_in_words.

    Examples
    --------
    >>> chart = interval_chart("Agreement", [Dot("a", 0.6, 0.5, 0.7), Dot("b", 0.4)], x="share of pairs")
    >>> chart.description
    'share of pairs: a 0.6 (0.5 to 0.7), b 0.4.'
    """
    import altair as alt

    shown, title = first_rows(dots, title, name, x, keep)
    several = len({dot.series for dot in shown}) > 1
    rows = rows_of(shown)
    ends = [end for row in rows for end in (row["value"], row["low"], row["high"])]
    look: dict[str, Any] = {"domain": list(domain)} if domain else {"zero": False, "nice": True}
    at = alt.X("value:Q", title=x, scale=scale_of(ends, **look))
    y = alt.Y("name:N", title=None, sort=None)
    offset = {"yOffset": alt.YOffset("series:N", sort=None)} if several else {}
    shown_by_pointer = tooltips(
        name=name, value=x, low="from", high="to", **series_field(several, series)
    )
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=y, tooltip=shown_by_pointer, opacity=picked_opacity(), **offset
    )
    ranges = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(style="interval")
        .encode(x=alt.X("low:Q", title=x), x2="high:Q")
    )
    values = base.mark_point(filled=True, size=60, opacity=1).encode(x=at)
    if several:
        order = alt.Scale(domain=list(dict.fromkeys(dot.series for dot in shown)))
        named: dict[str, Any] = {"sort": None, "scale": order, "title": series or None}
        ranges = ranges.encode(color=alt.Color("series:N", sort=None, scale=order, legend=None))
        values = values.encode(
            color=alt.Color("series:N", **named), shape=alt.Shape("series:N", **named)
        )
    layers = [ranges, values] if any(row["low"] is not None for row in rows) else [values]
    if reference is not None:
        layers.insert(0, reference_line(reference, "x"))
    per_row = max(22, 11 * len({dot.series for dot in shown}))
    height = per_row * len({dot.name for dot in shown}) + 10
    drawn = alt.layer(*layers)
    if several:  # one legend of colours and shapes
        drawn = drawn.resolve_scale(color="independent", shape="independent")
    return chart_of(
        drawn, title, description or dots_in_words(x, dots), height,
        links={"name": link, "series": link_series},
    )  # fmt: skip


@unchecked
def bar_chart(
    title: str,
    bars: Sequence[Dot],
    *,
    x: str,
    name: str = "group",
    series: str = "",
    stacked: bool = False,
    reference: float | None = None,
    link: str = "",
    link_series: str = "",
    keep: Sequence[str] = (),
    description: str = "",
) -> Chart:
    """Horizontal bars, one row per name; those of several series side by side, or stacked.

    Parameters
    ----------
    title, bars, x, name, series, reference, link, link_series, keep, description
        As for `interval_chart`; intervals are not drawn.
    stacked
        Whether the series of a name are parts of one bar.
    """
    import altair as alt

    shown, title = first_rows(bars, title, name, x, keep)
    several = len({bar.series for bar in shown}) > 1
    encoding: dict[str, Any] = {}
    if several:
        encoding["color"] = alt.Color("series:N", sort=None, title=series or None)
        if not stacked:
            encoding["yOffset"] = alt.YOffset("series:N", sort=None)
    drawn = (
        alt.Chart(alt.Data(values=rows_of(shown)))
        .mark_bar()
        .encode(
            x=alt.X(
                "value:Q",
                title=x,
                stack="zero" if stacked else None,
                scale=scale_of([bar.value for bar in shown]),
            ),
            y=alt.Y("name:N", title=None, sort=None),
            tooltip=tooltips(name=name, value=x, **series_field(several, series)),
            opacity=picked_opacity(),
            **encoding,
        )
    )
    layers = [drawn] if reference is None else [drawn, reference_line(reference, "x")]
    per_row = 22 if stacked else max(22, 12 * len({bar.series for bar in shown}))
    height = per_row * len({bar.name for bar in shown}) + 10
    return chart_of(
        alt.layer(*layers), title, description or dots_in_words(x, bars), height,
        links={"name": link, "series": link_series},
    )  # fmt: skip


@unchecked
def line_chart(
    title: str,
    curves: Sequence[Curve],
    *,
    x: str,
    y: str,
    series: str = "",
    reference: float | None = None,
    log_x: bool = False,
    points: bool = False,
    link: str = "",
    description: str = "",
) -> Chart:
    """Lines of several series over a common axis, with bands where they have intervals.

    Parameters
    ----------
    title, description
        What the chart shows; the same in words, by default the ends of every line.
    curves
        The lines.
    x, y, series
        What the axes and the lines are.
    reference
        The height of a dashed line.
    log_x
        Whether the horizontal axis is logarithmic.
    points
        Whether the points are marked.
    link
        What a line's name is, for charts that are linked.
    """
    import altair as alt

    rows: list[dict[str, Any]] = [
        {
            "name": curve.name, "x": float(a), "y": given(b),
            "low": given_at(curve.low, n), "high": given_at(curve.high, n),
        }
        for curve in curves
        for n, (a, b) in enumerate(zip(curve.x, curve.y, strict=True))
    ]  # fmt: skip
    look_x = {"type": "log"} if log_x else {"nice": False, "zero": False}
    scale = scale_of([row["x"] for row in rows], **look_x)
    several = len(curves) > 1
    look: dict[str, Any] = {}
    if several:
        look["color"] = alt.Color("name:N", sort=None, title=series or None)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("x:Q", title=x, scale=scale),
        opacity=picked_opacity(),
        **look,
    )
    tooltip = tooltips(**series_field(several, series, "name"), x=x, y=y)
    height = alt.Y("y:Q", title=y, scale=scale_of([row["y"] for row in rows], zero=False))
    line = base.mark_line(point={"size": 30} if points else False).encode(y=height, tooltip=tooltip)
    if several:
        line = line.encode(strokeDash=alt.StrokeDash("name:N", sort=None, title=series or None))
    layers: list[alt.Chart] = [line]
    if any(row["low"] is not None for row in rows):
        band = base.transform_filter("isValid(datum.low)").mark_area(fillOpacity=0.2)
        layers.insert(0, band.encode(y=alt.Y("low:Q", title=y), y2="high:Q"))
    if reference is not None:
        layers.insert(0, reference_line(reference, "y"))
    return chart_of(
        alt.layer(*layers),
        title,
        description or ends_of_curves(x, y, curves),
        260,
        links={"name": link},
    )


@unchecked
def scatter_chart(
    title: str,
    points: Sequence[Point],
    *,
    x: str,
    y: str,
    name: str = "name",
    series: str = "",
    diagonal: bool = False,
    link: str = "",
    link_series: str = "",
    description: str = "",
) -> Chart:
    """Points, one per name, such as a rule or a prompt.

    Parameters
    ----------
    title, x, y, name, series, link, link_series, description
        As for `line_chart` and `interval_chart`.
    diagonal
        Whether the line of equal figures is drawn.
    """
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"name": p.name, "series": p.series, "x": given(p.x), "y": given(p.y)} for p in points
    ]
    several = len({point.series for point in points}) > 1
    across, up = (scale_of([row[name] for row in rows], zero=False) for name in ("x", "y"))
    drawn = (
        alt.Chart(alt.Data(values=rows))
        .mark_point(filled=True, size=70 if len(points) <= 100 else 25)
        .encode(
            x=alt.X("x:Q", title=x, scale=across),
            y=alt.Y("y:Q", title=y, scale=up),
            tooltip=tooltips(name=name, **series_field(several, series), x=x, y=y),
            opacity=picked_opacity(1 if len(points) <= 100 else 0.6),
            **(coloured(series) if several else {}),
        )
    )
    layers = [drawn]
    if len(points) <= 12:
        layers += name_labels(rows)
    if diagonal:
        known = [v for row in rows for v in (row["x"], row["y"]) if v is not None]
        ends = [{"x": end, "y": end} for end in (min(known), max(known))] if known else []
        line = alt.Chart(alt.Data(values=ends)).mark_line(style="reference")
        layers.insert(0, line.encode(x="x:Q", y="y:Q"))
    words = [f"{p.name} {figure_text(p.x)} and {figure_text(p.y)}" for p in points]
    return chart_of(
        alt.layer(*layers), title, description or f"{x} and {y}: {cut_words(words)}.", 320,
        links={"name": link, "series": link_series},
    )  # fmt: skip


@unchecked
def histogram_chart(
    title: str,
    values: Figures | Mapping[str, Figures],
    *,
    x: str,
    y: str = "number",
    series: str = "",
    bins: int = 30,
    reference: float | None = None,
    link: str = "",
    description: str = "",
) -> Chart:
    """How figures are distributed: their number by bin, one row of bars per series.

    Parameters
    ----------
    title, x, y, series, link, description
        As for `line_chart`; by default the description has the number, the quartiles and the ends.
    values
        The figures, or those of each series by name; NaN is left out.
    bins
        The number of bins, the same for every series.
    reference
        Where a dashed line stands.
    """
    import altair as alt

    by_name = values if isinstance(values, Mapping) else {"": values}
    known = {name: finite_values(one) for name, one in by_name.items()}
    every = np.concatenate([*known.values(), np.empty(0)])
    edges = np.histogram_bin_edges(every, bins) if len(every) else np.array([0.0, 1.0])
    rows = [
        {"name": name, "low": float(low), "high": float(high), "number": int(n)}
        for name, one in known.items()
        for low, high, n in zip(edges, edges[1:], np.histogram(one, edges)[0], strict=False)
    ]
    several = len(known) > 1
    look = {"color": alt.Color("name:N", sort=None, title=series or None)} if several else {}
    drawn = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(fillOpacity=0.5 if several else 1)
        .encode(
            x=alt.X("low:Q", title=x, bin="binned", scale=scale_of(edges.tolist(), zero=False)),
            x2="high:Q",
            y=alt.Y("number:Q", title=y, stack=None),
            tooltip=tooltips(
                **series_field(several, series, "name"), low="from", high="to", number=y
            ),
            opacity=picked_opacity(),
            **look,
        )
    )
    layers = [drawn] if reference is None else [drawn, reference_line(reference, "x")]
    words = "; ".join(spread_words(name, one) for name, one in known.items())
    return chart_of(
        alt.layer(*layers), title, description or f"{x}: {words}.", 220, links={"name": link}
    )
