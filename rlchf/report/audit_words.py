"""Figures of an audit in words."""

import math

from rlchf.auditing.held_out import Interval
from rlchf.auditing.report import Audit
from rlchf.display import percent_with_interval

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
    return percent_with_interval(one.value, one.low, one.high)
