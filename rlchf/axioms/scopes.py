"""What elections a claim is about: those that meet the condition under which a rule claims an axiom."""

from collections.abc import Callable

import numpy as np

from rlchf.axioms.cases import Case, Decide
from rlchf.axioms.drawing import KINDS, WEIGHTS
from rlchf.axioms.elections import Elections
from rlchf.rules import Card
from rlchf.rules._parts.elimination import watched_ties


def few(e: Elections) -> np.ndarray:
    """(B,) bool: whether there are at most 6 responses."""
    return np.full(len(e), e.n_responses <= 6)


def everything(e: Elections) -> np.ndarray:
    """(B,) True."""
    return np.ones(len(e), bool)


def stated(e: Elections) -> np.ndarray:
    """(B,) bool: whether ballots state scores or approvals."""
    return np.full(len(e), e.given != "rankings")


def ranked(e: Elections) -> np.ndarray:
    """(B,) bool: whether ballots have no scores."""
    return np.full(len(e), e.given != "scores")


def distinct_sums(e: Elections) -> np.ndarray:
    """(B,) bool: whether no ballot ties, and no two sets of ballots have the same weight.

    This is more than the scope "untied eliminations" asks for: then no elimination ties but of responses
    without first places.
    """
    K = e.n_ballots
    if K > 10:
        return np.zeros(len(e), bool)
    sets = (np.arange(2**K)[:, None] >> np.arange(K)) % 2
    sums = np.sort(e.weights @ sets.T, axis=1)
    apart = np.diff(sums, axis=1) > 1e-9 * sums[:, -1:]
    absent = (e.weights == 0).any(axis=1)
    return np.asarray(apart.all(axis=1) & ~absent & e.untied)


def distinct_margins(e: Elections) -> np.ndarray:
    """(B,) bool: whether no margin is 0 and no two are of the same size."""
    pairs = np.triu_indices(e.n_responses, 1)
    sizes = np.sort(np.abs(e.margins[:, pairs[0], pairs[1]]), axis=1)
    return np.asarray((sizes > 0).all(axis=1) & (np.diff(sizes, axis=1) > 0).all(axis=1))


MEETS: dict[str, Callable[[Elections], np.ndarray]] = {
    "": everything,
    "complete": lambda e: e.complete,
    "untied": lambda e: e.untied,
    "untied eliminations": distinct_sums,
    "strict eliminations": lambda e: distinct_sums(e) & e.complete,
    "distinct margins": distinct_margins,
    "few": few,
    "rankings": ranked,
    "stated": stated,
}
"""Whether elections meet the condition of a scope, a name in `rlchf.rules.SCOPES` or "" for none."""


def in_scope(case: Case, scope: str, decide: Decide) -> np.ndarray:
    """(B,) bool: whether the elections of a case meet a scope, before and after; exact for eliminations.

    Examples
    --------
    >>> from rlchf.axioms.deciding import decider
    >>> tied = Elections.from_ballots({"a > b > c": 3, "b > c > a": 2, "c > b > a": 2})
    >>> in_scope(Case((tied,), (), {}), "strict eliminations", decider("instant_runoff"))
    array([False])
    """
    if scope == "distinct margins":  # clones have the same margins over others
        return MEETS[scope](case.elections[0])
    if "eliminations" not in scope:
        return np.asarray(np.all([MEETS[scope](e) for e in case.elections], axis=0))
    met = [e.untied & ~tied_eliminations(e, decide) for e in case.elections]
    if scope == "strict eliminations":
        met += [e.complete for e in case.elections]
    return np.asarray(np.all(met, axis=0))


def tied_eliminations(e: Elections, decide: Decide) -> np.ndarray:
    """(B,) bool: whether responses tie for elimination in some round of a rule, others than without votes."""
    with watched_ties() as rounds:
        decide(e)
    if not rounds:  # the rule has no rounds, or another way for many responses
        return np.ones(len(e), bool)
    return np.asarray(np.any(rounds, axis=0))


def domain(card: Card, scope: str) -> tuple[list[str], list[str], list[str]]:
    """The kinds of ballots, of weights, and of what ballots give that a claim is about.

    Examples
    --------
    >>> from rlchf.rules import list_rules
    >>> kinds, weights, given = domain(list_rules()["leximin"], "complete")
    >>> kinds, given
    (['strict', 'weak', 'alike'], ['rankings', 'scores'])
    """
    without = {
        "complete": ["gaps"], "untied": ["weak"], "untied eliminations": ["weak"],
        "strict eliminations": ["weak", "gaps"],
    }.get(scope, [])  # fmt: skip
    kinds = [kind for kind in KINDS if not any(word in kind for word in without)]
    weights = ["powers"] if "eliminations" in scope else [*WEIGHTS]
    given = [] if scope == "stated" else ["rankings"]
    if card.kind == "cardinal" and scope != "rankings":
        given.append("scores")
    if card.approvals:
        given.append("approvals")
    return kinds, weights, given
