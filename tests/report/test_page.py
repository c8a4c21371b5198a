"""A document as one HTML file."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from rlchf.auditing.estimates import Estimate
from rlchf.installing import pip_install
from rlchf.report import page as pages
from rlchf.report.document import Cell, Code, Column, Document, Fold, Section, Table, Text
from rlchf.report.page import as_json, need_report, render, write_page
from rlchf.report.tables import cell_text, lay_out
from rlchf.report.theme import DARK, LIGHT, Colours
from tests.support.reports import EVIL, every_chart


class Elements(HTMLParser):
    """The start tags of a page with their attributes, and the text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] not in ("script", "style"):
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_names_and_texts_stay_text(page: str) -> None:
    elements = Elements(page)
    assert elements.named("img") == []
    assert not [
        name for _, attributes in elements.tags for name in attributes if name.startswith("on")
    ]
    assert EVIL in elements.text
    assert len(elements.named("script")) == 3 + len(every_chart()) + 1  # no name has ended one


def test_a_page_needs_no_network(page: str) -> None:
    elements = Elements(page)
    for tag, attributes in elements.tags:
        assert tag not in ("link", "iframe", "object", "img")
        assert "src" not in attributes
        href = attributes.get("href") or attributes.get("xlink:href") or "#"
        assert href.startswith("#")
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert not re.search(r"url\(|@import", "".join(style))


def test_the_charts_share_one_copy_of_vega(page: str) -> None:
    assert page.count("window.vegaEmbed=") == 1
    plain = render(Document("A", ["B"], [Section("c", "C", [Text(["D"])])]))
    assert "vegaEmbed=" not in plain
    assert len(plain) < 20_000


def test_every_section_is_in_the_contents_and_every_anchor_exists(page: str) -> None:
    elements = Elements(page)
    names = [attributes["id"] for _, attributes in elements.tags if attributes.get("id")]
    links = [attributes["href"] for attributes in elements.named("a")]
    assert [link for link in links if (link or "")[1:] not in names] == []
    assert {"#charts", "#tables", "#texts", "#findings"} <= set(links)


