"""Veto."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.positional import positional_scores


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "pareto", "reinforcement", "monotonicity",
    ],
)  # fmt: skip
def veto(profiles: Profiles) -> Array:
    """Score a response by minus the weight of the ballots that put it last.

    Also known as antiplurality. A last place that t responses share counts 1/t of the ballot against each.
    Responses that a ballot does not rank share its last places, behind those it ranks; a ballot that ranks
    nothing does not count.

    Returns
    -------
    (B, M) array of scores, at most 0; higher is better, equal is a tie.

    References
    ----------
    S. J. Brams, P. C. Fishburn, "Voting procedures", Handbook of Social Choice and Welfare, 2002.

    Examples
    --------
    >>> veto(Profiles.from_ballots([["a > b > c", "a > b = c", "c > b > a"]]))
    array([[-1. , -0.5, -1.5]])
    """
    return positional_scores(profiles, [0] * (profiles.n_responses - 1) + [-1])
