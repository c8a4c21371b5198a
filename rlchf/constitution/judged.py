"""What judges said: soft labels that are read as comparisons by annotators."""

from dataclasses import dataclass
from typing import Any

from rlchf.constitution.plan import Comparison

DIGITS = 12
"""Decimal places of a probability: rounding does not break a tie."""


@dataclass(frozen=True)
class Verdict:
    """What a judge said in the name of one principle about two responses.

    Attributes
    ----------
    comparison
        The prompt, the two responses and the principle.
    probability
        Probability that the response with the smaller id is preferred: the mean over orders, clamped.
    shown_first, shown_second
        What the judge gave it when it was shown first and when second, as it was before clamping; None if
        there is no answer.
    cannot_tell
        Mean probability of "cannot tell".
    nonsense
        Number of answers that named no option.
    method
        How the answers were got.
    """

    comparison: Comparison
    probability: float
    shown_first: float | None
    shown_second: float | None
    cannot_tell: float
    nonsense: int
    method: str

    @property
    def row(self) -> dict[str, Any]:
        """A row of a comparisons file; a probability of 0.5 is a tie."""
        one = self.comparison
        pair, probability = (one.first, one.second), self.probability
        if probability < 0.5:
            pair, probability = (one.second, one.first), round(1 - probability, DIGITS)
        return {
            "prompt_id": one.prompt_id, "annotator_id": one.principle.name,
            "chosen": pair[0], "rejected": pair[1], "tie": probability == 0.5,
            "weight": one.weight, "probability": probability, "method": self.method,
            "shown_first": self.shown_first, "shown_second": self.shown_second,
            "cannot_tell": self.cannot_tell, "nonsense": self.nonsense,
        }  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """All verdicts, and how many there might have been.

    Attributes
    ----------
    verdicts
        By prompt, pair and principle.
    comparisons, questions
        Numbers of those that were asked.
    nonsense
        Number of answers that named no option.
    one_order
        Number of verdicts with an answer in one of two orders only.
    answers
        Number of answers, nonsense included.
    """

    verdicts: list[Verdict]
    comparisons: int
    questions: int
    nonsense: int
    one_order: int
    answers: int

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Rows of a comparisons file, which `rlchf.Rankings.from_frame` reads."""
        return [one.row for one in self.verdicts]

    @property
    def left_out(self) -> int:
        """Number of comparisons without any answer but nonsense."""
        return self.comparisons - len(self.verdicts)

    @property
    def ties(self) -> int:
        """Number of verdicts that prefer neither response."""
        return sum(one.probability == 0.5 for one in self.verdicts)

    @property
    def position_bias(self) -> float | None:
        """Mean of the probability of the response shown first, less 0.5, where both orders were answered."""
        biases = [
            (one.shown_first - one.shown_second) / 2
            for one in self.verdicts
            if one.shown_first is not None and one.shown_second is not None
        ]
        return sum(biases) / len(biases) if biases else None
