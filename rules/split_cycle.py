"""Split Cycle."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.defeats import Strength, defeats, majorities
from rlchf.rules._parts.tiers import in_chunks, tiers


@voting_rule(
    kind="majority",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity", "clones",
    ],
)  # fmt: skip
def split_cycle(profiles: Profiles, *, strength: Strength = "margins") -> Array:
    """Rank in tiers by defeats: majority wins that are not the weakest of any cycle.

    In every cycle of majority wins the weakest are dropped, all of them if several are equally weak;
    the wins that are left are defeats. They form no cycle, but no ranking either, so we rank in
    tiers: first those whom nobody defeats, who are the winners of Split Cycle, then those who are
    defeated by the first tier only, and so on. Whoever defeats another has the higher score.

    Parameters
    ----------
    strength
        How strong a majority win is: its margin ("margins"), or the weight of the ballots for the
        winner ("winning_votes"). They differ when ballots have ties or gaps.

    Returns
    -------
    (B, M) array of scores: the number of lower tiers; higher is better, equal is a tie.

    References
    ----------
    W. H. Holliday, E. Pacuit, "Split Cycle: a new Condorcet-consistent voting method independent
    of clones and immune to spoilers", 2023.

    Examples
    --------
    Of the cycle a > b > c > a the win of c over a is the weakest, and dropped:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> split_cycle(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])
    >>> split_cycle(Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]]))
    array([[0., 0., 0.]])
    """
    return in_chunks(_tiers, majorities(profiles, strength))


def _tiers(edges: Array) -> Array:
    return tiers(defeats(edges))
