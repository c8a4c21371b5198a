"""Reports in a real browser: charts, the console, the width of a phone, a click."""

import json
from pathlib import Path

import pytest

from rlchf.report.document import Cell, Document, Fold, Section, Table
from rlchf.report.page import render
from tests.support.browser import opened, printed_pages
from tests.support.reports import every_chart, nothing_known

pytestmark = pytest.mark.slow

MEASURED = """
const { scrollWidth, clientWidth, dataset } = doc.documentElement;
const shapes = [...doc.querySelectorAll(".live")]
  .map((one) => one.querySelectorAll("svg.marks path, svg.marks text").length);
const images = doc.images.length;
const hints = [...doc.querySelectorAll(".table")].map((one) => one.classList.contains("scrolls"));
return JSON.stringify({ hints, scrollWidth, clientWidth, drawn: dataset.drawn, shapes, images });
"""

CLICKED = """
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const marks = (n) => [...doc.querySelectorAll(".live svg.marks")[n]
  .querySelectorAll(".mark-symbol.role-mark path, .mark-rect.role-mark path")];
const opacities = (n) => marks(n).map((path) => path.getAttribute("opacity") ?? "1");
const before = [opacities(0), opacities(1), opacities(2)];
const box = marks(0)[0].getBoundingClientRect();
const at = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
for (const type of ["mousemove", "mousedown", "mouseup", "click"]) {
  marks(0)[0].dispatchEvent(new win.MouseEvent(type, { bubbles: true, view: win, ...at }));
}
await wait(300);
const after = [opacities(0), opacities(1), opacities(2)];
const filter = doc.querySelector("input[type=search]");
filter.value = "GROUP 299";
filter.dispatchEvent(new win.Event("input"));
const rows = [...filter.closest(".table").querySelectorAll("tbody tr")];
const found = rows.filter((row) => row.getClientRects().length).length;
return JSON.stringify({ before, after, found });
"""


def test_every_chart_is_drawn_on_a_phone_that_never_scrolls_sideways(
    page: str, tmp_path: Path
) -> None:
    text, console = opened(page, tmp_path, MEASURED, width=390)
    measured = json.loads(text)
    assert console == []
    assert measured["scrollWidth"] <= measured["clientWidth"] == 390
    assert measured["hints"] == [True, True]  # tables that scroll sideways say so
    assert measured["images"] == 0  # no name has become an element
    assert int(measured["drawn"]) == len(measured["shapes"]) == len(every_chart()) + 1
    empty = len(nothing_known())
    assert sorted(measured["shapes"])[empty:][0] > 0


def test_a_click_on_a_name_highlights_it_in_the_other_charts(page: str, tmp_path: Path) -> None:
    text, console = opened(page, tmp_path, CLICKED, width=1280)
    done = json.loads(text)
    assert console == []
    assert {value for chart in done["before"] for value in chart} == {"1"}
    intervals, others, bars = done["after"]
    assert intervals.count("1") == bars.count("1") == 1  # one group by one rule
    assert others == ["1"]  # it draws other groups
    assert done["found"] == 1  # the filter of a folded table


def test_long_tables_are_printed_as_far_as_the_screen_shows_them(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [[f"person {n}", n] for n in range(400)]
    folded, whole = (Table(["person", "n"], rows, "People", shown=n) for n in (20, 0))
    sections = [Section("a", "People", [folded, Fold("Everybody", [whole])])]
    assert printed_pages(render(Document("A", [], sections)), tmp_path) == 1
