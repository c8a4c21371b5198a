"""Plurality."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.positional import positional_scores


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "pareto", "majority", "reinforcement",
        "monotonicity", "participation", "consistency",
    ],
)  # fmt: skip
def plurality(profiles: Profiles) -> Array:
    """Score a response by the weight of the ballots that put it first.

    A first place that t responses share gives 1/t of the ballot to each. The score counts exposure: a
    response that more ballots rank can be first on more.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    S. Merrill, "A comparison of efficiency of multicandidate electoral systems", 1984; as old as voting.

    Examples
    --------
    >>> plurality(Profiles.from_ballots([["a > b > c", "a = b > c", "c > b > a"]]))
    array([[1.5, 0.5, 1. ]])
    """
    return positional_scores(profiles, [1] + [0] * (profiles.n_responses - 1))
