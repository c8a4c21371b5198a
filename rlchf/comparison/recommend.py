"""You want X: take Y. Which rules this dataset supports for which aim, and how far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing.estimates import Estimate
from rlchf.comparison.estimates import listed, tied_with_best
from rlchf.comparison.gains import Gains, RuleGains
from rlchf.comparison.halves import CAVEAT, Halves
from rlchf.comparison.paired import tied
from rlchf.comparison.stability import Stability
from rlchf.rankings import Rankings
from rlchf.rules import default_ties, get_rule

BREAKS_TIES = (
    "It breaks ties by the order of the responses, which keeps first places that other rules tie."
)


@dataclass(frozen=True)
class Recommendation:
    """A rule for an aim.

    Attributes
    ----------
    aim
        What is wanted.
    rule
        The rule with the best figure.
    figure
        The figure in words.
    tied_with
        Rules that are not worse beyond chance.
    worse
        Rules that are worse beyond chance.
    caveat
        What the figure does not say; empty if nothing needs to be said.
    """

    aim: str
    rule: str
    figure: str
    tied_with: list[str]
    worse: list[str]
    caveat: str = ""

    @property
    def sentence(self) -> str:
        """The recommendation in words.

        Examples
        --------
        >>> Recommendation("the most stable result", "borda", "it stays in 0.9", ["kemeny"], []).sentence
        'You want the most stable result: borda has the best figure (it stays in 0.9), and all other rules are
        tied with it, so this is no reason to prefer one.'
        """
        lead = f"You want {self.aim}: "
        caveat = f" {self.caveat}" if self.caveat else ""
        if not self.worse:
            return (
                f"{lead}{self.rule} has the best figure ({self.figure}), and all other rules are tied with "
                f"it, so this is no reason to prefer one.{caveat}"
            )
        if not self.tied_with:
            return f"{lead}take {self.rule} ({self.figure}); no other rule is tied with it.{caveat}"
        return (
            f"{lead}take {self.rule} ({self.figure}), tied with {listed(self.tied_with)}.{caveat}"
        )


def recommend(
    rankings: Rankings,
    gains: Gains | None,
    stability: Stability | None,
    halves: Halves | None,
    strata: np.ndarray | None = None,
) -> list[Recommendation]:
    """Name the best rule for each aim that was measured, and those that it is tied with.

    Parameters
    ----------
    strata
        (A,) the group of each annotator, whose sizes are taken as given.
    """
    found: list[Recommendation | None] = []
    rows = [row for row in gains.rules if row.again] if gains and gains.folds else []
    if len(rows) > 1:
        found += [_agreement(rankings, rows, strata), _least(rankings, rows, strata), _shares(rows)]
    if stability and len(stability.rules) > 1:
        found.append(_stable(stability))
    if halves and len(halves.rules) > 1:
        found.append(_consistent(halves))
    return [one for one in found if one is not None]


def interval(one: Estimate, digits: int = 2) -> str:
    """An estimate in words.

    Examples
    --------
    >>> interval(Estimate(0.725, 0.71, 0.74)), interval(Estimate(0.5, float("nan"), float("nan")))
    ('0.72 (0.71 to 0.74)', '0.50')
    """
    text = f"{one.value:.{digits}f}"
    if np.isnan(one.low) or np.isinf(one.low):
        return text
    return f"{text} ({one.low:.{digits}f} to {one.high:.{digits}f})"


def _recommendation(
    aim: str, best: str, others: Sequence[str], names: Sequence[str], figure: str, caveat: str = ""
) -> Recommendation:
    worse = [name for name in names if name != best and name not in others]
    return Recommendation(aim, best, figure, list(others), worse, caveat)


def _agreement(
    rankings: Rankings, rows: Sequence[RuleGains], strata: np.ndarray | None
) -> Recommendation | None:
    figures = {row.rule: row.mean for row in rows if not np.isnan(row.mean.value)}
    if len(figures) < 2:
        return None
    best, others = tied(rankings, figures, strata)
    pairs = next(row.pairs for row in rows if row.rule == best)
    figure = (
        f"it agrees with {interval(pairs)} of the pairs on the ballots of people left out of it"
    )
    return _recommendation("the highest average agreement", best, others, list(figures), figure)


def _least(
    rankings: Rankings, rows: Sequence[RuleGains], strata: np.ndarray | None
) -> Recommendation | None:
    figures = {row.rule: row.least for row in rows if row.least is not None}
    if len(figures) < 2:
        return None
    best, others = tied(rankings, figures, strata)
    row = next(row for row in rows if row.rule == best)
    group = next(group for group in row.groups if group.name == figures[best].name)
    share = interval(group.contested)
    figure = f"its least satisfied group, {group.name}, agrees on {share} of the contested pairs"
    return _recommendation(
        "the least satisfied group to be best off", best, others, list(figures), figure
    )


def _shares(rows: Sequence[RuleGains]) -> Recommendation | None:
    """The rule whose group with the lowest representation ratio has the highest one, by the intervals."""
    lowest: dict[str, tuple[str, Estimate]] = {}
    for row in rows:
        known = [g for g in row.groups if not np.isnan(g.representation_ratio.value)]
        if known:
            least = min(known, key=lambda group: group.representation_ratio.value)
            lowest[row.rule] = least.name, least.representation_ratio
    if len(lowest) < 2:
        return None
    best = max(lowest, key=lambda rule: lowest[rule][1].value)
    floor = lowest[best][1].low
    others = [
        rule
        for rule, (_, ratio) in lowest.items()
        if rule != best and (np.isnan(floor) or np.isnan(ratio.high) or ratio.high >= floor)
    ]
    group, ratio = lowest[best]
    figure = (
        f"the lowest representation ratio among opposed groups is that of {group}, {interval(ratio)}; 1 is a "
        "share in proportion to its weight"
    )
    return _recommendation(
        "each group to get its share", best, others, list(lowest), figure,
        "Rules whose intervals overlap count as tied.",
    )  # fmt: skip


def _stable(stability: Stability) -> Recommendation:
    values = {row.rule: row.first for row in stability.rules}
    best, others = tied_with_best(values)
    row = next(row for row in stability.rules if row.rule == best)
    figure = f"its first place is the same in {interval(row.mean_first)} of the resamples"
    caveat = BREAKS_TIES if default_ties(get_rule(best)) else ""
    aim = "the first place that is most stable"
    return _recommendation(aim, best, others, list(values), figure, caveat)


def _consistent(halves: Halves) -> Recommendation:
    values = {row.rule: row.order for row in halves.rules}
    best, others = tied_with_best(values)
    row = next(row for row in halves.rules if row.rule == best)
    figure = f"the orders of two halves of the people are alike by {interval(row.mean_order)}"
    return _recommendation(
        "the same order from either half of the people", best, others, list(values), figure, CAVEAT
    )
