"""You want X: take Y. Which rules this dataset supports for which aim, and how far.

Rules that leave many pairs tied are named for no aim: a tie counts 1/2 wherever shares of pairs are measured,
so that a rule that ties everything would serve each group with 0.5, and give halves of the people one order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rlchf.auditing.estimates import Estimate, interval
from rlchf.comparison.estimates import tied_with_best
from rlchf.comparison.gains import Gains, RuleGains
from rlchf.comparison.halves import CAVEAT, Consistency, Halves
from rlchf.comparison.paired import tied
from rlchf.comparison.rules import KNOWN
from rlchf.comparison.stability import RuleStability, Stability
from rlchf.comparison.ties import Ties
from rlchf.display import counted, listed
from rlchf.rankings import Rankings
from rlchf.rules import default_ties, get_rule

BREAKS_TIES = (
    "It breaks ties by the order of the responses, which keeps first places that other rules tie."
)


AGREEMENT = "the highest average agreement"
LEAST = "the least satisfied group to be best off"
SHARES = "each group to get its share of the contested pairs"
STABLE = "the first place that is most stable"
CONSISTENT = "the same order from either half of the people"
"""The aims."""
NOT_OPPOSED = (
    "no rule is named, because no group is opposed to the others, so that its share in proportion to its "
    "weight is not measured; a group is opposed if, beyond chance, it agrees with the ranking of everybody "
    "else on less than half of the contested pairs and on less than its weight"
)
"""Why no rule is named for the aim of shares in proportion."""
TOO_FEW = "no rule is named, because fewer than two of the rules order nearly all pairs"


@dataclass(frozen=True)
class Recommendation:
    """A rule for an aim.

    Attributes
    ----------
    aim
        What is wanted.
    rule
        The rule with the best figure, or the best-known one of those that are tied with it; empty if none
        can be named.
    figure
        The figure in words; the reason, if no rule can be named.
    tied_with
        Rules that are not told apart from it beyond chance.
    worse
        Rules that are worse beyond chance.
    caveat
        What the figure does not say; empty if nothing needs to be said.
    left_out
        Rules that were not compared because they leave many pairs tied, with the share of the pairs that a
        majority decides.
    """

    aim: str
    rule: str
    figure: str
    tied_with: list[str]
    worse: list[str]
    caveat: str = ""
    left_out: dict[str, float] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The recommendation in words.

        Examples
        --------
        >>> Recommendation("the same result", "borda", "it stays in 0.9", ["kemeny"], []).sentence
        'You want the same result: on this file the 2 rules do not differ in this beyond chance, so it is
        no reason to prefer one. For borda: it stays in 0.9. The others: kemeny.'
        >>> Recommendation("the same result", "borda", "it stays in 0.9", ["kemeny"], ["veto"]).sentence
        'You want the same result: take borda (it stays in 0.9) or kemeny, which does not differ from it in
        this beyond chance; 1 rule is worse.'
        """
        more = f" {self.caveat}" * bool(self.caveat) + f" {self._left_out}" * bool(self.left_out)
        return f"You want {self.aim}: {self._choice}.{more}"

    @property
    def _choice(self) -> str:
        number = 1 + len(self.tied_with)
        names = listed(self.tied_with, len(self.tied_with))
        if not self.rule:
            return self.figure
        if not self.tied_with:
            return f"take {self.rule} ({self.figure}); no other rule is tied with it"
        if not self.worse:
            return (
                f"on this file the {number} rules do not differ in this beyond chance, so it is no reason to "
                f"prefer one. For {self.rule}: {self.figure}. The others: {names}"
            )
        worse = (
            f"{counted(len(self.worse), 'rule')} {'is' if len(self.worse) == 1 else 'are'} worse"
        )
        if number == 2:
            return (
                f"take {self.rule} ({self.figure}) or {names}, which does not differ from it in this beyond "
                f"chance; {worse}"
            )
        return (
            f"on this file {number} rules do not differ in this beyond chance, and {worse}. Take one of the "
            f"{number}, such as {self.rule} ({self.figure}). The others: {names}"
        )

    @property
    def _left_out(self) -> str:
        names = [
            f"{rule} ({share:.0%})".replace("%", " %") for rule, share in self.left_out.items()
        ]
        return f"Not compared, because of the share of pairs left tied: {listed(names)}."


def recommend(
    rankings: Rankings,
    ties: Ties,
    gains: Gains | None,
    stability: Stability | None,
    halves: Halves | None,
    strata: np.ndarray | None = None,
) -> list[Recommendation]:
    """Name the best rule for each aim that was measured, and those that it is tied with.

    Parameters
    ----------
    ties
        The share of the pairs that each rule leaves tied; rules that leave many tied are not compared.
    strata
        (A,) the group of each annotator, whose sizes are taken as given.
    """
    left_out = ties.many
    found: list[Recommendation | None] = []
    measured = [row for row in gains.rules if row.again] if gains and gains.folds else []
    rows = [row for row in measured if row.rule not in left_out]
    if len(rows) > 1:
        found += [_agreement(rankings, rows, strata), _least(rankings, rows, strata), _shares(rows)]
    elif len(measured) > 1:
        found.append(Recommendation(AGREEMENT, "", TOO_FEW, [], []))
    stable = [row for row in stability.rules if row.rule not in left_out] if stability else []
    if len(stable) > 1:
        found.append(_stable(stable))
    consistent = [row for row in halves.rules if row.rule not in left_out] if halves else []
    if len(consistent) > 1:
        found.append(_consistent(consistent))
    named = [one for one in found if one is not None]
    return [one if one.figure == NOT_OPPOSED else replace(one, left_out=left_out) for one in named]


