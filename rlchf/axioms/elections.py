"""Elections as one array of places, which axioms change and rules judge."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rlchf.profiles import UNSTATED, Profiles
from rlchf.rankings import Rankings
from rlchf.rules._parts.committees.ballots import approvals

APPROVED, DISAPPROVED = 1.5, 2.5
"""Where ballots state approvals: values up to the first are approved, those above the second disapproved."""


@dataclass(frozen=True)
class Elections:
    """B elections with K ballots and M responses.

    Attributes
    ----------
    values
        (B, K, M) places on the ballots, the lowest best; 0 where a response is left out.
    weights
        (B, K); a ballot of weight 0 is absent.
    given
        What ballots give besides a ranking: "scores", the offset minus the values, or "approvals" of values
        up to 1.5 and disapprovals of those above 2.5; "rankings" for nothing.
    together
        How many elections in a row are the prompts of one dataset, for rules that look across prompts.
    offset
        The score of a value of 0.
    identical
        How many times each election stands in its dataset for rules that look across prompts; the result is
        that of the last time.

    Examples
    --------
    >>> e = Elections.from_ballots({"a > b = c": 2, "c > a": 1})
    >>> e.ranks[0]
    array([[1, 2, 2],
           [2, 0, 1]], dtype=int16)
    >>> e.margins[0]
    array([[  0.,  20.,  10.],
           [-20.,   0.,   0.],
           [-10.,   0.,   0.]])
    """

    values: np.ndarray
    weights: np.ndarray
    given: str = "rankings"
    together: int = 1
    offset: float = 2.5
    identical: int = 1

    @classmethod
    def from_ballots(
        cls, ballots: dict[str, float], responses: Sequence[str] | None = None
    ) -> "Elections":
        """One election, from ballots written as text and their weights."""
        profiles = Profiles.from_ballots(
            [list(ballots)], responses, [[float(weight) for weight in ballots.values()]]
        )
        return cls.from_profiles(profiles)

    @classmethod
    def from_profiles(cls, profiles: Profiles) -> "Elections":
        """The prompts of a batch; those with fewer ballots than others get ballots of weight 0."""
        starts, M = profiles.starts, profiles.n_responses
        counts = np.diff(starts)
        B, K = len(counts), int(counts.max())
        place = np.arange(len(profiles.weights)) - np.repeat(starts[:-1], counts)
        owner = np.repeat(np.arange(B), counts)
        given, columns, offset = "rankings", profiles.ranks.astype(np.float64), 2.5
        if profiles.approvals is not None and (profiles.approvals != UNSTATED).all():
            given, columns = "approvals", _placed_by_approval(profiles)
        elif profiles.scores is not None and not np.isnan(profiles.scores[columns > 0]).any():
            given, offset = "scores", float(np.nanmax(profiles.scores)) + 1
            columns = np.where(columns > 0, offset - profiles.scores, 0.0)
        values: np.ndarray = np.ones((B, K, M))
        values[owner, place] = columns.T
        weights: np.ndarray = np.zeros((B, K))
        weights[owner, place] = profiles.weights
        return cls(values, weights, given, offset=offset)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_ballots(self) -> int:
        """K, the number of ballots with those of weight 0."""
        return int(self.values.shape[1])

    @property
    def n_responses(self) -> int:
        """M."""
        return int(self.values.shape[2])

    @cached_property
    def ranks(self) -> np.ndarray:
        """(B, K, M) int16: 1 for the best, without gaps; 0 where left out."""
        return dense(self.values)

    @property
    def counts(self) -> np.ndarray:
        """(B, K) bool: which ballots have a weight."""
        return np.asarray(self.weights > 0)

    @cached_property
    def tenths(self) -> np.ndarray:
        """(B, K) weights in tenths where these are whole, so that sums are exact."""
        tenths = np.rint(self.weights * 10)
        return np.where(
            np.isclose(tenths, self.weights * 10, rtol=1e-12), tenths, self.weights * 10
        )

    @cached_property
    def above(self) -> np.ndarray:
        """(B, M, M) the weight of the ballots that rank i above j, in tenths."""
        M = self.n_responses
        wins = np.zeros((len(self), M, M))
        for i in range(M):
            first = self.values[:, :, [i]]
            better = (first > 0) & (first < self.values)
            wins[:, i] = (better * self.tenths[:, :, None]).sum(axis=1)
        return wins

    @cached_property
    def margins(self) -> np.ndarray:
        """(B, M, M) the weight for i above j minus the weight for j above i, in tenths."""
        return np.asarray(self.above - self.above.transpose(0, 2, 1))

    @cached_property
    def totals(self) -> np.ndarray:
        """(B,) the weight of all ballots, in tenths."""
        return np.asarray(self.tenths.sum(axis=1))

    @cached_property
    def approved(self) -> np.ndarray:
        """(B, K, M) bool: what ballots approve; their better half if they state no approvals."""
        if self.given == "approvals":
            return np.asarray((self.values > 0) & (self.values <= APPROVED))
        B, K, M = self.values.shape
        ranks = np.ascontiguousarray(self.ranks.transpose(2, 0, 1).reshape(M, B * K))
        read = np.asarray(approvals(ranks))
        return np.ascontiguousarray(read.reshape(M, B, K).transpose(1, 2, 0))

    @property
    def complete(self) -> np.ndarray:
        """(B,) bool: whether all ballots with a weight rank all responses."""
        return np.asarray(((self.values > 0).all(axis=2) | ~self.counts).all(axis=1))

    @property
    def untied(self) -> np.ndarray:
        """(B,) bool: whether no ballot ties two responses."""
        distinct = self.ranks.max(axis=2) == (self.values > 0).sum(axis=2)
        return np.asarray((distinct | ~self.counts).all(axis=1))

    def only(self, chosen: np.ndarray) -> "Elections":
        """Some of the elections, by a mask or indices."""
        return replace(self, values=self.values[chosen], weights=self.weights[chosen])

    def without(self, response: np.ndarray) -> "Elections":
        """The elections after a response (B,) has withdrawn; the others keep their order.

        A ballot that ranks nothing else has weight 0 then.
        """
        B, K, M = self.values.shape
        kept = np.nonzero(np.arange(M) != np.asarray(response)[:, None])[1].reshape(B, 1, M - 1)
        values = np.take_along_axis(self.values, np.broadcast_to(kept, (B, K, M - 1)), axis=2)
        empty = (values == 0).all(axis=2)
        values = np.where(empty[:, :, None], 1.0, values)
        return replace(self, values=values, weights=np.where(empty, 0.0, self.weights))

    def profiles(self) -> Profiles:
        """The elections as the prompts of a batch."""
        B, K, M = self.values.shape
        values = self.values.transpose(2, 0, 1).reshape(M, B * K)
        scores = np.where(values > 0, self.offset - values, np.nan)
        opinions = (values <= APPROVED) * 1 - (values > DISAPPROVED)
        opinions = np.where(values > 0, opinions, 0).astype(np.int8)
        return Profiles(
            ranks=np.ascontiguousarray(self.ranks.transpose(2, 0, 1).reshape(M, B * K)),
            starts=np.arange(B + 1) * K,
            weights=self.weights.ravel(),
            annotators=np.tile(np.arange(K), B),
            scores=scores if self.given == "scores" else None,
            approvals=opinions if self.given == "approvals" else None,
            prompts=np.zeros(B, dtype=np.int64),  # so that a rule that draws does so alike on all
        )

    def rankings(self) -> Rankings:
        """The elections as the prompts of a dataset; a first ballot of weight 0 names all responses."""
        M = self.n_responses
        ballots: list[tuple[object, object, list[list[str]]]] = []
        weights = []
        for b in range(len(self)):
            ballots.append((b, "nobody", [[str(i)] for i in range(M)]))
            weights.append(0.0)
            for k in np.flatnonzero(self.weights[b]):
                ranks = self.ranks[b, k]
                tiers = [np.flatnonzero(ranks == n) for n in range(1, int(ranks.max()) + 1)]
                ballots.append((b, f"annotator {k}", [[str(i) for i in tier] for tier in tiers]))
                weights.append(float(self.weights[b, k]))
        return Rankings.from_ballots(ballots, weights)


def dense(values: np.ndarray) -> np.ndarray:
    """(..., M) numbers to ranks 1, 2, ... without gaps, the smallest first; 0 where the number is 0.

    Examples
    --------
    >>> dense(np.array([[2.5, 0, 1, 2.5]]))
    array([[2, 0, 1, 2]], dtype=int16)
    """
    order = np.argsort(values, axis=-1, kind="stable")
    sorted_values = np.take_along_axis(values, order, axis=-1)
    new = np.ones(values.shape, dtype=np.int16)
    new[..., 1:] = sorted_values[..., 1:] > sorted_values[..., :-1]
    steps = np.cumsum(new * (sorted_values > 0), axis=-1, dtype=np.int16)
    ranks = np.empty(values.shape, dtype=np.int16)
    np.put_along_axis(ranks, order, steps, axis=-1)
    return ranks


def _placed_by_approval(profiles: Profiles) -> np.ndarray:
    """(M, K) values of the ballots' ranks that say what each ballot approves and disapproves."""
    approvals = np.asarray(profiles.approvals)
    top = np.maximum(profiles.ranks.max(axis=0), 1)
    inside = profiles.ranks / (top + 1.0)  # above 0, below 1
    return np.where(profiles.ranks > 0, inside + 1.5 - approvals - (approvals == 1) * 0.5, 0.0)
