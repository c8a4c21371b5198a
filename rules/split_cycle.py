"""Split Cycle."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.defeats import Strength, defeats, majority_strengths
from rlchf.rules._parts.tiers import in_chunks, tiers


@voting_rule(
    kind="majority",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity", "clones", "majority loser",
    ],
)  # fmt: skip
def split_cycle(profiles: Profiles, *, strength: Strength = "margins") -> Array:
    """Rank in tiers by defeats: majority wins that are not the weakest in any cycle.

    In every cycle of majority wins the weakest win is discarded, or all of them if several are equally weak;
    the remaining wins are defeats. They form no cycle, and they need not form a ranking, so the responses
    are ranked in tiers: first the undefeated responses, which are the winners of Split Cycle, then those
    defeated by the first tier only, and so on. A response has a higher score than those it defeats.

    Parameters
    ----------
    strength
        Strength of a majority win: its margin ("margins"), or the weight of the ballots for the
        winner ("winning_votes"). They differ if ballots have ties or gaps.

    Returns
    -------
    (B, M) array of scores: the number of lower tiers; higher is better, equal is a tie.

    References
    ----------
    W. H. Holliday, E. Pacuit, "Split Cycle: a new Condorcet-consistent voting method independent
    of clones and immune to spoilers", 2023.

    Examples
    --------
    In the cycle a > b > c > a the win of c over a is the weakest and is discarded:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> split_cycle(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])
    >>> split_cycle(Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]]))
    array([[0., 0., 0.]])
    """
    return in_chunks(_tiers, majority_strengths(profiles, strength))


def _tiers(edges: Array) -> Array:
    return tiers(defeats(edges))
