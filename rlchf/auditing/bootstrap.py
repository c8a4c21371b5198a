"""How sure the shares are, given that other annotators and other prompts might have been drawn."""

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
        As in `Agreement`: pairs, contested, top or ratio.
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
    """Draw annotators and prompts anew, both with replacement, and measure again.

    A ballot counts in a replicate as often as its annotator was drawn times as often as its prompt was.
    What is contested, and the groups' shares of the weight of a prompt, stay as they are. A group
    without anybody in a replicate is left out of it.

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
    people = rng.multinomial(A, np.full(A, 1 / A), size=replicates).T.astype(np.float64)  # (A, B)
    group = owners[tallies.annotators]
    columns = _columns(tallies, group, G, n_prompts)  # (7, N)
    sums = np.zeros((G, len(columns), replicates))
    drawn = rng.multinomial(n_prompts, np.full(n_prompts, 1 / n_prompts), size=replicates)
    starts = np.searchsorted(tallies.prompts, np.arange(0, n_prompts + BLOCK, BLOCK))
    for block, begin in enumerate(range(0, n_prompts, BLOCK)):
        at = slice(int(starts[block]), int(starts[block + 1]))
        times = drawn[:, begin : begin + BLOCK].T.astype(np.float64)  # (prompts, B)
        for g in range(G):
            mine = np.flatnonzero(group[at] == g) + at.start
            where = (tallies.prompts[mine] - begin, tallies.annotators[mine])
            for c, column in enumerate(columns):
                table = csr_array((column[mine], where), shape=(len(times), A))
                sums[g, c] += np.einsum("pb,pb->b", table @ people, times)
    found = []
    for g, name in enumerate(names):
        agreed, stated, contested_agreed, contested, top, weight, got, due = sums[g]
        for measure, part, whole in (
            ("pairs", agreed, stated),
            ("contested", contested_agreed, contested),
            ("top", top, weight),
            ("ratio", got, due),
        ):
            values: np.ndarray = share(part, whole)
            known = values[~np.isnan(values)]
            low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
            found.append(Interval(name, measure, float(low), float(high)))
    return found


def _columns(tallies: Tallies, group: np.ndarray, n_groups: int, n_prompts: int) -> np.ndarray:
    """(8, N) what each ballot adds to each sum."""
    t, w = tallies, tallies.weights
    keys = t.prompts * (n_groups + 1) + group + 1
    mine = np.bincount(keys, w, n_prompts * (n_groups + 1))[
        keys
    ]  # weight of the ballot's group there
    part = np.divide(w, mine, out=np.zeros(len(w)), where=mine > 0)
    total = t.totals(n_prompts)[t.prompts]
    due = np.divide(w, total, out=np.zeros(len(w)), where=total > 0) * t.contested
    return np.stack(
        [
            w * t.agreed, w * t.stated, w * t.contested_agreed, w * t.contested,
            w * t.top, w, part * t.contested_agreed, due,
        ]
    )  # fmt: skip
