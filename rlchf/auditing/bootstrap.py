"""Bootstrap intervals of shares of agreement, over annotators and prompts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing._tallies import Tallies
from rlchf.auditing.agreement import share

BLOCK = 5_000  # prompts at a time
LEAST = 40  # replicates: with fewer, 2.5 % of them are less than one


@dataclass(frozen=True)
class Interval:
    """A 95 % interval.

    Attributes
    ----------
    name
        The group, or ``"all"``.
    measure
        A field of `Agreement`: pairs, contested, first_place or representation_ratio.
    low, high
        The 2.5 % and 97.5 % quantiles over the replicates.
    """

    name: str
    measure: str
    low: float
    high: float


def check_replicates(replicates: int) -> None:
    """Refuse replicates that are too few for an interval; 0 is for none."""
    if replicates < LEAST and replicates != 0:
        raise ValueError(
            f"bootstrap is {replicates}; give 0 for no intervals, or {LEAST} or more for 95 % intervals"
        )


def bootstrap(
    tallies: Tallies,
    owners: np.ndarray,
    names: Sequence[str],
    n_prompts: int,
    replicates: int = 200,
    seed: int = 0,
) -> list[Interval]:
    """Resample annotators and prompts, both with replacement, and measure again.

    In a replicate, a ballot counts as often as its annotator was drawn times as often as its prompt was
    drawn. The contested pairs and the groups' shares of the weight of a prompt stay as they are. A
    replicate in which a group has no annotator does not count for that group.

    Parameters
    ----------
    owners
        (A,) the group of each annotator, -1 for none.

    References
    ----------
    A. B. Owen, "The pigeonhole bootstrap", 2007.
    """
    from scipy.sparse import csr_array

    check_replicates(replicates)
    rng = np.random.default_rng(seed)
    A, G = len(owners), len(names)
    annotators = rng.multinomial(A, np.full(A, 1 / A), size=replicates).T.astype(
        np.float64
    )  # (A, B)
    group = owners[tallies.annotators]
    columns = _columns(tallies, group, G, n_prompts)  # (8, N)
    sums = np.zeros((G, len(columns), replicates))
    drawn = rng.multinomial(n_prompts, np.full(n_prompts, 1 / n_prompts), size=replicates)
    starts = np.searchsorted(tallies.prompts, np.arange(0, n_prompts + BLOCK, BLOCK))
    for block, begin in enumerate(range(0, n_prompts, BLOCK)):
        start, end = int(starts[block]), int(starts[block + 1])
        times = drawn[:, begin : begin + BLOCK].T.astype(np.float64)  # (prompts, B)
        for g in range(G):
            ballots = np.flatnonzero(group[start:end] == g) + start
            cells = (tallies.prompts[ballots] - begin, tallies.annotators[ballots])
            for c, column in enumerate(columns):
                table = csr_array((column[ballots], cells), shape=(len(times), A))
                sums[g, c] += np.einsum("pb,pb->b", table @ annotators, times)
    intervals = []
    for g, name in enumerate(names):
        agreed, stated, contested_agreed, contested, first_place, weight, received, deserved = sums[
            g
        ]
        for measure, part, whole in (
            ("pairs", agreed, stated),
            ("contested", contested_agreed, contested),
            ("first_place", first_place, weight),
            ("representation_ratio", received, deserved),
        ):
            values: np.ndarray = share(part, whole)
            known = values[~np.isnan(values)]
            low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
            intervals.append(Interval(name, measure, float(low), float(high)))
    return intervals


def _columns(tallies: Tallies, group: np.ndarray, n_groups: int, n_prompts: int) -> np.ndarray:
    """(8, N) the terms of each ballot in each sum."""
    t, w = tallies, tallies.weights
    keys = t.prompts * (n_groups + 1) + group + 1
    of_group = np.bincount(keys, w, n_prompts * (n_groups + 1))[keys]  # weight on the prompt
    part = np.divide(w, of_group, out=np.zeros(len(w)), where=of_group > 0)
    total = t.totals(n_prompts)[t.prompts]
    deserved = np.divide(w, total, out=np.zeros(len(w)), where=total > 0) * t.contested
    return np.stack(
        [
            w * t.agreed,
            w * t.stated,
            w * t.contested_agreed,
            w * t.contested,
            w * t.first_place,
            w,
            part * t.contested_agreed,
            deserved,
        ]
    )
