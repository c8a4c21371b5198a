"""Prompts of RewardBench 2, each with correct and incorrect responses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rlchf.prompts import Prompt

TIES = "Ties"
SUBSETS = ("Factuality", "Precise IF", "Math", "Safety", "Focus", TIES)
"""The subsets of RewardBench 2, over which its score is the mean."""
_TIES_ID = re.compile(r"(tied|ref):([0-9]+)")


def subset_named(name: str) -> str:
    """The subset of RewardBench 2 with this name in any case; another name as it is.

    Examples
    --------
    >>> subset_named("ties"), subset_named("Poetry")
    ('Ties', 'Poetry')
    """
    known = {one.casefold(): one for one in SUBSETS}
    return known.get(name.strip().casefold(), name.strip())


@dataclass(frozen=True)
class BenchmarkPrompt:
    """A prompt with its correct responses (chosen) and incorrect responses (rejected).

    A prompt of the subset Ties has the id ``tied:N``, and two or more correct responses, or ``ref:N``. The
    reference prompt ``ref:N`` asks for the same kind of answer as ``tied:N``, and has one correct response. A
    prompt of another subset has one correct response; of several the first alone counts as correct.

    Attributes
    ----------
    subset
        One of `SUBSETS`, or another name.

    Raises
    ------
    ValueError
        If there is no chosen or no rejected response, a tied prompt has one chosen response, or the id of a
        prompt of Ties is of another form.

    Examples
    --------
    >>> one = BenchmarkPrompt("tied:3", "Ties", "Name a primary colour.", ["Red.", "Blue."], ["Brown."])
    >>> one.responses, one.pair
    (['Red.', 'Blue.', 'Brown.'], ('tied', 3))
    """

    id: str
    subset: str
    prompt: Prompt
    chosen: Sequence[str]
    rejected: Sequence[str]

    def __post_init__(self) -> None:
        for name in ("chosen", "rejected"):
            if not getattr(self, name):
                raise ValueError(f"{name} has no response; give at least one")
        if self.subset == TIES and self.pair[0] == "tied" and len(self.chosen) < 2:
            raise ValueError(
                f"the prompt {self.id!r} has one chosen response; a tied prompt has two or more, and a "
                "prompt with one is ref:N"
            )

    @property
    def responses(self) -> list[str]:
        """All responses, the correct ones first."""
        return [*self.chosen, *self.rejected]

    @property
    def pair(self) -> tuple[str, int]:
        """Of a prompt of Ties, ``tied`` or ``ref`` and the number that it has in common with its partner.

        Raises
        ------
        ValueError
            If the id is of another form.
        """
        match = _TIES_ID.fullmatch(self.id)
        if match is None:
            raise ValueError(
                f"the id {self.id!r} of the subset {TIES} is neither tied:N nor ref:N; give one of them, "
                "with a whole number for N"
            )
        return match[1], int(match[2])
