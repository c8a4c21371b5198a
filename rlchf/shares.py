"""The share of a trait, from the ballots to the text that the final model writes.

A trait is anything that a function can tell of a text, such as "contains an emoji". Its share is
followed through the stages: what the annotators put first, what the collective rankings put first,
what the reward model prefers on prompts it has not seen, and what the policy writes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from rlchf.preferences import Example
from rlchf.rankings import Rankings

Trait = Callable[[str], bool]


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval.

    Attributes
    ----------
    stage
        Where it was measured.
    measure
        What was counted.
    share
        From 0 to 1.
    low, high
        Wilson's 95 % interval for ``n`` independent trials.
    n
        How many were counted.
    """

    stage: str
    measure: str
    share: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, stage: str, measure: str, hits: Iterable[float]) -> "Share":
        """The mean of values from 0 to 1 (a tie counts in part).

        Examples
        --------
        >>> share = Share.of("policy", "texts", [1, 0, 1, 1])
        >>> share.share, round(share.low, 3), round(share.high, 3), share.n
        (0.75, 0.301, 0.954, 4)
        """
        values = np.fromiter(hits, dtype=float)
        n, p = len(values), float(values.mean()) if len(values) else float("nan")
        z = NormalDist().inv_cdf(0.975)
        centre = (p + z * z / (2 * n)) / (1 + z * z / n) if n else p
        half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 if n else p
        low, high = (
            max(0.0, min(centre - half, p)),
            min(1.0, max(centre + half, p)),
        )  # but for rounding
        return cls(stage, measure, p, low, high, n)


FIRST = "first places"
PAIRS = "mixed pairs"
TEXTS = "texts"


def of_ballots(rankings: Rankings, examples: Sequence[Example], trait: Trait) -> list[Share]:
    """How often the ballots put the trait first, and above its absence in pairs that differ in it."""
    traits = [[trait(text) for text in example.responses] for example in examples]
    first: list[float] = []
    pairs: list[float] = []
    for p, has in enumerate(traits):
        for column in rankings.batch(np.array([p])).ranks.T:  # one ballot, (M,)
            named = np.flatnonzero(column)
            here = np.array(has)[named]
            first.append(_first(column[named], here))
            pairs += _pairs(column[named], here)
    return [Share.of("ballots", FIRST, first), Share.of("ballots", PAIRS, pairs)]


def of_rankings(stage: str, examples: Sequence[Example], trait: Trait) -> list[Share]:
    """The same of the examples' collective rankings."""
    return _of_orders(stage, [np.array(example.ranks) for example in examples], examples, trait)


def of_scores(
    stage: str, scores: Sequence[np.ndarray], examples: Sequence[Example], trait: Trait
) -> list[Share]:
    """The same of the order that scores give to the examples' responses; higher is better."""
    orders = [np.unique(-np.asarray(s), return_inverse=True)[1] for s in scores]
    return _of_orders(stage, orders, examples, trait)


def of_texts(stage: str, texts: Sequence[str], trait: Trait) -> Share:
    """The share of texts that have the trait."""
    return Share.of(stage, TEXTS, (float(trait(text)) for text in texts))


def _of_orders(
    stage: str, orders: Sequence[np.ndarray], examples: Sequence[Example], trait: Trait
) -> list[Share]:
    traits = [np.array([trait(text) for text in example.responses]) for example in examples]
    first = [_first(order, has) for order, has in zip(orders, traits, strict=True)]
    pairs = [hit for order, has in zip(orders, traits, strict=True) for hit in _pairs(order, has)]
    return [Share.of(stage, FIRST, first), Share.of(stage, PAIRS, pairs)]


def _first(ranks: np.ndarray, has: np.ndarray) -> float:
    return float(has[ranks == ranks.min()].mean())


def _pairs(ranks: np.ndarray, has: np.ndarray) -> list[float]:
    """For each pair of which one has the trait: 1 if that one is above, 1/2 if they are tied."""
    gaps = ranks[~has][None, :] - ranks[has][:, None]
    return [float(value) for value in ((np.sign(gaps) + 1) / 2).ravel()]
