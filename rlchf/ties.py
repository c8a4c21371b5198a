"""From scores to a strict order: the one place where ties are broken."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from rlchf.arrays import to_numpy
from rlchf.profiles import Profiles

NEARLY = 1e-9
"""Scores that differ by less than this share of the largest one differ by rounding, and count as tied."""


def strict_order(rule: Callable[..., Any], profiles: Profiles, **options: Any) -> np.ndarray:
    """Apply a rule and break the ties it leaves by the order of the responses, the first one first.

    A rule with an option ``ties`` chooses among several optimal orders, and is told to take the
    first itself: breaking each of its ties alone could leave the optimum.

    Returns
    -------
    (B, M) int64: the responses of each prompt from first to last.

    Examples
    --------
    >>> from rlchf.rules import get_rule
    >>> strict_order(get_rule("borda"), Profiles.from_ballots([["c > a > b", "a = b > c", "c > b > a"]]))
    array([[2, 0, 1]])
    """
    if _chooses(rule):
        options = {"ties": "lexicographic"} | options
    scores = to_numpy(rule(profiles, **options))
    order = np.argsort(-scores, axis=1, kind="stable")
    downwards = np.take_along_axis(scores, order, axis=1)
    step = NEARLY * np.abs(scores).max(axis=1, keepdims=True)
    block = np.zeros(scores.shape, dtype=np.int64)
    np.cumsum(downwards[:, :-1] - downwards[:, 1:] > step, axis=1, out=block[:, 1:])
    return np.take_along_axis(order, np.lexsort((order, block), axis=1), axis=1)


@cache
def _chooses(rule: Callable[..., Any]) -> bool:
    return "ties" in inspect.signature(rule).parameters
