"""What elimination rules share: first places among the remaining responses, and the rounds.

Sets of responses are (M, B) bool, prompts innermost: ``remaining[i, b]`` is true if response i of prompt b
is not yet eliminated.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, segment_sum, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import Ties

EXACT = 2**53
"""Integers below this are exact as floats."""

SMALL = 2**12
"""Up to this number of ballots, votes are multiplied for all responses at once, not row by row."""

Losers = Callable[[Array], Array]
"""``remaining -> losers``: the next responses to be eliminated, at least one where two remain."""


@dataclass(frozen=True)
class Places:
    """The ranks of the ballots, laid out for counting first places among any set of responses.

    Attributes
    ----------
    places
        (M, V, B) if each prompt has V ballots, otherwise (M, K); `nowhere` for an unranked response.
    votes
        (V, B) or (K,) integers, in a type that holds their sums.
    nowhere
        A number above all places.
    strict, unit
        Whether no ballot has ties; whether each ballot has one vote.
    """

    places: Array
    votes: Array
    starts: np.ndarray
    nowhere: int
    strict: bool
    unit: bool

    def first(self, remaining: Array) -> Array:
        """(M, B) numbers that order the responses by first places among the remaining ones.

        A first place that t responses share gives 1/t of the ballot to each. Only the numbers of one
        prompt can be compared with each other.
        """
        hits = self._hits(self._among(remaining))
        if self.strict:
            return self._sum(hits, self.votes)
        xp = array_namespace(hits)
        return self._shares(hits, xp.sum(hits, axis=0, dtype=xp.int32))

    def first_unless_alone(self, remaining: Array) -> Array:
        """Like `first`, without the ballots that put all remaining responses that they rank in one place."""
        places = self._among(remaining)
        hits = self._hits(places)
        xp = array_namespace(hits)
        sharers = xp.sum(hits, axis=0, dtype=xp.int32)
        several = sharers < xp.sum(places < self.nowhere, axis=0, dtype=xp.int32)
        if self.strict:
            return self._sum(hits & several, self.votes)
        return self._shares(hits & several, xp.where(several, sharers, xp.zeros_like(sharers)))

    def majority(self, remaining: Array) -> Array:
        """(M, B) bool: alone in first place on more than half the ballots that rank any remaining one."""
        places = self._among(remaining)
        hits = self._hits(places)
        xp = array_namespace(hits)
        alone = hits if self.strict else hits & (xp.sum(hits, axis=0, dtype=xp.int32) == 1)
        cast = self._sum(xp.any(places < self.nowhere, axis=0)[None], self.votes)
        return 2 * self._sum(alone, self.votes) > cast

    def _among(self, remaining: Array) -> Array:
        """The places of the remaining responses; the others are `nowhere`."""
        xp = array_namespace(self.places)
        floor = xp.astype(~remaining, self.places.dtype) * self.nowhere
        if self.places.ndim == 3:
            return xp.maximum(self.places, floor[:, None])
        sizes = xp.asarray(np.diff(self.starts), device=device_of(floor))
        return xp.maximum(self.places, xp.repeat(floor, sizes, axis=1))

    def _hits(self, places: Array) -> Array:
        """Whether a response is in first place on a ballot, alone or with others."""
        xp = array_namespace(places)
        return places == xp.clip(xp.min(places, axis=0), None, self.nowhere - 1)

    def _sum(self, hits: Array, votes: Array) -> Array:
        """The votes of the ballots hit, (M, B) float64; always integers."""
        xp = array_namespace(hits)
        if self.unit and votes is self.votes:
            counted = hits.view(np.int8) if isinstance(hits, np.ndarray) else hits
        else:
            counted = hits * votes
        if self.places.ndim == 3:
            return xp.astype(xp.sum(counted, axis=1, dtype=votes.dtype), xp.float64)
        return segment_sum(xp.astype(counted, xp.float64), self.starts)

    def _shares(self, hits: Array, sharers: Array) -> Array:
        """First places where ``sharers`` share one, in units that make all shares integers."""
        xp = array_namespace(hits)
        votes = xp.astype(self.votes, xp.float64)
        most = float(xp.max(self._sum(hits[:1] | True, self.votes)))
        unit = math.lcm(*range(1, min(int(xp.max(sharers)), 41) + 1))
        if unit * most >= EXACT or int(xp.max(sharers)) > 41:
            unit = math.lcm(*(int(t) for t in xp.unique_values(sharers) if t > 0))
        if unit * most >= EXACT:
            return self._order(hits, sharers)
        parts = votes * (unit / xp.clip(xp.astype(sharers, xp.float64), 1.0, None))
        if math.prod(hits.shape[1:]) < SMALL:
            return self._sum(hits, parts)
        return xp.stack([self._sum(row[None], parts)[0] for row in hits])

    def _order(self, hits: Array, sharers: Array) -> Array:
        """The order of the shares, in Python's integers: slow, and needed for huge units only."""
        if self.places.ndim == 3:  # back to ballots end to end
            hits = array_namespace(hits).permute_dims(hits, (0, 2, 1))
            hits, sharers = hits.reshape((hits.shape[0], -1)), sharers.T.reshape(-1)
        votes = to_numpy(self.votes.T.reshape(-1)).astype(np.int64).astype(object)
        hit, parts = to_numpy(hits), to_numpy(sharers).astype(object)
        order = np.empty((len(hit), len(self.starts) - 1))
        for b, (start, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            unit = math.lcm(*(t for t in parts[start:end] if t))
            shares = votes[start:end] * unit // np.maximum(parts[start:end], 1)
            sums = [sum(shares[row]) for row in hit[:, start:end]]
            levels = {s: n for n, s in enumerate(sorted(set(sums)))}
            order[:, b] = [levels[s] for s in sums]
        return array_namespace(hits).asarray(order, device=device_of(hits))


def places_of(profiles: Profiles, *, from_below: bool = False) -> Places:
    """Lay out the ballots; from below, each ballot's last place counts as its first."""
    xp, ranks = array_namespace(profiles.ranks), profiles.ranks
    M, B = profiles.n_responses, profiles.n_prompts
    small = M < 127 and not xp.isdtype(ranks.dtype, "real floating")
    number, nowhere = (xp.int8, 127) if small else (xp.int32, 2**30)
    levels = xp.max(ranks, axis=0)
    strict = bool(xp.all(xp.sum(ranks > 0, axis=0) == levels))  # places are 1, 2, ... without gaps
    places = levels + 1 - ranks if from_below else ranks
    sizes = np.diff(profiles.starts)
    equal = bool((sizes == sizes[0]).all())
    votes = profiles.integer_weights
    if equal:  # prompts innermost, so that all work goes along whole rows
        places = xp.permute_dims(places.reshape((M, B, int(sizes[0]))), (0, 2, 1))
        ranks = xp.permute_dims(ranks.reshape((M, B, int(sizes[0]))), (0, 2, 1))
        votes = votes.reshape((B, int(sizes[0]))).T
    compact = xp.empty(places.shape, dtype=number, device=device_of(ranks))
    compact[...] = places
    if not bool(xp.all(ranks > 0)):
        compact = xp.where(ranks > 0, compact, xp.full_like(compact, nowhere))
    dtype = _smallest(xp, float(xp.max(votes)) * int(sizes.max()))
    unit = bool(xp.all(votes == 1))
    return Places(compact, xp.astype(votes, dtype), profiles.starts, nowhere, strict, unit)


def _smallest(xp: Any, most: float) -> Any:
    """The smallest number type that holds sums up to ``most``."""
    for dtype, limit in ((xp.int8, 2**7), (xp.int32, 2**31)):
        if most < limit:
            return dtype
    return xp.float64


_watched: ContextVar[list[np.ndarray] | None] = ContextVar("_watched", default=None)


@contextmanager
def watched_ties() -> Iterator[list[np.ndarray]]:
    """Collect (B,) bool for each round: whether responses tie for elimination, others than without votes.

    Examples
    --------
    >>> with watched_ties() as rounds:
    ...     fewest = lowest(np.array([[2, 0], [2, 0], [3, 1]]), np.ones((3, 2), dtype=bool))
    >>> rounds
    [array([ True, False])]
    """
    rounds: list[np.ndarray] = []
    token = _watched.set(rounds)
    try:
        yield rounds
    finally:
        _watched.reset(token)


def with_least(counts: Array, remaining: Array) -> tuple[Array, Array]:
    """The remaining responses with the smallest count, and that count."""
    xp = array_namespace(remaining)
    counts = xp.where(remaining, counts, xp.inf)
    least = xp.min(counts, axis=0)
    return remaining & (counts == least), least


def lowest(counts: Array, remaining: Array, *, votes: bool = True) -> Array:
    """The remaining responses with the smallest count, of votes or of something else, to be eliminated."""
    chosen, least = with_least(counts, remaining)
    if (rounds := _watched.get()) is not None:
        tied = array_namespace(chosen).sum(chosen, axis=0) > 1
        rounds.append(to_numpy(tied & (least != 0) if votes else tied))
    return chosen


def highest(counts: Array, remaining: Array) -> Array:
    """The remaining responses with the largest count."""
    return lowest(-counts, remaining)


def last(chosen: Array) -> Array:
    """The last of the chosen responses on each prompt, in the order of the responses."""
    xp = array_namespace(chosen)
    index = xp.arange(1, chosen.shape[0] + 1, device=device_of(chosen))[:, None]
    index = index * chosen
    return chosen & (index == xp.max(index, axis=0))


def chooser(ties: Ties) -> Callable[[Array], Array]:
    """A function that takes all responses tied for elimination, or only the last of them."""
    return last if ties == "lexicographic" else lambda tied: tied


def all_responses(profiles: Profiles) -> Array:
    """All responses, (M, B) True."""
    xp = array_namespace(profiles.ranks)
    shape = (profiles.n_responses, profiles.n_prompts)
    return xp.ones(shape, dtype=xp.bool, device=device_of(profiles.ranks))


def by_elimination(profiles: Profiles, losers: Losers) -> Array:
    """Score each response by the number eliminated before it, (B, M)."""
    remaining = all_responses(profiles)
    xp = array_namespace(remaining)
    scores = xp.zeros(remaining.shape, dtype=xp.float64, device=device_of(remaining))
    while True:
        n_remaining = xp.astype(xp.sum(remaining, axis=0), xp.float64)
        scores = xp.where(remaining, remaining.shape[0] - n_remaining, scores)
        if not bool(xp.any(n_remaining > 1)):
            return scores.T
        remaining = remaining & ~losers(remaining)


def by_repetition(profiles: Profiles, losers: Losers) -> Array:
    """Score each response by the number of responses ranked after it, (B, M).

    The winners are the responses eliminated last; the others follow in the order in which they
    win when the rule is applied again without the winners.
    """
    waiting = all_responses(profiles)
    xp = array_namespace(waiting)
    scores = xp.zeros(waiting.shape, dtype=xp.float64, device=device_of(waiting))
    while bool(xp.any(waiting)):
        won = _last_eliminated(waiting, losers)
        waiting = waiting & ~won
        scores = xp.where(won, xp.astype(xp.sum(waiting, axis=0), xp.float64), scores)
    return scores.T


def _last_eliminated(remaining: Array, losers: Losers) -> Array:
    xp = array_namespace(remaining)
    while bool(xp.any(xp.sum(remaining, axis=0) > 1)):
        rest = remaining & ~losers(remaining)
        rest = xp.where(xp.any(rest, axis=0), rest, remaining)  # eliminated last, together
        if bool(xp.all(rest == remaining)):
            return remaining
        remaining = rest
    return remaining
