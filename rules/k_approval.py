"""k-approval."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.positional import positional_scores


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "pareto", "reinforcement", "monotonicity",
        "participation", "consistency",
    ],
)  # fmt: skip
def k_approval(profiles: Profiles, *, k: int = 2) -> Array:
    """Score a response by the weight of the ballots that put it into one of the first k places.

    Tied responses share the places that they occupy: of three that share the places 2 to 4, each
    gets 1/3 of a point if k is 2. If a prompt has at most k responses, all that are ranked equally often
    are tied.

    A ballot does not approve a response that it does not rank, and approves all that it ranks if they are
    at most k. So the score counts exposure: a response on more ballots can be approved by more.

    Parameters
    ----------
    k
        The number of places that count; with 1 the rule is plurality.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    S. J. Brams, P. C. Fishburn, "Voting procedures", Handbook of Social Choice and Welfare, 2002.

    Examples
    --------
    >>> k_approval(Profiles.from_ballots([["a > b > c", "a > b = c", "c > b > a"]]))
    array([[2. , 2.5, 1.5]])
    """
    if k < 1:
        raise ValueError(f"k is {k}; give 1 or more")
    return positional_scores(profiles, [int(place < k) for place in range(profiles.n_responses)])
