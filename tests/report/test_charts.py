"""Charts of reports, compiled by Vega."""

import re

import altair as alt
import numpy as np
import pytest

from rlchf.report.charts import Dot, bar_chart, interval_chart
from rlchf.report.document import Chart
from rlchf.report.drawing import MOST
from rlchf.report.matrices import clustered, graph_chart, matrix_chart
from rlchf.report.page import static_svg
from tests.support.reports import EVIL, every_chart

CHARTS = every_chart()


@pytest.mark.parametrize("kind", CHARTS)
def test_vega_draws_every_kind_of_chart(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    svg = static_svg(CHARTS[kind])
    if not kind.startswith(("unknown", "no ")):
        assert re.findall(r'<g class="mark-(symbol|rect|rule|line|area|text) role-mark', svg)
    assert "NaN" not in svg
    assert "<img" not in svg
    assert capfd.readouterr().err == ""
    width = re.search(r'viewBox="0 0 (\d+)', svg)
    assert width
    assert 100 < int(width[1]) <= 700


@pytest.mark.parametrize("kind", CHARTS)
def test_every_kind_of_chart_is_what_the_schema_of_vega_lite_allows(kind: str) -> None:
    alt.LayerChart.validate(CHARTS[kind].spec)


def test_a_chart_has_no_colours_of_its_own() -> None:
    for chart in CHARTS.values():
        assert not re.findall(r"'#[0-9A-Fa-f]{6}'", str(chart.spec))
        assert "config" not in chart.spec


def test_rows_stay_in_the_order_given() -> None:
    svg = static_svg(interval_chart("A", [Dot(n, 1) for n in "cab"], x="x"))
    labels = re.findall(r">([abc])</text>", svg)
    assert labels == ["c", "a", "b"]


def test_a_chart_of_many_names_draws_the_first_and_says_which_they_are() -> None:
    names = [f"r{n}" for n in range(1000)]
    chart = bar_chart(
        "Sizes.", [Dot(name, n) for n, name in enumerate(names)], x="size", name="rule"
    )
    assert chart.title == f"Sizes (the {MOST} of 1,000 rules with the lowest size)"
    assert chart.description == "size: 1,000 figures, from r0 0 to r999 999."
    assert len(static_svg(chart)) < 60_000
    down = interval_chart("A", [Dot(name, -n) for n, name in enumerate(names)], x="size")
    assert down.title == f"A (the {MOST} of 1,000 groups with the highest size)"
    neither = interval_chart("A", [Dot(name, n % 7) for n, name in enumerate(names)], x="size")
    assert neither.title == f"A (the first {MOST} of 1,000 groups)"


def test_a_chart_keeps_the_names_that_it_is_told_to() -> None:
    dots = [Dot(f"r{n}", n) for n in range(45)]
    chart = interval_chart("A", dots, x="share", name="rule", keep=["r44", "r3", "r42"])
    assert chart.title == "A (the 38 of 45 rules with the lowest share, and r42, r44)"
    labels = re.findall(r">(r[0-9]+)</text>", static_svg(chart))
    assert labels == [*(f"r{n}" for n in range(38)), "r42", "r44"]


def test_a_tall_chart_of_several_series_fits_a_page_with_its_axis_at_both_ends() -> None:
    dots = [Dot(f"r{n}", n, n - 1, n + 1, s) for n in range(45) for s in "abcde"]
    for chart in (
        interval_chart("A", dots, x="share", reference=3),
        bar_chart("A", dots, x="share"),
    ):
        svg = static_svg(chart)
        assert len(re.findall(r">share</text>", svg)) == 2
        assert len(set(re.findall(r">(r[0-9]+)</text>", svg))) == 20
        height = re.search(r'viewBox="0 0 \d+ (\d+)', svg)
        assert height
        assert int(height[1]) < 1500


def test_figures_that_are_unknown_are_told_and_not_drawn() -> None:
    chart = interval_chart(
        "A", [Dot("a", float("nan")), Dot("b", 0.5, 0.4, float("inf"))], x="share"
    )
    assert chart.description.startswith("share: a unknown, b 0.5")
    assert "NaN" not in static_svg(chart)


def test_similar_names_stand_side_by_side() -> None:
    order = clustered(np.array([[0, 5, 1, 5], [5, 0, 5, 1], [1, 5, 0, 5], [5, 1, 5, 0]]))
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset([0, 2]), frozenset([1, 3])}


def test_a_matrix_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has the shape \(2, 2\); give \(3, 3\)"):
        matrix_chart("A", ["a", "b", "c"], np.zeros((2, 2)), value="distance")


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.full((3, 3), np.nan), -np.eye(3)])
def test_a_matrix_without_differences_is_drawn(values: np.ndarray) -> None:
    for middle in (None, 0.0):
        assert static_svg(matrix_chart("A", ["a", "b", EVIL], values, value="r", middle=middle))


def test_an_arrow_goes_from_the_winner_to_the_loser() -> None:
    chart: Chart = graph_chart("A", ["a", "b"], {("a", "b"): 2, ("b", "a"): -2})
    arrows = next(rows for rows in chart.spec["datasets"].values() if "x2" in rows[0])
    assert [(one["row"], one["column"], one["value"]) for one in arrows] == [("a", "b", 2)]
    (arrow,) = arrows  # a stands on the right of the circle, b on the left
    assert arrow["x"] > arrow["x2"]
    assert arrow["angle"] == pytest.approx(-90)


def test_margins_in_a_graph_stand_apart_from_each_other_and_from_other_arrows() -> None:
    for size in (3, 4, 5, 6):
        nodes = [f"r{n}" for n in range(size)]
        margins = {(one, two): 10.0 for i, one in enumerate(nodes) for two in nodes[i + 1 :]}
        chart = graph_chart("A", nodes, margins)
        (arrows,) = [rows for rows in chart.spec["datasets"].values() if rows and "x2" in rows[0]]
        places = [complex(one["label_x"], one["label_y"]) for one in arrows]
        gaps = [abs(a - b) for k, a in enumerate(places) for b in places[:k]]
        assert min(gaps) > 0.2
        crossed = [
            distance(place, complex(b["x"], b["y"]), complex(b["x2"], b["y2"]))
            for place, a in zip(places, arrows, strict=True) for b in arrows if a is not b
        ]  # fmt: skip
        assert min(crossed) > 0.08


def distance(point: complex, start: complex, end: complex) -> float:
    """From a point to a line between two others."""
    along = ((point - start) * (end - start).conjugate()).real / abs(end - start) ** 2
    return abs(point - start - min(max(along, 0), 1) * (end - start))
