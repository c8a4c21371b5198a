"""Strongest paths through majorities, and the defeats of Split Cycle. Prompts are innermost: (M, M, B)."""

from typing import Literal, get_args

import numpy as np

from rlchf.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules._tiers import swapped

Strength = Literal["margins", "winning_votes"]

MANY = 64  # responses, from which on components are faster than strongest paths


def majorities(profiles: Profiles, strength: Strength) -> Array:
    """(B, M, M) how strong the majority of i over j is; 0 or less where there is none."""
    if strength not in get_args(Strength):
        raise ValueError(f"strength is {strength!r}; choose from {', '.join(get_args(Strength))}")
    if strength == "margins":
        return profiles.margins
    return profiles.wins * (profiles.margins > 0)


def strongest_paths(edges: Array) -> Array:
    """How strong the strongest path from i to j is; a path is as strong as its weakest edge.

    Parameters
    ----------
    edges
        (M, M, B); 0 or less is no edge.

    Returns
    -------
    (M, M, B); 0 where no path leads.
    """
    xp = array_namespace(edges)
    paths = xp.clip(edges, min=0)
    for k in range(edges.shape[0]):  # Floyd and Warshall: paths through the first k responses
        paths = xp.maximum(paths, xp.minimum(paths[:, k, None], paths[None, k]))
    return paths


def defeats(edges: Array) -> Array:
    """Whose majority over whom is stronger than every path back, (M, M, B) bool.

    In other words, it is not the weakest of any cycle, alone or with others. So there are no cycles
    of defeats.
    """
    return edges > swapped(strongest_paths(edges))


def undefeated(edges: Array, left: Array) -> Array:
    """Those of the responses left, (M, B) bool, whom none of the others left defeats."""
    if edges.shape[0] > MANY and isinstance(edges, np.ndarray):
        won = np.zeros_like(left)
        for prompt in range(edges.shape[2]):
            won[:, prompt] = _undefeated_one(edges[:, :, prompt], left[:, prompt])
        return won
    xp = array_namespace(edges)
    inside = xp.where(left[:, None] & left[None], edges, xp.zeros_like(edges))
    return left & ~xp.any(defeats(inside), axis=0)


def _undefeated_one(edges: np.ndarray, left: np.ndarray) -> np.ndarray:
    """As `undefeated`, for the (M, M) edges of one prompt.

    A majority is a defeat unless both responses are on a cycle of majorities that are as strong. So
    the components of these are looked for, from the weakest majorities up, and components without
    anybody undefeated left out.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    here, won = np.flatnonzero(left), left.copy()
    edges = edges[np.ix_(here, here)]
    stronger = edges > 0
    while stronger.any():
        weakest = edges[stronger].min()
        _, component = connected_components(
            csr_matrix(stronger, dtype=np.int8), connection="strong"
        )
        outside = stronger & (component[:, None] != component)
        won[here[outside.any(axis=0)]] = False
        stays = np.flatnonzero(np.bincount(component, won[here])[component])
        here, edges = here[stays], edges[np.ix_(stays, stays)]
        stronger = edges > weakest
    return won
