"""Harmonic weights as whole numbers: 1, 1/2, 1/3, ... times their least common multiple."""

from math import lcm

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.numeric.integer_weights import LARGEST
from rlchf.rules._parts.committees.electorates import Electorate


def harmonic(electorate: Electorate) -> tuple[Array, float]:
    """The weights ``multiple / (n + 1)`` for n = 0, 1, ... up to the largest ballot, and the multiple.

    They are of the type of the votes: floats or, if these are so, Python's whole numbers. Floats that
    cannot be whole have an infinite multiple.
    """
    largest = int(to_numpy(electorate.approves).sum(axis=0).max(initial=1))
    multiple = lcm(*range(1, largest + 1))
    votes = electorate.votes
    xp = array_namespace(votes)
    if votes.dtype != xp.float64:
        return np.array([multiple // (n + 1) for n in range(largest + 1)], dtype=object), np.inf
    whole = multiple if multiple < LARGEST else np.inf
    weights = np.rint((1.0 if np.isinf(whole) else multiple) / np.arange(1.0, largest + 2))
    return xp.asarray(weights, device=device_of(votes)), whole
