"""The Plackett-Luce model."""

from collections.abc import Callable

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, segment_sum, to_numpy
from rlchf.numeric.chunks import chunks
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.likelihood import (
    Slopes,
    fitted,
    linked,
    pair_slopes,
    prior_weights,
    scores_of,
)

MOST = 10
"""Up to this number of responses, choices are counted by the set that they were made from."""

TINY = 1e-150  # sums of odds are at least this, so that their squares are positive


@voting_rule(
    kind="statistical",
    cost="K M^2 + M^3",
    axioms=["anonymity", "neutrality", "unanimity", "pareto", "monotonicity"],
    scopes={"monotonicity": "untied"},
    any_device=False,
)
def plackett_luce(profiles: Profiles, *, prior: float = 1.0) -> Array:
    """Fit strengths under which the ballots are most likely as successive choices; runs on the CPU.

    In the model a ballot is filled from the top: each place goes to one of the responses not yet placed,
    with probability in proportion to their strengths. Tied responses are each chosen from the same set, all
    responses not placed above them (Breslow's method for ties). The last level is no choice, since nothing
    else remains; so a ballot that names one favourite and ties all others is one choice. A response that a
    ballot does not rank could not be chosen on it. The strengths maximise the posterior probability.

    Strengths say nothing about responses that no chain of ballots links: each linked group has strengths
    with mean 0, so that its average response ties with that of any other group, and a warning says so.

    Parameters
    ----------
    prior
        The weight of additional comparisons of each pair that some ballot ranks, half of them won by each
        side. So every strength is finite, and 0 for a response that no ballot compares.

    Returns
    -------
    (B, M) array of scores: the logarithms of the strengths, with mean 0 in each linked
    group, rounded to 1e-9; higher is better. Strengths that differ by less than that are tied. Where the
    weights add up to more than a million times the prior the last digits are rounding errors, and beyond
    1e9 times the prior grows with the weights.

    References
    ----------
    R. L. Plackett, "The analysis of permutations", 1975. For such maximum-likelihood estimates:
    D. R. Hunter, "MM algorithms for generalized Bradley-Terry models", 2004.

    Examples
    --------
    >>> plackett_luce(Profiles.from_ballots([["a > b > c", "a > c > b", "b > a > c"]])).round(3)
    array([[ 0.698, -0.083, -0.616]])
    """
    xp, device, B = array_namespace(profiles.ranks), device_of(profiles.ranks), profiles.n_prompts
    profiles = profiles.map(to_numpy)
    few = profiles.n_responses <= MOST
    slices = chunks(B, 2**profiles.n_responses) if few else [slice(0, B)]
    parts = (profiles.part(chunk.start, chunk.stop) for chunk in slices)
    scores = [_scores(part, prior, _by_sets if few else _by_ballots) for part in parts]
    return xp.asarray(np.concatenate(scores), device=device)


def _scores(profiles: Profiles, prior: float, likelihood: Callable[[Profiles], Slopes]) -> Array:
    M, B = profiles.n_responses, profiles.n_prompts
    pseudo = prior_weights(profiles, prior)
    choices = likelihood(profiles)

    def slopes(strengths: Array) -> tuple[Array, Array]:
        gradient, pulls = choices(strengths)
        prior_gradient, prior_pulls = pair_slopes(strengths, pseudo / 2)
        return gradient + prior_gradient, pulls + prior_pulls

    return scores_of(fitted(slopes, np.zeros((M, B)), linked("plackett_luce", pseudo > 0)))


def _by_sets(profiles: Profiles) -> Slopes:
    """Slopes of the log-likelihood from counts of the choices made from each of the 2^M sets of responses."""
    M, B = profiles.n_responses, profiles.n_prompts
    ranks, owners = profiles.ranks, profiles.owners
    is_choice = (ranks > 0) & (ranks < ranks.max(axis=0))  # (M, K): the place was a choice
    chosen = np.where(is_choice, profiles.integer_weights, 0.0)
    counts = np.zeros(B << M)
    for i in range(M):
        sets = owners << M
        for j in range(M):
            sets += (ranks[j] >= ranks[i]).astype(np.int64) << j
        counts += np.bincount(sets, chosen[i], minlength=B << M)
    choices = segment_sum(chosen, profiles.starts) / profiles.scale
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


def _by_ballots(profiles: Profiles) -> Slopes:
    """Slopes of the log-likelihood ballot by ballot, for any number of responses."""
    M, B = profiles.n_responses, profiles.n_prompts
    ranks, starts, votes = _distinct(profiles)
    owners = np.repeat(np.arange(B), np.diff(starts))
    weights = votes / profiles.scale[owners]
    ranked = ranks > 0
    is_choice = ranked & (ranks < np.max(ranks, axis=0))  # (M, K): the place was a choice
    choices = segment_sum(is_choice * weights, starts)

    def slopes(strengths: Array) -> tuple[Array, Array]:
        odds = np.exp(strengths - np.max(strengths, axis=0))  # (M, B)
        spread = np.where(ranked, odds[:, owners], 0.0)
        rates = np.zeros_like(spread)  # of each choice, one over the sum of the odds
        for i in range(M):
            total = np.sum(np.where(ranks >= ranks[i], spread, 0.0), axis=0)
            rates[i] = np.where(is_choice[i], 1 / np.maximum(total, TINY), 0.0)
        squares = rates * rates
        sums, square_sums = np.zeros_like(rates), np.zeros_like(rates)
        for i in range(M):  # over the choices that i was available for
            available = ranked[i] & (ranks <= ranks[i])
            sums[i] = np.sum(np.where(available, rates, 0.0), axis=0)
            square_sums[i] = np.sum(np.where(available, squares, 0.0), axis=0) * weights
        gradient = choices - odds * segment_sum(sums * weights, starts)
        pulls = np.zeros((M, M, B))
        for i in range(M - 1):  # i and j were both available until the first of them was chosen
            shared = segment_sum(np.minimum(square_sums[i], square_sums[i + 1 :]), starts)
            pulls[i, i + 1 :] = odds[i] * odds[i + 1 :] * shared
            pulls[i + 1 :, i] = pulls[i, i + 1 :]
        return gradient, pulls

    return slopes


def _distinct(profiles: Profiles) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct ballots with votes, sorted, so that sums do not depend on the order of the ballots.

    Returns
    -------
    (M, D) ranks, (B + 1,) starts and (D,) votes; a prompt without votes keeps a ballot.
    """
    ranks, votes = profiles.ranks, profiles.integer_weights
    owners, starts = profiles.owners, profiles.starts
    kept = votes > 0
    kept[starts[:-1][np.add.reduceat(kept, starts[:-1], dtype=np.int64) == 0]] = True
    ranks, votes, owners = ranks[:, kept], votes[kept], owners[kept]
    keys, base = [owners.astype(np.int64)], len(ranks) + 1
    largest = profiles.n_prompts
    for row in ranks:  # each key holds as many ranks as fit
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
