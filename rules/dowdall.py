"""The Dowdall rule."""

from fractions import Fraction

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.positional import positional_scores


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "reinforcement",
        "monotonicity", "participation", "consistency",
    ],
)  # fmt: skip
def dowdall(profiles: Profiles) -> Array:
    """Score a response 1 for a first place, 1/2 for a second, 1/3 for a third, and so on.

    This is Nauru's variant of the Borda count, also known as harmonic scoring. Tied responses each get the
    mean of the scores of the places that they occupy. Sums are exact, so that 1/2 + 1/3 + 1/6 ties with 1.

    A response that a ballot does not rank is neither raised nor lowered by it: it gets the mean of the M
    scores. Those that the ballot ranks get 1, 1/2, ... plus what makes their mean the same. A ballot that
    ranks one response only raises none.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    J. Fraenkel, B. Grofman, "The Borda count and its real-world alternatives: comparing scoring rules
    in Nauru and Slovenia", 2014.

    Examples
    --------
    >>> dowdall(Profiles.from_ballots([["a > b > c > d", "b > c = d > a"]])).round(2)
    array([[1.25, 1.5 , 0.75, 0.67]])
    """
    places = range(1, profiles.n_responses + 1)
    return positional_scores(profiles, [Fraction(1, place) for place in places], centred=True)
