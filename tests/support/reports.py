"""A document with every kind of block and chart, whose names try to break out of the page."""

from functools import cache

import numpy as np

from rlchf.report.charts import (
    Curve,
    Dot,
    Point,
    bar_chart,
    graph_chart,
    histogram_chart,
    interval_chart,
    line_chart,
    matrix_chart,
    scatter_chart,
)
from rlchf.report.document import (
    Card,
    Chart,
    Code,
    Column,
    Document,
    Fold,
    Picture,
    Section,
    SideBySide,
    Table,
    Text,
)

EVIL = "</script><img src=x onerror=\"console.error('run')\"> \"quoted\" 'too' & datum['x'] ${1}"
RULES = ("borda", "kemeny", EVIL)
GROUPS = ("Deutschland", "Česko", "", "x" * 300, EVIL)
LONG = "a" * 500 + " " + "word " * 100


@cache
def every_chart() -> dict[str, Chart]:
    """Charts of every kind, by what they are."""
    rng = np.random.default_rng(0)
    dots = [Dot(g, rng.random(), 0.2, 0.9, rule) for g in GROUPS for rule in RULES]
    gap = [Dot("a", float("nan")), Dot("b", 0.5)]
    return {
        "intervals": interval_chart(
            "Agreement", dots, x="share", series="rule", reference=0.5, link="group",
            link_series="rule",
        ),
        "intervals of a gap": interval_chart(EVIL, gap, x=EVIL, domain=(0, 1), link="group"),
        "bars": bar_chart("Bars", dots, x="share", series="rule", link="group", link_series="rule"),
        "stacked bars": bar_chart("Parts", dots, x="share", stacked=True, reference=0.4),
        "lines": line_chart(
            "Lines", [Curve(n, range(9), rng.random(9)) for n in RULES], x="step", y="reward",
            link="rule",
        ),
        "a band": line_chart(
            "Band", [Curve("a", [1, 10], [1, 2], [0, 1], [2, 3])], x="step", y="reward",
            reference=1, log_x=True, points=True,
        ),
        "points": scatter_chart(
            "Rules", [Point(n, rng.random(), 1) for n in RULES], x="one", y="two", diagonal=True,
            link="rule",
        ),
        "many points": scatter_chart(
            "Prompts", [Point(str(n), n, -n, EVIL * (n % 2)) for n in range(200)], x="one", y="two",
            series="kind",
        ),
        "a histogram": histogram_chart("Scores", {n: rng.normal(size=50) for n in RULES}, x="score"),
        "a histogram of nothing": histogram_chart("Nothing", [float("nan")], x="score", reference=0),
        "distances": matrix_chart("Distances", RULES, np.eye(3), value="distance", link="rule"),
        "correlations": matrix_chart(
            "Correlations", GROUPS[:2], [[1, -1], [float("nan"), 1]], value="r", middle=0,
            similarity=True,
        ),
        "a table of colours": matrix_chart(
            "Shares", GROUPS, rng.random((5, 3)), columns=RULES, value="share", link="group",
            link_columns="rule",
        ),
        "a graph": graph_chart("A cycle", ["a", "b", EVIL], {("a", "b"): 2, ("b", EVIL): 1}),
        **nothing_known(),
    }  # fmt: skip


def nothing_known() -> dict[str, Chart]:
    """Charts without a figure, of which Vega could warn."""
    nan = float("nan")
    return {
        "unknown intervals": interval_chart("A", [Dot("a", nan)], x="x"),
        "unknown bars": bar_chart("A", [Dot("a", nan)], x="x"),
        "unknown line": line_chart("A", [Curve("a", [1, 2], [nan, nan])], x="x", y="y"),
        "unknown points": scatter_chart("A", [Point("a", nan, nan)], x="x", y="y", diagonal=True),
        "unknown cells": matrix_chart("A", ["a", "b"], np.full((2, 2), nan), value="v"),
        "no lines": line_chart("A", [], x="x", y="y", log_x=True),
        "no bars": bar_chart("A", [], x="x"),
        "no matrix": matrix_chart("A", [], np.zeros((0, 0)), value="v"),
        "no graph": graph_chart("A", ["a"], {}),
    }


def every_block() -> Document:
    """A document with all of it: 300 rows, 15 columns, long words, charts inside a fold."""
    charts = list(every_chart().values())
    rows = [[f"group {n} {EVIL}", n / 7, None, LONG if n == 2 else "x"] for n in range(300)]
    wide = [[rule, *range(1000, 1014)] for rule in RULES]
    picture = Picture('<svg width="9000" height="20"><rect width="9000"/></svg>', EVIL, EVIL)
    sections = [
        Section("charts", "Charts", [Text(["One.", "Two."]), *charts]),
        Section("tables", EVIL, [
            Table(["group", Column("share", 2, EVIL), "gap", "text"], rows, "Groups"),
            Table([EVIL, *[f"group {n}" for n in range(14)]], wide, EVIL, shown=0),
        ]),
        Section("texts", "Texts", [
            Text([EVIL, LONG], listed=True), picture, SideBySide(LONG, [Card(EVIL, LONG, [EVIL])]),
            Fold(EVIL, [charts[0], Code(LONG + EVIL)]),
        ]),
    ]  # fmt: skip
    return Document(EVIL, ["A finding.", EVIL, LONG], sections, {"Command": EVIL, "Date": LONG})
