"""Sensitivity to the order in which a sequential rule decides the prompts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing._tallies import tally
from rlchf.auditing.agreement import agreements
from rlchf.auditing.groups import Grouping, Groups
from rlchf.numeric.segments import ranges
from rlchf.rankings import Rankings

MEASURES = ("pairs", "contested", "first_place")


@dataclass(frozen=True)
class Spread:
    """A measure over shuffles of the prompts.

    Attributes
    ----------
    name
        ``"all"``, a group, or ``"prompts changed"``: the share of the prompts whose collective
        ranking differs from that in the input's order.
    measure
        As in `Agreement`.
    input
        The measure in the input's order.
    mean, deviation, lowest, highest
        Mean, standard deviation, minimum and maximum over the shuffles.
    """

    name: str
    measure: str
    input: float
    mean: float
    deviation: float
    lowest: float
    highest: float


def spread(
    rankings: Rankings,
    rule: str | Callable[..., Any],
    shuffles: int = 10,
    *,
    seed: int = 0,
    groups: Groups | None = None,
    **options: Any,
) -> list[Spread]:
    """Aggregate with the prompts in shuffled orders, and measure how far the shares differ.

    Parameters
    ----------
    rule, options
        As in `aggregate`.
    shuffles
        Number of shuffled orders.
    groups
        As in `audit`.

    Examples
    --------
    >>> ballots = [(p, name, "a > b" if name < "d" else "b > a") for p in range(5) for name in "abcde"]
    >>> groups = {name: "many" if name < "d" else "few" for name in "abcde"}
    >>> rows = spread(Rankings.from_ballots(ballots), "perpetual_pav", 3, groups=groups)
    >>> [(r.name, round(r.mean, 3), round(r.deviation, 3)) for r in rows if r.measure == "contested"]
    [('all', 0.52, 0.0), ('few', 0.4, 0.0), ('many', 0.6, 0.0)]
    """
    return shuffled(rankings, partial(aggregate, rule=rule, **options), shuffles, seed, groups)


def shuffled(
    rankings: Rankings,
    run: Callable[[Rankings], Aggregation],
    shuffles: int,
    seed: int,
    groups: Groups | None,
    tick: Callable[[int, int], object] | None = None,
) -> list[Spread]:
    """The spread of a function that makes collective rankings; ``tick`` is told of every shuffle."""
    if shuffles < 1:
        raise ValueError(f"shuffles is {shuffles}; give 1 or more")
    groupings = [Grouping.everybody(rankings), *Grouping.each(rankings, groups)]
    rng, P = np.random.default_rng(seed), rankings.n_prompts

    def measured(order: np.ndarray) -> tuple[dict[tuple[str, str], float], np.ndarray]:
        """The measures, and the responses' ranks in the order of the input."""
        reordered = rankings.subset(order)
        result = run(reordered)
        tallies = tally(reordered, result)
        rows = (row for grouping in groupings for row in agreements(tallies, grouping))
        measures = {(row.name, m): getattr(row, m) for row in rows for m in MEASURES}
        ranks = np.empty(len(rankings.response_ids), np.int64)
        sizes = np.diff(rankings.response_starts)[order]
        ranks[ranges(rankings.response_starts[order], sizes)] = result.response_ranks
        return measures, ranks

    base, usual = measured(np.arange(P))
    tried, changed = [], []
    for n in range(shuffles):
        if tick:
            tick(n, shuffles)
        measures, ranks = measured(rng.permutation(P))
        tried.append(measures)
        differs = np.add.reduceat(ranks != usual, rankings.response_starts[:-1]) > 0
        changed.append(float(differs.mean()))
    rows = [_spread(*key, base[key], [measures[key] for measures in tried]) for key in base]
    return [*rows, _spread("prompts changed", "ranking", 0.0, changed)]


def _spread(name: str, measure: str, usual: float, values: list[float]) -> Spread:
    v = np.array(values)
    summary = float(v.mean()), float(v.std()), float(v.min()), float(v.max())
    return Spread(name, measure, usual, *summary)
