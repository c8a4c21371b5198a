"""What the charts of reports are made of: figures with names, links, descriptions."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from rlchf.report.document import Chart

if TYPE_CHECKING:
    import altair as alt

Figures = Sequence[float] | np.ndarray
Drawn = ParamSpec("Drawn")
NAN = float("nan")
MOST = 40
"""Names that a chart draws."""
LINES, FEWEST = 100, 8
"""Figures below one another in a chart that fits a page, but of so many names at least."""
TALL = 600
"""Height in pixels from which on a chart has its axis at the top as well."""
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


def name_labels(rows: Sequence[Mapping[str, Any]]) -> list["alt.Chart"]:
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
        .encode(x="x:Q", y="y:Q", text="name:N", opacity=picked_opacity())
        for align, dx, on_left in sides
    ]  # fmt: skip


def given(value: float | None) -> float | None:
    """The figure, or None if it is not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def given_at(values: Figures, n: int) -> float | None:
    """One of several figures, or None if there are none."""
    return given(values[n]) if len(values) else None


def finite_values(values: Figures) -> np.ndarray:
    """The figures that are finite."""
    array: np.ndarray = np.asarray(values, dtype=float)
    known: np.ndarray = array[np.isfinite(array)]
    return known


def rows_of(dots: Sequence[Dot]) -> list[dict[str, Any]]:
    """The figures as rows of a chart's data."""
    return [
        {
            "name": dot.name, "series": dot.series, "value": given(dot.value),
            "low": given(dot.low), "high": given(dot.high),
        }
        for dot in dots
    ]  # fmt: skip


