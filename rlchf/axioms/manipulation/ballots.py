"""Ballots that people could cast in place of their own."""

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np

from rlchf.numeric.segments import offsets, ranges, taken
from rlchf.profiles import Profiles

EXHAUSTIVE = 5
"""Responses on a ballot up to which all of its orders are tried."""
MANY = 12
"""Responses from which on a response is moved to the ends and by one place only."""


@cache
def rearrangements(m: int) -> np.ndarray:
    """(D, m) orders of places 0, 1, ..., m - 1, without that order itself.

    All of them for up to 5 places. For more, those by which a voter usually gains: one response is raised
    (compromise, push-over) or lowered (bury), or one is put first and another one last. For 12 and more a
    response goes first, last or by one place up.

    Examples
    --------
    >>> [len(rearrangements(m)) for m in (2, 3, 5, 6, 11, 12, 50)]
    [1, 5, 119, 44, 189, 31, 145]
    """
    own = tuple(range(m))
    if m <= EXHAUSTIVE:
        return np.array([order for order in permutations(own) if order != own]).reshape(-1, m)
    orders: dict[tuple[int, ...], None] = {}
    for i in own:
        rest = [*own[:i], *own[i + 1 :]]
        for j in own if m < MANY else {0, max(i - 1, 0), m - 1}:
            orders[(*rest[:j], i, *rest[j:])] = None
        for j in rest if m < MANY else []:
            orders[(i, *(k for k in own if k not in (i, j)), j)] = None
    del orders[own]
    return np.array(list(orders))


def own_orders(ranks: np.ndarray) -> np.ndarray:
    """(K, M) the responses of each ballot from first to last, those that it leaves out at the end.

    Examples
    --------
    >>> own_orders(np.array([[2, 0], [1, 2], [3, 1]]))
    array([[1, 0, 2],
           [2, 1, 0]])
    """
    key = np.where(ranks > 0, ranks, np.iinfo(ranks.dtype).max)
    return np.asarray(np.argsort(key, axis=0, kind="stable").T)


def with_ballots(
    profiles: Profiles,
    prompts: np.ndarray,
    owners: np.ndarray,
    ballots: np.ndarray,
    orders: np.ndarray,
) -> Profiles:
    """Copies of prompts on which some ballots are cast in another order.

    The places of a ballot, with its ties, scores and approvals, go to its responses in the new order; what it
    leaves out it leaves out still.

    Parameters
    ----------
    prompts
        (N,) the prompts to copy, as indices into the batch.
    owners, ballots
        (J,) the copy, and the ballot of the batch, that is cast in another order.
    orders
        (J, M) the responses from first to last.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b > c", "b > a"]])
    >>> two = np.array([0, 0])
    >>> with_ballots(profiles, two, np.array([0, 1]), np.array([0, 1]), np.array([[2, 0, 1]] * 2)).ranks
    array([[2, 2, 1, 1],
           [3, 1, 2, 2],
           [1, 0, 3, 0]], dtype=int16)
    """
    first, counts = profiles.starts[prompts], np.diff(profiles.starts)[prompts]
    columns, starts = ranges(first, counts), offsets(counts)
    cells = starts[owners] + ballots - first[owners]  # (J,) where the ballots are in the copies
    named = profiles.ranks[:, ballots] > 0
    source = own_orders(profiles.ranks[:, ballots]).T  # (M, J)
    target = orders.T
    left_out = ~np.take_along_axis(named, target, axis=0)
    target = np.take_along_axis(target, np.argsort(left_out, axis=0, kind="stable"), axis=0)

    def recast(values: np.ndarray | None) -> np.ndarray | None:
        if values is None:
            return None
        copies = values[:, columns]
        copies[target, cells] = np.take_along_axis(values[:, ballots], source, axis=0)
        return np.ascontiguousarray(copies)

    ranks = recast(profiles.ranks)
    assert ranks is not None
    return replace(
        profiles,
        ranks=ranks,
        scores=recast(profiles.scores),
        approvals=recast(profiles.approvals),
        starts=starts,
        weights=profiles.weights[columns],
        annotators=np.asarray(taken(profiles.annotators, columns)),
        prompts=profiles.prompts[prompts],
    )
