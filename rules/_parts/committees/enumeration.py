"""The best committees of each size, by the number of members that each ballot approves."""

import warnings
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from math import lcm

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.numeric.chunks import chunks
from rlchf.profiles import Profiles
from rlchf.rules._parts.committees.ballots import ApprovalBallots
from rlchf.rules._parts.committees.election import EXACT, run_elections
from rlchf.rules._parts.committees.program import Kinds, best_committees
from rlchf.rules._registry import Ties

MOST = 16  # the largest number of responses for which all committees are compared
MOST_KINDS = 1024  # up to this number of kinds, ballots are counted by kind


def committee_scores(
    profiles: Profiles,
    name: str,
    worth: Sequence[Fraction],
    k: int | None,
    top: int | None,
    ties: Ties,
    time_limit: float | None,
) -> Array:
    """The share of the best committees of size k that contain a response, summed over k = 1, ..., M - 1.

    The score of a committee is the sum, over the ballots, of ``worth[0] + ... + worth[n - 1]``, where n is
    the number of its members that the ballot approves; ``worth`` holds M numbers that do not grow.
    ``name`` is the name of the rule.
    """
    M = profiles.n_responses
    sizes = range(1, max(M, 2)) if k is None else range(min(k, M), min(k, M) + 1)

    def count(ballots: ApprovalBallots) -> tuple[Array, Array]:
        if M > MOST:
            return _programmed(ballots, name, worth, sizes, ties, time_limit)
        return _enumerated(ballots, worth, sizes, ties)

    scores = run_elections(profiles, top, k, ties, count, MOST_KINDS)
    xp = array_namespace(scores)
    if k is None and ties == "lexicographic":  # the order of the responses decides where sums tie
        return scores - xp.arange(M, dtype=scores.dtype, device=device_of(scores)) / (M + 1)
    return xp.round(scores * 1e9) / 1e9  # sums of shares, such as 1/3 + 2/3, are exact again


def _enumerated(
    ballots: ApprovalBallots, worth: Sequence[Fraction], sizes: Sequence[int], ties: Ties
) -> tuple[Array, Array]:
    """Scores (M, B) from all committees, and (B,) whether they are exact."""
    votes = ballots.votes
    xp, device = array_namespace(votes), device_of(votes)
    M, B = ballots.approves.shape[0], votes.shape[1]
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
    alike = ballots.approves.shape[2] == 1  # the slots approve the same on all prompts
    for chunk in chunks(B, len(members) if alike else np.inf):
        prompts = xp.arange(chunk.start, chunk.stop, device=device)
        part = ballots.part(prompts)
        if len(prompts) == 1 and part.votes.shape[0] > 2 * M:
            all_committees = xp.asarray(_scores_of_all(part, to_numpy(values)), device=device)
            committee_scores = all_committees[codes]
        else:
            approved = members @ xp.astype(part.approves[:, :, 0], xp.float64)  # (C, S) members
            committee_scores = values[xp.astype(approved, xp.int64)] @ part.votes  # (C, b)
        for first, end in pairwise(ends):
            best = committee_scores[first:end] == xp.max(committee_scores[first:end], axis=0)
            if ties == "lexicographic":
                scores[:, prompts] += members[first + xp.argmax(xp.astype(best, xp.int8), axis=0)].T
                continue
            best = xp.astype(best, xp.float64)
            scores[:, prompts] += members[first:end].T @ best / xp.sum(best, axis=0)
    return scores, exact


def _scores_of_all(ballots: ApprovalBallots, values: np.ndarray) -> np.ndarray:
    """The score of every set of responses for one prompt with many ballots, (2^M, 1).

    A set is a bit mask. Votes are counted by the set that they approve; then, one response after
    another, by whether a committee contains it and how many of its members they approve.
    """
    M = ballots.approves.shape[0]
    approves, votes = to_numpy(ballots.approves[:, :, 0]), to_numpy(ballots.votes[:, 0])
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
    ballots: ApprovalBallots,
    name: str,
    worth: Sequence[Fraction],
    sizes: Sequence[int],
    ties: Ties,
    time_limit: float | None,
) -> tuple[Array, Array]:
    """Scores (M, B) from one optimal committee of each size, found on the CPU."""
    M, B = ballots.approves.shape[0], ballots.votes.shape[1]
    scores, weights = np.zeros((M, B)), np.array(worth, dtype=np.float64)
    for b in range(B):
        prompt = ballots.part(np.array([b]))
        kinds = Kinds.of(to_numpy(prompt.approves[:, :, 0]), to_numpy(prompt.votes[:, 0]))
        gaps = {}
        seconds = np.inf if time_limit is None else time_limit
        committees = best_committees(kinds, weights, sizes, seconds)
        for size, committee in zip(sizes, committees, strict=True):
            scores[:, b] += kinds.shares(committee.seats, ties == "keep")
            if committee.bound > committee.value:
                gaps[size] = 1 - committee.value / committee.bound
        if gaps:
            _warn(name, int(ballots.prompts[b]), M, gaps)
    xp, device = array_namespace(ballots.votes), device_of(ballots.votes)
    return xp.asarray(scores, device=device), xp.ones(B, dtype=xp.bool, device=device)


def _warn(name: str, prompt: int, M: int, gaps: dict[int, float]) -> None:
    """Warn of the committee sizes without a proved optimum, and of the largest possible gap."""
    first, last, gap = min(gaps), max(gaps), max(gaps.values())
    if len(gaps) == 1:
        which = f"its committee of {first} may be worth {gap:.1%} less than the best one"
    else:
        which = (
            f"{len(gaps)} of its committees, of {first} to {last}, may be worth up to {gap:.1%} less "
            "than the best ones"
        )
    warnings.warn(
        f"prompt {prompt} of {M} responses: {name} ran out of time; {which}; give a longer "
        "time_limit, or choose a rule without search such as seq_pav",
        stacklevel=2,
    )
