"""What is left out of a dataset, in sentences and row by row."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rlchf.display import counted

SHOWN = 3
"""Number of rows that a message names."""
LONE = "prompt with one response only"
"""The reason of faults that are prompts, and not rows or ballots."""


class Skipped(NamedTuple):
    """A row of the input that does not count, and why."""

    file: str
    row: str
    prompt_id: str
    annotator_id: str
    response_id: str
    reason: str


def faults_text(reason: str, n: int, first: Sequence[str]) -> str:
    """How many faults of one kind there are, and where the first are."""
    if reason == LONE:
        more = ", ..." if n > len(first) else ""
        return f"{counted(n, 'prompt')} with one response only ({', '.join(first)}{more})"
    return f"{counted(n, reason)} ({rows_text(first, n)})"


class LeftOutWarning(UserWarning):
    """What was left out of a dataset, in a sentence.

    Attributes
    ----------
    source
        The name of the dataset.
    faults
        For each reason how many there are, and where the first are.
    prompts, annotators
        The number of prompts, and the annotators, who have no ballot left.
    """

    def __init__(
        self,
        source: str,
        faults: Mapping[str, tuple[int, Sequence[str]]],
        prompts: int,
        annotators: Sequence[str],
    ) -> None:
        out = ", ".join(faults_text(reason, n, first) for reason, (n, first) in faults.items())
        gone = {"prompt": prompts, "annotator": len(annotators)}
        lost = [counted(number, noun) for noun, number in gone.items() if number]
        have = "has" if list(gone.values()) in ([1, 0], [0, 1]) else "have"
        end = f"; {' and '.join(lost)} {have} no ballot left" if lost else ""
        super().__init__(f"{source}: left out {out}{end}")
        self.source, self.faults = source, {reason: tuple(one) for reason, one in faults.items()}
        self.prompts, self.annotators = prompts, list(annotators)


class NothingLeftError(ValueError):
    """No ballot of a dataset, or of a part of it, counts.

    Attributes
    ----------
    left_out, skipped
        What was left out, and its rows.
    """

    def __init__(self, message: str, left_out: LeftOutWarning, skipped: Sequence[Skipped]) -> None:
        super().__init__(message)
        self.left_out, self.skipped = left_out, list(skipped)


def rows_text(positions: Sequence[str], total: int) -> str:
    """The first of several positions as text.

    Examples
    --------
    >>> rows_text(["row 3", "row 17", "row 40"], 9), rows_text(["a.csv, row 3", "b.csv, line 4"], 2)
    ('rows 3, 17, 40, ...', 'a.csv, row 3; b.csv, line 4')
    """
    more = ", ..." if total > len(positions) else ""
    units = {position.rpartition(" ")[0] for position in positions}
    if len(positions) > 1 and len(units) == 1 and units != {""}:
        numbers = ", ".join(position.rpartition(" ")[2] for position in positions)
        return f"{units.pop()}s {numbers}{more}"
    return "; ".join(positions) + more
