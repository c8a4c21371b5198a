"""From margins to scores: for Kemeny from the margins, for Slater from their signs.

The responses are split wherever all in front beat all behind, and each part is searched separately. The
score of a response is the number of responses behind it in all optimal orders, plus half of those that are
behind it in some only.
"""

import warnings
from collections.abc import Iterator
from time import monotonic
from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import connected_components

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules._parts.kemeny.optima import agreed_pairs
from rlchf.rules._parts.kemeny.program import best_order
from rlchf.rules._parts.kemeny.solvers import Solver
from rlchf.rules._parts.kemeny.subsets import MOST, agreed, subset_scores
from rlchf.rules._registry import Ties

UNSPLIT = 8
"""Up to this number of responses, a complete search takes less time than splitting them into parts."""

EXACT = 2.0**53  # integers up to here are exact as floats


def cuts(descending: np.ndarray) -> np.ndarray:
    """Find the positions where all responses in front beat all responses behind.

    Parameters
    ----------
    descending
        (B, M) wins minus losses of each response in some relation, in descending order.

    Returns
    -------
    (B, M + 1) bool: the first k responses beat all others. Wins and losses among k responses cancel, so
    that the sum over them is k (M - k) exactly if they beat all others.

    Examples
    --------
    >>> cuts(np.array([[2, -1, -1]]))  # one beats two others, which are tied
    array([[ True,  True, False,  True]])
    """
    M = descending.shape[1]
    k = np.arange(1, M + 1)
    inner = np.cumsum(descending, axis=1) == k * (M - k)
    return np.concatenate([np.ones((len(inner), 1), dtype=bool), inner], axis=1)


def partial_order_scores(before: np.ndarray) -> np.ndarray:
    """Scores (..., M) of partial orders (..., M, M): responses behind, and half of the incomparable ones.

    Examples
    --------
    >>> partial_order_scores(np.array([[0, 1, 1], [0, 0, 0], [0, 0, 0]]))
    array([2. , 0.5, 0.5])
    """
    ahead = before.sum(axis=-1, dtype=np.float64) - before.sum(axis=-2, dtype=np.float64)
    return np.asarray((before.shape[-1] - 1 + ahead) / 2)


def scores_for(
    rule: str,
    profiles: Profiles,
    margins: Array,
    ties: Ties,
    time_limit: float | None,
    scale: Array,
) -> Array:
    """The scores that a rule returns for (B, M, M) margins, with a warning where optimality is not proved.

    The margins are divided by ``scale``, (B,), in the warning. Another warning names the prompts on which
    other optimal orders may exist that were not found.
    """
    margins, scale = to_numpy(margins), to_numpy(scale)
    scores, unproven, undecided = order_scores(margins, ties == "lexicographic", time_limit)
    for b in np.flatnonzero(unproven):
        overruled = margins[b][(scores[b][:, None] < scores[b]) & (margins[b] > 0)]
        cost, bound = overruled.sum() / scale[b], (overruled.sum() - unproven[b]) / scale[b]
        warnings.warn(
            f"prompt {profiles.prompts[b]} of {profiles.n_responses} responses: {rule} ran out of time; "
            f"its order overrules majorities of {cost:g} in all, an optimal order {bound:g} or more "
            f"(gap {1 - bound / cost:.1%}); give a longer time_limit, or choose a rule without "
            "search such as ranked_pairs",
            stacklevel=3,
        )
    _warn_of_ties(rule, profiles, undecided & (unproven == 0))
    return array_namespace(profiles.ranks).asarray(scores, device=device_of(profiles.ranks))


def _warn_of_ties(rule: str, profiles: Profiles, undecided: np.ndarray) -> None:
    """Warn once of all prompts of a batch, (B,) bool, on which tied optimal orders may have been missed."""
    prompts = profiles.prompts[undecided].tolist()
    if prompts:
        names = ", ".join(str(prompt) for prompt in prompts[:10]) + ", ..." * (len(prompts) > 10)
        warnings.warn(
            f"{'prompt' if len(prompts) == 1 else 'prompts'} {names} of {profiles.n_responses} responses: "
            f"the order of {rule} is optimal, but whether others are too could not be told, so it may "
            "break ties by the order of the responses; give a longer time_limit, or whole numbers as weights",
            stacklevel=4,
        )


class OrderScores(NamedTuple):
    """Scores of the orders that overrule least, and what is known of them.

    Attributes
    ----------
    scores
        (B, M).
    unproven
        (B,) the amount by which an optimal order may overrule less; 0 where the scores are optimal.
    undecided
        (B,) bool: whether an optimal order may disagree with pairs that the scores take for agreed.
    """

    scores: np.ndarray
    unproven: np.ndarray
    undecided: np.ndarray


