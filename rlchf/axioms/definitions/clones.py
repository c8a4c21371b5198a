"""Independence of clones: whether a response wins does not depend on clones of another response.

T. N. Tideman, "Independence of clones as a criterion for voting rules", 1987. Clones stand next to each other
on every ballot; a response wins before if and only if it wins after, and the one that is cloned wins before
if and only if it or a clone wins after. Clones of a response that a ballot ties with another are tied with
it.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Choices, Judgement, Places, winners
from rlchf.axioms.elections import Elections


def change(e: Elections, places: Places, choices: Choices) -> Change:
    """A response gets one clone, on every ballot just above it or just below it, first or last by name."""
    K, M = e.n_ballots, e.n_responses
    response = choices.below(M)
    above = choices.below(2, K)
    at = np.where(choices.below(2) == 1, -1.0, M)
    return cloned(e, response, np.stack([above, 1 - above], axis=2), at[:, None])


def draw(e: Elections, places: Places, rng: np.random.Generator) -> Change:
    """A response gets one or two clones, at times tied with it, which come anywhere by name."""
    B, K, M = e.values.shape
    extra = int(rng.integers(1, 3))
    steps = rng.random((B, K, extra + 1)).argsort(axis=2)
    if rng.random() < 0.3:
        steps = rng.integers(0, extra + 1, (B, K, extra + 1))
    return cloned(e, rng.integers(0, M, size=B), steps, rng.uniform(-1, M, (B, extra)))


def cloned(e: Elections, response: Any, steps: np.ndarray, at: np.ndarray) -> Change:
    """Clones of a response (B,), which take places (B, K, 1 + clones) next to each other with it.

    ``at`` (B, clones) is where they come among the names 0, 1, ... of the others.
    """
    rows, values = np.arange(len(e)), e.values.copy()
    old = values[rows, :, response]  # (B, K)
    alone = (values == old[..., None]).sum(axis=2) == 1  # clones of tied responses are tied
    worse = np.where(values > old[..., None], values, np.inf).min(axis=2)
    step = np.minimum(worse - old, 1.0) / (steps.shape[2] + 1)
    apart = (alone & (old > 0))[..., None]
    near = np.where(apart, old[..., None] + steps * step[..., None], old[..., None])
    values[rows, :, response] = near[..., 0]
    after = np.concatenate([values, near[..., 1:]], axis=2)
    names = np.concatenate([np.tile(np.arange(e.n_responses), (len(e), 1)), at], axis=1)
    columns = names.argsort(axis=1, kind="stable")
    after = np.take_along_axis(after, columns[:, None], axis=2)
    return Change((e, replace(e, values=after)), {"response": response, "columns": columns})


def judge(case: Case) -> Judgement:
    """Whether the winners differ, clones taken for one response."""
    before, after = (winners(places) for places in case.places)
    M, rows = before.shape[1], np.arange(len(before))
    won = np.zeros(after.shape, bool)
    np.put_along_axis(won, case.about["columns"], after, axis=1)
    won[rows, case.about["response"]] |= won[:, M:].any(axis=1)
    return Judgement(np.ones(len(before), bool), (won[:, :M] != before).any(axis=1))


CHECK = Check("clones", judge, change, draw, titles=("ballots", "{response} has clones"))
