"""How a result looks, and what may be aggregated."""

import numpy as np
import pytest

import rlchf
from rlchf import Rankings

LARGE = Rankings.from_ballots(
    [(f"prompt {p}", "ann", [[f"response {r}"] for r in range(2 + p % 4)]) for p in range(3000)]
)


def test_a_large_result_is_shown_in_a_few_lines() -> None:
    lines = repr(rlchf.aggregate(LARGE, "k_approval", k=2)).splitlines()
    assert lines[0] == "<Aggregation k_approval: 3000 prompts, 10500 responses, k=2>"
    assert lines[1] == "  prompt 0: response 0 = response 1"
    assert lines[-1] == "  ..."
    assert len(lines) == 7
    assert max(map(len, lines)) <= 100


def test_a_notebook_shows_the_first_rows_and_no_markup_of_the_ids() -> None:
    rankings = Rankings.from_ballots([("<b>p</b>", "ann", [["x & y"], ["<script>"]])])
    table = rlchf.aggregate(rankings)._repr_html_()
    assert "&lt;b&gt;p&lt;/b&gt;" in table
    assert "x &amp; y" in table
    assert "<script>" not in table
    assert rlchf.aggregate(LARGE)._repr_html_().count("<tr>") == 6


@pytest.mark.parametrize("data", ["rankings.csv", 3, None, np.zeros(3)])
def test_what_is_no_table_of_ballots_is_refused(data: object) -> None:
    result = rlchf.aggregate(LARGE)
    with pytest.raises(TypeError, match=r"rlchf\.read_rankings"):
        rlchf.aggregate(data, "borda")
    with pytest.raises(TypeError, match=r"rlchf\.read_rankings"):
        rlchf.audit(data, result)
