"""Breaking the ties that a rule leaves: one policy for all rules.

Equal scores are a tie, and a rule keeps it unless a policy breaks it:

- ``"lexicographic"`` prefers the first response, in the order of the prompt's responses;
- ``"random"`` prefers a random one, drawn with a seed, independently on each prompt;
- another rule decides by its scores, and keeps the ties that it has itself.

A rule with an option ``ties`` chooses among several optimal orders, or step by step. Breaking its ties
afterwards could leave the optimum. So such a rule gets the responses in the order of preference and
chooses itself; ties that a second rule leaves are then broken by the order of the responses.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any, Literal, get_args

import numpy as np

from rlchf.numeric.arrays import array_namespace, device_of, to_numpy, uniform
from rlchf.profiles import Profiles

Rule = Callable[..., Any]
"""``Profiles -> (B, M) scores``, with options."""

Policy = Literal["keep", "lexicographic", "random"]
POLICIES = get_args(Policy)

Preference = Callable[[Profiles], np.ndarray]
"""(B, M) numbers; of tied responses the one with the higher number comes first."""

NEARLY = 1e-9
"""Scores that differ by less than this share of the largest one differ by rounding, and count as tied."""


def resolve(rule: Rule, ties: str | Rule | None, seed: int = 0) -> tuple[Rule, Preference | None]:
    """How ties are broken: the rule to apply, and what decides among responses that it ties.

    ``ties`` is a policy or a second rule. A rule that breaks ties itself comes back with its option
    ``ties`` set, any other rule as it is. The preference is None where ties are kept or the rule has
    broken them.

    Examples
    --------
    >>> from rlchf.rules import get_rule
    >>> profiles = Profiles.from_ballots([["a = b > c", "b > a > c", "a > b > c", "b = c > a"]])
    >>> kemeny, prefer = resolve(get_rule("kemeny"), get_rule("plurality"))
    >>> kemeny(profiles), prefer
    (array([[1., 2., 0.]]), None)
    """
    if ties is None or (ties == "keep" and not breaks_ties(rule)):
        return rule, None
    if ties in ("keep", "lexicographic") and breaks_ties(rule):
        return partial(rule, ties=ties), None
    prefer = partial(preference, ties, seed=seed)
    return (_choosing(rule, prefer), None) if breaks_ties(rule) else (rule, prefer)


def preference(ties: str | Rule, profiles: Profiles, seed: int = 0) -> np.ndarray:
    """How a policy, or a second rule, prefers the responses among each other.

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


@cache
def breaks_ties(rule: Rule) -> bool:
    """Whether a rule has the option ``ties``, and so breaks ties itself."""
    return "ties" in inspect.signature(rule).parameters


def _choosing(rule: Rule, prefer: Preference) -> Rule:
    """The rule that, where the given one has a choice, chooses what is preferred."""

    def choose(profiles: Profiles, **options: Any) -> Any:
        order = np.argsort(-prefer(profiles), axis=1, kind="stable")  # (B, M)
        xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
        by_ballot = xp.asarray(order.T[:, to_numpy(profiles.owners)], device=device)  # (M, K)
        scores = profiles.scores
        reordered = replace(
            profiles,
            ranks=xp.take_along_axis(profiles.ranks, by_ballot, axis=0),
            scores=None if scores is None else xp.take_along_axis(scores, by_ballot, axis=0),
        )
        result = rule(reordered, **{"ties": "lexicographic"} | options)
        back = xp.asarray(np.argsort(order, axis=1), device=device)
        return xp.take_along_axis(result, back, axis=1)

    return choose


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
    if breaks_ties(rule):
        options = {"ties": "lexicographic"} | options
    scores = to_numpy(rule(profiles, **options))
    order = np.argsort(-scores, axis=1, kind="stable")
    downwards = np.take_along_axis(scores, order, axis=1)
    step = NEARLY * np.abs(scores).max(axis=1, keepdims=True)
    block = np.zeros(scores.shape, dtype=np.int64)
    np.cumsum(downwards[:, :-1] - downwards[:, 1:] > step, axis=1, out=block[:, 1:])
    return np.take_along_axis(order, np.lexsort((order, block), axis=1), axis=1)
