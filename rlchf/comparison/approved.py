"""Prompts on which a majority approves several responses, of which a single winner shows one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._tallies import tally
from rlchf.auditing.approvals import approvals_of, majority_approved
from rlchf.rankings import Rankings


@dataclass(frozen=True, eq=False)
class Approved:
    """Responses that a majority approves.

    Attributes
    ----------
    how
        What counts as an approval, in words.
    stated
        Whether all ballots state their approvals; else some are read off rankings.
    numbers
        (P,) number of responses that a majority approves, by prompt.
    """

    how: str
    stated: bool
    numbers: np.ndarray

    @property
    def several(self) -> float:
        """Share of the prompts with more than one."""
        return float((self.numbers > 1).mean())

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "how": self.how,
            "stated": self.stated,
            "none": int((self.numbers == 0).sum()),
            "one": int((self.numbers == 1).sum()),
            "several": int((self.numbers > 1).sum()),
        }


def approved_by_majorities(rankings: Rankings, results: Mapping[str, Aggregation]) -> Approved:
    """Count the responses of each prompt that more than half of the weight of the ballots approves.

    A ballot that states no approvals approves its better half: its first place, and all that have fewer
    ranked responses above than below.

    Parameters
    ----------
    results
        The collective rankings of any rules; approvals do not depend on them.

    References
    ----------
    "Hidden Consensus", 2026, https://arxiv.org/abs/2606.10569.

    Examples
    --------
    >>> import rlchf
    >>> ballots = ["a > b > c > d", "b > a > c > d", "d > b > a > c"]
    >>> rankings = Rankings.from_ballots([("p", n, ballot) for n, ballot in enumerate(ballots)])
    >>> approved_by_majorities(rankings, {"borda": rlchf.aggregate(rankings, "borda")}).numbers
    array([2])
    """
    tallies = tally(rankings, next(iter(results.values())))
    summary = approvals_of(rankings, tallies)
    numbers = majority_approved(rankings, tallies)
    return Approved(summary.how, summary.stated == summary.ballots, numbers)
