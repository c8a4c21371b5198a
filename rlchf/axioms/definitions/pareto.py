"""Pareto: if all ballots rank a above b, the result does not rank b above a.

K. J. Arrow, "Social choice and individual values", second edition, 1963. A tie is allowed, so this is the
weak form.
"""

from dataclasses import replace

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Judgement, Places
from rlchf.axioms.elections import Elections


def draw(e: Elections, places: Places, rng: np.random.Generator) -> Change:
    """A response is moved up on all ballots, until it is above another."""
    B, _, M = e.values.shape
    i, j = rng.random((B, M)).argsort(axis=1)[:, :2].T
    values, rows = e.values.copy(), np.arange(B)
    other = values[rows, :, j]
    other = np.where(other > 0, other, rng.integers(1, M + 1, other.shape))
    values[rows, :, j] = other
    up = rng.integers(1, M + 1, other.shape) - 0.5  # where it comes to be
    values[rows, :, i] = np.minimum(up, other - 0.5)
    return Change((replace(e, values=values),))


def judge(case: Case) -> Judgement:
    """Whether some response is above another on all ballots, and below it in the result."""
    (e,), (places,) = case.elections, case.places
    some = np.asarray(e.counts.any(axis=1))
    above = np.asarray(some[:, None, None] & (e.above >= e.totals[:, None, None]))
    wrong = above & (places[:, :, None] > places[:, None])
    return Judgement(np.asarray(above.any(axis=(1, 2))), np.asarray(wrong.any(axis=(1, 2))))


CHECK = Check("pareto", judge, draw=draw)
