"""Who loses under which rules, beyond chance, and what the rule that serves them best costs everybody."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rlchf.auditing.estimates import Estimate, interval
from rlchf.auditing.groups import Grouping
from rlchf.comparison.gains import Gains, GroupGain, RuleGains
from rlchf.comparison.paired import difference, share
from rlchf.display import counted, listed
from rlchf.rankings import Rankings

CHANCE = 0.025
"""Probability that any group at all is said to lose by chance."""
NAMED = 5
"""Rules or groups that a sentence names at most."""
USUAL = "kemeny"
"""The rule that others are compared with: it has the highest agreement there is on these ballots."""


@dataclass(frozen=True)
class Served:
    """How the rules serve a group: under which it loses, and which serves it best at what price.

    Every share is that of the contested pairs on the members' ballots that agree with the outcome.

    Attributes
    ----------
    group, annotators, weight
        Its name, number of members who have comparable ballots, and share of the weight.
    rules
        Number of rules with a figure.
    loses_under
        The rules whose outcome agrees with the group less than a random order does, beyond chance.
    in_proportion
        Of these, the rules that serve the group in proportion to its weight all the same, it being opposed to
        the others: its representation ratio has 1 in or below its interval.
    lowest_rule, lowest
        The rule that serves the group least, of those under which it loses if there are any, and its share.
    rule, share
        The rule that others are compared with, and its share.
    rest
        The lowest and highest share of the other groups under `told_rule`.
    best_rule, best_share
        The rule that serves the group best, and its share.
    random, others, own
        The share that agrees with a random order, with the ranking of everybody else, and with the ranking of
        the group's other members.
    gain, cost
        What the group gains if ``best_rule`` is taken instead of ``rule``, and what everybody loses of all
        pairs.
    """

    group: str
    annotators: int
    weight: float
    rules: int
    loses_under: list[str]
    in_proportion: list[str]
    lowest_rule: str
    lowest: Estimate
    rule: str
    share: Estimate
    rest: tuple[float, float]
    best_rule: str
    best_share: Estimate
    random: float
    others: Estimate
    own: Estimate
    gain: Estimate
    cost: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the sentences."""
        return asdict(self) | {"baselines": self.baselines, "price": self.price}

    @property
    def told_rule(self) -> str:
        """The rule whose figure the sentence gives: ``rule``, or the worst if it loses under others."""
        return _told(self.rule, self.lowest_rule, self.loses_under)

    @property
    def who(self) -> str:
        """The group and its size, in words."""
        weight = f"{100 * self.weight:.{0 if self.weight >= 0.0095 else 1}f} %"
        return f"{self.group} ({counted(self.annotators, 'member')}, {weight} of the weight)"

    @property
    def under(self) -> str:
        """The rules under which the group loses, in words."""
        number = len(self.loses_under)
        if number == self.rules:
            text = f"each of the {self.rules} rules" if number > 1 else self.loses_under[0]
        elif number <= NAMED:
            text = listed(self.loses_under)
        else:
            text = f"{number} of the {self.rules} rules"
        if not self.in_proportion:
            return text
        fair = listed(self.in_proportion, NAMED)
        return f"{text} (under {fair} it still gets a share in proportion to its weight)"

    @property
    def baselines(self) -> str:
        """What the group would get from a random order, from everybody else and from itself, in words."""
        low, high = self.rest
        span = f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
        rest = "" if np.isnan(low) else f"; the other groups get {span}"
        known = [
            ("the ranking of everybody else", self.others),
            ("their own ranking", self.own),
        ]
        more = [f"{name} on {interval(one)}" for name, one in known if not np.isnan(one.value)]
        return f"{listed([f'a random order would agree on {self.random:.2f}', *more])}{rest}"

    @property
    def priced(self) -> tuple[str, str, str] | None:
        """The group, the usual rule and the one that serves the group better; None if none does."""
        if self.best_rule == self.rule or not self.gain.low > 0:
            return None
        return self.group, self.rule, self.best_rule

    @property
    def price(self) -> str:
        """What the rule that serves the group best gives it, and what that costs everybody, in words."""
        instead = (
            f"{self.best_rule} gives {self.group} {interval(self.best_share)} of the pairs that people "
            f"disagree about instead of {self.share.value:.2f} under {self.rule}"
        )
        if self.best_rule == self.rule:
            if self.rules == 1:
                return ""
            return f"None of the {self.rules} rules serves {self.group} better than {self.rule}."
        if not self.gain.low > 0:
            return (
                f"No rule serves {self.group} better than {self.rule} beyond chance; the highest figure is "
                f"that of {self.best_rule}, {interval(self.best_share)} of the pairs that people disagree "
                f"about instead of {self.share.value:.2f}."
            )
        if not self.cost.low > 0:
            price = f"costs everybody nothing beyond chance ({interval(self.cost, 3)} of all pairs)"
        else:
            price = f"costs everybody {interval(self.cost, 3)} of all pairs"
        still = "" if self.best_share.value > self.random else ", still less than a random order"
        return f"The price: {instead}{still}, and {price}; no rule serves it better."


