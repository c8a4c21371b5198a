"""How close and how cyclic the majorities are, whatever the outcome."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.rankings import Rankings
from rlchf.rules import get_rule


@dataclass(frozen=True)
class Margins:
    """Summary of the majorities on the prompts.

    Attributes
    ----------
    prompts
        Number of prompts.
    condorcet
        Share of the prompts with a Condorcet winner: a response that beats every other by majority.
    cycles
        Share of the prompts with a majority cycle.
    smith
        Number of prompts with a Smith set of each size.
    pairs
        Number of pairs of responses that a ballot compares.
    contested
        Share of these pairs about which two ballots disagree.
    tied
        Share of these pairs without a majority.
    closer
        Share of these pairs decided by less than x of the weight that compares them, for each x.
    """

    prompts: int
    condorcet: float
    cycles: float
    smith: dict[int, int]
    pairs: int
    contested: float
    tied: float
    closer: dict[str, float]


def margins(rankings: Rankings, closer: Sequence[float] = (0.1, 0.2, 0.5)) -> Margins:
    """Count majorities, cycles and close pairs over all prompts.

    Examples
    --------
    >>> cycle = [("p", "ann", "a > b > c"), ("p", "bob", "b > c > a"), ("p", "eve", "c > a > b")]
    >>> summary = margins(Rankings.from_ballots(cycle))
    >>> summary.condorcet, summary.cycles, summary.smith, summary.closer
    (0.0, 1.0, {3: 1}, {'0.1': 0.0, '0.2': 0.0, '0.5': 1.0})
    """
    smith: Counter[int] = Counter()
    winners = cycles = pairs = contested = tied = 0
    close = np.zeros(len(closer), np.int64)
    for _, profiles in rankings.profiles(small=True):
        M = profiles.n_responses
        upper = np.triu(np.ones((M, M), bool), 1)
        beats = profiles.margins > 0  # (B, M, M)
        winners += int((beats.sum(axis=2) == M - 1).any(axis=1).sum())
        cycles += int(cyclic(beats).sum())
        tiers = get_rule("smith")(profiles)
        smith.update((tiers == tiers.max(axis=1, keepdims=True)).sum(axis=1).tolist())
        margin = np.abs(profiles.margins[:, upper])  # (B, pairs)
        total = (profiles.wins + profiles.wins.transpose(0, 2, 1))[:, upper]
        compared = total > 0
        pairs += int(compared.sum())
        contested += int(profiles.contested[:, upper].sum())
        tied += int((compared & (margin == 0)).sum())
        close += [int((compared & (margin < x * total)).sum()) for x in closer]
    n = rankings.n_prompts

    def part(count: int) -> float:
        return count / pairs if pairs else float("nan")

    return Margins(
        prompts=n,
        condorcet=winners / n,
        cycles=cycles / n,
        smith=dict(sorted(smith.items())),
        pairs=pairs,
        contested=part(contested),
        tied=part(tied),
        closer={f"{x:g}": part(int(c)) for x, c in zip(closer, close, strict=True)},
    )


def cyclic(beats: np.ndarray) -> np.ndarray:
    """(B,) whether the relation has a cycle: some response remains after all sinks are removed."""
    remaining = np.ones(beats.shape[:2], dtype=bool)
    for _ in range(beats.shape[1]):
        sink = remaining & ~(beats & remaining[:, None, :]).any(axis=2)
        if not sink.any():
            break
        remaining &= ~sink
    return np.asarray(remaining.any(axis=1))
