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
        for annotator, taste in enumerate(tastes):
            ranking: list[list[object]] = [[taste], [kind for kind in kinds if kind != taste]]
            if rng.random() < noise:
                ranking = [[kind] for kind in rng.permutation(kinds).tolist()]
            rows.append((prompt, annotator, ranking))
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


def labels_of(ranks: np.ndarray) -> Labels:
    """Labels of (N, M) ranks, of which 1 is best; ties are divided."""
    first = ranks == ranks.min(axis=1, keepdims=True)
    above = np.sign(ranks[:, None, :] - ranks[:, :, None])  # 1 where i is above j
    wins = ((1 + above) / 2).sum(axis=0)
    return Labels((first / first.sum(axis=1, keepdims=True)).mean(axis=0), wins)


def ranks_in_ballots(rankings: Rankings, kinds: list[str]) -> np.ndarray:
    """(N, M) rank of each kind in each ballot."""
    ((_, profiles),) = rankings.profiles()
    responses = rankings.responses(rankings.prompt_ids[0])
    rows = [responses.index(kind) for kind in kinds]
    return np.asarray(profiles.ranks)[rows].T.astype(float)


def ranks_in_result(result: Aggregation, kinds: list[str]) -> np.ndarray:
    """(N, M) rank of each kind in each collective ranking."""
    ranks = result.response_ranks.reshape(len(result), len(kinds)).astype(float)
    columns = [result.response_ids[: len(kinds)].index(kind) for kind in kinds]
    return np.asarray(ranks[:, columns])
