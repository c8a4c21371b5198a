"""Which rows of an annotators file belong to those who vote, and which only nearly do."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlchf.display import counted

DIFFERENCES: tuple[tuple[Callable[[str], str], str], ...] = (
    (str.strip, "blanks count"),
    (str.casefold, "capital letters count"),
    (lambda text: text.removesuffix(".0"), "a table of numbers adds .0"),
    (lambda text: text.lstrip("0") or "0", "a spreadsheet drops zeros in front"),
)
"""What is lost or added when an id goes through another program, and what to say of it."""


@dataclass(frozen=True)
class Match:
    """The annotators of the rankings, and the rows of an annotators file.

    Attributes
    ----------
    voters, rows
        The ids of both.
    shared
        The ids that are in both.
    """

    voters: Sequence[str]
    rows: Sequence[str]
    shared: frozenset[str]

    @property
    def hint(self) -> str:
        """What unmatched ids may mean, if those of the two files are nearly the same; else nothing.

        Examples
        --------
        >>> match_annotators(["001", "ann"], ["ann", "1"]).hint
        "; '1' may be '001': a spreadsheet drops zeros in front"
        """
        voters = {_plain(one): one for one in self.voters if one not in self.shared}
        for row in self.rows:
            voter = voters.get(_plain(row))
            if row not in self.shared and voter is not None:
                reasons = (why for same, why in DIFFERENCES if same(row) == same(voter))
                return f"; {row!r} may be {voter!r}: {next(reasons, 'ids are compared as text')}"
        return ""

    def warn(self, source: str, consequence: str) -> None:
        """Warn of annotators who vote and have no row.

        Parameters
        ----------
        source
            The annotators file.
        consequence
            What becomes of them, such as "weigh 1"; empty if nothing does.
        """
        without = [one for one in self.voters if one not in self.shared]
        if not without:
            return
        idle = [one for one in self.rows if one not in self.shared]
        nobody = ""
        if idle:
            name = "names" if len(idle) == 1 else "name"
            nobody = f"; {len(idle):,} of its rows, such as {idle[0]!r}, {name} nobody who voted"
        one = len(without) == 1
        verbs = (
            consequence.replace("weigh", "weighs").replace("have", "has") if one else consequence
        )
        warnings.warn(
            f"{len(without):,} of {counted(len(self.voters), 'annotator')}, such as {without[0]!r}, "
            f"{'has' if one else 'have'} no row in {source}{verbs and f' and {verbs}'}"
            f"{nobody}{self.hint}",
            stacklevel=3,
        )


def match_annotators(voters: Sequence[str], rows: Sequence[str]) -> Match:
    """Match the annotators who vote with the rows of an annotators file, by their ids as text.

    Examples
    --------
    >>> sorted(match_annotators(["ann", "bob"], ["bob", "eve"]).shared)
    ['bob']
    """
    return Match(voters, rows, frozenset(voters) & frozenset(rows))


def _plain(text: str) -> str:
    """An id without what programs lose or add."""
    for same, _ in DIFFERENCES:
        text = same(text)
    return text
