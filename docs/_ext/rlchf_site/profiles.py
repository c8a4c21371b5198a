"""The small datasets that the pages of the rules draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase
from typing import Any

from rlchf.notation import parse_ballot
from rlchf.rankings import Rankings

RANKED = {"a > b > c > d": 3, "c > d > a > b": 4, "b > d > c > a": 4, "a > c > b > d": 2}
"""Ballots and how many annotators cast each; the majorities form a cycle, and rules disagree who wins."""

APPROVED = {("a b", "e"): 5, ("c", "a"): 3, ("d c", "b"): 2}
"""Responses that annotators approve, those that they disapprove, and how many annotators say so."""

SCORED = {(5, 3, 0, 2): 5, (0, 4, 5, 3): 4, (1, 4, 2, 5): 2}
"""Scores from 0 to 5 of the responses a, b, c and d, and how many annotators give them."""

PROMPTS = 10
GROUPS = {"plain": 6, "emoji": 4}
"""What each group puts first on every prompt, and how many annotators it has."""


@dataclass(frozen=True)
class Example:
    """A small dataset.

    Attributes
    ----------
    rankings
        The dataset.
    lead
        What it is, in a sentence.
    header, rows
        Its ballots as a table.
    """

    rankings: Rankings
    lead: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    @property
    def in_a_line(self) -> str:
        """The ballots in one line.

        Examples
        --------
        >>> scored().in_a_line
        '5: a 5, b 3, c 0, d 2; 4: a 0, b 4, c 5, d 3; 2: a 1, b 4, c 2, d 5'
        """
        return "; ".join(f"{row[0]}: {self._said(row)}" for row in self.rows)

    def _said(self, row: tuple[str, ...]) -> str:
        if len(row) == 2:
            return row[1]
        return ", ".join(
            f"{head} {cell}" for head, cell in zip(self.header[1:], row[1:], strict=True)
        )


@cache
def ranked() -> Example:
    """One prompt with four responses, which 13 annotators rank."""
    triples = [
        ("p", f"{ballot} {n}", ballot) for ballot, count in RANKED.items() for n in range(count)
    ]
    lead = f"{sum(RANKED.values())} annotators rank four responses to one prompt:"
    rows = [(str(count), ballot) for ballot, count in RANKED.items()]
    return Example(Rankings.from_ballots(triples), lead, ("annotators", "ranking"), rows)


@cache
def approved() -> Example:
    """One prompt with five responses, which ten annotators approve or disapprove."""
    rows = [
        _row(f"{yes} {n}", response, approval=(response in yes) - (response in no))
        for (yes, no), count in APPROVED.items()
        for n in range(count)
        for response in "abcde"
    ]
    cells = [
        (str(count), ", ".join(yes.split()), ", ".join(no.split()))
        for (yes, no), count in APPROVED.items()
    ]
    lead = f"{sum(APPROVED.values())} annotators say which of five responses they approve and disapprove:"
    return Example(Rankings.from_frame(rows), lead, ("annotators", "approve", "disapprove"), cells)


@cache
def scored() -> Example:
    """One prompt with four responses, to which eleven annotators give scores."""
    rows = [
        _row(f"{scores} {n}", response, score=score)
        for scores, count in SCORED.items()
        for n in range(count)
        for response, score in zip(ascii_lowercase, scores, strict=False)
    ]
    cells = [(str(count), *map(str, scores)) for scores, count in SCORED.items()]
    lead = f"{sum(SCORED.values())} annotators give four responses scores from 0 to 5:"
    return Example(Rankings.from_frame(rows), lead, ("annotators", *"abcd"), cells)


@cache
def across() -> Example:
    """Ten prompts with two responses each, on which two groups always disagree."""
    first, second = GROUPS
    orders = {first: f"{first} > {second}", second: f"{second} > {first}"}
    triples = [
        (f"p{p}", f"{group} {n}", parse_ballot(orders[group]))
        for p in range(PROMPTS)
        for group, count in GROUPS.items()
        for n in range(count)
    ]
    lead = f"On each of {PROMPTS} prompts, ten annotators rank two responses:"
    rows = [(str(count), orders[group]) for group, count in GROUPS.items()]
    return Example(Rankings.from_ballots(triples), lead, ("annotators", "ranking"), rows)


def _row(annotator: str, response: str, **said: Any) -> Mapping[str, Any]:
    return {"prompt_id": "p", "annotator_id": annotator, "response_id": response, **said}
