"""The log-likelihood of choices from the responses not yet placed, as Plackett and Luce have it, in numpy."""

import numpy as np

from rlchf.numeric.arrays import Array, segment_sum
from rlchf.profiles import Profiles
from rlchf.rules._parts.likelihood import Slopes

TINY = 1e-150  # sums of odds at least: their squares are still numbers


def by_sets(profiles: Profiles) -> Slopes:
    """The slopes from counts of the choices that were made from each of the 2^M sets of responses."""
    M, B = profiles.n_responses, profiles.n_prompts
    ranks, owners = profiles.ranks, profiles.owners
    made = np.where((ranks > 0) & (ranks < ranks.max(axis=0)), profiles.integer_weights, 0.0)
    counts = np.zeros(B << M)
    for i in range(M):
        sets = owners << M
        for j in range(M):
            sets += (ranks[j] >= ranks[i]).astype(np.int64) << j
        counts += np.bincount(sets, made[i], minlength=B << M)
    choices = segment_sum(made, profiles.starts) / profiles.scale
    table = np.ascontiguousarray(counts.reshape(B, -1).T) / profiles.scale
    member = ((np.arange(1 << M) >> np.arange(M)[:, None]) & 1).astype(np.float64)
    first, second = np.triu_indices(M, 1)
    both = member[first] * member[second]

    def slopes(strengths: Array) -> tuple[Array, Array]:
        odds = np.exp(strengths - np.max(strengths, axis=0))
        sums = np.maximum(member.T @ odds, TINY)  # (2^M, B)
        rates = table / sums
        gradient = choices - odds * (member @ rates)
        pulls = np.zeros((M, M, B))
        pulls[first, second] = odds[first] * odds[second] * (both @ (rates / sums))
        pulls[second, first] = pulls[first, second]
        return gradient, pulls

    return slopes


def by_ballots(profiles: Profiles) -> Slopes:
    """The slopes ballot by ballot, for any number of responses."""
    M, B = profiles.n_responses, profiles.n_prompts
    ranks, starts, votes = _distinct(profiles)
    owners = np.repeat(np.arange(B), np.diff(starts))
    weights = votes / profiles.scale[owners]
    ranked = ranks > 0
    made = ranked & (ranks < np.max(ranks, axis=0))  # (M, K): those whose place was a choice
    choices = segment_sum(made * weights, starts)

    def slopes(strengths: Array) -> tuple[Array, Array]:
        odds = np.exp(strengths - np.max(strengths, axis=0))  # (M, B)
        spread = np.where(ranked, odds[:, owners], 0.0)
        rates = np.zeros_like(spread)  # of each choice, one over the sum of the odds
        for i in range(M):
            total = np.sum(np.where(ranks >= ranks[i], spread, 0.0), axis=0)
            rates[i] = np.where(made[i], 1 / np.maximum(total, TINY), 0.0)
        squares = rates * rates
        met, met_squares = np.zeros_like(rates), np.zeros_like(rates)
        for i in range(M):  # summed over the choices that i was there for
            there = ranked[i] & (ranks <= ranks[i])
            met[i] = np.sum(np.where(there, rates, 0.0), axis=0)
            met_squares[i] = np.sum(np.where(there, squares, 0.0), axis=0) * weights
        gradient = choices - odds * segment_sum(met * weights, starts)
        pulls = np.zeros((M, M, B))
        for i in range(M - 1):  # i and j were both there for the choices before the first of them
            shared = segment_sum(np.minimum(met_squares[i], met_squares[i + 1 :]), starts)
            pulls[i, i + 1 :] = odds[i] * odds[i + 1 :] * shared
            pulls[i + 1 :, i] = pulls[i, i + 1 :]
        return gradient, pulls

    return slopes


def _distinct(profiles: Profiles) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct ballots with votes, sorted, so that sums do not depend on how they came.

    Returns
    -------
    (M, D) ranks, (B + 1,) starts and (D,) votes; a prompt without votes keeps a ballot.
    """
    ranks, votes, owners, starts = (
        profiles.ranks,
        profiles.integer_weights,
        profiles.owners,
        profiles.starts,
    )
    kept = votes > 0
    kept[starts[:-1][np.add.reduceat(kept, starts[:-1], dtype=np.int64) == 0]] = True
    ranks, votes, owners = ranks[:, kept], votes[kept], owners[kept]
    keys, base = [owners.astype(np.int64)], len(ranks) + 1
    largest = profiles.n_prompts
    for row in ranks:  # as many ranks in one key as it can hold
        if largest * base >= 2**62:
            keys.append(np.zeros(len(votes), dtype=np.int64))
            largest = 1
        keys[-1] = keys[-1] * base + row
        largest *= base
    order = np.lexsort(keys[::-1])
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any([key[order[1:]] != key[order[:-1]] for key in keys], axis=0)
    first = np.flatnonzero(new)
    starts = np.searchsorted(owners[order[first]], np.arange(profiles.n_prompts + 1))
    return ranks[:, order[first]], starts, np.add.reduceat(votes[order], first)