def who_loses(
    rankings: Rankings,
    gains: Gains,
    groupings: Sequence[Grouping],
    strata: np.ndarray | None = None,
) -> list[Served]:
    """The groups that lose under some rule beyond chance, the lowest share first; else the lowest group.

    With many groups and rules some intervals lie below a random order by chance. So intervals are wider here,
    by Bonferroni's correction for all groups and rules: by Student's distribution with as many degrees of
    freedom as the group has members beyond one.

    Parameters
    ----------
    groupings
        The divisions of the people that were measured, in order.
    strata
        (A,) the group of each annotator, whose sizes are taken as given.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "g" else "b > a") for p in range(10) for name in "abcdefghij"]
    >>> groups = {name: "many" if name < "g" else "few" for name in "abcdefghij"}
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> (few,) = rlchf.compare(rankings, "borda,perpetual_pav", groups, bootstrap=0, splits=0).served
    >>> few.group, few.loses_under, few.in_proportion
    ('few', ['borda', 'perpetual_pav'], ['perpetual_pav'])
    >>> few.best_rule, round(few.gain.value, 2), round(few.cost.value, 2)
    ('perpetual_pav', 0.4, 0.08)
    """
    rows = [row for row in gains.rules if row.again or not gains.folds]
    if not rows or not rows[0].groups:
        return []
    values = np.array(
        [[group.contested.value for group in row.groups] for row in rows]
    )  # (rules, G)
    known = [g for g in range(values.shape[1]) if not np.isnan(values[:, g]).any()]
    if not known:
        return []
    tests = len(known) * len(rows)
    losing = {g: [row.rule for row in rows if _loses(row.groups[g], tests)] for g in known}
    usual = _usual(rows)
    chosen = [g for g in known if losing[g]]
    if not chosen:
        enough = [g for g in known if rows[0].groups[g].annotators > 1] or known
        chosen = [min(enough, key=lambda g: float(values[usual, g]))]
    chosen.sort(key=lambda g: float(values[usual, g]))
    return [
        _served(rankings, rows, gains.stated, groupings, strata, g, usual, losing[g])
        for g in chosen
    ]


def lost_sentences(served: Sequence[Served]) -> list[str]:
    """Who loses under which rules, and at what price a rule serves them better; empty without groups."""
    if not served:
        return []
    first, more = served[0], [one for one in served[1:] if one.loses_under]
    told = first.share if first.told_rule == first.rule else first.lowest
    figure = (
        f"of the pairs that people disagree about, the outcome agrees with its members on "
        f"{interval(told)} under {first.told_rule}"
    )
    if not first.loses_under:
        lead = (
            "No group is served less than by a random order beyond chance, whatever the rule. The lowest is "
            f"{first.who}: {figure}"
        )
    else:
        lead = f"{first.who} loses under {first.under}, being served less than by a random order: {figure}"
    found = [f"{lead}; {first.baselines}.", *([first.price] if first.price else [])]
    if more:
        rest = [
            f"{one.group} under {one.under} (at the lowest {interval(one.lowest)}, {one.lowest_rule})"
            for one in more
        ]
        found.insert(1, f"So do {listed(rest, NAMED)}." if len(more) > 1 else f"So does {rest[0]}.")
    return found


def _told(rule: str, lowest: str, loses_under: Sequence[str]) -> str:
    return rule if rule in loses_under or not loses_under else lowest


def _usual(rows: Sequence[RuleGains]) -> int:
    """The rule that others are compared with: Kemeny's, or the one with the highest agreement."""
    names = [row.rule for row in rows]
    if USUAL in names:
        return names.index(USUAL)
    return int(np.nanargmax([np.nan_to_num(row.pairs.value, nan=-1.0) for row in rows]))


def _loses(group: GroupGain, tests: int) -> bool:
    """Whether a group is served less than by a random order, by an interval corrected for many tests."""
    from scipy.special import stdtrit

    free = group.annotators - 1
    if free < 1 or np.isnan(group.contested.high):
        return False
    wider = float(stdtrit(free, 1 - CHANCE / tests) / stdtrit(free, 0.975))
    value, high = group.contested.value, group.contested.high
    return value + wider * (high - value) < group.random


def _served(
    rankings: Rankings,
    rows: Sequence[RuleGains],
    stated: np.ndarray,
    groupings: Sequence[Grouping],
    strata: np.ndarray | None,
    g: int,
    usual: int,
    losing: list[str],
) -> Served:
    of_losers = [row for row in rows if row.rule in losing] or rows
    low = min(of_losers, key=lambda row: row.groups[g].contested.value)
    best = max(rows, key=lambda row: row.groups[g].contested.value)
    base = rows[usual]
    if not best.groups[g].contested.value > base.groups[g].contested.value:
        best = base
    group = base.groups[g]
    ratios = {row.rule: row.groups[g].representation_ratio.high for row in rows}
    told = base if _told(base.rule, low.rule, losing) == base.rule else low
    rest = [one.contested.value for n, one in enumerate(told.groups) if n != g]
    rest = [value for value in rest if not np.isnan(value)] or [float("nan")]
    n, owner = _place(groupings, g)
    members = groupings[n].owners[rankings.ballot_annotators] == owner
    weights = rankings.ballot_weights * members
    of_best, of_base = (share(row.agreed[n], stated, weights) for row in (best, base))
    return Served(
        group=group.name,
        annotators=group.annotators,
        weight=group.weight,
        rules=len(rows),
        loses_under=losing,
        in_proportion=[rule for rule in losing if ratios[rule] >= 1],
        lowest_rule=low.rule,
        lowest=low.groups[g].contested,
        rule=base.rule,
        share=group.contested,
        rest=(min(rest), max(rest)),
        best_rule=best.rule,
        best_share=best.groups[g].contested,
        random=group.random,
        others=group.others,
        own=group.best,
        gain=difference(rankings, of_best, of_base, strata),
        cost=difference(rankings, base.mean, best.mean, strata),
    )


def _place(groupings: Sequence[Grouping], g: int) -> tuple[int, int]:
    """The division to which a group belongs, and its number there."""
    for n, grouping in enumerate(groupings):
        if g < len(grouping.names):
            return n, g
        g -= len(grouping.names)
    raise IndexError("no such group")
