"""Counterexamples made smaller, as long as they remain counterexamples."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from rlchf.axioms.cases import Case
from rlchf.axioms.elections import Elections

STEPS = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 30, 50, 80, 130, 200, 500, 1000)
"""The largest weight to which all weights are lowered in proportion, and rounded."""
LOWERED = 30
"""Weights up to this are lowered one by one."""
Broken = Callable[[Case], Case | None]
"""The case with its results made again if it still breaks the axiom, else None."""


def minimised(case: Case, broken: Broken) -> Case:
    """Leave out ballots and responses, and lower weights, until nothing more can go.

    The case is one election of each batch, and stays one of the same kind: what a change was, ``about``,
    stays. Of the elections before and after the same ballots go.
    """
    going = True
    while going:
        going = False
        for smaller in smaller_cases(case):
            found = broken(smaller)
            if found is not None:
                case, going = found, True
                break
    return case


def smaller_cases(case: Case) -> Iterator[Case]:
    """Cases with one change that makes them smaller, the largest changes first."""
    if "order" in case.about:  # ballots in another order: they cannot go together
        return
    kept = case.about.get("ballot")
    weights = np.max([e.weights[0] for e in case.elections], axis=0)
    present = weights > 0
    for k in np.flatnonzero(present):
        if kept is None or k != kept[0]:
            yield reweighted(case, np.where(np.arange(len(weights)) == k, 0.0, 1.0))
    if "renaming" not in case.about:
        for r in range(min(e.n_responses for e in case.elections)):
            smaller = without_response(case, r)
            if smaller is not None:
                yield smaller
    for target in lower_weights(weights):
        yield reweighted(case, np.divide(target, weights, out=np.ones_like(weights), where=present))
    if not present.all() and kept is None:
        yield compact(case, present)


def lower_weights(weights: np.ndarray) -> Iterator[np.ndarray]:
    """Lower weights (K,) in whole numbers: first all weights lowered together, then each by one."""
    most, present = weights.max(), weights > 0
    for n in STEPS:
        rounded = np.maximum(np.rint(weights / most * n), present)
        if n < most or (n == 1 and (weights != rounded).any()):
            yield rounded
    for k in np.flatnonzero(present & (weights > 1) & (weights <= LOWERED)):
        yield weights - (np.arange(len(weights)) == k)


def reweighted(case: Case, factors: np.ndarray) -> Case:
    """The weights of the ballots are multiplied by factors (K,) in all elections; 0 removes one."""
    elections = (replace(e, weights=np.round(e.weights * factors, 9)) for e in case.elections)
    return Case(tuple(elections), case.places, case.about)


def without_response(case: Case, r: int) -> Case | None:
    """A response that the change is not about withdraws from all elections."""
    about, gone_after = dict(case.about), r
    most = case.elections[0].n_responses
    if min(e.n_responses for e in case.elections) < 3:
        return None
    moved = about.get("response")
    if moved is not None:
        if r == moved[0]:
            return None
        if "columns" in about:
            about["columns"], gone_after = without_column(about["columns"], r)
        about["response"] = moved - (moved > r)
    changed = []
    for e in case.elections:
        gone = r if moved is None or e.n_responses >= most else r - (r > moved[0])
        if "columns" in about and e is not case.elections[0]:
            gone = gone_after
        changed.append(without(e, gone))
    return Case(tuple(changed), case.places, about)


def without_column(columns: np.ndarray, r: int) -> tuple[np.ndarray, int]:
    """Which response stands in each column, (1, M), after response r has withdrawn; and its column."""
    column = int(np.flatnonzero(columns[0] == r)[0])
    rest = np.delete(columns, column, axis=1)
    return rest - (rest > r), column


def without(e: Elections, r: int) -> Elections:
    """Elections without a response; ballots that rank nothing else are absent."""
    return e.without(np.array([r]))


def compact(case: Case, present: np.ndarray) -> Case:
    """The case without ballots that are absent from all elections."""
    elections = (
        replace(e, values=e.values[:, present], weights=e.weights[:, present])
        for e in case.elections
    )
    return Case(tuple(elections), case.places, case.about)


def merged(case: Case) -> Case:
    """The case with ballots that are alike in all elections as one, of the weight of all of them."""
    if case.about.keys() & {"ballot", "order"}:
        return case
    rows = np.concatenate([e.values[0] for e in case.elections], axis=1)
    _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    elections = []
    for e in case.elections:
        weights = np.bincount(which.ravel(), e.weights[0], len(first))
        elections.append(replace(e, values=e.values[:, first], weights=weights[None]))
    return Case(tuple(elections), case.places, case.about)
