"""Plurality."""

import math

from rlchf.arrays import Array, array_namespace, segment_sum
from rlchf.profiles import Profiles


def plurality(profiles: Profiles) -> Array:
    """Score a response by the weight of the ballots that put it first.

    A first place that t responses share gives 1/t of the ballot to each.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    As old as voting; studied under this name since S. Merrill, "A comparison of efficiency of
    multicandidate electoral systems", 1984.

    Examples
    --------
    >>> plurality(Profiles.from_ballots([["a > b > c", "a = b > c", "c > b > a"]]))
    array([[1.5, 0.5, 1. ]])
    """
    xp = array_namespace(profiles.ranks)
    first = profiles.ranks == 1  # (M, K)
    sharers = xp.sum(first, axis=0)  # (K,)
    counts = [int(t) for t in xp.unique_values(sharers) if t > 0]
    if counts == [1] or not counts:
        return segment_sum(first * profiles.weights, profiles.starts).T
    # Sum in units of 1/unit, so that 1/2 + 1/3 + 1/6 is exactly 1, as long as floats hold them all.
    unit = math.lcm(*counts)
    if unit * float(xp.max(profiles.totals)) >= 2**53:
        unit = 1
    parts = xp.zeros_like(profiles.weights)
    for t in counts:
        parts = xp.where(sharers == t, profiles.weights * (unit / t), parts)
    return segment_sum(first * parts, profiles.starts).T / unit