def most_stable(rows: Sequence[RuleStability]) -> RuleStability:
    """The rule whose first place is most stable; of equal ones the best-known."""
    return max(rows, key=lambda row: (row.mean_first.value, _known(row.rule)))


def _known(rule: str) -> int:
    """How well known a rule is; 0 if few have heard of it."""
    return len(KNOWN) - KNOWN.index(rule) if rule in KNOWN else 0


def _recommendation(
    aim: str,
    best: str,
    others: Sequence[str],
    figures: Mapping[str, str],
    caveats: Mapping[str, str] | None = None,
) -> Recommendation:
    """The best-known one of the rules that are tied with the best, with its figure."""
    alike = [best, *others]
    rule = max(alike, key=_known)
    figure = figures[rule]
    if rule != best:
        figure += f"; the best figure is that of {best}, which is not better beyond chance"
    return Recommendation(
        aim,
        rule,
        figure,
        sorted((one for one in alike if one != rule), key=_known, reverse=True),
        [name for name in figures if name not in alike],
        (caveats or {}).get(rule, ""),
    )


def _agreement(
    rankings: Rankings, rows: Sequence[RuleGains], strata: np.ndarray | None
) -> Recommendation | None:
    rows = [row for row in rows if not np.isnan(row.mean.value)]
    if len(rows) < 2:
        return None
    best, others = tied(rankings, {row.rule: row.mean for row in rows}, strata)
    figures = {
        row.rule: f"it agrees with {interval(row.pairs)} of the pairs on the ballots of people left out of it"
        for row in rows
    }
    return _recommendation(AGREEMENT, best, others, figures)


def _least(
    rankings: Rankings, rows: Sequence[RuleGains], strata: np.ndarray | None
) -> Recommendation | None:
    least = {row.rule: row.least for row in rows if row.least is not None}
    if len(least) < 2:
        return None
    best, others = tied(rankings, least, strata)
    figures = {}
    for row in rows:
        if row.rule in least:
            name = least[row.rule].name
            share = next(group.contested for group in row.groups if group.name == name)
            figures[row.rule] = (
                f"its least satisfied group, {name}, agrees on {interval(share)} of the contested pairs"
            )
    return _recommendation(LEAST, best, others, figures)


def _shares(rows: Sequence[RuleGains]) -> Recommendation | None:
    """The rule whose group with the lowest representation ratio has the highest one, by the intervals."""
    if not rows[0].groups:
        return None
    lowest: dict[str, tuple[str, Estimate]] = {}
    for row in rows:
        known = [g for g in row.groups if not np.isnan(g.representation_ratio.value)]
        if known:
            least = min(known, key=lambda group: group.representation_ratio.value)
            lowest[row.rule] = least.name, least.representation_ratio
    if len(lowest) < 2:
        return Recommendation(SHARES, "", NOT_OPPOSED, [], [])
    best = max(lowest, key=lambda rule: lowest[rule][1].value)
    floor = lowest[best][1].low
    others = [
        rule
        for rule, (_, ratio) in lowest.items()
        if rule != best and (np.isnan(floor) or np.isnan(ratio.high) or ratio.high >= floor)
    ]
    figures = {
        rule: f"the lowest representation ratio among opposed groups is that of {group}, {interval(ratio)}; "
        "1 is a share in proportion to its weight"
        for rule, (group, ratio) in lowest.items()
    }
    caveat = (
        "Rules whose intervals overlap count as tied. Shares of the first places are another measure: see "
        "rlchf audit RANKINGS AGGREGATED --responses LABELS --label COLUMN."
    )
    return _recommendation(SHARES, best, others, figures, dict.fromkeys(lowest, caveat))


def _stable(rows: Sequence[RuleStability]) -> Recommendation:
    best, others = tied_with_best({row.rule: row.first for row in rows}, most_stable(rows).rule)
    figures = {
        row.rule: f"its first place is the same in {interval(row.mean_first)} of the resamples"
        for row in rows
    }
    caveats = {rule: BREAKS_TIES for rule in figures if default_ties(get_rule(rule))}
    return _recommendation(STABLE, best, others, figures, caveats)


def _consistent(rows: Sequence[Consistency]) -> Recommendation:
    best, others = tied_with_best({row.rule: row.order for row in rows})
    figures = {
        row.rule: f"the orders of two halves of the people are alike by {interval(row.mean_order)}"
        for row in rows
    }
    return _recommendation(CONSISTENT, best, others, figures, dict.fromkeys(figures, CAVEAT))
