"""Rules as functions from elections to places."""

import warnings

import numpy as np

from rlchf.aggregation import aggregate
from rlchf.axioms.cases import Decide, Places
from rlchf.axioms.elections import Elections
from rlchf.rules import get_rule, is_across


def places(scores: np.ndarray) -> Places:
    """How many responses have a higher score, from (B, M) scores.

    Examples
    --------
    >>> places(np.array([[2.0, 3.0, 2.0]]))
    array([[1, 0, 1]])
    """
    return np.asarray((scores[:, None] > scores[:, :, None]).sum(axis=2))


def decider(name: str) -> Decide:
    """The places that a rule, with its default options, gives on every election.

    A rule across prompts sees ``together`` elections in a row as the prompts of one dataset, or
    each of them ``identical`` times. What the rule warns of is not repeated.

    Raises
    ------
    ValueError
        If there is no such rule.

    Examples
    --------
    >>> decider("borda")(Elections.from_ballots({"a > b > c": 2, "b > c > a": 1}))
    array([[0, 0, 2]])
    """
    rule = get_rule(name)

    def of_prompts(elections: Elections) -> Places:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return places(np.asarray(rule(elections.profiles())))

    def of_datasets(elections: Elections) -> Places:
        rows, M = [], elections.n_responses
        for start in range(0, len(elections), elections.together):
            dataset = elections.only(np.arange(len(elections))[start : start + elections.together])
            kept = len(dataset) * (elections.identical - 1)
            dataset = dataset.only(np.tile(np.arange(len(dataset)), elections.identical))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = aggregate(dataset.rankings(), name)
            for b in range(kept, len(dataset)):
                scores = result.scores(b)
                rows.append([scores[str(i)] for i in range(M)])
        return places(np.array(rows))

    return of_datasets if is_across(rule) else of_prompts
