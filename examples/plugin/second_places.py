"""A voting rule from a package of its own."""

from rlchf import Profiles
from rlchf.numeric.arrays import Array, array_namespace, segment_sum
from rlchf.rules import voting_rule


@voting_rule(kind="positional", cost="K M", axioms=["anonymity", "neutrality", "homogeneity"])
def second_places(profiles: Profiles) -> Array:
    """Score a response by the weight of the ballots that rank it second.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    The authors of rlchf, an example, 2026.

    Examples
    --------
    >>> second_places(Profiles.from_ballots([["a > b > c", "a > c > b", "b > c > a"]]))
    array([[0., 1., 2.]])
    """
    xp = array_namespace(profiles.ranks)
    votes = segment_sum((profiles.ranks == 2) * profiles.integer_weights, profiles.starts)  # (M, B)
    return xp.matrix_transpose(votes) / profiles.scale[:, None]
