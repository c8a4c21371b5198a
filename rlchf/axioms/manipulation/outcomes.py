"""What a rule decides, and how far a ballot agrees with it."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rlchf.numeric.ranks import dense_ranks
from rlchf.profiles import Profiles
from rlchf.rules import Rule, check_call, default_ties, get_rule, is_across
from rlchf.rules._parts.threads import scores_in_chunks
from rlchf.ties import POLICIES, Preference, resolve

Criterion = Literal["pairs", "first"]
"""What people want of an outcome.

``pairs``: that it orders pairs of responses as they do, each pair alike, as a reward model learns them.
``first``: that its first response is high on their ballot; of several it is drawn.
"""


@dataclass(frozen=True)
class Decision:
    """A rule for single prompts, with its options and its way to break ties.

    Attributes
    ----------
    name
        The rule's name.
    rule, options
        The function, and the options that it is given.
    prefer
        What decides among responses that it ties; None if nothing does.
    """

    name: str
    rule: Rule
    options: Mapping[str, Any]
    prefer: Preference | None

    @classmethod
    def by(
        cls, rule: str | Rule, ties: str | None, seed: int, options: Mapping[str, Any]
    ) -> "Decision":
        """The decision by a rule of this name.

        Raises
        ------
        ValueError
            If there is no such rule or option, or it looks across prompts.
        """
        function = get_rule(rule) if isinstance(rule, str) else rule
        name = rule if isinstance(rule, str) else getattr(rule, "__name__", "rule")
        if is_across(function):
            raise ValueError(
                f"rule {name!r} looks across prompts, and manipulation is searched for on single "
                "prompts; give a rule for single prompts"
            )
        if "seed" in inspect.signature(function).parameters:
            options = {"seed": seed, **options}
        check_call(name, function, options)
        ties = default_ties(function) if ties is None else ties
        breaker = ties if ties is None or ties in POLICIES else get_rule(ties)
        resolved, prefer = resolve(function, breaker, seed)
        return cls(name, resolved, options, prefer)

    def ranks(self, profiles: Profiles) -> np.ndarray:
        """(B, M) the rank of each response in the outcome: 1 is best, equal is tied."""
        scores = scores_in_chunks(self.rule, profiles, **self.options)
        keys = [np.asarray(scores, dtype=np.float64).ravel()]
        if self.prefer is not None:
            keys.append(np.asarray(self.prefer(profiles), dtype=np.float64).ravel())
        B, M = profiles.n_prompts, profiles.n_responses
        return dense_ranks(np.arange(0, B * M + 1, M), keys).reshape(B, M)


def agreement(ranks: np.ndarray, outcomes: np.ndarray, criterion: Criterion) -> np.ndarray:
    """How far outcomes agree with ballots, from 0 to 1.

    Parameters
    ----------
    ranks
        (M, K) the ballots; 0 for a response that a ballot leaves out.
    outcomes
        (K, M) the ranks in the outcome on each ballot's prompt.

    Returns
    -------
    (K,) by "pairs" the share of the pairs that the ballot orders which the outcome orders in the same way, a
    tie counting half; by "first" the share of the other responses on the ballot that are below the
    outcome's first response, a tie counting half, as does a response that the ballot leaves out. 1/2 for a
    ballot that orders nothing.

    Examples
    --------
    >>> ballots, outcomes = np.array([[1, 3], [2, 1], [3, 2]]), np.array([[2, 1, 2]]).repeat(2, axis=0)
    >>> agreement(ballots, outcomes, "pairs").round(3), agreement(ballots, outcomes, "first")
    (array([0.5  , 0.833]), array([0.5, 1. ]))
    """
    return (_pairs if criterion == "pairs" else _first)(ranks, outcomes)


def _pairs(ranks: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    M, K = ranks.shape
    same, ordered = np.zeros(K), np.zeros(K)
    for i in range(M):
        for j in range(i):
            both = (ranks[i] > 0) & (ranks[j] > 0) & (ranks[i] != ranks[j])
            side = np.where(ranks[i] < ranks[j], 1, -1)
            same += both * (1 + side * np.sign(outcomes[:, j] - outcomes[:, i])) / 2
            ordered += both
    return np.where(ordered > 0, same / np.maximum(ordered, 1), 0.5)


def _first(ranks: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    M, K = ranks.shape
    named = ranks > 0
    others = np.maximum(named.sum(axis=0) - 1, 1)
    total, winners = np.zeros(K), np.zeros(K)
    for i in range(M):
        below = (named & (ranks > ranks[i])).sum(axis=0)
        tied = (named & (ranks == ranks[i])).sum(axis=0) - 1
        liking = np.where(named[i] & (named.sum(axis=0) > 1), (below + tied / 2) / others, 0.5)
        is_first = outcomes[:, i] == 1
        total += liking * is_first
        winners += is_first
    return np.asarray(total / winners)
