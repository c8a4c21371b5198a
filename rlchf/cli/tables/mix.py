"""What was taken of each source, for the terminal."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from rlchf.display import counted
from rlchf.mixing import Mixture

NUMBERS = ("prompts", "ballots", "pairs", "weight")


def tables(mixture: Mixture) -> Iterator[RenderableType]:
    """Each source before and after, and what was left out."""
    table = Table(box=None, pad_edge=False)
    table.add_column("source")
    table.add_column("")
    for name in NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    for name, before in mixture.before.items():
        for when, size in (("before", before), ("after", mixture.after[name])):
            row = (_text(getattr(size, number)) for number in NUMBERS)
            table.add_row(name if when == "before" else "", when, *row)
    yield table
    for name, before in mixture.before.items():
        if out := before.prompts - mixture.after[name].prompts:
            yield f"left out: {counted(out, 'prompt')} of {name}"


def _text(number: float) -> str:
    """A number of things, or a sum of weights with as many digits as say something."""
    return f"{int(number):,}" if float(number).is_integer() else f"{number:,.6g}"
