"""Tables of benchmarks."""

from collections.abc import Iterator

from rich.table import Table

from rlchf.cli.tables import make_table, number
from rlchf.display import counted
from rlchf.evaluation.benchmark_prompts import TIES
from rlchf.evaluation.intervals import Figure
from rlchf.jobs.bench import Benched

TERMS = {
    "tied_accuracy": "accuracy, tied prompts",
    "ref_accuracy": "accuracy, reference prompts",
    "correctness_preferred": "margin above spread",
    "correctness_preferred_hard": "both margins above spread",
    "correctness_margin_score": "margin score",
}
"""The terms of the Ties score in words."""


def tables(benched: Benched) -> Iterator[Table | str]:
    """The figures of RewardBench 2."""
    figures = benched.figures
    table = make_table("RewardBench 2", "score", "95 % interval", "prompts")
    for one in figures.subsets:
        _add(table, one.name, one)
        if one.name == TIES:
            for term in figures.ties:
                _add(table, f"  {TERMS[term.name]}", term)
    if figures.mean:
        _add(table, figures.mean.name, figures.mean)
    for one in figures.others:
        _add(table, f"{one.name} (no subset of it)", one)
    yield table
    if figures.equal_best:
        yield (
            f"\n The correct response shares the highest score on {counted(figures.equal_best, 'prompt')}, "
            "and the credit with it."
        )
    if not figures.mean:
        yield "\n There is no mean, because not all six subsets are measured."


def _add(table: Table, name: str, figure: Figure) -> None:
    low, high = number(figure.low), number(figure.high)
    span = low if low == "-" else f"{low} to {high}"
    table.add_row(name, number(figure.value), span, f"{figure.weight:,.0f}")
