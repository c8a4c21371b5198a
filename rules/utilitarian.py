"""The utilitarian rule."""

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, segment_sum, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.cardinal import Utilities, sums, utilities
from rlchf.rules._parts.exact_sums import by_parts


@voting_rule(
    kind="cardinal",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "reinforcement",
        "monotonicity",
    ],
)  # fmt: skip
def utilitarian(profiles: Profiles, *, average: bool = False) -> Array:
    """Score a response by the sum of the scores that the annotators gave it.

    Also known as score voting or range voting. A missing score adds nothing, so that sums count exposure:
    a response that more annotators score can have more, unless means are taken (``average``). Sums are
    exact if the scores on a prompt are multiples of a common unit, such as 1/10; otherwise sums that
    differ by less than 2^-36 of the largest are tied. Ballots that came as rankings give one point per
    response ranked below and half a point per tie.

    Parameters
    ----------
    average
        Whether to score by the mean of the given scores instead of their sum, so that responses lose
        nothing if fewer annotators score them. A response without scores gets the lowest score on its
        prompt.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    J. C. Harsanyi, "Cardinal welfare, individualistic ethics, and interpersonal comparisons of
    utility", 1955.

    Examples
    --------
    >>> utilitarian(Profiles.from_ballots([["a > b > c", "a > c > b", "b > a"]]))
    array([[4., 2., 1.]])
    """
    return by_parts(lambda part: _scores(part, average), profiles)


def _scores(profiles: Profiles, average: bool) -> Array:
    utility = utilities(profiles)
    if not average:
        return sums(profiles, utility) / profiles.scale[:, None]
    xp = array_namespace(utility.whole)
    opinions = segment_sum(utility.given * profiles.integer_weights, profiles.starts).T
    means = sums(profiles, utility, xp.where(opinions > 0, opinions, xp.ones_like(opinions)))
    if bool(xp.all(opinions > 0)):
        return means
    return xp.where(opinions > 0, means, _lowest(utility, profiles)[:, None])


def _lowest(utility: Utilities, profiles: Profiles) -> Array:
    """(B,) the lowest score on each prompt, 0 where there is none."""
    xp = array_namespace(utility.whole)
    whole = xp.where(utility.given, utility.whole, xp.inf * xp.ones_like(utility.whole))
    least = np.minimum.reduceat(to_numpy(xp.min(whole, axis=0)), profiles.starts[:-1])
    least[np.isinf(least)] = 0.0
    return xp.asarray(least, device=device_of(utility.whole)) / utility.unit
