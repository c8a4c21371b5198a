"""The section about manipulation: how often it succeeds under each rule, and what it does to the others."""

from collections.abc import Iterator, Sequence

from rlchf.axioms.manipulation import Example, Manipulation, sentence
from rlchf.display import listing
from rlchf.report.document import Block, Cell, Chart, Column, Fold, Section, Table, Text

KINDS = {
    "voter": "one annotator drawn on each prompt casts the order that serves it best",
    "any voter": "the same for the annotator who gains most",
    "coalition": "annotators with similar ballots all cast the order that serves them best",
    "clones": "near-copies of a response stand next to it on every ballot",
}
COLUMNS: tuple[Column | str, ...] = (
    "rule",
    "manipulation",
    Column("success", 3, "Share of the prompts on which the manipulators gain."),
    Column("from", 3, "Lower end of the 95 % interval."),
    Column("to", 3, "Upper end of the 95 % interval."),
    Column("gain", 3, "By how much the agreement of the manipulators rises where they gain."),
    Column("damage", 4, "By how much the agreement of the others falls there."),
    Column("expected damage", 4, "The same over all prompts, 0 where nobody gains."),
    Column("honest", 3, "The agreement of the others without manipulation."),
)


def manipulation_section(found: Sequence[Manipulation]) -> Section:
    """The section about manipulation under several rules."""
    return Section("manipulation", "Manipulation", list(_blocks(found)))


def _blocks(found: Sequence[Manipulation]) -> Iterator[Block]:
    kinds = list(dict.fromkeys(one.kind for one in found))
    extremes = [one for kind in kinds for one in _extremes(found, kind)]
    yield Text([sentence(one) for one in extremes], listed=True)
    yield Text([
        "Manipulators are taken to know all other ballots, so that real ones succeed less often.",
        "Agreement is the share of the pairs on a ballot that the outcome orders in the same way.",
        *(f"{kind.capitalize()}: {KINDS[kind]}." for kind in kinds),
    ])  # fmt: skip
    yield _chart(found)
    rows: list[list[Cell]] = []
    for one in found:
        damage, expected = _cell(one.damage.value), _cell(one.expected_damage.value)
        figures = [*one.success.figures, _cell(one.gain.value), damage, expected, _cell(one.honest)]
        rows.append([one.rule, one.kind, *figures])
    yield Table(COLUMNS, rows, f"Manipulation on {found[0].prompts:,} prompts")
    examples = [(one, example) for one in found for example in one.examples[:1]]
    if examples:
        yield Fold("Examples", [_examples(examples)])


def _extremes(found: Sequence[Manipulation], kind: str) -> list[Manipulation]:
    """The rules under which a kind succeeds most and least often."""
    rows = sorted((one for one in found if one.kind == kind), key=lambda one: -one.success.value)
    return [rows[0], rows[-1]] if len(rows) > 1 else rows


def _chart(found: Sequence[Manipulation]) -> Chart:
    from rlchf.report.charts import Dot, interval_chart

    dots = [Dot(one.rule, *one.success.figures, series=one.kind) for one in found]
    return interval_chart(
        "How often manipulation succeeds", dots, x="share of prompts", name="rule",
        series="manipulation", domain=(0, 1), link="rule",
    )  # fmt: skip


def _examples(examples: Sequence[tuple[Manipulation, Example]]) -> Table:
    columns = (
        "rule",
        "manipulation",
        "prompt",
        "who",
        "true ballot",
        "ballot cast",
        "before",
        "after",
    )
    rows = [
        (
            one.rule, one.kind, example.prompt, listing(example.who), example.honest or None,
            example.cast or None, example.before, example.after,
        )
        for one, example in examples
    ]  # fmt: skip
    return Table(columns, rows, "Of each kind the manipulation that does most damage")


def _cell(value: float) -> float | None:
    return None if value != value else value
