"""The populations of the share audit, their ballots, and the labels that rules make of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf import Aggregation, Rankings

KINDS = ["plain", "emoji", "terse"]
POPULATIONS = {"60/40": [6, 4], "50/30/20": [5, 3, 2]}
RULES: dict[str, dict[str, Any] | None] = {
    "kemeny": {},
    "borda": {},
    "pooled": None,
    "perpetual_pav": {},
    "cpb": {},
    "nash_welfare": {},
}
PRIOR = 1.0  # comparisons added to each pair, half a win for each side


# -- ballots ---------------------------------------------------------------------------------------


def ballots(sizes: list[int], prompts: int, noise: float, seed: int) -> Rankings:
    """Each group's annotators put their kind first; some ballots are random orders."""
    rng = np.random.default_rng((seed, len(sizes)))
    kinds = KINDS[: len(sizes)]
    tastes = [kind for kind, size in zip(kinds, sizes, strict=True) for _ in range(size)]
    rows: list[tuple[object, object, list[list[object]]]] = []
    for prompt in range(prompts):
        for who, taste in enumerate(tastes):
            ranking: list[list[object]] = [[taste], [kind for kind in kinds if kind != taste]]
            if rng.random() < noise:
                ranking = [[kind] for kind in rng.permutation(kinds).tolist()]
            rows.append((prompt, who, ranking))
    return Rankings.from_ballots(rows)


# -- labels ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Labels:
    """What a reward model learns from, pooled over exchangeable prompts.

    Attributes
    ----------
    firsts
        (M,) the part of the labels that put each kind first.
    wins
        (M, M) how often a kind is above another, ties half to each.
    """

    firsts: np.ndarray
    wins: np.ndarray

    def shares(self) -> np.ndarray:
        """(M, M) win shares, with the prior."""
        return np.asarray((self.wins + PRIOR / 2) / (self.wins + self.wins.T + PRIOR))


def labels_of(orders: np.ndarray) -> Labels:
    """Count weak orders, (N, M) places with 1 for best."""
    first = orders == orders.min(axis=1, keepdims=True)
    above = np.sign(orders[:, None, :] - orders[:, :, None])  # 1 where i is above j
    wins = ((1 + above) / 2).sum(axis=0)
    return Labels((first / first.sum(axis=1, keepdims=True)).mean(axis=0), wins)


def places_in_ballots(rankings: Rankings, kinds: list[str]) -> np.ndarray:
    """(N, M) the place that each ballot gives each kind."""
    ((_, profiles),) = rankings.profiles()
    at = [rankings.responses(rankings.prompt_ids[0]).index(kind) for kind in kinds]
    return np.asarray(profiles.ranks)[at].T.astype(float)


def places_in_result(result: Aggregation, kinds: list[str]) -> np.ndarray:
    """(N, M) the place that each collective ranking gives each kind."""
    ranks = result.response_ranks.reshape(len(result), len(kinds)).astype(float)
    at = [result.response_ids[: len(kinds)].index(kind) for kind in kinds]
    return np.asarray(ranks[:, at])
