"""Proportional Borda."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.exact_sums import margin_sums


@voting_rule(
    kind="probabilistic",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "condorcet loser",
        "reinforcement", "monotonicity", "majority loser", "participation", "consistency",
    ],
)  # fmt: skip
def proportional_borda(profiles: Profiles) -> Array:
    """Give each response a probability in proportion to its Borda score.

    It is the probability of a response to be drawn as follows: draw a ballot by weight and two of the
    responses, and take the one that the ballot ranks higher. A pair that a ballot ties or does not
    compare counts half for each side, as in `borda`; the ranking is that of `borda`.

    Returns
    -------
    (B, M) array of probabilities, which add up to 1; equal is a tie.

    References
    ----------
    S. Barberà, "Majority and positional voting in a probabilistic framework", 1979.

    Examples
    --------
    >>> proportional_borda(Profiles.from_ballots([["a > b > c", "a > c > b", "b > a > c"]])) * 9
    array([[5., 3., 1.]])
    """
    xp = array_namespace(profiles.ranks)
    M = profiles.n_responses
    pairs = xp.where(profiles.totals > 0, profiles.totals, 1.0)[:, None] * max(M - 1, 1)  # (B, 1)
    return (1 + margin_sums(profiles) / pairs) / M
