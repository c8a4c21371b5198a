"""Committees elected by votes for and against responses."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules._parts.committees.ballots import ApprovalBallots, approvals
from rlchf.rules._parts.committees.election import Election
from rlchf.rules._registry import Ties


def votes_for_and_against(profiles: Profiles, top: int | None = None) -> tuple[Array, Array]:
    """(M, K) bool each: what the ballots approve, and what they disapprove.

    Where a ballot states no approvals, they are read off its ranking, and it disapproves nothing.
    """
    approved = approvals(profiles.ranks, top, profiles.approvals)
    if profiles.approvals is None:
        return approved, ~approved & approved
    return approved, profiles.approvals == -1


def twice(votes_for: Array, votes_against: Array) -> Array:
    """(2M, K) bool: the votes for each response and behind them those against it."""
    xp = array_namespace(votes_for)
    return xp.stack([votes_for, votes_against], axis=1).reshape((-1, votes_for.shape[1]))


class VetoElection(Election):
    """The state of elections in which every response can be elected or vetoed, each by a row of its own.

    Row 2i elects response i, and row 2i + 1 vetoes it; either decides about it. Attributes are those of
    `Election`, for rows.

    Attributes
    ----------
    seats
        (B,) int64. The open seats.
    decided
        (M, B) int64. M for the response elected first, M - 1 for the next, and so on; -M for the response
        vetoed first, 1 - M for the next; 0 if nothing is decided, or both at once.
    """

    def __init__(self, ballots: ApprovalBallots, k: int | None, ties: Ties) -> None:
        super().__init__(ballots, None, ties)
        xp = array_namespace(ballots.votes)
        self.remaining = ballots.sums(ballots.votes) > 0
        M = len(self.remaining) // 2
        self.seats = self.n_remaining * 0 + min(M, k or M)
        self.decided = xp.zeros((M, self.remaining.shape[1]), dtype=xp.int64)
        self._next = [self.n_remaining * 0 + M, self.n_remaining * 0 + M]

    @property
    def open(self) -> Array:
        """(B,) bool. Whether a seat is open and somebody could decide about a response."""
        xp = array_namespace(self.remaining)
        return (self.seats > 0) & xp.any(self.remaining, axis=0)

    def least(self, costs: Array) -> Array:
        """The remaining rows of least cost where a seat is open."""
        return super().least(costs) & self.open

    def elect(self, chosen: Array) -> None:
        """Decide about the responses of the chosen rows, (2M, B) bool."""
        xp = array_namespace(chosen)
        elected, vetoed = chosen[::2], chosen[1::2]
        both = elected & vetoed
        for rows, sign, other in ((elected & ~both, 1, 0), (vetoed & ~both, -1, 1)):
            self.decided = xp.where(rows, sign * self._next[other], self.decided)
            self._next[other] = self._next[other] - xp.sum(rows, axis=0, dtype=xp.int64)
        self.seats = self.seats - xp.sum(elected & ~both, axis=0, dtype=xp.int64)
        undecided = ~(elected | vetoed)
        self.remaining = self.remaining & xp.repeat(undecided, 2, axis=0)
