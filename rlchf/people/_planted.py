"""Simulated people on the ballots of a dataset: a majority, a minority with another taste, and clickers."""

from dataclasses import dataclass, replace

import numpy as np

from rlchf.people.predictability import Neighbours
from rlchf.people.votes import PairVotes

MAJORITY, MINORITY, CLICKER = 0, 1, 2

UNEVEN = 0.3
"""Standard deviation of the logarithm of people's noise: a few are twice as noisy as others."""


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


def correlation_of_likes(votes: PairVotes, seed: int = 0) -> float:
    """The mean correlation of the scores of two people with one taste, estimated from their votes.

    The agreement of two people beyond chance is measured on two halves of the prompts: the mean product is
    the mean square of the true one, so that people of opposite tastes count like people of one. Of normal
    scores with correlation r, two people's strict votes on a pair are the same with probability 1/2 + asin(r)
    / pi.
    """
    half = np.random.default_rng(seed).permutation(votes.n_prompts) % 2
    halves = []
    for part in (0, 1):
        found = Neighbours(votes)
        found.add(np.flatnonzero(half[votes.prompts] == part))
        halves.append(found)
    one, other = halves
    weight = np.minimum(one.counted, other.counted)
    weight[one.panel, np.arange(len(one.panel))] = 0.0
    both = weight > 0
    if not both.any():
        return 0.0
    products = (one.agreed[both] / one.counted[both]) * (other.agreed[both] / other.counted[both])
    square = float(
        (weight[both] * products).sum(dtype=np.float64) / weight[both].sum(dtype=np.float64)
    )
    return float(np.sin(np.pi / 2 * np.sqrt(max(square, 0.0))))
