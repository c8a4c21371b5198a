"""From margins to orders: the way that Kemeny takes with the margins, and Slater with their signs."""

import warnings
from collections.abc import Iterator
from time import monotonic

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules._parts.kemeny.blocks import cuts
from rlchf.rules._parts.kemeny.large import large_scores
from rlchf.rules._parts.kemeny.solvers import Solver
from rlchf.rules._parts.kemeny.subsets import MOST, subset_scores
from rlchf.rules._registry import Ties

WHOLE = 8
"""Up to so many responses a complete search takes less time than a look for parts."""

EXACT = 2.0**53  # whole numbers up to here are exact as floats


def order_scores(
    margins: np.ndarray,
    lexicographic: bool,
    time_limit: float | None,
    solver: Solver | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the orders that overrule least of (B, M, M) margins; options as in `kemeny_orders`.

    The responses are split where everybody in front has a majority over everybody behind: all optimal
    orders split there. The parts of all prompts are searched together, those of one size at a time.

    Returns
    -------
    scores
        (B, M).
    unproven
        (B,) by how much an optimal order may still overrule less; 0 where the scores are optimal.
    """
    B, M = margins.shape[:2]
    margins, unproven = _whole(margins), np.zeros(B)
    if M <= WHOLE:
        return subset_scores(margins, lexicographic), unproven
    copeland = np.sign(margins).sum(axis=2)
    order = np.argsort(-copeland, axis=1, kind="stable")
    scores = np.empty((B, M))
    np.put_along_axis(scores, order, np.arange(M - 1.0, -1.0, -1.0)[None], axis=1)
    for prompts, starts, size in _parts(cuts(np.take_along_axis(copeland, order, axis=1))):
        members = np.sort(order[prompts[:, None], starts[:, None] + np.arange(size)], axis=1)
        inner = margins[prompts[:, None, None], members[:, :, None], members[:, None, :]]
        if size <= MOST:
            part = subset_scores(inner, lexicographic)
        else:
            part = np.empty(members.shape)
            for n, prompt in enumerate(prompts):
                deadline = monotonic() + (np.inf if time_limit is None else time_limit)
                part[n], missing = large_scores(inner[n], lexicographic, deadline, solver)
                unproven[prompt] += missing
        scores[prompts[:, None], members] = part + (M - size - starts)[:, None]
    return scores, unproven


def scores_for(
    rule: str, profiles: Profiles, margins: Array, ties: Ties, time_limit: float | None, unit: Array
) -> Array:
    """The scores that a rule returns for (B, M, M) margins, with a warning where nothing is proved.

    Margins are told in multiples of ``unit``, (B,).
    """
    margins, unit = to_numpy(margins), to_numpy(unit)
    scores, unproven = order_scores(margins, ties == "lexicographic", time_limit)
    for b in np.flatnonzero(unproven):
        overruled = margins[b][(scores[b][:, None] < scores[b]) & (margins[b] > 0)]
        cost, less = overruled.sum() / unit[b], (overruled.sum() - unproven[b]) / unit[b]
        warnings.warn(
            f"prompt {profiles.prompts[b]} of {profiles.n_responses} responses: {rule} ran out of time; "
            f"its order overrules majorities of {cost:g} in all, an optimal order {less:g} or more "
            f"(gap {1 - less / cost:.1%}); give a longer time_limit, or choose a rule without "
            "search such as ranked_pairs",
            stacklevel=3,
        )
    return array_namespace(profiles.ranks).asarray(scores, device=device_of(profiles.ranks))


def _whole(margins: np.ndarray) -> np.ndarray:
    """Margins are whole numbers; where their sums get too large to be exact, they are rounded."""
    if margins.max(initial=0) * margins.shape[1] ** 2 < EXACT:
        return margins
    most = np.abs(margins).sum(axis=(1, 2))
    coarse = 2.0 ** np.ceil(np.log2(np.maximum(most / EXACT, 1)))[:, None, None]
    rounded: np.ndarray = np.rint(margins / coarse) * coarse
    return rounded


def _parts(ends: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Parts of several responses by size: the prompts, the places where the parts start, the size.

    ``ends[b, k]`` is true if a part of prompt ``b`` ends after k responses, (B, M + 1).
    """
    prompts, places = np.nonzero(ends)
    sizes = np.where(np.diff(prompts) == 0, np.diff(places), 0)
    for size in np.unique(sizes[sizes > 1]):
        at = np.flatnonzero(sizes == size)
        yield prompts[at], places[at], int(size)
