"""The first k responses of a ranking as a committee, for axioms of justified representation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rlchf.axioms.cases import Case, Judgement

MOST = 7
"""Sets of responses are enumerated up to so many responses; with more there is no verdict."""


@dataclass(frozen=True)
class Committee:
    """The first k responses of B rankings, and the ballots.

    Attributes
    ----------
    seats
        k.
    elected
        (B, M) bool.
    approved
        (B, K, M) bool.
    won
        (B, K) how many elected responses each ballot approves.
    weights
        (B, K).
    quota
        (B,) the weight that deserves one seat.
    """

    seats: int
    elected: np.ndarray
    approved: np.ndarray
    won: np.ndarray
    weights: np.ndarray
    quota: np.ndarray

    def deserves(self, group: np.ndarray, seats: int) -> np.ndarray:
        """(B,) bool: whether a group of ballots (B, K) is large enough for so many seats."""
        weight = (group * self.weights).sum(axis=1)
        return np.asarray((weight >= seats * self.quota * (1 - 1e-12)) & (weight > 0))

    def agreed(self, responses: tuple[int, ...]) -> np.ndarray:
        """(B, K) bool: the ballots that approve all of these."""
        return np.asarray(self.approved[:, :, list(responses)].all(axis=2))


def sets(M: int, size: int) -> Iterator[tuple[int, ...]]:
    """Sets of so many of M responses."""
    return combinations(range(M), size)


def judged(case: Case, broken: Callable[[Committee], np.ndarray], most: int = MOST) -> Judgement:
    """Judge the first k responses for every k at which no tie stands."""
    (e,), (places,) = case.elections, case.places
    held = wrong = np.zeros(len(e), bool)
    if e.n_responses > most:
        return Judgement(held, wrong)
    for k in range(1, e.n_responses):
        elected = places < k
        decided = (elected.sum(axis=1) == k) & e.counts.any(axis=1)
        won = (e.approved & elected[:, None]).sum(axis=2)
        committee = Committee(k, elected, e.approved, won, e.tenths, e.totals / k)
        held, wrong = held | decided, wrong | (decided & broken(committee))
    return Judgement(held, wrong)
