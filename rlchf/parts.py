"""A dataset that is aggregated in parts of whole prompts: what a part knows of the others."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np


class OfEveryPartWarning(UserWarning):
    """A warning that is about a whole dataset only if it is about each of its parts."""


@dataclass
class Figures:
    """What the warnings about a rule rest on; the figures of several parts add up.

    Attributes
    ----------
    most
        The largest number of responses that a prompt has.
    ballots, silent, marks
        Number of ballots, of those that state no approvals, and of those whose scores are only -1, 0 and 1.
    responses
        Number of responses on which a correlation with exposure rests.
    by_exposure, by_score, both
        Sums of squares and of products of the centred ranks by exposure and by the rule's scores.
    by_borda, both_borda
        The same for the scores of the Borda count.
    """

    most: int = 0
    ballots: int = 0
    silent: int = 0
    marks: int = 0
    responses: int = 0
    by_exposure: float = 0.0
    by_score: float = 0.0
    both: float = 0.0
    by_borda: float = 0.0
    both_borda: float = 0.0

    def add(self, other: "Figures") -> None:
        """Add those of another part.

        Examples
        --------
        >>> figures = Figures(most=3, ballots=10)
        >>> figures.add(Figures(most=2, ballots=5))
        >>> figures.most, figures.ballots
        (3, 15)
        """
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            setattr(self, one.name, max(mine, theirs) if one.name == "most" else mine + theirs)


@dataclass(eq=False)
class Part:
    """Where a part stands in its dataset, what it carries on, and what it leaves to be told at the end.

    Attributes
    ----------
    first_prompt
        The number of its first prompt in the dataset, from which random draws are made.
    account
        (A,) what a rule across prompts carries from prompt to prompt for each annotator so far; None before
        the first prompt. Annotators have the same numbers in all parts.
    figures
        What the warnings about the rule rest on; they are told when all parts are done.
    """

    first_prompt: int = 0
    account: np.ndarray | None = None
    figures: Figures = field(default_factory=Figures)

    def carried(self, n_annotators: int, start: float) -> np.ndarray:
        """(A,) the account, in which annotators who are new have ``start``; changes to it are carried on.

        Examples
        --------
        >>> part = Part(account=np.array([2.0]))
        >>> part.carried(3, 1.0)
        array([2., 1., 1.])
        """
        before: Any = np.zeros(0) if self.account is None else self.account
        new = np.full(n_annotators - len(before), float(start))
        self.account = np.concatenate([before, new])
        return self.account
