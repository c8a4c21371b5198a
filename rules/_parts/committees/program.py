"""A best committee as an integer program, for one prompt with many responses.

Responses with the same supporters are of one kind, and so are ballots with the same approvals. A column x
for each kind of responses is the number of its members on the committee; a column z[s, n] is 1 if
ballots of kind s approve n + 1 or more members. The value that a z adds falls with n, so the first ones
are filled first in any optimum, and only the x need be integers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

import numpy as np

NEARLY = 1e-9  # a bound above the value by at most this share of it proves the optimum


class BestCommittee(NamedTuple):
    """The best committee known: the seats of each kind, its value, and an upper bound for all committees."""

    seats: np.ndarray
    value: float
    bound: float


@dataclass(frozen=True)
class Kinds:
    """The kinds of responses and of ballots on one prompt.

    Attributes
    ----------
    kind
        (M,) the kind of each response, in the order in which the kinds first occur.
    sizes
        (C,) the number of responses of each kind.
    approves
        (C, S) 1 or 0.
    votes
        (S,) as shares of all votes.
    """

    kind: np.ndarray
    sizes: np.ndarray
    approves: np.ndarray
    votes: np.ndarray

    @classmethod
    def of(cls, approves: np.ndarray, votes: np.ndarray) -> "Kinds":
        """Group (M, S) approvals of ballots with (S,) votes into kinds."""
        counted = votes > 0
        columns, slot = np.unique(approves[:, counted], axis=1, return_inverse=True)
        merged = np.bincount(slot.ravel(), votes[counted], minlength=columns.shape[1])
        _, first, kind, sizes = np.unique(
            columns, axis=0, return_index=True, return_inverse=True, return_counts=True
        )
        order = np.argsort(first)  # kinds in the order of their first response
        kind = np.argsort(order)[kind.ravel()]
        rows = columns[first[order]].astype(np.float64)
        return cls(kind, sizes[order], rows, merged / max(votes.sum(), 1.0))

    def shares(self, seats: np.ndarray, keep: bool) -> np.ndarray:
        """(M,) membership of each response: the share of its kind with a seat, or 1 for the first ones."""
        if keep:
            return np.asarray((seats / self.sizes)[self.kind])
        index = np.zeros(len(self.kind), dtype=np.int64)  # position within its kind
        for c in range(len(self.sizes)):
            index[self.kind == c] = np.arange(self.sizes[c])
        return np.asarray(index < seats[self.kind], dtype=np.float64)


def best_committees(
    kinds: Kinds, worth: np.ndarray, sizes: Sequence[int], seconds: float
) -> Iterator[BestCommittee]:
    """For each size a committee of the greatest value, or the best one known when time runs out.

    The sizes grow; the seconds are for all of them together.
    """
    deadline = monotonic() + seconds
    value = np.concatenate([[0.0], np.cumsum(worth)])
    approved = kinds.sizes @ kinds.approves  # (S,) responses that each kind of ballot approves

    def value_of(seats: np.ndarray) -> float:
        return float(value[(seats @ kinds.approves).astype(np.int64)] @ kinds.votes)

    seats = fresh = np.zeros(len(kinds.sizes), dtype=np.int64)
    for n, k in enumerate(sizes):
        bound = float(value[np.minimum(approved, k).astype(np.int64)] @ kinds.votes)
        enough = bound * (1 - NEARLY)
        seats = _filled(kinds, worth, k, seats)  # optimal once every ballot has all it approves
        if value_of(seats) < enough:
            fresh = _filled(kinds, worth, k, fresh)  # one by one from none, as the sizes grow
            if k == 1:  # the response that adds most is best
                seats, bound = fresh, value_of(fresh)
                enough = bound
            until = monotonic() + (deadline - monotonic()) / (len(sizes) - n)
            seats = _swapped(kinds, worth, max(fresh, seats, key=value_of), until)
            if value_of(seats) < enough:
                better, proven = _solve(kinds, worth, k, until)
                seats, bound = max(better, seats, key=value_of), min(bound, proven)
        best_value = value_of(seats)
        proved = bound <= best_value * (1 + NEARLY)
        yield BestCommittee(seats, best_value, best_value if proved else bound)


def _gains(kinds: Kinds, worth: np.ndarray, seats: np.ndarray) -> np.ndarray:
    """(C,) the value that one more member of each kind adds; -1 where all are members."""
    next_worth = np.append(worth, 0.0)[(seats @ kinds.approves).astype(np.int64)]
    return np.where(seats < kinds.sizes, kinds.approves @ (kinds.votes * next_worth), -1.0)


def _filled(kinds: Kinds, worth: np.ndarray, k: int, seats: np.ndarray) -> np.ndarray:
    """Seats filled up to k, one by one with the kind that adds most."""
    seats = seats.copy()
    for _ in range(k - int(seats.sum())):
        seats[np.argmax(_gains(kinds, worth, seats))] += 1
    return seats


def _swapped(kinds: Kinds, worth: np.ndarray, seats: np.ndarray, deadline: float) -> np.ndarray:
    """Seats after replacing one member by another as long as this adds to the value."""
    seats, unchanged = seats.copy(), 0
    while unchanged < len(seats):
        for c in range(len(seats)):
            if unchanged >= len(seats) or monotonic() > deadline:
                return seats
            unchanged += 1
            if seats[c]:
                seats[c] -= 1
                gains = _gains(kinds, worth, seats)
                best = np.argmax(gains)
                better = gains[best] > gains[c] + NEARLY
                seats[best if better else c] += 1
                unchanged = 0 if better else unchanged
    return seats


def _solve(kinds: Kinds, worth: np.ndarray, k: int, deadline: float) -> tuple[np.ndarray, float]:
    """Seats, none if the solver finds no committee in time, and a bound."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, hstack, vstack

    C, S = kinds.approves.shape
    steps = np.minimum(kinds.sizes @ kinds.approves, k).astype(np.int64)
    slot = np.repeat(np.arange(S), steps)
    step = np.arange(len(slot)) - np.repeat(np.cumsum(steps) - steps, steps)
    used = worth[step] > 0
    slot, step = slot[used], step[used]
    Z = len(slot)
    filled = csr_array((np.ones(Z), (slot, np.arange(Z))), shape=(S, Z))
    rows = vstack(
        [
            hstack([csr_array(-kinds.approves.T), filled]),  # no more steps than approved members
            hstack([csr_array(np.ones((1, C))), csr_array((1, Z))]),
        ]
    )
    low, high = np.append(np.full(S, -np.inf), k), np.append(np.zeros(S), k)
    seconds = deadline - monotonic()
    if seconds <= 0:
        return np.zeros(C, dtype=np.int64), np.inf
    solved = milp(
        np.concatenate([np.zeros(C), -kinds.votes[slot] * worth[step]]),
        integrality=np.append(np.ones(C), np.zeros(Z)),
        bounds=Bounds(0, np.append(kinds.sizes.astype(np.float64), np.ones(Z))),
        constraints=LinearConstraint(rows, low, high),
        options={"mip_rel_gap": 0.0, "time_limit": seconds},
    )
    bound = np.inf if solved.mip_dual_bound is None else -float(solved.mip_dual_bound)
    if solved.x is None:
        return np.zeros(C, dtype=np.int64), bound
    return np.rint(solved.x[:C]).astype(np.int64), bound
