"""The approvals of a batch, laid out for rules that elect one response after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import lcm

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.numeric.integer_weights import LARGEST
from rlchf.profiles import UNSTATED, Profiles

MOST_KINDS = 32  # up to this number of kinds, ballots are counted by kind
MOST_RESPONSES = 12  # with more responses there are too many kinds of ballots to count


def approvals(ranks: Array, top: int | None = None, stated: Array | None = None) -> Array:
    """The approvals that ballots state, read off their rankings where they state none.

    Parameters
    ----------
    ranks
        (M, K) rank of each response on each ballot, 1 is best, 0 for none.
    top
        A ballot approves the responses that have fewer than ``top`` others above them. By default it
        approves its better half: the responses in first place, and all with fewer ranked responses
        above than below. So a ranking of four or five responses approves its first two, and a ballot that
        ties all responses approves all.
    stated
        (M, K) the approvals that the ballots state, as in `Profiles`; a ballot that states some approves
        what it says it does, whatever ``top`` is.

    Returns
    -------
    (M, K) bool; a ballot does not approve a response that it does not rank.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b > c > d", "a = b = c > d"]])
    >>> approvals(profiles.ranks).T.astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0]])
    >>> approvals(profiles.ranks, top=1).T.astype(int)
    array([[1, 0, 0, 0],
           [1, 1, 1, 0]])
    """
    if top is not None and top < 1:
        raise ValueError(f"top is {top}; give 1 or more")
    xp, M = array_namespace(ranks), len(ranks)
    ranked = ranks > 0
    above = xp.zeros(ranks.shape, dtype=xp.int16, device=device_of(ranks))
    below = xp.zeros_like(above)
    for j in range(M):
        above += xp.astype((ranks[j] < ranks) & ranked[j], xp.int16)
        if top is None:
            below += xp.astype((ranks < ranks[j]) & ranked, xp.int16)
    approved = ranked & (above < top if top is not None else (ranks == 1) | (above < below))
    return approved if stated is None else xp.where(stated == UNSTATED, approved, stated == 1)


@dataclass(frozen=True)
class ApprovalBallots:
    """The approvals on prompts with equally many slots; a slot holds ballots with the same approvals.

    Attributes
    ----------
    prompts
        (B,) numpy. The indices of the prompts in the batch.
    approves
        (M, S, B), or (M, S, 1) if the slots approve the same on all prompts; bool.
    votes
        (S, B) float64 integers, or an object array of Python's integers.
    """

    prompts: np.ndarray
    approves: Array
    votes: Array

    def sums(self, values: Array) -> Array:
        """The sum of the values, (S, B), over the slots that approve each response, (M, B)."""
        xp = array_namespace(values)
        if self.approves.shape[2] == 1 and values.dtype == xp.float64:
            return xp.astype(self.approves[:, :, 0], xp.float64) @ values
        if values.dtype == xp.float64:
            return xp.sum(xp.where(self.approves, values, 0.0), axis=1)
        return np.where(self.approves, values, 0).sum(axis=1)

    def counts(self, chosen: Array) -> Array:
        """How many of the chosen responses, (M, B) bool, each slot approves, (S, B) int64."""
        xp = array_namespace(chosen)
        if self.approves.shape[2] == 1:
            approves = xp.astype(self.approves[:, :, 0].T, xp.float32)
            return xp.astype(approves @ xp.astype(chosen, xp.float32), xp.int64)
        return xp.sum(self.approves & chosen[:, None], axis=0, dtype=xp.int64)

    def supporters(self, responses: Array, prompts: Array) -> Array:
        """The votes of each slot, (S, N), if it approves the response, else 0; (N,) responses and prompts."""
        xp = array_namespace(self.votes)
        same = self.approves.shape[2] == 1
        approve = self.approves[responses, :, 0 if same else prompts].T
        return xp.where(approve, self.votes[:, prompts], 0)

    def part(self, prompts: Array) -> "ApprovalBallots":
        """Some of the prompts."""
        same = self.approves.shape[2] == 1
        approves = self.approves if same else self.approves[:, :, prompts]
        return ApprovalBallots(self.prompts[to_numpy(prompts)], approves, self.votes[:, prompts])

    def exact(self) -> "ApprovalBallots":
        """The same with Python's integers, which never overflow, on the CPU."""
        votes = to_numpy(self.votes).astype(np.int64).astype(object)
        return ApprovalBallots(self.prompts, to_numpy(self.approves), votes)


