"""The section about influence: what changes without each annotator and each group."""

from collections.abc import Iterator, Sequence

from rlchf.comparison.influence import Influence, Influences
from rlchf.display import counted, signed
from rlchf.report.document import Block, Cell, Column, Section, Table, Text

MOST = 300
"""Annotators of a table at most; what is left out is in the JSON."""
SHOWN = 12
"""Groups whose agreement has a column."""
RAISED = "By how much the ballots raise the agreement of a group with the outcome, here and in what follows."


def influence_section(found: Influences) -> Section:
    """The section about influence under one rule."""
    title = f"Who decides under {found.rule}?"
    return Section(f"influence-{found.rule}", title, list(_blocks(found)))


def findings(found: Influences) -> list[str]:
    """What was found in sentences.

    Examples
    --------
    >>> one = Influence("ann", 4, 0.25, 24, 2, 6, 1, {"north": 0.05, "south": -0.02})
    >>> rows = Influences("borda", 10, 60, [one], [])
    >>> for text in findings(rows):
    ...     print(text)
    Without annotator ann, who has most influence, 6 of 24 pairs on 4 prompts change, and other responses are
    first on 1 prompt; an annotator changes 6.0 pairs on average.
    """
    sentences = []
    if found.annotators:
        mean = sum(one.changed for one in found.annotators) / len(found.annotators)
        sentences.append(
            f"{_change('annotator', found.annotators[0])}; an annotator changes {mean:.1f} pairs on average."
        )
    for one in found.groups:
        if len(found.groups) <= SHOWN:
            sentences.append(f"{_change('group', one)}.{_effects(one)}")
    return sentences


def _change(kind: str, one: Influence) -> str:
    most = ", who has most influence," if kind == "annotator" else ","
    return (
        f"Without {kind} {one.name}{most} {one.changed:,} of {counted(one.pairs, 'pair')} on "
        f"{counted(one.prompts, 'prompt')} change, and other responses are first on "
        f"{counted(one.first, 'prompt')}"
    )


def _effects(one: Influence) -> str:
    """Which other group gains and loses most by its ballots."""
    own = one.groups.get(one.name)
    others = {name: effect for name, effect in one.groups.items() if name != one.name}
    if own is None or not others:
        return ""
    worst = min(others, key=others.__getitem__)
    effect = others[worst]
    return f" Its ballots change its own agreement by {signed(own)}, and that of {worst} by {signed(effect)}."


def _blocks(found: Influences) -> Iterator[Block]:
    yield Text(findings(found), listed=True)
    yield Text([
        "Each annotator and each group is left out in turn; the figures are exact for these ballots.",
        "Where the others are evenly split every vote decides, so that influence is no sign of a fault.",
    ])  # fmt: skip
    if found.groups:
        yield _table("group", found.groups)
    yield _table("annotator", found.annotators[:MOST])


def _table(kind: str, rows: Sequence[Influence]) -> Table:
    names = list(rows[0].groups)[:SHOWN] if rows else []
    columns: list[Column | str] = [
        kind,
        "prompts",
        Column("weight", 3, "Share of the weight of all ballots."),
        Column("flipped", None, "Pairs that the rule then orders the other way round."),
        Column("changed", None, "Pairs whose order changes at all, ties included."),
        Column("share of pairs", 3, "Changed pairs, divided by all pairs on its prompts."),
        Column("first changed", None, "Prompts on which other responses are first then."),
        *(Column(f"for {name}", 4, "" if n else RAISED) for n, name in enumerate(names)),
    ]  # fmt: skip
    cells: list[list[Cell]] = [
        [
            one.name, one.prompts, one.weight, one.flipped, one.changed,
            one.changed / one.pairs if one.pairs else None, one.first,
            *(one.groups[name] for name in names),
        ]
        for one in rows
    ]  # fmt: skip
    return Table(columns, cells, f"What changes without each {kind}")
