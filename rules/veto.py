"""Veto."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.positional import positional_scores


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "pareto", "reinforcement", "monotonicity",
        "majority loser", "participation", "consistency",
    ],
)  # fmt: skip
def veto(profiles: Profiles) -> Array:
    """Score a response by minus the weight of the ballots that put it last.

    Also known as antiplurality. A last place that t responses share counts 1/t of the ballot against each.

    A ballot puts last only what it ranks below something: a ballot that leaves out responses vetoes the
    last of those that it ranks, and vetoes nothing if it ranks one response only or ties all that it
    ranks. The score counts exposure: a response that more ballots rank can be vetoed by more.

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
    >>> veto(Profiles.from_ballots([["a > b", "a > b", "c > a", "c"]]))
    array([[-1., -2.,  0.]])
    """
    return positional_scores(profiles, [-1] + [0] * (profiles.n_responses - 1), places=_from_below)


def _from_below(ranks: Array) -> Array:
    """Ranks from the last level up; 0 on a ballot that leaves out responses and ties all it ranks."""
    xp = array_namespace(ranks)
    last, complete = xp.max(ranks, axis=0), xp.all(ranks > 0, axis=0)
    counts = (ranks > 0) & (complete | (last > 1))
    return xp.where(counts, last + 1 - ranks, xp.zeros_like(ranks))
