"""Many small elections for `rules_speed.py`, drawn at once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rlchf import Profiles
from rlchf.simulate import profiles as random_profiles


@dataclass(frozen=True)
class Ballots:
    """The ballots of some prompts, as ranks for rlchf and as orders for the peers."""

    ranks: np.ndarray  # (M, K) int16
    voters: int

    @property
    def prompts(self) -> int:
        """The number of prompts."""
        return int(self.ranks.shape[1]) // self.voters

    def first(self, prompts: int) -> "Ballots":
        """The ballots of the first prompts, in an array of their own."""
        return Ballots(np.ascontiguousarray(self.ranks[:, : prompts * self.voters]), self.voters)

    @cached_property
    def starts(self) -> np.ndarray:
        """(B + 1,) where the ballots of each prompt begin."""
        return np.arange(0, self.ranks.shape[1] + 1, self.voters)

    @cached_property
    def weights(self) -> np.ndarray:
        """(K,) all 1."""
        return np.ones(self.ranks.shape[1])

    @cached_property
    def annotators(self) -> np.ndarray:
        """(K,) the same annotators on every prompt."""
        return np.tile(np.arange(self.voters), self.prompts)

    @cached_property
    def scores(self) -> np.ndarray:
        """(M, K) Borda's points, in place of the annotators' own scores."""
        return len(self.ranks) - self.ranks.astype(np.float64)

    def profiles(self, with_scores: bool = False) -> Profiles:
        """The ballots as input of our rules."""
        scores = self.scores if with_scores else None
        return Profiles(self.ranks, self.starts, self.weights, self.annotators, scores)

    def orders(self) -> np.ndarray:
        """(prompts, voters, M) the ballots as input of the peers, best first."""
        orders = np.argsort(self.ranks, axis=0).T
        return np.ascontiguousarray(orders.reshape(self.prompts, self.voters, len(self.ranks)))


def draw(prompts: int, voters: int, m: int, dispersion: float, seed: int = 0) -> Ballots:
    """Rankings around a random centre for each prompt."""
    profiles = random_profiles(
        "mallows", prompts, voters, m, np.random.default_rng(seed), phi=dispersion
    )
    return Ballots(profiles.ranks, voters)
