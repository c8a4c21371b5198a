"""Electing one response after the other: who is elected, in which place, and when it ends."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules._parts.committees.electorates import MOST_KINDS, Electorate, electorates
from rlchf.rules._registry import Ties

EXACT = 2.0**52
"""Different fractions are different floats if numerator times denominator stays below this."""
REDUCED = 2.0**40  # whole numbers that may come near it are divided by what they have in common


class Election:
    """The state of an election by rounds, on all prompts of an electorate.

    Attributes
    ----------
    remaining
        (M, B) bool. Responses that are not elected yet.
    left
        (B,) int64. How many these are.
    scores
        (M, B) int64. How many were left when the response was elected, itself included; 0 before.
    """

    def __init__(self, electorate: Electorate, k: int | None, ties: Ties) -> None:
        xp, device = array_namespace(electorate.votes), device_of(electorate.votes)
        M, B = electorate.approves.shape[0], electorate.votes.shape[1]
        self.remaining = xp.ones((M, B), dtype=xp.bool, device=device)
        self.left = xp.full(B, M, dtype=xp.int64, device=device)
        self.scores = xp.zeros((M, B), dtype=xp.int64, device=device)
        self.ties = ties
        self.stop = M - min(M, k or M)  # how many may remain

    @property
    def open(self) -> Array:
        """(B,) bool. Where not all seats are taken."""
        return self.left > self.stop

    def least(self, costs: Array) -> Array:
        """Those of the remaining responses that are to be elected if least cost is best."""
        return least(costs, self.remaining, self.ties)

    def elect(self, chosen: Array) -> None:
        """Elect the chosen ones, (M, B) bool, to one place."""
        xp = array_namespace(chosen)
        self.scores = xp.where(chosen, self.left, self.scores)
        self.remaining = self.remaining & ~chosen
        self.left = self.left - xp.sum(chosen, axis=0, dtype=xp.int64)

    def result(self) -> Array:
        """The scores, with 0 for whom no seat was left."""
        return self.scores * (self.scores > self.stop)


def hold(
    profiles: Profiles,
    top: int | None,
    k: int | None,
    ties: Ties,
    count: Callable[[Electorate], tuple[Array, Array]],
    most_kinds: int = MOST_KINDS,
) -> Array:
    """The scores (B, M) of an election.

    ``count`` gives the scores (M, B) of an electorate, and where they are exact, (B,) bool; elsewhere
    it counts again with Python's whole numbers. For ``most_kinds`` see `electorates`.
    """
    if k is not None and k < 1:
        raise ValueError(f"k is {k}; give 1 or more seats")
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    shape = (profiles.n_prompts, profiles.n_responses)
    scores = xp.empty(shape, dtype=xp.float64, device=device)
    for electorate in electorates(profiles, top, most_kinds):
        found, exact = count(electorate)
        scores[electorate.prompts] = xp.astype(found.T, xp.float64)
        inexact = np.flatnonzero(~to_numpy(exact))
        if len(inexact):
            again = electorate.part(inexact).exact()
            found = np.asarray(count(again)[0].T, dtype=np.float64)
            scores[again.prompts] = xp.asarray(found, device=device)
    return scores


def least(costs: Array, among: Array, ties: Ties) -> Array:
    """Among some responses those of least cost, (M, B) bool, or the first of them if ties are broken."""
    xp = array_namespace(costs)
    masked = xp.where(among, costs, xp.asarray(np.inf, dtype=costs.dtype))
    best = among & (masked == xp.min(masked, axis=0))
    if ties == "keep":
        return best
    return best & (xp.cumulative_sum(xp.astype(best, xp.int64), axis=0) == 1)


def ratio(numerator: Array, denominator: Array) -> Array:
    """Fractions as floats, or as `Fraction` if the numbers are Python's; infinite where over 0."""
    xp = array_namespace(numerator)
    none = denominator == 0
    if numerator.dtype == xp.float64:
        return xp.where(none, xp.inf, numerator / xp.where(none, 1.0, denominator))
    fractions: Array = np.frompyfunc(Fraction, 2, 1)(numerator, np.where(none, 1, denominator))
    return np.where(none, np.inf, fractions)


def settle(accounts: Array, totals: Array) -> tuple[Array, Array]:
    """Divide whole numbers by what they have in common, once some are large.

    Parameters
    ----------
    accounts
        (N, B) amounts of money by vote.
    totals
        (B,) votes.

    Returns
    -------
    accounts
        (N, B); 1 where they are too large to be counted with exactly, as floats.
    exact
        (B,) bool. Where they are not.
    """
    xp = array_namespace(accounts)
    exact = totals >= 0
    size = xp.max(xp.abs(accounts), axis=0)
    if accounts.dtype == xp.float64:
        if not xp.any(size * totals * totals > REDUCED):
            return accounts, exact
        exact = size < EXACT
        accounts = xp.where(exact, accounts, 1.0)
    accounts = accounts // _common_divisor(accounts)
    if accounts.dtype == xp.float64:
        exact = exact & (xp.max(xp.abs(accounts), axis=0) * (totals + 1) * totals < EXACT)
        accounts = xp.where(exact, accounts, 1.0)
    return accounts, exact


def _common_divisor(numbers: Array) -> Array:
    """The greatest common divisor along the first axis, at least 1."""
    xp = array_namespace(numbers)
    whole = xp.astype(numbers, xp.int64) if numbers.dtype == xp.float64 else numbers
    while whole.shape[0] > 1:
        half = whole.shape[0] // 2
        odd = whole[2 * half :]
        whole = xp.concat([xp.gcd(whole[:half], whole[half : 2 * half]), odd])
    return xp.astype(xp.where(whole[0] == 0, 1, whole[0]), numbers.dtype)


def pick(values: Array, chosen: Array) -> Array:
    """The value of the first chosen response on each prompt, (B,); of the first if none is chosen."""
    xp = array_namespace(chosen)
    first = xp.argmax(xp.astype(chosen, xp.int8), axis=0)[None]
    return xp.take_along_axis(values, first, axis=0)[0]
