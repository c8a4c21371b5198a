"""The sections on manipulation and influence hold the figures, and a page shows them."""

import math

import pytest

import rlchf
from rlchf.axioms.manipulation import manipulations
from rlchf.report.comparison.influence import influence_section
from rlchf.report.comparison.manipulation import manipulation_section
from rlchf.report.document import Document, Table, Text
from rlchf.simulate import simulated


def test_the_sections_hold_every_figure_and_make_a_page() -> None:
    pytest.importorskip("altair")
    from rlchf.report.page import render

    data = simulated("groups", prompts=40, annotators=9, responses=3, groups=2, seed=1)
    groups = dict(zip(data.annotators["annotator_id"], data.annotators["group"], strict=True))
    found = manipulations(data.rankings, ["borda", "kemeny"], prompts=30)
    influences = rlchf.influence(data.rankings, "borda", groups=groups)
    sections = [manipulation_section(found), influence_section(influences)]
    (table,) = [block for block in sections[0].blocks if isinstance(block, Table)]
    assert [row[:3] for row in table.rows] == [[m.rule, m.kind, m.success.value] for m in found]
    assert all(row[6] == (None if math.isnan(m.damage.value) else m.damage.value)
               for row, m in zip(table.rows, found, strict=True))  # fmt: skip
    by_group, by_annotator = [block for block in sections[1].blocks if isinstance(block, Table)]
    assert [row[0] for row in by_group.rows] == [one.name for one in influences.groups]
    assert [row[4] for row in by_annotator.rows] == [one.changed for one in influences.annotators]
    assert [row[-1] for row in by_annotator.rows] == [
        one.groups["g2"] for one in influences.annotators
    ]
    sentences = [
        s for block in sections[1].blocks if isinstance(block, Text) for s in block.sentences
    ]
    assert sentences[0].startswith(
        f"Without annotator {influences.annotators[0].name}, who has most"
    )
    page = render(Document("Rules", ["Found."], sections))
    for rule in ("borda", "kemeny"):
        assert f"Under {rule} some annotator could gain" in page
