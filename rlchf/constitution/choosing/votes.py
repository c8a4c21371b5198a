"""Votes of the public on statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

UNSEEN = -128
"""What stands for a vote on a statement that a voter did not see."""


@dataclass(frozen=True, eq=False)
class Votes:
    """Who agrees, passes or disagrees on each statement of a conversation.

    Attributes
    ----------
    voters, statements
        (V,) and (M,) ids.
    texts
        (M,) the statements' texts.
    values
        (V, M) int8: 1 agrees, 0 passes, -1 disagrees, `UNSEEN` for a statement that the voter did not see.
    name
        The conversation's name, for messages.

    Examples
    --------
    >>> votes = Votes.from_ballots({"ann": {"a": 1, "b": -1}, "bob": {"a": 0}})
    >>> votes.agree, votes.passed, votes.disagree, votes.unseen
    (array([1, 0]), array([1, 0]), array([0, 1]), array([0, 1]))
    """

    voters: list[str]
    statements: list[str]
    texts: list[str]
    values: np.ndarray = field(repr=False)
    name: str = ""

    @classmethod
    def from_ballots(
        cls,
        ballots: Mapping[str, Mapping[str, int]],
        texts: Mapping[str, str] | None = None,
        name: str = "",
    ) -> "Votes":
        """Build from each voter's votes by statement; a statement without a text is named by its id.

        Raises
        ------
        ValueError
            If there is no vote, or one is not 1, 0 or -1.
        """
        statements = list(
            dict.fromkeys([*(texts or {}), *(s for votes in ballots.values() for s in votes)])
        )
        index = {statement: s for s, statement in enumerate(statements)}
        values = np.full((len(ballots), len(statements)), UNSEEN, dtype=np.int8)
        for row, (voter, votes) in zip(values, ballots.items(), strict=True):
            for statement, vote in votes.items():
                if vote not in (1, 0, -1):
                    raise ValueError(
                        f"voter {voter!r}, statement {statement!r}: the vote is {vote!r}; give 1 to agree, "
                        "0 to pass, -1 to disagree"
                    )
                row[index[statement]] = vote
        if not (values != UNSEEN).any():
            raise ValueError(f"{name or 'votes'}: there is no vote; give one or more")
        named = [(texts or {}).get(statement, statement) for statement in statements]
        return cls(list(ballots), statements, named, values, name)

    @property
    def seen(self) -> np.ndarray:
        """(V, M) bool: who voted on what; a pass is a vote."""
        return np.asarray(self.values != UNSEEN)

    @cached_property
    def agree(self) -> np.ndarray:
        """(M,) how many voters agree."""
        return np.asarray((self.values == 1).sum(axis=0))

    @cached_property
    def passed(self) -> np.ndarray:
        """(M,) how many voters pass."""
        return np.asarray((self.values == 0).sum(axis=0))

    @cached_property
    def disagree(self) -> np.ndarray:
        """(M,) how many voters disagree."""
        return np.asarray((self.values == -1).sum(axis=0))

    @cached_property
    def unseen(self) -> np.ndarray:
        """(M,) how many voters did not see the statement."""
        return np.asarray((self.values == UNSEEN).sum(axis=0))

    def part(self, voters: Sequence[int] | np.ndarray) -> "Votes":
        """Some of the voters, as indices or a mask."""
        values = self.values[voters]
        names = np.array(self.voters, dtype=object)[voters].tolist()
        return Votes(names, self.statements, self.texts, values, self.name)
