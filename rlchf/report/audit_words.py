"""Figures of an audit in words."""

import math

from rlchf.auditing.held_out import Interval
from rlchf.auditing.report import Audit

MEASURES = {"pairs": "all pairs", "contested": "contested pairs", "first_place": "first places"}
"""The measures of agreement by the names of their fields."""


def held_out_again(report: Audit) -> bool:
    """Whether the outcome was made again without the people whose agreement is measured."""
    return bool(report.held_out and report.held_out.again)


def ratios_of(report: Audit) -> list[Interval]:
    """The representation ratios of the groups that have one."""
    return [
        one
        for one in report.intervals
        if one.measure == "representation_ratio" and not math.isnan(one.value)
    ]


def span(one: Interval) -> str:
    """A share in percent with its interval."""
    ends = ""
    if not math.isnan(one.low):
        ends = f" ({100 * one.low:.0f} to {100 * one.high:.0f} %)"
    return f"{percent(one.value)}{ends}"


def percent(share: float) -> str:
    """A share in percent.

    Examples
    --------
    >>> percent(0.1075), percent(1.0), percent(float("nan"))
    ('10.8 %', '100 %', '–')
    """
    return "–" if math.isnan(share) else f"{round(100 * share, 1):g} %"
