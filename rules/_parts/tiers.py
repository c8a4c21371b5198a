"""From majority relations to scores: tiers, chains, blocks. Prompts are innermost: (M, M, B)."""

from collections.abc import Callable

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.numeric.chunks import chunks

Kernel = Callable[[Array], Array]
"""(M, M, B) margins, or strengths of majorities, to (M, B) scores."""


def in_chunks(kernel: Kernel, margins: Array) -> Array:
    """Apply a kernel to (B, M, M) margins, some prompts at a time; (B, M) scores."""
    xp = array_namespace(margins)
    B, M = margins.shape[:2]
    scores = xp.empty((B, M), dtype=xp.float64, device=device_of(margins))
    for chunk in chunks(B, M**2):
        scores[chunk] = kernel(xp.permute_dims(margins[chunk], (1, 2, 0))).T
    return scores


def swapped(relation: Array) -> Array:
    """The relation, or table of strengths, the other way round."""
    return array_namespace(relation).permute_dims(relation, (1, 0, 2))


def closure(relation: Array) -> Array:
    """The transitive closure: whether i reaches j in one step or several, (M, M, B) bool.

    Examples
    --------
    >>> closure(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)[:, :, None])[0, :, 0]
    array([False,  True,  True])
    """
    reach = relation
    for k in range(relation.shape[0]):
        reach = reach | (reach[:, k, None] & reach[None, k])
    return reach


def tiers(above: Array) -> Array:
    """Tiers of an acyclic relation: responses with none above, those with only the first above, and so on.

    Returns
    -------
    (M, B) float64: the number of lower tiers. A response above another has the higher score.

    Examples
    --------
    >>> tiers(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=bool)[:, :, None]).T
    array([[2., 1., 0.]])
    """
    xp = array_namespace(above)
    return remove_winners(
        lambda remaining: ~xp.any(above & remaining[:, None], axis=0),
        xp.ones(above.shape[1:], dtype=xp.bool, device=device_of(above)),
    )


def remove_winners(winners: Callable[[Array], Array], remaining: Array) -> Array:
    """Tiers by taking the winners, removing them, and choosing again among the rest.

    Parameters
    ----------
    winners
        From the remaining responses, (M, B) bool, to those that win; others may be included.
    remaining
        All responses, (M, B) bool.

    Returns
    -------
    (M, B) float64: the number of lower tiers.
    """
    xp = array_namespace(remaining)
    scores = xp.zeros(remaining.shape, dtype=xp.float64, device=device_of(remaining))
    for _ in range(remaining.shape[0] - 1):
        remaining = remaining & ~winners(remaining)
        if not bool(xp.any(remaining)):
            break
        scores -= xp.astype(remaining, xp.float64)
    return scores - xp.min(scores, axis=0)


def unless_sorted(kernel: Kernel, margins: Array) -> Array:
    """Scores by majority wins where these rank all responses strictly, by the kernel elsewhere.

    A majority relation without ties and cycles is a strict ranking, and the most common case.
    """
    xp = array_namespace(margins)
    M = margins.shape[0]
    wins = xp.sum(xp.astype(margins > 0, xp.float64), axis=1)  # (M, B)
    # No other relation has as large a sum of squares: 0^2 + 1^2 + ... + (M - 1)^2.
    search = xp.sum(wins**2, axis=0) < (M - 1) * M * (2 * M - 1) // 6
    if bool(xp.any(search)):
        wins[:, search] = kernel(margins[:, :, search])
    return wins


def block_scores(levels: Array) -> Array:
    """Responses in later blocks plus half the others of the same block; higher levels come first.

    Examples
    --------
    >>> block_scores(np.array([[7.0, 3.0, 3.0]]))
    array([[2. , 0.5, 0.5]])
    """
    xp = array_namespace(levels)
    above = xp.sign(levels[:, :, None] - levels[:, None, :])
    return (levels.shape[1] - 1 + xp.sum(above, axis=2)) / 2


def sorted_pairs(margins: Array) -> tuple[Array, Array]:
    """All pairs of (B, M, M) margins from the largest margin down.

    Equal margins are taken by the index of the winner, then that of the loser; pairs without a majority
    come last, the first response of the pair counting as its winner.

    Returns
    -------
    winners, losers
        (B, M (M - 1) / 2) each.
    """
    xp = array_namespace(margins)
    M = margins.shape[1]
    i, j = np.nonzero(~np.eye(M, dtype=bool))  # all ordered pairs, by winner and then by loser
    first = xp.asarray(i < j, device=device_of(margins))
    i, j = (xp.asarray(index, device=device_of(margins)) for index in (i, j))
    keys = -margins[:, i, j]
    keys = xp.where((keys < 0) | ((keys == 0) & first), keys, xp.inf)
    order = xp.argsort(keys, axis=1, stable=True)[:, : M * (M - 1) // 2]
    return i[order], j[order]