def first_rows(
    dots: Sequence[Dot], title: str, name: str, x: str, keep: Sequence[str] = ()
) -> tuple[list[Dot], str]:
    """The figures of as many names as a chart has rows, and a title that says which they are.

    Names to keep take the place of the last ones; all stay in their order.

    Examples
    --------
    >>> dots = [Dot(f"g{n}", n) for n in range(1000)]
    >>> first_rows(dots, "Sizes.", "group", "size", ["g3", "g7", "g900"])[1]
    'Sizes (the 39 of 1,000 groups with the lowest size, and g900)'
    """
    names = list(dict.fromkeys(dot.name for dot in dots))
    most = max(FEWEST, min(MOST, LINES // max(1, len({dot.series for dot in dots}))))
    if len(names) <= most:
        return list(dots), title
    kept = [one for one in names if one in keep][:most]
    shown = {*kept, *[one for one in names if one not in kept][: most - len(kept)]}
    first = next(n for n, one in enumerate(names) if one not in shown)
    late = [one for one in names[first:] if one in shown]
    also = f", and {', '.join(late)}" if late else ""
    which = f"{_which(dots, names, first, f'{name}s', x)}{also}"
    return [dot for dot in dots if dot.name in shown], f"{title.rstrip('.')} ({which})"


def _which(dots: Sequence[Dot], names: Sequence[str], most: int, names_word: str, x: str) -> str:
    """What the first names have in common: the lowest or the highest figures, if they are in that order."""
    by_name: dict[str, list[float]] = {name: [] for name in names}
    for dot in dots:
        by_name[dot.name].append(dot.value)
    known = np.array([np.nanmean(v) for v in by_name.values() if np.isfinite(v).any()])
    steps = np.diff(known)
    for end, holds in (("lowest", (steps >= 0).all()), ("highest", (steps <= 0).all())):
        if holds and steps.any():
            return f"the {most} of {len(names):,} {names_word} with the {end} {x}"
    return f"the first {most} of {len(names):,} {names_word}"


def coloured(series: str) -> dict[str, Any]:
    """A colour per series."""
    import altair as alt

    return {"color": alt.Color("series:N", sort=None, title=series or None)}


def series_field(several: bool, series: str, field: str = "series") -> dict[str, str]:
    """The field of the series with its title, if there are several."""
    return {field: series or "series"} if several else {}


def tooltips(**titles: str) -> list["alt.Tooltip"]:
    """What a pointer shows: the field of each title."""
    import altair as alt

    texts = ("name", "series", "row", "column")
    return [
        alt.Tooltip(f"{field}:N", title=title)
        if field in texts
        else alt.Tooltip(f"{field}:Q", title=title, format=".4~g")
        for field, title in titles.items()
    ]


def picked_opacity(full: float = 1, *fields: str) -> "alt.OpacityValue":
    """Opacity: names that are not the one that was clicked on are faded."""
    import altair as alt

    tests = [
        f"(picked_{field} == '' || datum.{field} == picked_{field})" for field in ("name", "series")
    ]
    return alt.condition(" && ".join(tests), alt.value(full), alt.value(FADED))


def scale_of(values: Sequence[float | None], **look: Any) -> "alt.Scale":
    """The scale of an axis; one figure alone stands in its middle, and none is between 0 and 1.

    Examples
    --------
    >>> scale_of([2.0, None, 2.0], zero=False).to_dict()["domain"]
    [1.8, 2.2]
    """
    import altair as alt

    known = {value for value in values if value is not None and math.isfinite(value)}
    if not known:
        look = {"domain": [0.1, 1] if look.get("type") == "log" else [0, 1], **look}
    elif len(known) == 1 and look.get("zero") is False:
        (value,) = known
        reach = abs(value) / 10 or 1.0
        look = {"domain": [value - reach, value + reach], **look}
    return alt.Scale(**look)


def reference_line(value: float, axis: str) -> "alt.Chart":
    """A dashed line at a figure on the axis."""
    import altair as alt

    return alt.Chart(alt.Data(values=[{"at": value}])).mark_rule(style="reference").encode(
        **{axis: alt.X("at:Q") if axis == "x" else alt.Y("at:Q")}
    )  # fmt: skip


def unchecked(draw: Callable[Drawn, Chart]) -> Callable[Drawn, Chart]:
    """Draw without Altair's check of each part against its schema, which takes longer than the drawing."""

    @wraps(draw)
    def drawn(*args: Drawn.args, **options: Drawn.kwargs) -> Chart:
        from altair.utils.schemapi import debug_mode

        with debug_mode(False):
            return draw(*args, **options)

    return drawn


def chart_of(
    drawn: Any, title: str, description: str, height: int, *, links: Mapping[str, str]
) -> Chart:
    """The chart as a specification that is as wide as the page."""
    import altair as alt

    picks = [alt.param(name=f"picked_{field}", value="") for field in ("name", "series")]
    spec = (
        drawn.properties(width="container", height=height)
        .add_params(*picks)
        .to_dict(validate=False)
    )
    spec.pop("config", None)
    if height > TALL:
        _add_axis_at_top(spec)
    spec["datasets"] = _shared([spec, *spec["layer"]])
    spec["usermeta"] = {"links": {field: kind for field, kind in links.items() if kind}}
    return Chart(spec, title, description)


def _add_axis_at_top(spec: dict[str, Any]) -> None:
    """Show the horizontal axis at both ends, where it has figures."""
    layers = [layer for layer in spec["layer"] if layer["encoding"].get("x")]
    shown = [layer for layer in layers if layer["encoding"]["x"].get("title")]
    if not shown or shown[-1]["encoding"]["x"]["type"] != "quantitative":
        return
    for layer in layers:
        if layer is not shown[-1]:
            layer["encoding"]["x"]["axis"] = None
    x = {**shown[-1]["encoding"]["x"], "axis": {"orient": "top", "grid": False}}
    shown[-1]["encoding"]["x"]["axis"] = {"grid": True}
    top = {"mark": {"type": "point", "opacity": 0}, "encoding": {"x": x}}
    if "data" in shown[-1]:
        top["data"] = shown[-1]["data"]
    spec["layer"].append(top)
    spec["resolve"] = {**spec.get("resolve", {}), "axis": {"x": "independent"}}


def _shared(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rows of a chart and its layers by name, each once; they name theirs from now on."""
    rows: list[Any] = []
    for part in parts:
        if "data" not in part:  # its rows are those of the whole chart
            continue
        values = part["data"]["values"]
        if values not in rows:
            rows.append(values)
        part["data"] = {"name": f"rows{rows.index(values)}"}
    return {f"rows{n}": values for n, values in enumerate(rows)}


def figure_text(value: float | None) -> str:
    """A figure in words, with a true minus sign.

    Examples
    --------
    >>> [figure_text(value) for value in (0.12345, -2.0, -0.0, float("nan"))]
    ['0.123', '−2', '0', 'unknown']
    """
    if value is None or math.isnan(value):
        return "unknown"
    return f"{value + 0.0:.3g}".replace("-", "−")


def _dot_words(dot: Dot) -> str:
    name = f"{dot.name}, {dot.series}:" if dot.series else dot.name
    ends = (
        ""
        if math.isnan(dot.low + dot.high)
        else f" ({figure_text(dot.low)} to {figure_text(dot.high)})"
    )
    return f"{name} {figure_text(dot.value)}{ends}"


def dots_in_words(what: str, dots: Sequence[Dot]) -> str:
    """The figures in words: all of them, or the lowest and the highest of many."""
    if len(dots) <= WORDS:
        return f"{what}: {', '.join(_dot_words(dot) for dot in dots)}."
    known = [dot for dot in dots if not math.isnan(dot.value)]
    if not known:
        return f"{what}: {len(dots):,} figures, none of them known."
    low, high = (choose(known, key=lambda dot: dot.value) for choose in (min, max))
    return f"{what}: {len(dots):,} figures, from {_dot_words(low)} to {_dot_words(high)}."


def cut_words(words: Sequence[str]) -> str:
    """Words with commas; of many the first ones."""
    if len(words) <= WORDS:
        return ", ".join(words)
    return f"{', '.join(words[:WORDS])}, and {len(words) - WORDS:,} more"


def ends_of_curves(x: str, y: str, curves: Sequence[Curve]) -> str:
    """Where lines begin and end, in words."""
    parts = []
    for curve in curves:
        if len(curve.x):
            start, end = ((figure_text(curve.y[n]), figure_text(curve.x[n])) for n in (0, -1))
            named = f"{curve.name} " if curve.name else ""
            parts.append(
                f"{named}from {start[0]} at {x} {start[1]} to {end[0]} at {x} {end[1]}"
            )  # fmt: skip
    return f"{y}: {cut_words(parts)}."


def spread_words(name: str, values: np.ndarray) -> str:
    """The number and the quartiles of figures, in words."""
    named = f"{name}: " if name else ""
    if not len(values):
        return f"{named}no figures"
    q = [figure_text(v) for v in np.percentile(values, [0, 25, 50, 75, 100]).tolist()]
    return (
        f"{named}{len(values):,} figures from {q[0]} to {q[4]}, half of them between {q[1]} and {q[3]}, "
        f"median {q[2]}"
    )
