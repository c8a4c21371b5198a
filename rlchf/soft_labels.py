"""Soft labels: a comparison with a probability is a split vote, kept as two ballots.

A comparison of weight w whose first response is preferred with probability p counts w p for that order and
w (1 - p) for the reverse. Both orders are ballots of the same annotator, one behind the other; the second has
the count 0, because the first counts the comparison. So all that reads ballots by their weights reads the
expectation. The two weights add up to w exactly, because w - w p is exact where p is 1/2 or more.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rlchf.numeric.ratios import ratio
from rlchf.numeric.segments import offsets, taken

if TYPE_CHECKING:
    from rlchf.entries import Entries

NEIGHBOURS = 4
"""Number of floats on either side of a quotient among which the probability is looked for."""


def with_reverse_ballots(entries: "Entries") -> "Entries":
    """The entries with two ballots for each soft label, given those that `Entries.checked` returned.

    A probability of 1 is a plain ballot, and so is a comparison without weight; one of 1/2 is a tie.

    Raises
    ------
    ValueError
        If a probability is not from 1/2 to 1, or a ballot with one below 1 does not rank two responses, one
        above the other. The message says where.

    Examples
    --------
    >>> import rlchf
    >>> row = {"prompt_id": "p", "annotator_id": "ann", "chosen": "a", "rejected": "b", "probability": 0.75}
    >>> rankings = rlchf.Rankings.from_frame([row])
    >>> rankings.ballot_weights, rankings.ballot_counts, rankings.entry_ranks
    (array([0.75, 0.25]), array([1, 0]), array([1, 2, 1, 2], dtype=int16))
    """
    if entries.ballot_probabilities is None:
        return entries
    p = np.asarray(entries.ballot_probabilities, dtype=np.float64)
    assert entries.ballot_weights is not None
    assert entries.ballot_counts is not None
    weights = np.asarray(entries.ballot_weights)
    _check(entries, p)
    entries = _with_ties(entries, p == 0.5)
    likelier: np.ndarray = np.where(p == 0.5, weights, weights * p)
    split = np.flatnonzero(likelier < weights)
    new = offsets(1 + (likelier < weights))[:-1]  # the new index of each ballot
    ballots = np.insert(np.arange(len(p)), split + 1, split)
    is_reverse = np.zeros(len(ballots), dtype=bool)
    is_reverse[new[split] + 1] = True
    owners = np.asarray(entries.entry_ballots)
    mirrored = np.flatnonzero(np.isin(owners, split))
    again = np.concatenate([np.arange(len(owners)), mirrored])
    return replace(
        entries,
        ballot_prompts=np.asarray(entries.ballot_prompts)[ballots],
        ballot_annotators=np.asarray(entries.ballot_annotators)[ballots],
        ballot_weights=np.where(is_reverse, (weights - likelier)[ballots], likelier[ballots]),
        ballot_counts=np.where(is_reverse, 0, np.asarray(entries.ballot_counts)[ballots]),
        ballot_strengths=taken(entries.ballot_strengths, ballots),
        ballot_parts=taken(entries.ballot_parts, ballots),
        ballot_probabilities=None,
        entry_ballots=np.concatenate([new[owners], new[owners[mirrored]] + 1]),
        entry_responses=np.asarray(entries.entry_responses)[again],
        entry_ranks=_with_reverse_ranks(entries, mirrored),
        entry_approvals=taken(entries.entry_approvals, again),
    )


def _check(entries: "Entries", p: np.ndarray) -> None:
    """Refuse probabilities out of range, and those of ballots that are no comparisons."""
    owners = np.asarray(entries.entry_ballots)
    of_entries = p[owners]
    entries.refuse(
        ~((of_entries >= 0.5) & (of_entries <= 1)),
        lambda e: f"the probability is {of_entries[e]:g}; give a number from 0.5 to 1",
    )
    soft = of_entries < 1
    if not soft.any():
        return
    if entries.entry_ranks is None:
        entries.refuse(
            soft, lambda e: "there are scores and a probability; give ranks or no probability"
        )
    ranks = np.asarray(entries.entry_ranks)
    n = np.bincount(owners, minlength=len(p))
    entries.refuse(
        soft & (n[owners] != 2),
        lambda e: (
            f"the probability is {of_entries[e]:g} on a ballot of {n[owners[e]]} responses; it is about "
            "comparisons, so give 1, or leave the column out with --columns probability="
        ),
    )
    low, high = np.full(len(p), np.inf), np.full(len(p), -np.inf)
    np.minimum.at(low, owners, ranks)
    np.maximum.at(high, owners, ranks)
    entries.refuse(
        soft & (of_entries > 0.5) & (low == high)[owners],
        lambda e: f"a tie with the probability {of_entries[e]:g}; that of a tie is 0.5",
    )


def _with_ties(entries: "Entries", is_tie: np.ndarray) -> "Entries":
    """The entries with equal ranks on some of the ballots."""
    if not is_tie.any():
        return entries
    assert entries.entry_ranks is not None
    return replace(
        entries, entry_ranks=np.where(is_tie[entries.entry_ballots], 1.0, entries.entry_ranks)
    )


def _with_reverse_ranks(entries: "Entries", mirrored: np.ndarray) -> np.ndarray | None:
    """The ranks, followed by those of the entries whose ballots of two are reversed."""
    ranks, owners = entries.entry_ranks, np.asarray(entries.entry_ballots)
    if ranks is None or len(mirrored) == 0:
        return ranks
    ranks = np.asarray(ranks)
    sums = np.bincount(owners[mirrored], ranks[mirrored])
    reverse: np.ndarray = np.concatenate([ranks, sums[owners[mirrored]] - ranks[mirrored]])
    return reverse


def joined_weights(weights: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weight and the probability of each comparison, as files state them.

    Parameters
    ----------
    weights, counts
        (N,) those of all ballots, 0 being the count of a reverse ballot.

    Returns
    -------
    (N,) the weights, and the probabilities with which `with_reverse_ballots` gives the same ballots; on
    reverse ballots they say nothing.

    Examples
    --------
    >>> joined_weights(np.array([1.5, 0.5, 1.0]), np.array([1, 0, 1]))
    (array([2., 0., 1.]), array([0.75, 1.  , 1.  ]))
    """
    reverse = np.flatnonzero(counts == 0)
    whole, p = comparison_weights(weights, counts), np.ones(len(weights))
    p[reverse - 1] = _quotients(weights[reverse - 1], whole[reverse - 1])
    return whole, p