def test_no_two_elements_have_the_same_id(page: str) -> None:
    ids = [attributes["id"] for _, attributes in Elements(page).tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    used = re.findall(r"url\(#([^)]+)\)", "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)))
    assert used
    assert set(used) <= set(ids)


def test_charts_have_words_and_tables_have_headers(page: str) -> None:
    elements = Elements(page)
    pictures = [one for one in elements.named("div") if one.get("role") == "img"]
    assert len(pictures) == len(every_chart()) + 2
    assert all((one["aria-label"] or "").strip() for one in pictures)
    assert {one.get("scope") for one in elements.named("th")} == {"col", "row"}
    assert len(elements.named("caption")) == len(elements.named("table")) == 2


def test_a_long_table_is_folded_and_a_short_one_is_not() -> None:
    rows: list[list[Cell]] = [[f"group {n}", n] for n in range(300)]
    laid = lay_out(Table(["group", "n"], rows, "Groups"))
    assert (len(laid.first), len(laid.folded)) == (20, 280)
    assert lay_out(Table(["group", "n"], rows[:25], "Groups")).folded == []
    assert lay_out(Table(["group", "n"], rows, "Groups", shown=0)).folded == []


def test_a_folded_table_says_on_paper_how_many_rows_it_has() -> None:
    rows: list[list[Cell]] = [[f"group {n}", n] for n in range(1300)]
    text = render(Document("A", [], [Section("a", "A", [Table(["group", "n"], rows, "B")])]))
    assert "The first 20 of 1,300 rows; all are in the HTML file" in text


def test_a_wide_table_has_smaller_letters_and_one_that_cannot_fit_breaks_its_cells() -> None:
    few, many, more = (
        lay_out(Table([f"measure{c:03}" for c in range(n)], [], "B")) for n in (3, 12, 60)
    )
    assert (few.letters, few.look) == (8.0, "short")
    assert 5 < many.letters < 8
    assert (more.letters, more.look) == (5.0, "dense narrowed turned cramped short")


def test_intervals_stand_below_their_figures_before_a_table_is_printed_in_landscape() -> None:
    figure = Estimate(0.70, 0.68, 0.73)
    columns: list[Column | str] = [Column(f"g{n}", 2) for n in range(12)]
    looks = {n: lay_out(Table(columns[:n], [[figure] * n], "B")).look for n in (5, 10, 12)}
    assert looks == {5: "short", 10: "dense narrowed short", 12: "dense narrowed turned short"}
    text = render(Document("A", [], [Section("a", "A", [Table(columns, [[figure] * 12], "B")])]))
    assert ">0.70 (0.68\u00a0to\u00a00.73)</td>" in text


def test_a_long_fold_is_not_printed_and_a_short_one_is() -> None:
    rows: list[list[Cell]] = [[n] for n in range(300)]
    for shown, marked in ((0, True), (20, False)):
        fold = Fold("C", [Table(["n"], rows, "B", shown=shown)])
        text = render(Document("A", [], [Section("a", "A", [fold])]))
        assert ('<details class="unprinted">' in text) is marked


def test_cells_are_written_for_readers() -> None:
    assert cell_text(1234567) == "1,234,567"
    assert cell_text(-0.5, 1) == "−0.5"
    assert cell_text(-0.0001, 2) == "0.00"
    assert cell_text(float("nan"), 2) == cell_text(None) == "–"
    assert cell_text(True) == "yes"
    assert cell_text(0.1 + 0.2) == "0.3"


def test_a_column_without_a_title_has_no_empty_header() -> None:
    table = Table(["", "n"], [["ballots", 3]], "Sizes")
    text = render(Document("A", [], [Section("a", "A", [table])]))
    assert '<td></td><th scope="col" class="n">n</th>' in text


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1 of the table 'Groups' has 1 cells; give 2"):
        lay_out(Table(["group", Column("n")], [["a", 1], ["b"]], "Groups"))


def test_sections_of_one_name_are_refused() -> None:
    section = Section("data", "Data", [Code("x")])
    with pytest.raises(ValueError, match="two sections are named 'data'"):
        render(Document("A", [], [section, replace(section, title="Other")]))


def test_a_chart_in_a_fold_brings_its_script() -> None:
    chart = every_chart()["a band"]
    folds = Fold("Outer", [Fold("Inner", [chart])])
    assert "window.vegaEmbed=" in render(Document("A", [], [Section("a", "A", [folds])]))


def test_json_in_a_page_reads_back() -> None:
    value = {"a": [EVIL, "\u2028", None, 1, 0.5, True]}
    assert json.loads(as_json(value)) == value
    assert "<" not in as_json(value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "find_spec", lambda name: name == "jinja2")
    hint = re.escape(pip_install("report"))
    with pytest.raises(ValueError, match=f"altair and vl-convert-python.*run {hint}"):
        need_report()


def test_a_page_is_written_complete(tmp_path: Path) -> None:
    document = Document("Ätna \ud800", ["B"], [])
    write_page(tmp_path / "a.html", document)
    assert "Ätna" in (tmp_path / "a.html").read_text(encoding="utf-8")


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_text_and_marks_stand_out(colours: Colours) -> None:
    """WCAG 2.1 AA: 4.5 for text, 3 for parts of pictures."""
    for text in (colours.ink, colours.muted):
        assert contrast(text, colours.page) >= 4.5
    assert min(contrast(colour, colours.page) for colour in colours.series) >= 3
    assert contrast(colours.on_high, colours.high) >= 4.5
    assert contrast(colours.on_high, colours.other) >= 4.5
    assert contrast(colours.on_low, colours.low) >= 4.5
    assert contrast(colours.on_low, colours.middle) >= 4.5


def test_every_variable_of_the_style_is_set_for_light_pages() -> None:
    style = (files("rlchf.report") / "page.css").read_text()
    given_elsewhere = {"--letters", "--free"}
    light = style[: style.index("@media")]
    used = set(re.findall(r"var\((--\w+)", style))
    assert used - given_elsewhere == set(re.findall(r"(--\w+):", light))
