"""Charts of reports. Each function makes a `Chart` from named figures; this module needs Altair.

The charts have no colours of their own: those of the page apply, light or dark. ``link`` says what a name
is, such as ``"group"`` or ``"rule"``: a click on it highlights the same name in all charts of the section
that link the same. What a chart draws belongs into a table or into its description as well.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.report.document import Chart

if TYPE_CHECKING:
    import altair as alt

Figures = Sequence[float] | np.ndarray
NAN = float("nan")
MOST = 60
"""Rows that a chart draws."""
WORDS = 40
"""Figures that a description spells out; of more it gives the lowest and the highest."""
FADED = 0.15


@dataclass(frozen=True)
class Dot:
    """A figure of a name, with its interval if it has one, and its series, such as a rule."""

    name: str
    value: float
    low: float = NAN
    high: float = NAN
    series: str = ""


@dataclass(frozen=True)
class Curve:
    """A line: its name and its points, and a band around it if there is one."""

    name: str
    x: Figures
    y: Figures
    low: Figures = ()
    high: Figures = ()


@dataclass(frozen=True)
class Point:
    """A point of a scatter plot, and its series."""

    name: str
    x: float
    y: float
    series: str = ""


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
    description
        The chart in words; by default the figures are listed.

    Examples
    --------
    >>> chart = interval_chart("Agreement", [Dot("a", 0.6, 0.5, 0.7), Dot("b", 0.4)], x="share of pairs")
    >>> chart.description
    'share of pairs: a 0.6 (0.5 to 0.7), b 0.4.'
    """
    import altair as alt

    shown, title = _first_rows(dots, title, name)
    several = len({dot.series for dot in shown}) > 1
    rows = _rows(shown)
    scale = alt.Scale(zero=False, nice=True) if domain is None else alt.Scale(domain=list(domain))
    y = alt.Y("name:N", title=None, sort=None)
    offset = {"yOffset": alt.YOffset("series:N", sort=None)} if several else {}
    tooltip = _tooltip(name=name, value=x, low="from", high="to", **_named(several, series))
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=y, tooltip=tooltip, opacity=_picked(), **offset
    )
    ranges = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(style="interval")
        .encode(x=alt.X("low:Q", title=x, scale=scale), x2="high:Q")
    )
    values = base.mark_point(filled=True, size=60, opacity=1).encode(x=alt.X("value:Q", title=x))
    layers = [ranges, values]
    if several:
        scale = alt.Scale(domain=list(dict.fromkeys(dot.series for dot in shown)))
        look = {"sort": None, "scale": scale}
        named = {**look, "title": series or None}
        layers = [
            ranges.encode(color=alt.Color("series:N", **look, legend=None)),
            values.encode(
                color=alt.Color("series:N", **named), shape=alt.Shape("series:N", **named)
            ),
        ]
    if reference is not None:
        layers.insert(0, _rule(reference, "x"))
    per_row = max(22, 11 * len({dot.series for dot in shown}))
    height = per_row * len({dot.name for dot in shown}) + 10
    drawn = alt.layer(*layers)
    if several:  # one legend of colours and shapes
        drawn = drawn.resolve_scale(color="independent", shape="independent")
    return _chart(
        drawn, title, description or _listed(x, dots), height,
        links={"name": link, "series": link_series},
    )  # fmt: skip


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
    description: str = "",
) -> Chart:
    """Horizontal bars, one row per name; those of several series side by side, or stacked.

    Parameters
    ----------
    title, bars, x, name, series, reference, link, link_series, description
        As for `interval_chart`; intervals are not drawn.
    stacked
        Whether the series of a name are parts of one bar.
    """
    import altair as alt

    shown, title = _first_rows(bars, title, name)
    several = len({bar.series for bar in shown}) > 1
    encoding: dict[str, Any] = {}
    if several:
        encoding["color"] = alt.Color("series:N", sort=None, title=series or None)
        if not stacked:
            encoding["yOffset"] = alt.YOffset("series:N", sort=None)
    drawn = (
        alt.Chart(alt.Data(values=_rows(shown)))
        .mark_bar()
        .encode(
            x=alt.X("value:Q", title=x, stack="zero" if stacked else None),
            y=alt.Y("name:N", title=None, sort=None),
            tooltip=_tooltip(name=name, value=x, **_named(several, series)),
            opacity=_picked(),
            **encoding,
        )
    )
    layers = [drawn] if reference is None else [drawn, _rule(reference, "x")]
    per_row = 22 if stacked else max(22, 12 * len({bar.series for bar in shown}))
    height = per_row * len({bar.name for bar in shown}) + 10
    return _chart(
        alt.layer(*layers), title, description or _listed(x, bars), height,
        links={"name": link, "series": link_series},
    )  # fmt: skip


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

    rows = [
        {
            "name": curve.name, "x": float(a), "y": _given(b),
            "low": _at(curve.low, n), "high": _at(curve.high, n),
        }
        for curve in curves
        for n, (a, b) in enumerate(zip(curve.x, curve.y, strict=True))
    ]  # fmt: skip
    scale = alt.Scale(type="log") if log_x else alt.Scale(nice=False, zero=False)
    several = len(curves) > 1
    look: dict[str, Any] = {}
    if several:
        look["color"] = alt.Color("name:N", sort=None, title=series or None)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("x:Q", title=x, scale=scale),
        opacity=_picked(),
        **look,
    )
    tooltip = _tooltip(**_named(several, series, "name"), x=x, y=y)
    height = alt.Y("y:Q", title=y, scale=alt.Scale(zero=False))
    line = base.mark_line(point={"size": 30} if points else False).encode(y=height, tooltip=tooltip)
    if several:
        line = line.encode(strokeDash=alt.StrokeDash("name:N", sort=None, title=series or None))
    layers: list[alt.Chart] = [line]
    if any(len(curve.low) for curve in curves):
        band = base.transform_filter("isValid(datum.low)").mark_area(fillOpacity=0.2)
        layers.insert(0, band.encode(y=alt.Y("low:Q", title=y), y2="high:Q"))
    if reference is not None:
        layers.insert(0, _rule(reference, "y"))
    return _chart(
        alt.layer(*layers), title, description or _ends(x, y, curves), 260, links={"name": link}
    )


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

    rows = [
        {"name": p.name, "series": p.series, "x": _given(p.x), "y": _given(p.y)} for p in points
    ]
    several = len({point.series for point in points}) > 1
    scale = alt.Scale(zero=False)
    drawn = (
        alt.Chart(alt.Data(values=rows))
        .mark_point(filled=True, size=70 if len(points) <= 100 else 25)
        .encode(
            x=alt.X("x:Q", title=x, scale=scale),
            y=alt.Y("y:Q", title=y, scale=scale),
            tooltip=_tooltip(name=name, **_named(several, series), x=x, y=y),
            opacity=_picked(1 if len(points) <= 100 else 0.6),
            **(_by_series(series) if several else {}),
        )
    )
    layers = [drawn]
    if len(points) <= 12:
        layers += _labels(rows)
    if diagonal:
        known = [v for row in rows for v in (row["x"], row["y"]) if v is not None]
        ends = [{"x": end, "y": end} for end in (min(known), max(known))] if known else []
        line = alt.Chart(alt.Data(values=ends)).mark_line(style="reference")
        layers.insert(0, line.encode(x="x:Q", y="y:Q"))
    words = [f"{p.name} {_figure(p.x)} and {_figure(p.y)}" for p in points]
    return _chart(
        alt.layer(*layers), title, description or f"{x} and {y}: {_cut(words)}.", 320,
        links={"name": link, "series": link_series},
    )  # fmt: skip


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
    known = {name: _finite_values(one) for name, one in by_name.items()}
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
            x=alt.X("low:Q", title=x, bin="binned", scale=alt.Scale(zero=False)),
            x2="high:Q",
            y=alt.Y("number:Q", title=y, stack=None),
            tooltip=_tooltip(**_named(several, series, "name"), low="from", high="to", number=y),
            opacity=_picked(),
            **look,
        )
    )
    layers = [drawn] if reference is None else [drawn, _rule(reference, "x")]
    words = "; ".join(_spread(name, one) for name, one in known.items())
    return _chart(
        alt.layer(*layers), title, description or f"{x}: {words}.", 220, links={"name": link}
    )


