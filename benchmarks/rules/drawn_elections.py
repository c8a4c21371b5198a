"""Random elections for searches: strict and weak ballots, gaps, cycles, totals that tie.

Rules see them as the prompts of a batch, or of a dataset.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rlchf import Profiles, Rankings

KINDS = ("strict", "weak", "gaps", "weak gaps", "alike", "alike gaps")
WEIGHTS: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "equal": lambda rng, shape: np.ones(shape),
    "small": lambda rng, shape: rng.integers(1, 5, shape),
    "absent": lambda rng, shape: np.maximum(rng.integers(-1, 4, shape), 0),
    "large": lambda rng, shape: rng.integers(1, 10**6, shape),
    "tenths": lambda rng, shape: rng.integers(1, 5, shape) / 10,
    "powers": lambda rng, shape: 2.0 ** rng.random(shape).argsort(axis=1),
}
"""Weights of (B, K) ballots; no two sets of ballots have the same sum of powers of two."""


@dataclass(frozen=True)
class Elections:
    """B elections with K ballots and M responses.

    ``values`` (B, K, M) are places on the ballots, the lowest best, 0 where a response is left out;
    ``weights`` (B, K). ``given`` says what else ballots give: "scores", higher ones for lower values, or
    "approvals" of values up to 1.5 and disapprovals of those above 2.5.
    """

    values: np.ndarray
    weights: np.ndarray
    given: str = "rankings"

    @cached_property
    def ranks(self) -> np.ndarray:
        """(B, K, M) int16: 1 for the best, without gaps; 0 where left out."""
        return dense(self.values)

    @property
    def counts(self) -> np.ndarray:
        """(B, K) bool: which ballots have a weight."""
        return np.asarray(self.weights > 0)

    @property
    def tenths(self) -> np.ndarray:
        """(B, K) weights in tenths: whole, so that sums are exact."""
        return np.asarray(np.rint(self.weights * 10))

    @cached_property
    def margins(self) -> np.ndarray:
        """(B, M, M) the weight for i above j minus the weight for j above i, in tenths."""
        i, j = self.values[..., :, None], self.values[..., None, :]
        sides = np.where((i > 0) & (j > 0), np.sign(j - i), 0)
        return np.asarray((sides * self.tenths[..., None, None]).sum(axis=1))

    def text(self, b: int) -> str:
        """An election in words: the weights of its ballots."""
        names = "abcdefgh"
        lines = []
        for ranks, weight in zip(self.ranks[b], self.weights[b], strict=True):
            levels = [
                [names[i] for i in np.flatnonzero(ranks == n)] for n in range(1, max(ranks) + 1)
            ]
            lines.append(f"{weight:g}: {' > '.join(' = '.join(level) for level in levels)}")
        return ", ".join(lines)


def dense(values: np.ndarray) -> np.ndarray:
    """(..., M) numbers to ranks 1, 2, ... without gaps, the smallest first; 0 where the number is 0."""
    M = values.shape[-1]
    earlier = np.tril(np.ones((M, M), dtype=bool), -1)
    same = values[..., :, None] == values[..., None, :]
    new = ~(same & earlier).any(axis=-1) & (values > 0)
    lower = values[..., None, :] < values[..., :, None]
    ranks = (lower & new[..., None, :]).sum(axis=-1) + 1
    return np.where(values > 0, ranks, 0).astype(np.int16)


def drawn(
    rng: np.random.Generator, B: int, K: int, M: int, kind: str, weights: str, given: str
) -> Elections:
    """Random elections of a kind of ballots and of weights."""
    values: np.ndarray = rng.random((B, K, M)).argsort(axis=2) + 1.0
    if "weak" in kind:
        values = rng.integers(1, M + 1, (B, K, M)).astype(float)
    if "alike" in kind:  # one strict order, turned round; some ballots are random
        values = (np.arange(M) + rng.integers(0, M, (B, K, 1))) % M + 1.0
        random = rng.random((B, K)) < 0.3
        values[random] = rng.random((int(random.sum()), M)).argsort(axis=1) + 1.0
    if given == "scores":
        values = values + rng.integers(0, 3, (B, K, M))
    if "gaps" in kind:
        kept = rng.integers(0, M, (B, K, 1)) == np.arange(M)
        values = np.where(kept | (rng.random((B, K, M)) >= 0.35), values, 0)
    return Elections(values, WEIGHTS[weights](rng, (B, K)).astype(np.float64), given)


def profiles_of(e: Elections) -> Profiles:
    """The elections as the prompts of a batch."""
    B, K, M = e.values.shape
    values = e.values.transpose(2, 0, 1).reshape(M, B * K)
    scores = np.where(values > 0, 2.5 - values, np.nan)
    approvals = np.where(values > 0, (values <= 1.5) * 1 - (values > 2.5), 0).astype(np.int8)
    return Profiles(
        ranks=np.ascontiguousarray(e.ranks.transpose(2, 0, 1).reshape(M, B * K)),
        starts=np.arange(B + 1) * K,
        weights=e.weights.ravel(),
        annotators=np.tile(np.arange(K), B),
        scores=scores if e.given == "scores" else None,
        approvals=approvals if e.given == "approvals" else None,
    )


def rankings_of(e: Elections) -> Rankings:
    """The elections as the prompts of a dataset; a first ballot of weight 0 names all responses."""
    B, _, M = e.ranks.shape
    ballots, weights = [], []
    for b in range(B):
        ballots.append((b, "nobody", [[str(i)] for i in range(M)]))
        weights.append(0.0)
        for k in np.flatnonzero(e.weights[b]):
            ranks = e.ranks[b, k]
            levels = [
                [str(i) for i in np.flatnonzero(ranks == n)] for n in range(1, max(ranks) + 1)
            ]
            ballots.append((b, f"annotator {k}", levels))
            weights.append(float(e.weights[b, k]))
    return Rankings.from_ballots(ballots, weights)


def complete(e: Elections) -> np.ndarray:
    """(B,) bool: whether all ballots with a weight rank all responses."""
    return np.asarray(((e.values > 0).all(axis=2) | ~e.counts).all(axis=1))


def untied(e: Elections) -> np.ndarray:
    """(B,) bool: whether no ballot ties two responses."""
    return np.asarray((e.ranks.max(axis=2) == (e.values > 0).sum(axis=2)).all(axis=1))
