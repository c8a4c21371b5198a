"""The section on whether the differences between rules survive a reward model."""

import numpy as np

from rlchf.comparison.embed import Embedded
from rlchf.report.charts import Dot, interval_chart
from rlchf.report.document import Block, Cell, Column, Section, Table, Text

SERIES = 5
"""Groups that the chart draws."""


def embed_section(embedded: Embedded) -> Section:
    """Linear rewards that learned from each rule's training pairs, on prompts that they did not see."""
    rows = embedded.rules
    names = [group.name for group in rows[0].groups]
    blocks: list[Block] = [Text(_sentences(embedded))]
    blocks.append(
        interval_chart(
            "Share of the contested pairs that agree with each rule's reward, on prompts held out.",
            [
                Dot(row.rule, *row.groups[g].reward.figures, names[g])
                for row in rows
                for g in range(min(len(names), SERIES))
            ],
            x="share of the contested pairs", name="rule", series="group", reference=0.5, link="rule",
            link_series="group",
        )
    )  # fmt: skip
    cells: list[list[Cell]] = [
        [
            row.rule, row.pairs, row.kept, row.unanimous_violated, row.majority_violated,
            *(cell for group in row.groups[:SERIES] for cell in (group.rule, group.reward)),
        ]
        for row in rows
    ]  # fmt: skip
    columns: list[Column | str] = [
        "rule",
        "training pairs",
        Column("kept", 2, "Share of the rule's training pairs held out that the reward keeps."),
        Column(
            "unanimous pairs lost", None, f"Of {rows[0].unanimous:,} on which all ballots agree."
        ),
        Column("majorities lost", None, f"Of {rows[0].majority:,} pairs with a majority."),
    ]
    for name in names[:SERIES]:
        columns += [Column(f"{name}: rule", 2), Column(f"{name}: reward", 2)]
    blocks.append(
        Table(columns, cells, "Each rule's linear reward, on prompts that it did not see.")
    )
    return Section("embed", "Effect on a reward model", blocks)


def _sentences(embedded: Embedded) -> list[str]:
    reward = np.array([row.groups[0].reward.value for row in embedded.rules])
    found = [
        f"A linear reward on the {embedded.features:,} last hidden states of {embedded.model}, which stays "
        f"frozen, learned from each rule's training pairs; {embedded.folds} times one part of the prompts "
        "was held out, and the figures are of these.",
        *([embedded.sentence] if embedded.sentence else []),
        "The rule's own figures are of the rankings that it made from these ballots.",
    ]
    if np.isfinite(reward).any():
        low, high = int(np.nanargmin(reward)), int(np.nanargmax(reward))
        found.append(
            f"Everybody's agreement with the rewards lies between {reward[low]:.2f} "
            f"({embedded.rules[low].rule}) and {reward[high]:.2f} ({embedded.rules[high].rule})."
        )
    return found
