"""Simulated people on the ballots of a dataset: a majority, a minority with another taste, and clickers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlchf.people.predictability import Neighbours
from rlchf.people.votes import PairVotes

MAJORITY, MINORITY, CLICKER = 0, 1, 2

UNEVEN = 0.3
"""Standard deviation of the logarithm of people's noise: a few are twice as noisy as others."""

SURE = 4.0
"""Standard errors that a mean over pairs of people must be above 0 to be used."""


@dataclass(frozen=True, eq=False)
class Design:
    """Who compares what: all that a simulation takes from the ballots.

    Attributes
    ----------
    votes
        The votes, whose sides are drawn anew. Ties stay ties.
    first, second
        (K,) the entry of each vote's responses.
    entry_annotators, entry_responses
        (E,) one for each response on each ballot.
    """

    votes: PairVotes
    first: np.ndarray
    second: np.ndarray
    entry_annotators: np.ndarray
    entry_responses: np.ndarray

    @classmethod
    def of(
        cls, votes: PairVotes, responses: tuple[np.ndarray, np.ndarray], most: int, seed: int
    ) -> "Design":
        """The design of a dataset, or of some of its prompts if there are more votes than ``most``.

        Parameters
        ----------
        responses
            (U,) the first and the second response of each pair.
        """
        votes = some_prompts(votes, most, seed)
        one, other = (side[votes.pairs] for side in responses)
        R = int(max(one.max(initial=0), other.max(initial=0))) + 1
        entries, place = np.unique(
            np.concatenate([votes.cells * R + one, votes.cells * R + other]), return_inverse=True
        )
        K = len(votes.pairs)
        return cls(votes, place[:K], place[K:], votes.cell_annotators[entries // R], entries % R)

    def draw(
        self, roles: np.ndarray, kind: str, correlation: float, rng: np.random.Generator
    ) -> PairVotes:
        """Votes of simulated people.

        Every response has a normal value for the majority, and the opposite or an independent one for the
        minority. People rank by value plus normal noise of their own; clickers by noise alone.

        Parameters
        ----------
        roles
            (A,) ``MAJORITY``, ``MINORITY`` or ``CLICKER``.
        kind
            "opposite" or "orthogonal", the taste of the minority.
        correlation
            Mean correlation of the scores of two people with one taste.
        """
        R = int(self.entry_responses.max(initial=0)) + 1
        values = rng.standard_normal((3, R))
        if kind == "opposite":
            values[MINORITY] = -values[MAJORITY]
        values[CLICKER] = 0.0
        noise = np.sqrt(1 / max(correlation, 1e-6) - 1) * np.exp(
            UNEVEN * rng.standard_normal(len(roles))
        )
        noise[roles == CLICKER] = 1.0
        a = self.entry_annotators
        scores = values[roles[a], self.entry_responses]
        scores = scores + noise[a] * rng.standard_normal(len(a))
        sides = np.sign(scores[self.first] - scores[self.second])
        return replace(self.votes, sides=np.where(self.votes.ties == 1, 0.0, sides))


def some_prompts(votes: PairVotes, most: int, seed: int) -> PairVotes:
    """The votes on all prompts, or on some that are drawn if there are more votes than ``most``."""
    if len(votes.pairs) <= most:
        return votes
    rng = np.random.default_rng(seed)
    chosen = rng.random(votes.n_prompts) < most / len(votes.pairs)
    k = np.flatnonzero(chosen[votes.prompts])
    return replace(
        votes, pairs=votes.pairs[k], cells=votes.cells[k], sides=votes.sides[k], ties=votes.ties[k],
        weights=votes.weights[k], people=votes.people[k],
    )  # fmt: skip


def correlation_of_likes(
    votes: PairVotes, owners: Sequence[np.ndarray] = (), seed: int = 0
) -> float:
    """The correlation of the scores of two people with one taste, estimated from their votes.

    The agreement q of two people beyond chance is measured on four quarters of the prompts, so that products
    of the figures have the means of q^2 and q^4. If some of the people share a taste and others do not,
    mean(q^4) / mean(q^2) is the q^2 of those who do, be they for or against each other. Where too few people
    meet for that, mean(q^2) is less, which spares minorities. The mean agreement within given groups counts
    if it is larger. Of normal scores with correlation r, two strict votes on a pair are the same with
    probability 1/2 + asin(r) / pi.

    Parameters
    ----------
    owners
        For each division the group (A,) of each annotator; below 0 is none.
    """
    quarter = np.random.default_rng(seed).permutation(votes.n_prompts) % 4
    parts = [_beyond_chance(votes, quarter, (part,)) for part in range(4)]
    halves = [_beyond_chance(votes, quarter, pair) for pair in ((0, 1), (2, 3))]
    second = _mean_product(halves)
    fourth, square = _mean_product(parts), _mean_product(parts[:2])
    best = second[0]
    if min(fourth[1], square[1]) > SURE:
        best = max(best, fourth[0] / square[0])
    within = [_within(votes, owner) for owner in owners]
    q = max([float(np.sqrt(max(best, 0.0))), *within])
    return float(np.sin(np.pi / 2 * min(q, 1.0)))


def _beyond_chance(
    votes: PairVotes, quarter: np.ndarray, parts: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """(A, panel) the agreement of every two people beyond chance on some prompts, and their number of
    votes."""
    found = Neighbours(votes)
    found.add(np.flatnonzero(np.isin(quarter, parts)[votes.prompts]))
    found.counted[found.panel, np.arange(len(found.panel))] = 0.0
    return found.agreed / np.maximum(found.counted, 1.0), found.counted


def _mean_product(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """The mean over pairs of people of a product, and that in standard errors; zeros where nobody meets."""
    weights = np.minimum.reduce([counted for _, counted in parts])
    both = weights > 0
    if both.sum() < 2:
        return 0.0, 0.0
    w = weights[both].astype(float)
    products = np.prod([figure[both] for figure, _ in parts], axis=0, dtype=float)
    mean = float((w * products).sum() / w.sum())
    error = float(np.sqrt((w**2 * (products - mean) ** 2).sum())) / w.sum()
    return mean, mean / max(error, 1e-12)


def _within(votes: PairVotes, owner: np.ndarray) -> float:
    """The mean agreement beyond chance of two members of a group, at least 0."""
    codes = np.unique(
        votes.pairs * (int(owner.max(initial=0)) + 1) + np.maximum(owner[votes.annotators], 0),
        return_inverse=True,
    )[1]
    counted = np.where(owner[votes.annotators] >= 0, 1.0, 0.0)
    x, strict = votes.sides * counted, np.abs(votes.sides) * counted
    products = float((np.bincount(codes, x) ** 2).sum() - (x**2).sum())
    pairs = float((np.bincount(codes, strict) ** 2).sum() - (strict**2).sum())
    return max(products / pairs, 0.0) if pairs > 0 else 0.0