def comparison_weights(weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(N,) the weights, those of the two ballots of a soft label together on the first of them.

    Examples
    --------
    >>> comparison_weights(np.array([1.5, 0.5, 1.0]), np.array([1, 0, 1]))
    array([2., 0., 1.])
    """
    reverse = np.flatnonzero(counts == 0)
    if len(reverse) == 0:
        return weights
    whole = weights.copy()
    whole[reverse - 1] += weights[reverse]
    whole[reverse] = 0.0
    return whole


def _quotients(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Numbers whose products with the wholes are the parts, to the last bit where there is one."""
    quotients = ratio(parts, wholes, 1.0)
    best = quotients.copy()
    exact = best * wholes == parts
    for direction in (0.0, 1.0):
        candidate = quotients
        for _ in range(NEIGHBOURS):
            candidate = np.nextafter(candidate, direction)
            hit = ~exact & (candidate * wholes == parts)
            best[hit] = candidate[hit]
            exact |= hit
    return np.asarray(best)


def reweighted(weights: np.ndarray, counts: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """(N,) the weights times factors, such that the two ballots of a soft label keep its probability.

    Examples
    --------
    >>> reweighted(np.array([0.75, 0.25, 1.0]), np.array([1, 0, 1]), np.array([2.0, 2.0, 3.0]))
    array([1.5, 0.5, 3. ])
    """
    reverse = np.flatnonzero(counts == 0)
    if len(reverse) == 0:
        return np.asarray(weights * factors)
    whole, p = joined_weights(weights, counts)
    whole = whole * factors
    product = np.where(p < 1, whole * p, whole)
    product[reverse] = whole[reverse - 1] - product[reverse - 1]
    return np.asarray(product)
