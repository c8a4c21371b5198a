"""Bootstrap intervals of shares of agreement, over annotators and prompts."""

from dataclasses import dataclass

import numpy as np

from rlchf.auditing._tallies import Tallies
from rlchf.auditing.groups import Grouping
from rlchf.numeric.ratios import ratio

BLOCK = 5_000  # prompts at a time
LEAST = 40  # replicates: with fewer, 2.5 % of them are less than one
MEASURES = ("pairs", "contested", "first_place", "representation_ratio")


@dataclass(frozen=True)
class Interval:
    """A 95 % interval.

    Attributes
    ----------
    name
        The group, or ``"all"``.
    measure
        A field of `Agreement`, one of ``MEASURES``.
    low, high
        The 2.5 % and 97.5 % quantiles over the replicates.
    """

    name: str
    measure: str
    low: float
    high: float


def check_replicates(replicates: int) -> None:
    """Refuse replicates that are too few for an interval; 0 stands for no intervals."""
    if replicates < LEAST and replicates != 0:
        raise ValueError(
            f"bootstrap is {replicates}; give 0 for no intervals, or {LEAST} or more for 95 % intervals"
        )


def bootstrap(
    tallies: Tallies, grouping: Grouping, replicates: int = 200, seed: int = 0
) -> list[Interval]:
    """Resample annotators and prompts, both with replacement, and measure again.

    In a replicate, a ballot counts as often as its annotator was drawn times as often as its prompt was
    drawn. The contested pairs and the groups' shares of the weight of a prompt stay as they are. A
    replicate in which a group has no annotator does not count for that group.

    References
    ----------
    A. B. Owen, "The pigeonhole bootstrap", 2007.
    """
    from scipy.sparse import csr_array

    check_replicates(replicates)
    rng = np.random.default_rng(seed)
    A, G, P = len(grouping.owners), len(grouping.names), tallies.n_prompts
    annotators = rng.multinomial(A, np.full(A, 1 / A), size=replicates).T.astype(float)  # (A, B)
    group = grouping.owners[tallies.annotators]
    columns = _columns(tallies, group, G)  # (8, N)
    sums = np.zeros((G, len(columns), replicates))
    drawn = rng.multinomial(P, np.full(P, 1 / P), size=replicates)
    starts = np.searchsorted(tallies.prompts, np.arange(0, P + BLOCK, BLOCK))
    for block, begin in enumerate(range(0, P, BLOCK)):
        start, end = int(starts[block]), int(starts[block + 1])
        times = drawn[:, begin : begin + BLOCK].T.astype(np.float64)  # (prompts, B)
        for g in range(G):
            ballots = np.flatnonzero(group[start:end] == g) + start
            cells = (tallies.prompts[ballots] - begin, tallies.annotators[ballots])
            for c, column in enumerate(columns):
                table = csr_array((column[ballots], cells), shape=(len(times), A))
                sums[g, c] += np.einsum("pb,pb->b", table @ annotators, times)
    intervals = []
    for name, group_sums in zip(grouping.names, sums, strict=True):
        for measure, part, whole in zip(MEASURES, group_sums[::2], group_sums[1::2], strict=True):
            values = ratio(part, whole)
            known = values[~np.isnan(values)]
            low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
            intervals.append(Interval(name, measure, float(low), float(high)))
    return intervals


def _columns(tallies: Tallies, group: np.ndarray, n_groups: int) -> np.ndarray:
    """(8, N) the terms of each ballot in the sums of part and whole of each measure."""
    t, w = tallies, tallies.weights
    keys = t.prompts * (n_groups + 1) + group + 1
    of_group = np.bincount(keys, w, t.n_prompts * (n_groups + 1))[keys]  # weight on the prompt
    received = ratio(w, of_group, 0.0) * t.contested_agreed
    deserved = ratio(w, t.totals()[t.prompts], 0.0) * t.contested
    pairs = [w * t.agreed, w * t.stated]
    contested = [w * t.contested_agreed, w * t.contested]
    return np.stack([*pairs, *contested, w * t.first_place, w, received, deserved])