def order_scores(
    margins: np.ndarray, lexicographic: bool, time_limit: float | None, solver: Solver = "highs"
) -> OrderScores:
    """Scores of the orders that overrule least of (B, M, M) margins; options as in `kemeny_orders`.

    The responses are split where all in front have a majority over all behind: every optimal order
    splits there. The parts of all prompts are searched together, those of one size at a time.
    """
    B, M = margins.shape[:2]
    margins, unproven = _exact_in_sums(margins), np.zeros(B)
    undecided = np.zeros(B, dtype=bool)
    if M <= UNSPLIT:
        return OrderScores(subset_scores(margins, lexicographic), unproven, undecided)
    copeland = np.sign(margins).sum(axis=2)
    order = np.argsort(-copeland, axis=1, kind="stable")
    scores = np.empty((B, M))
    np.put_along_axis(scores, order, np.arange(M - 1.0, -1.0, -1.0)[None], axis=1)
    for prompts, starts, size in _parts(cuts(np.take_along_axis(copeland, order, axis=1))):
        members = np.sort(order[prompts[:, None], starts[:, None] + np.arange(size)], axis=1)
        inner = margins[prompts[:, None, None], members[:, :, None], members[:, None, :]]
        if size <= MOST:
            part_scores = subset_scores(inner, lexicographic)
        else:
            part_scores = np.empty(members.shape)
            for n, prompt in enumerate(prompts):
                deadline = monotonic() + (np.inf if time_limit is None else time_limit)
                part = large_scores(inner[n], lexicographic, deadline, solver)
                part_scores[n] = part.scores
                unproven[prompt] += part.unproven
                undecided[prompt] |= part.undecided
        scores[prompts[:, None], members] = part_scores + (M - size - starts)[:, None]
    return OrderScores(scores, unproven, undecided)


def _exact_in_sums(margins: np.ndarray) -> np.ndarray:
    """Round integer margins where their sums are too large to be exact."""
    if margins.max(initial=0) * margins.shape[1] ** 2 < EXACT:
        return margins
    totals = np.abs(margins).sum(axis=(1, 2))
    unit = 2.0 ** np.ceil(np.log2(np.maximum(totals / EXACT, 1)))[:, None, None]
    rounded: np.ndarray = np.rint(margins / unit) * unit
    return rounded


def _parts(ends: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Parts of several responses by size: the prompts, the positions where the parts start, the size.

    ``ends[b, k]`` is true if a part of prompt ``b`` ends after k responses, (B, M + 1).
    """
    prompts, positions = np.nonzero(ends)
    sizes = np.where(np.diff(prompts) == 0, np.diff(positions), 0)
    for size in np.unique(sizes[sizes > 1]):
        parts = np.flatnonzero(sizes == size)
        yield prompts[parts], positions[parts], int(size)


# -- parts that are too large to search completely ------------------------------------------------


def large_scores(
    margins: np.ndarray, lexicographic: bool, deadline: float, solver: Solver = "highs"
) -> OrderScores:
    """Kemeny scores of (M, M) margins of one prompt.

    The strongly connected components of the majority graph are its cycles. An order is optimal exactly if
    it is optimal within each component and respects every majority between components.
    """
    components = connected_components(margins > 0, connection="strong")[1]
    # In all optimal orders i is before j.
    before = (margins > 0) & (components[:, None] != components)
    unproven, undecided = 0.0, False
    for component in np.flatnonzero(np.bincount(components) > 1):
        members = np.flatnonzero(components == component)
        inner = margins[np.ix_(members, members)]
        if len(members) <= MOST:
            kept = _first_of(inner) if lexicographic else agreed(inner)
        else:
            best = best_order(inner, deadline, solver)
            position = np.argsort(best.order)
            kept = position[:, None] < position
            unproven += best.cost - best.bound
            if not lexicographic and best.cost == best.bound:
                kept, decided = agreed_pairs(inner, best.order, deadline, solver)
                undecided |= not decided
        before[np.ix_(members, members)] = kept
    if lexicographic:
        return OrderScores(_first_order(before), np.array(unproven), np.array(False))
    scores = partial_order_scores(_closure(before))
    return OrderScores(scores, np.array(unproven), np.array(undecided))


def _first_of(margins: np.ndarray) -> np.ndarray:
    """(M, M) bool: whether i is before j in the first optimal order."""
    scores = subset_scores(margins[None], lexicographic=True)[0]
    return np.asarray(scores[:, None] > scores)


def _closure(forced: np.ndarray) -> np.ndarray:
    """The transitive closure of an (M, M) relation, as integers."""
    M = len(forced)
    bits = np.packbits(forced, axis=1)
    for k in range(M):
        before = np.unpackbits(bits[:, k // 8 : k // 8 + 1], axis=1)[:, k % 8].astype(bool)
        bits[before] |= bits[k]
    return np.unpackbits(bits, axis=1, count=M).astype(np.int64)


def _first_order(forced: np.ndarray) -> np.ndarray:
    """Scores of the first order, by the index of the responses, that respects an (M, M) acyclic relation."""
    import networkx

    graph = networkx.DiGraph(np.argwhere(forced).tolist())
    graph.add_nodes_from(range(len(forced)))
    order = list(networkx.lexicographical_topological_sort(graph))
    return len(forced) - 1.0 - np.argsort(order)
