"""The committees that meet the wishes of votes for and against responses best, by PAV."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from math import lcm
from time import monotonic
from typing import NamedTuple

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.numeric.chunks import chunks
from rlchf.profiles import Profiles
from rlchf.rules._parts.exact_sums import exact_sums
from rlchf.rules._registry import Ties

MOST = 16
"""The largest number of responses for which all committees are compared."""
FOREVER = 1e9
"""Seconds without a limit."""
NEARLY = 1e-9
"""A bound above the value by at most this share of it proves the optimum."""


def committee_shares(
    profiles: Profiles,
    votes_for: Array,
    votes_against: Array,
    *,
    k: int | None,
    ties: Ties,
    time_limit: float | None,
) -> Array:
    """(B, M) the share of the best committees of at most k members that contain a response.

    Without k the shares for k = 1, ..., M are added up.
    """
    if k is not None and k < 1:
        raise ValueError(f"k is {k}; give 1 or more seats")
    M, B = profiles.n_responses, profiles.n_prompts
    sizes = range(1, M + 1) if k is None else [min(k, M)]
    wishes, against = to_numpy(votes_for).astype(np.float64), to_numpy(votes_against)
    on_cpu = profiles.map(to_numpy)
    scores = np.zeros((B, M))
    cost = 2**M * len(on_cpu.weights) / max(B, 1) if M <= MOST else np.inf
    for chunk in chunks(B, cost):
        ballots = slice(int(profiles.starts[chunk.start]), int(profiles.starts[chunk.stop]))
        part = on_cpu.part(chunk.start, chunk.stop)
        columns = wishes[:, ballots] - against[:, ballots], against[:, ballots].sum(axis=0)
        if M <= MOST:
            scores[chunk] = _enumerated(part, *columns, sizes, ties)
        else:
            scores[chunk] = _programmed(part, *columns, sizes, ties, time_limit)
    if k is None and ties == "lexicographic":  # the order of the responses decides where sums tie
        scores -= np.arange(M) / (M + 1)
    scores = np.round(scores, 9)  # sums of shares, such as 1/3 + 2/3, are exact again
    xp = array_namespace(profiles.ranks)
    moved: Array = xp.asarray(scores, device=device_of(profiles.ranks))
    return moved


def _enumerated(
    profiles: Profiles, votes: np.ndarray, refused: np.ndarray, sizes: Sequence[int], ties: Ties
) -> np.ndarray:
    """(B, M) scores from all committees; ``votes`` (M, K) are 1, 0 or -1, ``refused`` (K,) sums of -1."""
    M = profiles.n_responses
    # The first response is the first digit, so that the largest code has the first responses.
    members = (np.arange(2**M)[:, None] >> np.arange(M - 1, -1, -1)) & 1  # (C, M)
    unit = lcm(*range(1, M + 1))
    worth = np.cumsum([0, *(unit // n for n in range(1, M + 1))]).astype(np.float64)
    met = (members @ votes + refused).astype(np.int64)  # (C, K)
    values = exact_sums(profiles, [worth[met]], 53, 1)  # (B, C)
    counts, scores = members.sum(axis=1), np.zeros((profiles.n_prompts, M))
    for size in sizes:
        fits = np.flatnonzero(counts <= size)
        best = values[:, fits] == values[:, fits].max(axis=1, keepdims=True)
        if ties == "lexicographic":
            last = best.shape[1] - 1 - np.argmax(best[:, ::-1], axis=1)
            scores += members[fits[last]]
        else:
            scores += (best / best.sum(axis=1, keepdims=True)) @ members[fits]
    return scores


def _programmed(
    profiles: Profiles,
    votes: np.ndarray,
    refused: np.ndarray,
    sizes: Sequence[int],
    ties: Ties,
    time_limit: float | None,
) -> np.ndarray:
    """(1, M) membership of one best committee of each size, for one prompt.

    With "keep" responses about which all ballots say the same share their seats.
    """
    kinds, slot = np.unique(votes, axis=1, return_inverse=True)
    weights = np.bincount(slot.ravel(), to_numpy(profiles.integer_weights), kinds.shape[1])
    weights = weights / max(weights.sum(), 1.0)
    deadline = monotonic() + (np.inf if time_limit is None else time_limit)
    committees = list(_best_committees(kinds, weights, sizes, deadline))
    gaps = [c.bound / c.value - 1 for c in committees if c.bound > c.value * (1 + NEARLY)]
    if gaps:
        warnings.warn(
            f"prompt {int(profiles.prompts[0])} of {len(votes)} responses: updown_pav ran out of time; "
            f"{len(gaps)} of its committees may be worth up to {max(gaps):.1%} less than the best; "
            "give a longer time_limit, or k for one size, or choose updown_phragmen, which searches nothing",
            stacklevel=2,
        )
    members = np.array([c.members for c in committees], dtype=np.float64)  # (sizes, M)
    if ties == "keep":
        _, alike = np.unique(kinds, axis=0, return_inverse=True)
        alike = alike.ravel()
        members = np.array([np.bincount(alike, row) for row in members])[:, alike]
        members /= np.bincount(alike)[alike]
    return np.asarray(members.sum(axis=0, keepdims=True))


class BestCommittee(NamedTuple):
    """The best committee known, (M,) bool, its value, and an upper bound for all committees."""

    members: np.ndarray
    value: float
    bound: float


def _best_committees(
    votes: np.ndarray, weights: np.ndarray, sizes: Sequence[int], deadline: float
) -> Iterator[BestCommittee]:
    """For each size a best committee of at most that many members, or the best known when time runs out."""
    refused = (votes < 0).sum(axis=0)
    wishes = int(np.abs(votes).sum(axis=0).max())
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, max(wishes, 1) + 1))])

    def value_of(members: np.ndarray) -> float:
        return float(harmonic[(members @ votes + refused).astype(np.int64)] @ weights)

    members = np.zeros(len(votes), dtype=bool)
    for n, size in enumerate(sizes):
        members = _improved(members, value_of, size)
        until = monotonic() + (deadline - monotonic()) / (len(sizes) - n)
        solved, bound = _solve(votes, weights, size, until)
        most = np.minimum((votes > 0).sum(axis=0), size) + refused  # wishes that can be met
        bound = min(bound, float(harmonic[most] @ weights))
        members = max(members, solved, key=value_of)
        yield BestCommittee(members, value_of(members), max(bound, value_of(members)))


def _improved(
    members: np.ndarray, value_of: Callable[[np.ndarray], float], size: int
) -> np.ndarray:
    """A committee after adding, dropping or exchanging a member as long as that adds to its value."""
    members, value = members.copy(), value_of(members)
    while True:
        best, best_value = members, value * (1 + NEARLY)
        for i in range(len(members)):
            changed = members.copy()
            changed[i] = not members[i]
            others = [changed] if changed.sum() <= size else _exchanges(changed, i)
            for committee in others:
                if value_of(committee) > best_value:
                    best, best_value = committee, value_of(committee)
        if best is members:
            return members
        members, value = best, best_value


def _exchanges(members: np.ndarray, added: int) -> list[np.ndarray]:
    """The committees without one member other than the one that was added."""
    committees = []
    for j in np.flatnonzero(members):
        if j != added:
            smaller = members.copy()
            smaller[j] = False
            committees.append(smaller)
    return committees


def _solve(
    votes: np.ndarray, weights: np.ndarray, size: int, deadline: float
) -> tuple[np.ndarray, float]:
    """A committee, empty if the solver finds none in time, and a bound for the value of all."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, hstack, vstack

    M, S = votes.shape
    none = np.zeros(M, dtype=bool)
    seconds = deadline - monotonic()
    if seconds <= 0:
        return none, np.inf
    refused, approved = (votes < 0).sum(axis=0), (votes > 0).sum(axis=0)
    sure = refused - np.minimum(refused, size)  # wishes that every committee meets
    steps = refused + np.minimum(approved, size) - sure
    slot = np.repeat(np.arange(S), steps)
    step = np.arange(len(slot)) - np.repeat(np.cumsum(steps) - steps, steps) + sure[slot]
    Z = len(slot)
    met = csr_array((np.ones(Z), (slot, np.arange(Z))), shape=(S, Z))
    rows = vstack(
        [
            hstack([csr_array(-votes.T), met]),  # no more steps than wishes met
            hstack([csr_array(np.ones((1, M))), csr_array((1, Z))]),
        ]
    )
    high = np.append((refused - sure).astype(np.float64), size)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, int(sure.max()) + 1))])
    constant = float(harmonic[sure] @ weights)
    result = milp(
        np.concatenate([np.zeros(M), -weights[slot] / (step + 1)]),
        integrality=np.append(np.ones(M), np.zeros(Z)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows, np.full(S + 1, -np.inf), high),
        options={"mip_rel_gap": 0.0, "time_limit": min(seconds, FOREVER)},
    )
    bound = np.inf if result.mip_dual_bound is None else constant - float(result.mip_dual_bound)
    return none if result.x is None else result.x[:M] > 0.5, bound