def _labels(rows: Sequence[Mapping[str, Any]]) -> list["alt.Chart"]:
    """Names beside points, on the side that has more room."""
    import altair as alt

    known = [row["x"] for row in rows if row["x"] is not None]
    middle = (min(known) + max(known)) / 2 if known else 0.0
    sides = [("left", 7, True), ("right", -7, False)]
    return [
        alt.Chart(
            alt.Data(values=[row for row in rows if row["x"] is not None and (row["x"] <= middle) is on_left])
        )
        .mark_text(align=align, dx=dx, limit=150)
        .encode(x="x:Q", y="y:Q", text="name:N", opacity=_picked())
        for align, dx, on_left in sides
    ]  # fmt: skip


def _given(value: float | None) -> float | None:
    """The figure, or None if it is not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def _at(values: Figures, n: int) -> float | None:
    return _given(values[n]) if len(values) else None


def _finite_values(values: Figures) -> np.ndarray:
    array: np.ndarray = np.asarray(values, dtype=float)
    known: np.ndarray = array[np.isfinite(array)]
    return known


def _rows(dots: Sequence[Dot]) -> list[dict[str, Any]]:
    return [
        {
            "name": dot.name, "series": dot.series, "value": _given(dot.value),
            "low": _given(dot.low), "high": _given(dot.high),
        }
        for dot in dots
    ]  # fmt: skip


def _first_rows(dots: Sequence[Dot], title: str, name: str) -> tuple[list[Dot], str]:
    """The figures of as many names as a chart has rows, and a title that says so."""
    names = list(dict.fromkeys(dot.name for dot in dots))
    if len(names) <= MOST:
        return list(dots), title
    shown = set(names[:MOST])
    return [dot for dot in dots if dot.name in shown], (
        f"{title.rstrip('.')} (the first {MOST} of {len(names):,}: {name})"
    )


def _by_series(series: str) -> dict[str, Any]:
    import altair as alt

    return {"color": alt.Color("series:N", sort=None, title=series or None)}


def _named(several: bool, series: str, field: str = "series") -> dict[str, str]:
    return {field: series or "series"} if several else {}


def _tooltip(**titles: str) -> list["alt.Tooltip"]:
    """What a pointer shows: the field of each title."""
    import altair as alt

    texts = ("name", "series", "row", "column")
    return [
        alt.Tooltip(f"{field}:N", title=title)
        if field in texts
        else alt.Tooltip(f"{field}:Q", title=title, format=".4~g")
        for field, title in titles.items()
    ]


def _picked(full: float = 1, *fields: str) -> "alt.OpacityValue":
    """Opacity: names that are not the one that was clicked on are faded."""
    import altair as alt

    tests = [
        f"(picked_{field} == '' || datum.{field} == picked_{field})" for field in ("name", "series")
    ]
    return alt.condition(" && ".join(tests), alt.value(full), alt.value(FADED))


def _rule(value: float, axis: str) -> "alt.Chart":
    import altair as alt

    return alt.Chart(alt.Data(values=[{"at": value}])).mark_rule(style="reference").encode(
        **{axis: alt.X("at:Q") if axis == "x" else alt.Y("at:Q")}
    )  # fmt: skip


def _chart(
    drawn: Any, title: str, description: str, height: int, *, links: Mapping[str, str]
) -> Chart:
    """The chart as a specification that is as wide as the page."""
    import altair as alt

    picks = [alt.param(name=f"picked_{field}", value="") for field in ("name", "series")]
    spec = drawn.properties(width="container", height=height).add_params(*picks).to_dict()
    spec.pop("config", None)
    spec["datasets"] = _shared(spec["layer"])
    spec["usermeta"] = {"links": {field: kind for field, kind in links.items() if kind}}
    return Chart(spec, title, description)


def _shared(layers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rows of all layers by name, each once; the layers name theirs from now on."""
    rows: list[Any] = []
    for layer in layers:
        if "data" not in layer:  # they have the same rows, which stand above them
            continue
        values = layer["data"]["values"]
        if values not in rows:
            rows.append(values)
        layer["data"] = {"name": f"rows{rows.index(values)}"}
    return {f"rows{n}": values for n, values in enumerate(rows)}


