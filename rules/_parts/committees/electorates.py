"""The approvals of a batch, laid out for rules that elect one response after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules._parts.committees.approvals import approvals

MOST_KINDS = 32  # kinds of ballots that are told apart however few ballots a prompt has
MOST_RESPONSES = 12  # beyond, there are too many kinds of ballots to count them


@dataclass(frozen=True)
class Electorate:
    """Prompts with equally many slots for ballots; a slot holds ballots with the same approvals.

    Attributes
    ----------
    prompts
        (B,) numpy. Which prompts of the batch these are.
    approves
        (M, S, B), or (M, S, 1) if the slots approve the same on all prompts; bool.
    votes
        (S, B) float64 whole numbers, or an object array of Python's whole numbers.
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

    def supporters(self, responses: Array, at: Array) -> Array:
        """The votes of each slot, (S, N), if it approves the response, else 0; (N,) responses and prompts."""
        xp = array_namespace(self.votes)
        alike = self.approves.shape[2] == 1
        approve = self.approves[responses, :, 0 if alike else at].T
        return xp.where(approve, self.votes[:, at], 0)

    def part(self, at: Array) -> "Electorate":
        """Some of the prompts."""
        same = self.approves.shape[2] == 1
        approves = self.approves if same else self.approves[:, :, at]
        return Electorate(self.prompts[to_numpy(at)], approves, self.votes[:, at])

    def exact(self) -> "Electorate":
        """The same with Python's whole numbers, which never grow too large, on the CPU."""
        votes = to_numpy(self.votes).astype(np.int64).astype(object)
        return Electorate(self.prompts, to_numpy(self.approves), votes)


def electorates(
    profiles: Profiles, top: int | None = None, most_kinds: int = MOST_KINDS
) -> Iterator[Electorate]:
    """Lay out the approvals, with prompts innermost.

    If the ballots of the batch are of no more than ``most_kinds``, or of few compared with their number,
    a slot is a kind, and the votes of equal ballots are added up. Otherwise a slot is a ballot, and
    prompts with about equally many ballots go together.
    """
    approved = approvals(profiles, top)  # (M, K)
    if profiles.n_responses <= MOST_RESPONSES:
        kinds = _kinds(profiles, approved, most_kinds)
        if kinds is not None:
            yield kinds
            return
    xp = array_namespace(profiles.ranks)
    M, sizes = profiles.n_responses, np.diff(profiles.starts)
    if (sizes == sizes[0]).all():
        shape = (profiles.n_prompts, int(sizes[0]))
        slots = xp.permute_dims(approved.reshape((M, *shape)), (0, 2, 1))
        yield Electorate(np.arange(shape[0]), slots, profiles.integer_weights.reshape(shape).T)
        return
    widths = 2 ** np.ceil(np.log2(sizes)).astype(np.int64)
    for width in np.unique(widths):
        prompts = np.flatnonzero(widths == width)
        slot = np.arange(width)[:, None]
        filled = slot < sizes[prompts]
        at = profiles.starts[prompts] + np.where(filled, slot, 0)  # (S, B)
        at, filled = (xp.asarray(a, device=device_of(profiles.ranks)) for a in (at, filled))
        votes = xp.where(filled, profiles.integer_weights[at], 0.0)
        yield Electorate(prompts, approved[:, at], votes)


def _kinds(profiles: Profiles, approved: Array, most: int) -> Electorate | None:
    """One slot for each kind of ballot; None if there are too many kinds."""
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    M, B, K = profiles.n_responses, profiles.n_prompts, profiles.ranks.shape[1]
    codes = xp.astype(approved[0], xp.int16)
    for i in range(1, M):
        codes |= xp.astype(approved[i], xp.int16) << i
    codes = xp.astype(codes, xp.int64)
    present = np.flatnonzero(to_numpy(xp.bincount(codes, minlength=2**M)))
    if len(present) > max(most, 2 * K / B):
        return None
    number = np.zeros(2**M, dtype=np.int64)
    number[present] = np.arange(len(present)) * B
    at = xp.asarray(number, device=device)[codes] + profiles.owners
    votes = xp.bincount(at, profiles.integer_weights, minlength=len(present) * B)
    kinds = (present >> np.arange(M)[:, None]) & 1 == 1  # (M, S)
    approves = xp.asarray(kinds, device=device)[:, :, None]
    return Electorate(np.arange(B), approves, votes.reshape((len(present), B)))
