"""Breaking the ties that a rule leaves: one policy for all rules.

Scores that are equal are a tie, and a rule keeps it. Who wants another outcome names a policy:

- ``"lexicographic"``: the first response, in the order of the prompt's responses, is preferred;
- ``"random"``: a random one is, drawn with a seed, independently on each prompt;
- another rule: its scores decide, and where they tie, too, the tie is kept.

A rule with an option ``ties`` chooses among several optimal orders, or step by step. Breaking
its ties afterwards could leave the optimum, so it sees the responses in the order of preference, and
chooses itself; then a tie that the second rule leaves is broken by the order of the responses.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from rlchf.numeric.arrays import array_namespace, device_of, to_numpy, uniform
from rlchf.profiles import Profiles

Rule = Callable[..., Any]

NEARLY = 1e-9
"""Scores that differ by less than this share of the largest one differ by rounding, and count as tied."""


def preference(ties: str | Rule, profiles: Profiles, seed: int = 0) -> np.ndarray:
    """How a policy prefers the responses among each other.

    Returns
    -------
    (B, M); the response with the higher number is preferred.

    Examples
    --------
    >>> preference("lexicographic", Profiles.from_ballots([["a = b = c"]]))
    array([[ 0, -1, -2]])
    """
    if callable(ties):
        return to_numpy(ties(profiles))
    shape = (profiles.n_prompts, profiles.n_responses)
    if ties == "random":
        return uniform(seed, profiles.prompts, shape[1])
    return np.broadcast_to(-np.arange(shape[1]), shape)


def chooses(rule: Rule) -> bool:
    """Whether a rule has the option ``ties``, and so breaks ties itself."""
    return "ties" in _parameters(rule)


@cache
def _parameters(rule: Rule) -> frozenset[str]:
    return frozenset(inspect.signature(rule).parameters)


def choosing(rule: Rule, ties: str | Rule, seed: int = 0) -> Rule:
    """The rule that, where the given one has a choice, chooses by a policy.

    Examples
    --------
    >>> from rlchf.rules import get_rule
    >>> second = choosing(get_rule("kemeny"), get_rule("plurality"))
    >>> second(Profiles.from_ballots([["a = b > c", "b > a > c", "a > b > c", "b = c > a"]]))
    array([[1., 2., 0.]])
    """

    def chosen(profiles: Profiles, **options: Any) -> Any:
        preferred = preference(ties, profiles, seed)
        order = np.argsort(-preferred, axis=1, kind="stable")  # (B, M)
        xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
        by_ballot = xp.asarray(order.T[:, to_numpy(profiles.owners)], device=device)  # (M, K)
        scores = profiles.scores
        turned = replace(
            profiles,
            ranks=xp.take_along_axis(profiles.ranks, by_ballot, axis=0),
            scores=None if scores is None else xp.take_along_axis(scores, by_ballot, axis=0),
        )
        found = rule(turned, **{"ties": "lexicographic"} | options)
        back = xp.asarray(np.argsort(order, axis=1), device=device)
        return xp.take_along_axis(found, back, axis=1)

    return chosen


def strict_order(rule: Rule, profiles: Profiles, **options: Any) -> np.ndarray:
    """Apply a rule and break the ties it leaves by the order of the responses, the first one first.

    Returns
    -------
    (B, M) int64: the responses of each prompt from first to last.

    Examples
    --------
    >>> from rlchf.rules import get_rule
    >>> strict_order(get_rule("borda"), Profiles.from_ballots([["c > a > b", "a = b > c", "c > b > a"]]))
    array([[2, 0, 1]])
    """
    if chooses(rule):
        options = {"ties": "lexicographic"} | options
    scores = to_numpy(rule(profiles, **options))
    order = np.argsort(-scores, axis=1, kind="stable")
    downwards = np.take_along_axis(scores, order, axis=1)
    step = NEARLY * np.abs(scores).max(axis=1, keepdims=True)
    block = np.zeros(scores.shape, dtype=np.int64)
    np.cumsum(downwards[:, :-1] - downwards[:, 1:] > step, axis=1, out=block[:, 1:])
    return np.take_along_axis(order, np.lexsort((order, block), axis=1), axis=1)