def approval_ballots(
    profiles: Profiles, approved: Array, most_kinds: int = MOST_KINDS
) -> Iterator[ApprovalBallots]:
    """Lay out approvals, (M, K) bool, with prompts innermost.

    If the ballots of the batch are of at most ``most_kinds`` kinds, or of few kinds compared with their
    number, a slot is a kind, and the votes of equal ballots are added up. Otherwise a slot is a ballot,
    and prompts with about equally many ballots are laid out together.
    """
    if len(approved) <= MOST_RESPONSES:
        kinds = _kinds(profiles, approved, most_kinds)
        if kinds is not None:
            yield kinds
            return
    xp = array_namespace(profiles.ranks)
    M, sizes = len(approved), np.diff(profiles.starts)
    if (sizes == sizes[0]).all():
        shape = (profiles.n_prompts, int(sizes[0]))
        slots = xp.permute_dims(approved.reshape((M, *shape)), (0, 2, 1))
        yield ApprovalBallots(np.arange(shape[0]), slots, profiles.integer_weights.reshape(shape).T)
        return
    widths = 2 ** np.ceil(np.log2(sizes)).astype(np.int64)
    for width in np.unique(widths):
        prompts = np.flatnonzero(widths == width)
        slot = np.arange(width)[:, None]
        filled = slot < sizes[prompts]
        ballots = profiles.starts[prompts] + np.where(filled, slot, 0)  # (S, B)
        device = device_of(profiles.ranks)
        ballots, filled = (xp.asarray(array, device=device) for array in (ballots, filled))
        votes = xp.where(filled, profiles.integer_weights[ballots], 0.0)
        yield ApprovalBallots(prompts, approved[:, ballots], votes)


def _kinds(profiles: Profiles, approved: Array, most: int) -> ApprovalBallots | None:
    """One slot for each kind of ballot; None if there are too many kinds."""
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    (M, K), B = approved.shape, profiles.n_prompts
    codes = xp.astype(approved[0], xp.int16)
    for i in range(1, M):
        codes |= xp.astype(approved[i], xp.int16) << i
    codes = xp.astype(codes, xp.int64)
    present = np.flatnonzero(to_numpy(xp.bincount(codes, minlength=2**M)))
    if len(present) > max(most, 2 * K / B):
        return None
    number = np.zeros(2**M, dtype=np.int64)
    number[present] = np.arange(len(present)) * B
    cells = xp.asarray(number, device=device)[codes] + profiles.owners
    votes = xp.bincount(cells, profiles.integer_weights, minlength=len(present) * B)
    kinds = (present >> np.arange(M)[:, None]) & 1 == 1  # (M, S)
    approves = xp.asarray(kinds, device=device)[:, :, None]
    return ApprovalBallots(np.arange(B), approves, votes.reshape((len(present), B)))


def harmonic(ballots: ApprovalBallots) -> tuple[Array, float]:
    """The weights ``multiple / (n + 1)`` for n = 0, 1, ... up to the largest ballot, and the multiple.

    They are of the type of the votes: floats, or Python's integers. Floats that cannot all be integers
    have an infinite multiple.
    """
    largest = int(to_numpy(ballots.approves).sum(axis=0).max(initial=1))
    multiple = lcm(*range(1, largest + 1))
    votes = ballots.votes
    xp = array_namespace(votes)
    if votes.dtype != xp.float64:
        return np.array([multiple // (n + 1) for n in range(largest + 1)], dtype=object), np.inf
    whole = multiple if multiple < LARGEST else np.inf
    weights = np.rint((1.0 if np.isinf(whole) else multiple) / np.arange(1.0, largest + 2))
    return xp.asarray(weights, device=device_of(votes)), whole
