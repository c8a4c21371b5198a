"""Strongest paths through majorities, and the defeats of Split Cycle. Prompts are innermost: (M, M, B)."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules._parts.tiers import swapped

Strength = Literal["margins", "winning_votes"]

MANY = 64  # the number of responses from which components are faster than strongest paths


def majority_strengths(profiles: Profiles, strength: Strength) -> Array:
    """(B, M, M) the strength of the majority of i over j; 0 or less where there is none."""
    if strength == "margins":
        return profiles.margins
    return profiles.wins * (profiles.margins > 0)


def strongest_paths(edges: Array) -> Array:
    """The strength of the strongest path from i to j; a path is as strong as its weakest edge.

    Parameters
    ----------
    edges
        (M, M, B); 0 or less is no edge.

    Returns
    -------
    (M, M, B); 0 where there is no path.
    """
    xp = array_namespace(edges)
    paths = xp.clip(edges, min=0)
    for k in range(edges.shape[0]):  # Floyd and Warshall: paths through the first k responses
        paths = xp.maximum(paths, xp.minimum(paths[:, k, None], paths[None, k]))
    return paths


def defeats(edges: Array) -> Array:
    """Whether the majority of i over j is stronger than every path back, (M, M, B) bool.

    In other words, the majority is not the weakest of any cycle. So there are no cycles of defeats.
    """
    return edges > swapped(strongest_paths(edges))


def undefeated(edges: Array) -> Callable[[Array], Array]:
    """A function from remaining responses, (M, B) bool, to those that no other remaining one defeats.

    Examples
    --------
    >>> edges = np.array([[0, 3, -1], [-3, 0, 5], [1, -5, 0]])[:, :, None]
    >>> undefeated(edges)(np.array([[True], [True], [True]])).T
    array([[ True, False, False]])
    """
    xp = array_namespace(edges)
    if edges.shape[0] > MANY and isinstance(edges, np.ndarray):
        finders = [_Undefeated(edges[:, :, b]) for b in range(edges.shape[2])]

        def by_components(remaining: Array) -> Array:
            pairs = zip(finders, remaining.T, strict=True)
            return np.stack([finder(column) for finder, column in pairs], axis=1)

        return by_components

    def by_paths(remaining: Array) -> Array:
        inside = xp.where(remaining[:, None] & remaining[None], edges, xp.zeros_like(edges))
        return remaining & ~xp.any(defeats(inside), axis=0)

    return by_paths


class _Undefeated:
    """The undefeated among ever fewer responses of one prompt.

    A majority between two components of the majority relation is always a defeat, since no path leads
    back. Such defeats are counted; the others are computed again for components that have changed.
    """

    def __init__(self, edges: np.ndarray) -> None:
        self.edges = np.ascontiguousarray(edges)
        self.component = _components(self.edges > 0)
        self.between = (self.edges > 0) & (self.component[:, None] != self.component)
        self.remaining = np.zeros(len(edges), dtype=bool)
        self.beaten = np.zeros(len(edges), dtype=np.int64)  # defeats by other components
        # Of each component the remaining members, and which of them are undefeated.
        self.known: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __call__(self, remaining: np.ndarray) -> np.ndarray:
        """(M,) bool to (M,) bool."""
        self.beaten += self.between[remaining & ~self.remaining].sum(axis=0)
        self.beaten -= self.between[self.remaining & ~remaining].sum(axis=0)
        self.remaining = remaining.copy()
        won: np.ndarray = remaining & (self.beaten == 0)
        several = np.bincount(self.component[remaining], minlength=len(remaining)) > 1
        for c in np.unique(self.component[won & several[self.component]]).tolist():
            members = np.flatnonzero(remaining & (self.component == c))
            if c not in self.known or not np.array_equal(self.known[c][0], members):
                inner = self.edges[np.ix_(members, members)]
                self.known[c] = members, _undefeated_of_all(inner)
            won[members] &= self.known[c][1]
        return won


def _components(relation: np.ndarray) -> np.ndarray:
    """(n,) the strongly connected component of each."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(relation)
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(relation, axis=1))])
    targets = np.flatnonzero(relation).astype(np.int32) % n
    graph = csr_matrix((np.ones(len(targets)), targets, ends), shape=(n, n))
    component: np.ndarray = connected_components(graph, connection="strong")[1]
    return component


def _undefeated_of_all(edges: np.ndarray) -> np.ndarray:
    """The undefeated responses, for the (n, n) edges of one prompt.

    A majority is a defeat unless both responses are on a cycle of majorities that are at least as strong.
    So the components are computed again and again, without the weakest majorities each time, and
    components without an undefeated response are dropped.
    """
    members, won = np.arange(len(edges)), np.ones(len(edges), dtype=bool)
    stronger = edges > 0
    while stronger.any():
        weakest = edges[stronger].min()
        component = _components(stronger)
        outside = stronger & (component[:, None] != component)
        won[members[outside.any(axis=0)]] = False
        stays = np.flatnonzero(np.bincount(component, won[members])[component])
        members, edges = members[stays], edges[np.ix_(stays, stays)]
        stronger = edges > weakest
    return won
