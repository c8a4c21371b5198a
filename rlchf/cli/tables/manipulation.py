"""Manipulation under each rule, for the terminal."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from rlchf.auditing.estimates import Estimate
from rlchf.axioms.manipulation import Manipulation
from rlchf.cli.tables import make_table, number

WANTED = {
    "pairs": "agreement: the share of the pairs on a ballot that the outcome orders in the same way",
    "first": "agreement: the share of the other responses on a ballot that are below the outcome's first one",
}

NAMES = {"voter": "voter drawn"}
"""Names of kinds of manipulation where they differ from those in Python."""


def tables(found: Sequence[Manipulation]) -> Iterator[Table | str]:
    """The rates of success, and the gain and the damage where it succeeds."""
    if not found:
        return
    table = make_table(
        "rule",
        "manipulation",
        "success",
        "gain of the\nmanipulators",
        "damage to\nthe others",
        "honest",
    )
    for one in found:
        figures = map(_figure, (one.success, one.gain, one.damage))
        table.add_row(one.rule, NAMES.get(one.kind, one.kind), *figures, number(one.honest))
    yield table
    yield (
        f"({found[0].prompts:,} prompts; voter drawn: one of each prompt, drawn at random; any voter: the "
        f"one of each prompt who gains most; {WANTED[found[0].criterion]}; gain and damage where it "
        "succeeds; "
        "honest: the agreement of the others without manipulation; 95 % intervals in brackets)"
    )


def _figure(one: Estimate) -> str:
    """A figure with its interval, if it has one.

    Examples
    --------
    >>> _figure(Estimate(0.1, 0.05, 0.2)), _figure(Estimate(0.1, float("nan"), float("nan")))
    ('0.100 (0.050 to 0.200)', '0.100')
    """
    value, low, high = one.figures
    return number(value) + (f" ({number(low)} to {number(high)})" if low == low else "")
