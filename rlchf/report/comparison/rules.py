"""The section on rules against each other: distances, flipped training pairs, prompts, approvals."""

import numpy as np

from rlchf.comparison import Comparison
from rlchf.comparison.rules import Distances
from rlchf.display import counted, listed
from rlchf.report.document import Block, Cell, Column, Fold, Section, Table, Text
from rlchf.report.matrices import matrix_chart

SHOWN = 20
"""Prompts on which the rules disagree most."""
MATRIX = 40
"""Rules in a table of all pairs of rules at most."""


def rules_section(comparison: Comparison) -> Section:
    """How far the rules differ, and on which prompts."""
    measured = comparison.distances
    classes = measured.classes()
    names = [_class_name(one) for one in classes]
    chosen = [measured.rules.index(one[0]) for one in classes]
    part = np.ix_(chosen, chosen)
    blocks: list[Block] = [Text(_sentences(comparison), listed=True)]
    if len(chosen) > 1:
        blocks.append(
            matrix_chart(
                "Kendall distance between rules: share of the pairs of responses in opposite orders, a tie "
                "against an order counting half.",
                names,
                measured.distance[part],
                value="Kendall distance",
                cluster=False,
                link="rule",
            )
        )
    blocks.append(_rules_table(measured))
    for title, table, digits in (
        ("Training pairs that flip between two rules", measured.flipped[part].astype(float), 0),
        ("Share of the prompts with the same first place", measured.same_first[part], 2),
        ("Kendall's tau-b between two rules", measured.tau_b[part], 2),
    ):
        if 1 < len(chosen) <= MATRIX:
            blocks.append(Fold(title, [_matrix_table(title, names, table, digits)]))
    blocks.append(_prompts_table(comparison))
    return Section("rules", "The rules", blocks)


def _class_name(rules: list[str]) -> str:
    return rules[0] if len(rules) == 1 else f"{rules[0]} (+{len(rules) - 1})"


def _sentences(comparison: Comparison) -> list[str]:
    measured, approved = comparison.distances, comparison.approved
    found = [
        f"{listed(one, 20)} give the same rankings on this file."
        for one in measured.classes()
        if len(one) > 1
    ]
    silent = [rule for rule, n in zip(measured.rules, measured.strict, strict=True) if n == 0]
    if silent:
        found.append(f"All responses of all prompts are tied under {listed(silent)}.")
    numbers = approved.numbers
    found.append(
        f"A majority approves several responses on {counted(int((numbers > 1).sum()), 'prompt')} of "
        f"{len(numbers):,}, exactly one on {int((numbers == 1).sum()):,}, and none on "
        f"{int((numbers == 0).sum()):,}; {approved.how}."
    )
    if comparison.left_out:
        reasons: dict[str, list[str]] = {}
        for rule, reason in comparison.left_out.items():
            reasons.setdefault(reason, []).append(rule)
        found += [
            f"Not compared, because {reason}: {listed(rules, 20)}."
            for reason, rules in reasons.items()
        ]
    return found


def _rules_table(measured: Distances) -> Table:
    R = len(measured.rules)
    apart = measured.distance + np.where(np.eye(R, dtype=bool), np.inf, 0)
    rows: list[list[Cell]] = []
    for r, rule in enumerate(measured.rules):
        others = np.delete(np.arange(R), r)
        far = int(others[np.argmax(measured.flipped[r, others])])
        rows.append(
            [
                rule, int(measured.strict[r]), float(measured.distance[r, others].mean()),
                float(measured.same_first[r, others].mean()), measured.rules[int(np.argmin(apart[r]))],
                measured.rules[far], int(measured.flipped[r, far]), float(measured.flipped_share[r, far]),
            ]
        )  # fmt: skip
    columns: list[Column | str] = [
        "rule",
        Column("training pairs", None, "Pairs of responses that the rule does not tie."),
        Column("Kendall distance", 2, "Mean over the other rules."),
        Column("same first place", 2, "Share of the prompts, mean over the other rules."),
        "nearest rule",
        "most pairs flip against",
        Column("flipped pairs", None, "Training pairs with chosen and rejected exchanged."),
        Column("flipped share", 2, "Of the pairs that both rules make."),
    ]
    return Table(columns, rows, "How far each rule is from the others.")


def _matrix_table(title: str, names: list[str], values: np.ndarray, digits: int) -> Table:
    rows: list[list[Cell]] = [
        [name, *(None if np.isnan(x) else float(x) for x in row)]
        for name, row in zip(names, values, strict=True)
    ]
    return Table(["rule", *(Column(name, digits) for name in names)], rows, f"{title}.", shown=0)


def _prompts_table(comparison: Comparison) -> Table:
    measured, majorities = comparison.distances, comparison.data.majorities
    order = np.lexsort((-measured.first_places, -measured.disagreement))[:SHOWN]
    rows: list[list[Cell]] = [
        [
            majorities[p].prompt_id, float(measured.disagreement[p]), int(measured.first_places[p]),
            majorities[p].ballots, majorities[p].smith, int(comparison.approved.numbers[p]),
        ]
        for p in order.tolist()
    ]  # fmt: skip
    columns: list[Column | str] = [
        "prompt",
        Column("Kendall distance", 2, "Mean over each two rules."),
        Column("first places", None, "Different responses, or tied sets, in first place."),
        "ballots",
        "Smith set",
        Column("majority-approved", None, "Responses that a majority approves."),
    ]
    return Table(columns, rows, "The prompts on which the rules disagree most.", shown=10)