def _figure(value: float | None) -> str:
    """A figure in words, with a true minus sign.

    Examples
    --------
    >>> [_figure(value) for value in (0.12345, -2.0, float("nan"))]
    ['0.123', '−2', 'unknown']
    """
    if value is None or math.isnan(value):
        return "unknown"
    return f"{value:.3g}".replace("-", "−")


def _dot_words(dot: Dot) -> str:
    name = f"{dot.name}, {dot.series}:" if dot.series else dot.name
    ends = "" if math.isnan(dot.low + dot.high) else f" ({_figure(dot.low)} to {_figure(dot.high)})"
    return f"{name} {_figure(dot.value)}{ends}"


def _listed(what: str, dots: Sequence[Dot]) -> str:
    """The figures in words: all of them, or the lowest and the highest of many."""
    if len(dots) <= WORDS:
        return f"{what}: {', '.join(_dot_words(dot) for dot in dots)}."
    known = [dot for dot in dots if not math.isnan(dot.value)]
    if not known:
        return f"{what}: {len(dots):,} figures, none of them known."
    low, high = (choose(known, key=lambda dot: dot.value) for choose in (min, max))
    return f"{what}: {len(dots):,} figures, from {_dot_words(low)} to {_dot_words(high)}."


def _cut(words: Sequence[str]) -> str:
    """Words with commas; of many the first ones."""
    if len(words) <= WORDS:
        return ", ".join(words)
    return f"{', '.join(words[:WORDS])}, and {len(words) - WORDS:,} more"


def _ends(x: str, y: str, curves: Sequence[Curve]) -> str:
    """Where lines begin and end, in words."""
    parts = []
    for curve in curves:
        if len(curve.x):
            start, end = ((_figure(curve.y[n]), _figure(curve.x[n])) for n in (0, -1))
            named = f"{curve.name} " if curve.name else ""
            parts.append(
                f"{named}from {start[0]} at {x} {start[1]} to {end[0]} at {x} {end[1]}"
            )  # fmt: skip
    return f"{y}: {_cut(parts)}."


def _spread(name: str, values: np.ndarray) -> str:
    """The number and the quartiles of figures, in words."""
    named = f"{name}: " if name else ""
    if not len(values):
        return f"{named}no figures"
    q = [_figure(v) for v in np.percentile(values, [0, 25, 50, 75, 100]).tolist()]
    return (
        f"{named}{len(values):,} figures from {q[0]} to {q[4]}, half of them between {q[1]} and {q[3]}, "
        f"median {q[2]}"
    )
