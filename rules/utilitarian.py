"""The utilitarian rule."""

from dataclasses import replace

from rlchf.numeric.arrays import Array, array_namespace, segment_sum
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.cardinal import sums, utilities
from rlchf.rules._parts.exact_sums import by_parts


@voting_rule(
    kind="cardinal",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "reinforcement",
        "monotonicity", "majority loser", "participation", "consistency", "IIA", "local IIA",
    ],
    scopes={"majority loser": "rankings", "IIA": "stated", "local IIA": "stated"},
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
        nothing if fewer annotators score them. A response without scores gets the mean of all scores on
        its prompt.

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
    every = replace(utility, whole=xp.sum(utility.whole, axis=0)[None])
    total = xp.clip(xp.sum(opinions, axis=1, keepdims=True), 1, None)
    return xp.where(opinions > 0, means, sums(profiles, every, total))
