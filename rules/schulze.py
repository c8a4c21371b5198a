"""Schulze's method."""

from rlchf.arrays import Array, array_namespace, device
from rlchf.profiles import Profiles

CHUNK = 2**17  # numbers in one array of path strengths: they should fit into the processor's cache


def schulze(profiles: Profiles) -> Array:
    """Score a response by the number of responses that it beats along strongest paths.

    A path of majority wins is as strong as its weakest margin, and i beats j if the strongest path
    from i to j is stronger than the strongest path back. That relation is a strict partial order,
    and the scores extend it: whoever beats another has the higher score. Where margins tie, a
    response may be beaten by nobody, and so be one of Schulze's winners, without beating many.

    Returns
    -------
    (B, M) array of scores from 0 to M - 1; higher is better, equal is a tie.

    References
    ----------
    M. Schulze, "A new monotonic, clone-independent, reversal symmetric, and Condorcet-consistent
    single-winner election method", 2011.

    Examples
    --------
    Of the cycle a > b > c > a the margin of c over a is the weakest:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> schulze(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])
    """
    xp = array_namespace(profiles.ranks)
    B, M = profiles.n_prompts, profiles.n_responses
    scores = xp.empty((B, M), dtype=xp.float64, device=device(profiles.ranks))
    step = max(1, CHUNK // M**2)
    for start in range(0, B, step):
        chunk = slice(start, min(start + step, B))
        scores[chunk] = _responses_beaten(profiles.margins[chunk])
    return scores


def _responses_beaten(margins: Array) -> Array:
    """Schulze scores of (B, M, M) margins."""
    xp = array_namespace(margins)
    B, M = margins.shape[:2]
    paths = xp.zeros((M, M, B), dtype=margins.dtype, device=device(margins))  # prompts innermost
    paths[...] = xp.permute_dims(margins, (1, 2, 0))
    paths = xp.clip(paths, min=0)  # a margin of 0 or less is no edge
    for k in range(M):  # Floyd and Warshall: paths through the first k responses
        paths = xp.maximum(paths, xp.minimum(paths[:, k, None], paths[None, k]))
    beats = xp.astype(paths > xp.permute_dims(paths, (1, 0, 2)), xp.float64)
    return xp.sum(beats, axis=1).T
