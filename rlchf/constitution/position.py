"""Position bias: how much a judge prefers a response for the place where it is shown."""

from dataclasses import dataclass

import numpy as np

from rlchf.constitution.judgements import Judgements
from rlchf.evaluation.intervals import Figure, Sums, figures
from rlchf.numeric.ratios import ratio


@dataclass(frozen=True)
class PositionBias:
    """Position bias of the judge about one principle, or about all.

    Attributes
    ----------
    name
        The principle, or ``"all"``.
    bias
        Mean of ``(shown first - shown second) / 2``, half of the difference that the place makes to the
        probability of a response, with a 95 % bootstrap interval over prompts. Above 0 the judge prefers
        what is shown first.
    flips
        Share of the pairs asked in both orders whose preferred response changes with the order.
    both_orders, one_order
        Number of judgements with both orders, and with one.
    remaining
        The bias that the soft labels still have. Averaging both orders cancels it; of judgements with one
        order, half of the difference between the mean labels of the two orders remains, in proportion to
        their number. NaN where only one of the two orders was ever asked.
    """

    name: str
    bias: Figure
    flips: Figure
    both_orders: int
    one_order: int
    remaining: float


def position_bias(
    judgements: Judgements, replicates: int = 200, seed: int = 0
) -> list[PositionBias]:
    """The position bias about all principles, then about each.

    Examples
    --------
    >>> from rlchf.constitution.judgements import Judgement
    >>> rows = [Judgement("p", "kind", "a", "b", 0.5, 1.0, shown_first=0.75, shown_second=0.25)]
    >>> found = position_bias(Judgements.of(rows))[0]
    >>> found.bias.value, found.flips.value, found.remaining
    (0.25, 1.0, 0.0)
    """
    first, second = judgements.shown_first, judgements.shown_second
    both = ~np.isnan(first) & ~np.isnan(second)
    K = len(judgements.principles)
    names = ["all", *judgements.principles]
    units = judgements.row_prompts[both]
    rows = np.concatenate([np.zeros(both.sum(), np.int64), judgements.row_principles[both] + 1])
    ones = np.ones(2 * len(units))

    def sums(values: np.ndarray) -> Sums:
        return Sums(names, rows, np.tile(units, 2), np.tile(values, 2), ones)

    f, s = first[both], second[both]
    families = [sums((f - s) / 2), sums(((f - 0.5) * (s - 0.5) < 0).astype(float))]
    biases, flips = figures(families, len(judgements.prompts), replicates, seed)
    owners = np.concatenate([np.zeros(len(first), np.int64), judgements.row_principles + 1])
    counts = np.bincount(owners, np.tile(both, 2), K + 1).astype(int).tolist()
    asked = np.bincount(owners, np.tile(~np.isnan(first) ^ ~np.isnan(second), 2), K + 1)
    remaining = _remaining(owners, np.tile(first, 2), np.tile(second, 2), K + 1)
    columns = zip(
        names, biases, flips, counts, asked.astype(int).tolist(), remaining.tolist(), strict=True
    )
    return [PositionBias(*row) for row in columns]


def _remaining(owners: np.ndarray, first: np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    """(n,) the bias left in the soft labels of each owner."""
    only = [~np.isnan(first) & np.isnan(second), np.isnan(first) & ~np.isnan(second)]
    counts = [np.bincount(owners, one, n) for one in only]
    means = [
        ratio(np.bincount(owners[one], values[one], n), count)
        for one, values, count in zip(only, (first, second), counts, strict=True)
    ]
    single = counts[0] + counts[1]
    both = np.bincount(owners, ~np.isnan(first) & ~np.isnan(second), n)
    part = ratio(single, single + both, 0.0)
    return np.where(single > 0, part * (means[0] - means[1]) / 2, np.where(both > 0, 0.0, np.nan))
