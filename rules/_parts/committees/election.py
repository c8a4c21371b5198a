"""The state of elections that elect one response after the other."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules._parts.committees.ballots import (
    MOST_KINDS,
    ApprovalBallots,
    approval_ballots,
    approvals,
)
from rlchf.rules._registry import Ties

EXACT = 2.0**52
"""Different fractions are different floats if numerator times denominator stays below this."""
REDUCED = 2.0**40  # integers that may reach this are divided by their common divisor


class Election:
    """The state of elections by rounds, one on each prompt.

    Attributes
    ----------
    remaining
        (M, B) bool. Responses that are not elected yet.
    n_remaining
        (B,) int64. Their number.
    scores
        (M, B) int64. The number that remained when the response was elected, itself included; 0 before.
    ties
        "keep" elects tied responses together, "lexicographic" the first of them.
    n_final
        The number of responses that remain once all seats are filled.
    """

    def __init__(self, ballots: ApprovalBallots, k: int | None, ties: Ties) -> None:
        xp, device = array_namespace(ballots.votes), device_of(ballots.votes)
        M, B = ballots.approves.shape[0], ballots.votes.shape[1]
        self.remaining = xp.ones((M, B), dtype=xp.bool, device=device)
        self.n_remaining = xp.full(B, M, dtype=xp.int64, device=device)
        self.scores = xp.zeros((M, B), dtype=xp.int64, device=device)
        self.ties = ties
        self.n_final = M - min(M, k or M)

    @property
    def open(self) -> Array:
        """(B,) bool. Whether a seat is open."""
        return self.n_remaining > self.n_final

    def least(self, costs: Array) -> Array:
        """The remaining responses of least cost; see `least`."""
        return least(costs, self.remaining, self.ties)

    def elect(self, chosen: Array) -> None:
        """Elect the chosen responses, (M, B) bool, to one place."""
        xp = array_namespace(chosen)
        self.scores = xp.where(chosen, self.n_remaining, self.scores)
        self.remaining = self.remaining & ~chosen
        self.n_remaining = self.n_remaining - xp.sum(chosen, axis=0, dtype=xp.int64)

    def result(self) -> Array:
        """The scores, with 0 for responses without a seat."""
        return self.scores * (self.scores > self.n_final)


def run_elections(
    profiles: Profiles,
    top: int | None,
    k: int | None,
    ties: Ties,
    count: Callable[[ApprovalBallots], tuple[Array, Array]],
    most_kinds: int = MOST_KINDS,
    approved: Array | None = None,
) -> Array:
    """The scores (B, M) of one election on each prompt.

    ``approved`` (N, K) are the approvals to count by, of responses or of other things that can be elected;
    by default those of the ballots. ``count`` gives the scores (M, B) for some prompts, and (B,) whether
    they are exact; the other prompts are counted again with Python's integers. For ``most_kinds`` see
    `approval_ballots`.
    """
    if k is not None and k < 1:
        raise ValueError(f"k is {k}; give 1 or more seats")
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    shape = (profiles.n_prompts, profiles.n_responses)
    scores = xp.empty(shape, dtype=xp.float64, device=device)
    if approved is None:
        approved = approvals(profiles.ranks, top, profiles.approvals)
    for ballots in approval_ballots(profiles, approved, most_kinds):
        counted, exact = count(ballots)
        scores[ballots.prompts] = xp.astype(counted.T, xp.float64)
        inexact = np.flatnonzero(~to_numpy(exact))
        if len(inexact):
            again = ballots.part(inexact).exact()
            counted = np.asarray(count(again)[0].T, dtype=np.float64)
            scores[again.prompts] = xp.asarray(counted, device=device)
    return scores


def least(costs: Array, among: Array, ties: Ties) -> Array:
    """The responses of least cost among some, (M, B) bool, or the first of them if ties are broken."""
    xp = array_namespace(costs)
    masked = xp.where(among, costs, xp.asarray(np.inf, dtype=costs.dtype))
    best = among & (masked == xp.min(masked, axis=0))
    if ties == "keep":
        return best
    return best & (xp.cumulative_sum(xp.astype(best, xp.int64), axis=0) == 1)


def ratio(numerator: Array, denominator: Array) -> Array:
    """Quotients as floats, or as `Fraction` of Python's integers; infinite where the denominator is 0."""
    xp = array_namespace(numerator)
    zero = denominator == 0
    if numerator.dtype == xp.float64:
        return xp.where(zero, xp.inf, numerator / xp.where(zero, 1.0, denominator))
    fractions: Array = np.frompyfunc(Fraction, 2, 1)(numerator, np.where(zero, 1, denominator))
    return np.where(zero, np.inf, fractions)


def reduce_accounts(accounts: Array, totals: Array) -> tuple[Array, Array]:
    """Divide integers by their greatest common divisor, once some are large.

    Parameters
    ----------
    accounts
        (N, B) integers: amounts of money per vote.
    totals
        (B,) votes.

    Returns
    -------
    accounts
        (N, B); 1 where they are too large for exact floats.
    exact
        (B,) bool. Whether they are small enough.
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
    integers = xp.astype(numbers, xp.int64) if numbers.dtype == xp.float64 else numbers
    while integers.shape[0] > 1:
        half = integers.shape[0] // 2
        odd = integers[2 * half :]
        integers = xp.concat([xp.gcd(integers[:half], integers[half : 2 * half]), odd])
    return xp.astype(xp.where(integers[0] == 0, 1, integers[0]), numbers.dtype)


def pick(values: Array, chosen: Array) -> Array:
    """The value of the first chosen response on each prompt, (B,); of the first if none is chosen."""
    xp = array_namespace(chosen)
    first = xp.argmax(xp.astype(chosen, xp.int8), axis=0)[None]
    return xp.take_along_axis(values, first, axis=0)[0]
