"""Which rule to take: the recommendations of a comparison in two sentences."""

from collections.abc import Sequence

import numpy as np

from rlchf.comparison.gains import Gains, RuleGains
from rlchf.comparison.recommend import AGREEMENT, LEAST, Recommendation
from rlchf.comparison.stability import Stability
from rlchf.display import listed, number

NAMED = 3
"""Rules that are named in a sentence; the recommendations name all."""


def conclusion(
    recommendations: Sequence[Recommendation],
    gains: Gains | None,
    stability: Stability | None,
    priced: tuple[str, str, str] | None = None,
) -> str:
    """Which rule to take for the average and for the least satisfied group; empty if it was not measured.

    Parameters
    ----------
    priced
        A group, a rule and the rule that serves the group better, of which a sentence before this one gives
        the gain and the price.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "g" else "b > a") for p in range(10) for name in "abcdefghij"]
    >>> groups = {name: "many" if name < "g" else "few" for name in "abcdefghij"}
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> found = rlchf.compare(rankings, "borda,kemeny,perpetual_pav", groups, bootstrap=0, splits=0)
    >>> conclusion(found.recommendations, found.gains, None)
    "Which rule: for the average, 2 rules are not told apart (kemeny and borda; they agree with 0.60 of the
    pairs of people left out of them), and 1 is worse, perpetual_pav with 0.52. For few the rule matters:
    perpetual_pav agrees with 0.40 of its contested pairs instead of 0.00 under kemeny, at 0.08 of everybody's
    agreement."
    """
    aims = {one.aim: one for one in recommendations if one.rule}
    if AGREEMENT not in aims or gains is None:
        return ""
    rows = {row.rule: row for row in gains.rules}
    average, least = aims[AGREEMENT], aims.get(LEAST)
    if not average.worse and (least is None or not least.worse):
        also = " or in what the least satisfied group gets" if least else ""
        return (
            f"Which rule: on this file the {len(_alike(average))} rules do not differ beyond chance in "
            f"average agreement ({_span(_alike(average), rows)} of the pairs){also}; take one that people "
            f"understand, such as {average.rule}."
        )
    parts = [_of_average(average, rows)]
    if least is not None:
        parts.append(_of_least(average, least, rows, stability, priced))
    return f"Which rule: {' '.join(parts)}"


def _of_average(one: Recommendation, rows: dict[str, RuleGains]) -> str:
    alike = _alike(one)
    agree = f"{_span(alike, rows)} of the pairs of people left out of"
    if not one.worse:
        return (
            f"for the average the choice does not matter beyond chance: all {len(alike)} rules agree with "
            f"{agree} them."
        )
    lowest = min(one.worse, key=lambda rule: rows[rule].pairs.value)
    verb = "is worse," if len(one.worse) == 1 else "are worse, the lowest"
    worse = f"{len(one.worse)} {verb} {lowest} with {rows[lowest].pairs.value:.2f}"
    if len(alike) == 1:
        return f"for the average take {one.rule}, which agrees with {agree} it; {worse}."
    return (
        f"for the average, {len(alike)} rules are not told apart ({listed(alike, NAMED)}; they agree with "
        f"{agree} them), and {worse}."
    )


def _of_least(
    average: Recommendation,
    least: Recommendation,
    rows: dict[str, RuleGains],
    stability: Stability | None,
    priced: tuple[str, str, str] | None,
) -> str:
    """What the least satisfied group gains by a rule of its own, and what that costs."""
    base, best = rows[average.rule], rows[least.rule]
    name = base.least.name if base.least else ""
    shares = [
        next(group.contested.value for group in row.groups if group.name == name)
        for row in (base, best)
    ]
    if average.rule in _alike(least):
        return (
            f"For {name}, which is least satisfied ({shares[0]:.2f} of its contested pairs under "
            f"{base.rule}), no rule is better beyond chance."
        )
    cost = base.pairs.value - best.pairs.value
    first = {row.rule: row.mean_first.value for row in stability.rules} if stability else {}
    stays = ""
    if base.rule in first and best.rule in first and not np.isnan(first[best.rule]):
        stays = (
            f" with first places that stay with a probability of {first[best.rule]:.2f} instead of "
            f"{first[base.rule]:.2f}"
        )
    if priced == (name, base.rule, best.rule):
        return f"For {name} take {best.rule} at the price above{stays and f',{stays}'}."
    return (
        f"For {name} the rule matters: {best.rule} agrees with {shares[1]:.2f} of its contested pairs "
        f"instead of {shares[0]:.2f} under {base.rule}, at {number(cost, 2)} of everybody's "
        f"agreement{stays and f', and{stays}'}."
    )


def _alike(one: Recommendation) -> list[str]:
    return [one.rule, *one.tied_with]


def _span(rules: Sequence[str], rows: dict[str, RuleGains]) -> str:
    values = [f"{rows[rule].pairs.value:.2f}" for rule in rules]
    return min(values) if min(values) == max(values) else f"{min(values)} to {max(values)}"
