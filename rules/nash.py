"""The Nash rule."""

from math import gcd, prod

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, segment_sum, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.cardinal import Utilities, number_behind, utilities
from rlchf.rules._parts.exact_sums import by_parts, round_inexact

CLOSE = 1e-9  # logarithms that differ by more are in the right order
SMALL = 36  # bits up to which a product is exact when computed from its logarithm
LONGEST = 10**6  # bits up to which products are multiplied out


@voting_rule(
    kind="cardinal",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "reinforcement",
        "monotonicity", "participation", "consistency",
    ],
)  # fmt: skip
def nash(profiles: Profiles) -> Array:
    """Rank responses by the product of the scores that the annotators gave them.

    Scores of 0 are handled as usual: the weight of the ballots with a score above 0 decides first, then
    the product of these scores, each to the power of its ballot's weight. A missing score counts as 0, so
    that the score counts exposure: a response that more annotators score can have more. On a ballot with a
    negative score, scores count from the lowest one. Products are compared in whole numbers if the scores
    on a prompt are multiples of a common unit, such as 1/10; otherwise, and beyond a million binary
    digits, they are tied if their logarithms agree to 1e-9. Ballots that came as rankings give one point
    per response ranked below and half a point per tie.

    Returns
    -------
    (B, M) array of scores: the number of responses ranked below; equal is a tie.

    References
    ----------
    M. Kaneko, K. Nakamura, "The Nash social welfare function", 1979. For scores of 0: I. Caragiannis
    et al., "The unreasonable fairness of maximum Nash welfare", 2019.

    Examples
    --------
    The products are 3 * 1 for a, 2 * 2 for b and 1 * 3 for c; d has two scores of 0:

    >>> nash(Profiles.from_ballots([["a > b > c > d", "c > b > a > d"]]))
    array([[1., 3., 1., 0.]])
    """
    return by_parts(_scores, profiles, profiles.n_responses**2)


def _scores(profiles: Profiles) -> Array:
    xp, votes = array_namespace(profiles.ranks), profiles.integer_weights
    utility = utilities(profiles)
    worth = _from_zero(utility)
    positive = segment_sum((worth > 0) * votes, profiles.starts)  # (M, B)
    positive = round_inexact(positive.T, utility.exact, profiles.totals).T
    bits = xp.log2(xp.where(worth > 0, worth, xp.ones_like(worth))) * votes
    size = segment_sum(bits, profiles.starts)
    product = xp.round(xp.exp2(xp.where(size < SMALL, size, xp.zeros_like(size))))
    size = xp.where(size < SMALL, xp.log2(product), size)  # equal products have equal logarithms
    more, longer = positive[:, None] - positive, size[:, None] - size  # (M, M, B)
    close = xp.abs(longer) <= CLOSE * xp.clip(xp.maximum(size[:, None], size), min=1)
    better = xp.where(more != 0, more, longer)
    unsure = close & (more == 0) & ((size[:, None] >= SMALL) | ~utility.exact)
    if bool(xp.any(unsure)):
        better = _corrected(better, unsure, worth, utility, profiles)
    return number_behind(better)


def _from_zero(utility: Utilities) -> Array:
    """(M, K) scores, those of a ballot with negative ones counted from its lowest; 0 where missing."""
    xp = array_namespace(utility.whole)
    lowest = xp.clip(xp.min(utility.whole, axis=0), max=0)  # 0 where there is no opinion
    return (utility.whole - lowest) * utility.given


def _corrected(
    better: Array, unsure: Array, worth: Array, utility: Utilities, profiles: Profiles
) -> Array:
    """Correct the signs where floats are not exact enough, by multiplying out."""
    xp = array_namespace(better)
    signs, exact = to_numpy(better).copy(), to_numpy(utility.exact)
    worth, votes = to_numpy(worth), to_numpy(profiles.integer_weights)
    for i, j, b in np.argwhere(to_numpy(unsure)).tolist():
        if i < j:
            columns = slice(int(profiles.starts[b]), int(profiles.starts[b + 1]))
            sign = _compare(worth[i, columns], worth[j, columns], votes[columns]) if exact[b] else 0
            signs[i, j, b], signs[j, i, b] = sign, -sign
        elif i == j:
            signs[i, i, b] = 0
    return xp.asarray(signs, device=device_of(better))


def _compare(first: np.ndarray, second: np.ndarray, votes: np.ndarray) -> int:
    """The sign of one product minus another, of positive numbers to the power of their votes.

    It is 0 if the products are too long to compare.
    """
    powers: dict[int, int] = {}
    for numbers, sign in ((first, 1), (second, -1)):
        for number, vote in zip(numbers.tolist(), votes.tolist(), strict=True):
            if number > 1:
                powers[int(number)] = powers.get(int(number), 0) + sign * int(vote)
    common = gcd(*powers.values()) or 1
    powers = {number: n // common for number, n in powers.items()}
    if sum(abs(n) * number.bit_length() for number, n in powers.items()) > LONGEST:
        return 0
    numerator: int = prod(number**n for number, n in powers.items() if n > 0)
    denominator: int = prod(number**-n for number, n in powers.items() if n < 0)
    return (numerator > denominator) - (numerator < denominator)
