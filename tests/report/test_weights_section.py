"""The section on weights holds the figures, and a page shows it."""

import rlchf
from rlchf import Rankings
from rlchf.auditing.weighting import weighted_figures
from rlchf.report.comparison.weights import weights_section
from rlchf.report.document import Chart, Document, Table, Text
from rlchf.report.page import render


def test_the_section_holds_every_figure_and_makes_a_page() -> None:
    cast = Rankings.from_ballots(
        [("p", "ann", "a > b"), ("p", "bob", "a > b"), ("p", "eve", "b > a"), ("p", "joe", "b > a")]
    )
    weights = {"ann": 3.0, "joe": 0.0}
    result = rlchf.aggregate(cast.weighted(weights), "borda")
    figures = weighted_figures(
        cast, weights, result, {"ann": "n", "bob": "n", "eve": "s", "joe": "s"}
    )
    section = weights_section(figures, "borda")
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[:4] for row in table.rows] == [
        ["all", 3, 1.0, 1.0], ["n", 2, 2 / 3, 0.8], ["s", 1, 1 / 3, 0.2],
    ]  # fmt: skip
    assert table.rows[0][4:6] == [2 / 3, 0.8]
    (text,) = [block for block in section.blocks if isinstance(block, Text)]
    assert "66.7 % of the people have 80.0 % of the weight" in text.sentences[1]
    assert "1 annotator with ballots has the weight 0 and counts nowhere." in text.sentences
    assert any(isinstance(block, Chart) for block in section.blocks)
    assert "as sure as" in render(Document("Weights", [], [section]))
