"""The best committees of each size, by how many of its members each ballot approves."""

import warnings
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from math import lcm

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules._parts.committees.election import EXACT, hold
from rlchf.rules._parts.committees.electorates import Electorate
from rlchf.rules._parts.committees.program import Kinds, best_committees
from rlchf.rules._registry import Ties

MOST = 16  # responses; among more, committees are found by integer programming
MOST_KINDS = 1024  # kinds of ballots that are told apart
CHUNK = 2**19  # numbers in the table of committees and prompts


def committee_scores(
    profiles: Profiles,
    name: str,
    worth: Sequence[Fraction],
    k: int | None,
    top: int | None,
    ties: Ties,
    time_limit: float | None,
) -> Array:
    """In how many of the best committees of k a response is, as a share; the sum over k = 1, ..., M - 1.

    A committee is as good as the sum, over the ballots, of ``worth[0] + ... + worth[n - 1]``, if the ballot
    approves n of its members; (M,) numbers that do not grow. ``name`` is the rule's.
    """
    M = profiles.n_responses
    sizes = range(1, max(M, 2)) if k is None else range(min(k, M), min(k, M) + 1)

    def count(electorate: Electorate) -> tuple[Array, Array]:
        if M > MOST:
            return _programmed(electorate, name, worth, sizes, ties, time_limit)
        return _enumerated(electorate, worth, sizes, ties)

    scores = hold(profiles, top, k, ties, count, MOST_KINDS)
    xp = array_namespace(scores)
    if k is None and ties == "lexicographic":  # the order of the responses decides where sums tie
        return scores - xp.arange(M, dtype=scores.dtype, device=device_of(scores)) / (M + 1)
    return xp.round(scores * 1e9) / 1e9  # sums of shares, such as 1/3 + 2/3, are exact again


def _enumerated(
    electorate: Electorate, worth: Sequence[Fraction], sizes: Sequence[int], ties: Ties
) -> tuple[Array, Array]:
    """Scores (M, B) from all committees, and where they are exact."""
    votes = electorate.votes
    xp, device = array_namespace(votes), device_of(votes)
    M, B = electorate.approves.shape[0], votes.shape[1]
    unit = lcm(*(w.denominator for w in worth))
    values = np.cumsum([0, *(int(w * unit) for w in worth)], dtype=object)
    exact = xp.sum(votes, axis=0) < EXACT / values[-1]
    if votes.dtype == xp.float64:
        values = xp.asarray(values.astype(np.float64), device=device)
    chosen = [np.array(list(combinations(range(M), size))) for size in sizes]
    members = np.concatenate([np.eye(M)[c].sum(axis=1) for c in chosen])  # (C, M), 1 or 0
    members = xp.asarray(members, device=device)
    codes = xp.astype(members @ xp.asarray(2.0 ** np.arange(M), device=device), xp.int64)
    ends = np.cumsum([0, *map(len, chosen)])

    scores = xp.zeros((M, B), dtype=xp.float64, device=device)
    step = max(1, CHUNK // len(members)) if electorate.approves.shape[2] == 1 else 1
    for start in range(0, B, step):
        at = xp.arange(start, min(start + step, B), device=device)
        part = electorate.part(at)
        if len(at) == 1 and part.votes.shape[0] > 2 * M:
            every = xp.asarray(_all_values(part, to_numpy(values)), device=device)
            goodness = every[codes]
        else:
            approved = members @ xp.astype(part.approves[:, :, 0], xp.float64)  # (C, S) members
            goodness = values[xp.astype(approved, xp.int64)] @ part.votes  # (C, b)
        for first, end in pairwise(ends):
            best = goodness[first:end] == xp.max(goodness[first:end], axis=0)
            if ties == "lexicographic":
                scores[:, at] += members[first + xp.argmax(xp.astype(best, xp.int8), axis=0)].T
                continue
            best = xp.astype(best, xp.float64)
            scores[:, at] += members[first:end].T @ best / xp.sum(best, axis=0)
    return scores, exact


def _all_values(electorate: Electorate, values: np.ndarray) -> np.ndarray:
    """The value of every set of responses for one prompt with many ballots, (2^M, 1).

    A set is a number, bit by bit. Votes are counted by the set that they approve; then, response after
    response, by whether a committee has it and how many of its members they approve.
    """
    M = electorate.approves.shape[0]
    approves, votes = to_numpy(electorate.approves[:, :, 0]), to_numpy(electorate.votes[:, 0])
    counts = np.zeros((2**M, M + 1), dtype=votes.dtype)
    np.add.at(counts[:, 0], 2 ** np.arange(M) @ approves, votes)
    for i in range(M):
        sets = counts.reshape(-1, 2, 2**i, M + 1)
        without, with_it = sets[:, 0], sets[:, 1]
        chosen = without.copy()
        chosen[..., 1:] += with_it[..., :-1]
        counts = np.stack([without + with_it, chosen], axis=1).reshape(2**M, M + 1)
    return np.asarray(counts @ values)[:, None]


def _programmed(
    electorate: Electorate,
    name: str,
    worth: Sequence[Fraction],
    sizes: Sequence[int],
    ties: Ties,
    time_limit: float | None,
) -> tuple[Array, Array]:
    """Scores (M, B) from one optimal committee of each size, found on the CPU."""
    M, B = electorate.approves.shape[0], electorate.votes.shape[1]
    scores, weights = np.zeros((M, B)), np.array(worth, dtype=np.float64)
    for b in range(B):
        part = electorate.part(np.array([b]))
        kinds = Kinds.of(to_numpy(part.approves[:, :, 0]), to_numpy(part.votes[:, 0]))
        gaps = {}
        seconds = np.inf if time_limit is None else time_limit
        for size, found in zip(sizes, best_committees(kinds, weights, sizes, seconds), strict=True):
            scores[:, b] += kinds.shares(found.seats, ties == "keep")
            if found.bound > found.value:
                gaps[size] = 1 - found.value / found.bound
        if gaps:
            _warn(name, int(electorate.prompts[b]), M, gaps)
    xp, device = array_namespace(electorate.votes), device_of(electorate.votes)
    return xp.asarray(scores, device=device), xp.ones(B, dtype=xp.bool, device=device)


def _warn(name: str, prompt: int, M: int, gaps: dict[int, float]) -> None:
    """Say which sizes of committees are not known to be optimal, and by how much at most."""
    first, final, gap = min(gaps), max(gaps), max(gaps.values())
    if len(gaps) == 1:
        which = f"its committee of {first} may be worth {gap:.1%} less than the best one"
    else:
        which = (
            f"{len(gaps)} of its committees, of {first} to {final}, may be worth up to {gap:.1%} less "
            "than the best ones"
        )
    warnings.warn(
        f"prompt {prompt} of {M} responses: {name} ran out of time; {which}; give a longer "
        "time_limit, or choose a rule without search such as seq_pav",
        stacklevel=2,
    )
