"""Relative utilitarianism."""

from fractions import Fraction
from functools import reduce
from math import lcm

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.numeric.integer_weights import LARGEST
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.cardinal import Utilities, utilities
from rlchf.rules._parts.exact_sums import by_parts, exact_sums, round_inexact

FINE = 2.0**44
CLOSE = 2.0**-40


@voting_rule(
    kind="cardinal",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "reinforcement",
        "monotonicity", "majority loser", "participation", "consistency",
    ],
    scopes={"majority loser": "rankings"},
)  # fmt: skip
def relative_utilitarian(profiles: Profiles) -> Array:
    """Score a response by the sum of the annotators' scores, rescaled to 0 to 1 per annotator.

    The lowest score on a ballot becomes 0 and the highest 1, so that all annotators have the same
    influence however they use the scale. A missing score adds nothing, nor does a ballot that gives all
    responses the same score, so that sums count exposure: a response that more annotators score can have
    more. Sums are exact if the scores on a prompt are multiples of a common unit, such as 1/10; otherwise
    sums that differ by less than 2^-36 of the votes are tied. Ballots that came as rankings give one point
    per response ranked below and half a point per tie, before they are rescaled.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    A. Dhillon, J.-F. Mertens, "Relative utilitarianism", 1999.

    Examples
    --------
    >>> relative_utilitarian(Profiles.from_ballots([["a > b > c", "a > c > b", "b > a"]]))
    array([[2. , 1.5, 0.5]])
    """
    return by_parts(_scores, profiles)


def _scores(profiles: Profiles) -> Array:
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    utility = utilities(profiles)
    above, spread = _above_lowest(utility)
    per_spread = xp.where(spread > 0, spread, xp.ones_like(spread))
    common = reduce(_common, map(int, xp.unique_values(per_spread)))
    if common < LARGEST:
        scores = exact_sums(profiles, [above * (common / per_spread)], 53, common)
    else:
        commons = _commons(to_numpy(per_spread), profiles.starts)
        small = np.array([c < LARGEST for c in commons])
        unit = np.where(small, commons, int(FINE)).astype(np.float64)
        fits = xp.asarray(np.repeat(small, np.diff(profiles.starts)), device=device)
        unit = xp.asarray(unit, device=device)
        parts = xp.where(
            fits, above * (unit[profiles.owners] / per_spread), xp.round(above / per_spread * FINE)
        )
        scores = exact_sums(profiles, [parts], 53, unit[:, None])
        scores = _corrected(scores, above, per_spread, ~small & to_numpy(utility.exact), profiles)
    return round_inexact(scores, utility.exact, profiles.totals) / profiles.scale[:, None]


def _above_lowest(utility: Utilities) -> tuple[Array, Array]:
    """(M, K) each score minus the lowest on its ballot, and (K,) the largest of these differences."""
    xp = array_namespace(utility.whole)
    nowhere = xp.inf * xp.ones_like(utility.whole)
    lowest = xp.min(xp.where(utility.given, utility.whole, nowhere), axis=0)
    above = xp.where(utility.given, utility.whole - lowest, xp.zeros_like(utility.whole))
    return above, xp.max(above, axis=0)


def _common(one: int, other: int) -> int:
    """The least common multiple, or a number of at least `LARGEST` if the multiple is as large."""
    return one if one >= LARGEST else lcm(one, other)


def _commons(spread: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(B,) the common multiples of the ballots' spreads, in Python's whole numbers."""
    numbers = np.array([int(s) for s in spread.tolist()], dtype=object)
    common: np.ndarray = np.frompyfunc(_common, 2, 1).reduceat(numbers, starts[:-1])
    return common


def _corrected(
    scores: Array, above: Array, spread: Array, where: np.ndarray, profiles: Profiles
) -> Array:
    """Replace the scores of prompts on which two nearly tie by exact ones."""
    xp = array_namespace(scores)
    rows, totals = to_numpy(scores).copy(), to_numpy(profiles.totals)
    gaps = np.diff(np.sort(rows, axis=1), axis=1)
    close = (gaps <= CLOSE * totals[:, None]).any(axis=1)
    votes, above, spread = (to_numpy(array) for array in (profiles.integer_weights, above, spread))
    for b in np.flatnonzero(close & where):
        columns = slice(profiles.starts[b], profiles.starts[b + 1])
        shares = [
            Fraction(int(v), int(s))
            for v, s in zip(votes[columns].tolist(), spread[columns], strict=True)
        ]
        for i, row in enumerate(above[:, columns].tolist()):
            total = sum((int(x) * s for x, s in zip(row, shares, strict=True)), Fraction(0))
            rows[b, i] = float(total)
    return xp.asarray(rows, device=device_of(scores))
