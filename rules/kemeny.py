"""Kemeny's rule."""

import warnings
from collections.abc import Iterator
from time import monotonic
from typing import Literal, get_args

import numpy as np

from rlchf.arrays import Array, array_namespace, device, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules._kemeny_large import large_scores
from rlchf.rules._kemeny_program import Found
from rlchf.rules._kemeny_subsets import MOST, cuts, subset_scores

Ties = Literal["keep", "lexicographic"]


def kemeny(profiles: Profiles, *, ties: Ties = "keep", time_limit: float | None = 60.0) -> Array:
    """Rank by the orders that disagree least with the ballots, found exactly on the CPU.

    An order pays, for each pair that it ranks, the weight of the ballots that rank the pair the other
    way round; an order that pays least is optimal. Often there are several. With ``ties="keep"`` the
    responses are cut into blocks at every place k where all optimal orders have the same k
    responses in front; responses of one block are tied. So every strict comparison in the result
    is one that all optimal orders make.

    The responses are first split where everybody in front has a majority over everybody behind, and
    parts of up to 14 responses are searched completely. Larger parts are split into their majority
    cycles; they are cut where majorities between the cycles, and the optimal orders within, leave no
    choice. Of a cycle through more than 14 responses one optimal order is found, by integer
    programming, and taken for the only one; which one may depend on the order of the responses.

    Parameters
    ----------
    ties
        "keep", or "lexicographic" for one optimal order: the first in the order of the responses, or,
        if a part has more than 14 responses, some optimal order, always the same.
    time_limit
        Seconds for the integer programs of one part, or None for no limit; the solver may take some more
        to notice. When they run out, the best order found is returned, with a warning that tells
        how far from the optimum it may be. A cycle through 50 responses takes seconds, one
        through hundreds may be out of reach; through more than 400, no program is tried.

    Returns
    -------
    (B, M) array of scores: the number of responses in later blocks plus half the other responses of
    the same block; M - 1, M - 2, ..., 0 for a strict order.

    References
    ----------
    J. G. Kemeny, "Mathematics without numbers", 1959. For optimal orders as most likely truths:
    H. P. Young, "Condorcet's theory of voting", 1988.

    Examples
    --------
    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> kemeny(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])
    >>> kemeny(Profiles.from_ballots([["a > b > c", "b > a > c"]]))
    array([[1.5, 1.5, 0. ]])
    """
    if ties not in get_args(Ties):
        raise ValueError(f"ties is {ties!r}; choose from {', '.join(get_args(Ties))}")
    wins, margins = to_numpy(profiles.wins), to_numpy(profiles.margins)
    B, M = margins.shape[:2]
    # Whole numbers add up exactly; other weights leave noise, so nearly equal costs count as equal.
    whole = (margins == np.rint(margins)).all(axis=(1, 2))
    tolerance = np.where(whole, 0.0, 1e-9 * wins.sum(axis=(1, 2)))

    copeland = np.sign(margins).sum(axis=2)
    order = np.argsort(-copeland, axis=1, kind="stable")
    scores = np.empty((B, M))
    np.put_along_axis(scores, order, np.arange(M - 1.0, -1.0, -1.0)[None], axis=1)
    for prompts, starts, size in _parts(cuts(np.take_along_axis(copeland, order, axis=1))):
        members = np.sort(order[prompts[:, None], starts[:, None] + np.arange(size)], axis=1)
        inner = margins[prompts[:, None, None], members[:, :, None], members[:, None, :]]
        if size <= MOST:
            part = subset_scores(inner, tolerance[prompts], ties == "lexicographic")
        else:
            part = np.empty(members.shape)
            for n, prompt in enumerate(prompts):
                deadline = monotonic() + (np.inf if time_limit is None else time_limit)
                part[n], unproven = large_scores(
                    inner[n], tolerance[prompt], ties == "lexicographic", deadline
                )
                for found in unproven:
                    _warn(int(prompt), found)
        scores[prompts[:, None], members] = part + (M - size - starts)[:, None]
    return array_namespace(profiles.ranks).asarray(scores, device=device(profiles.ranks))


def _parts(ends: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Parts of several responses by their size: the prompts, the places where the parts start, the size.

    ``ends[b, k]`` is true if a part of prompt ``b`` ends after k responses, (B, M + 1).
    """
    prompts, places = np.nonzero(ends)
    sizes = np.where(np.diff(prompts) == 0, np.diff(places), 0)
    for size in np.unique(sizes[sizes > 1]):
        at = np.flatnonzero(sizes == size)
        yield prompts[at], places[at], int(size)


def _warn(prompt: int, found: Found) -> None:
    gap = 1 - found.bound / found.cost
    warnings.warn(
        f"prompt {prompt} of {len(found.order)} responses: kemeny ran out of time; its order overrules "
        f"majorities of {found.cost:g} in all, an optimal order {found.bound:g} or more (gap {gap:.1%}); "
        "give a longer time_limit, or choose a rule without search such as ranked_pairs",
        stacklevel=3,
    )
