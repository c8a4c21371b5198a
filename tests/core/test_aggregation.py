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
    assert lines[0] == "<Aggregation k_approval: 3,000 prompts, 10,500 responses, k=2>"
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


def test_an_audit_and_a_batch_show_themselves_in_a_few_lines() -> None:
    ballots = [(f"p{p}", f"a{a}", [["a"], ["<i>b"]]) for p in range(300) for a in range(3)]
    rankings = rlchf.Rankings.from_ballots(ballots)
    report = rlchf.audit(rankings, rlchf.aggregate(rankings, "borda"))
    batch = rlchf.Profiles.from_ballots([["a > b", "b > a"]] * 50)
    for shown in (report, batch):
        assert len(repr(shown)) < 300
        assert len(shown._repr_html_()) < 2000
    assert repr(report).endswith("agreement in sample: 1.000 of pairs, 1.000 of first places")


def test_an_audit_says_what_it_takes() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b")])
    result = rlchf.aggregate(rankings, "borda")
    with pytest.raises(TypeError, match=r"result is of type DataFrame; .*rlchf\.read_aggregation"):
        rlchf.audit(rankings, result.to_frame())  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match="groups is of type str; give a group for each annotator id"
    ):
        rlchf.audit(rankings, result, groups="region")  # type: ignore[arg-type]


def test_names_of_the_package_are_the_public_ones() -> None:
    assert {"Rankings", "aggregate", "rules", "train"} <= set(dir(rlchf))
    assert "lazy_names" not in dir(rlchf)
    assert {"borda", "cpb", "get_rule"} <= set(dir(rlchf.rules))
    assert "importlib" not in dir(rlchf.rules)
