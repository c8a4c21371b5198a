"""The Bradley-Terry model."""

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.likelihood import (
    fitted,
    linked,
    pair_slopes,
    prior_weights,
    scores_of,
)


@voting_rule(
    kind="statistical",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "unanimity", "pareto", "condorcet loser", "reinforcement",
        "monotonicity", "majority loser", "participation", "consistency",
    ],
    scopes={"reinforcement": "complete", "participation": "complete", "consistency": "complete"},
)  # fmt: skip
def bradley_terry(profiles: Profiles, *, prior: float = 1.0) -> Array:
    """Fit strengths under which the ballots' comparisons of pairs are most likely.

    In the model i is chosen over j with probability s_i / (s_i + s_j), independently for each pair. A pair
    that a ballot ties counts half for each side; a pair that it leaves out does not count. The strengths
    maximise the posterior probability. On strict complete ballots their order is that of `borda`.

    Strengths say nothing about responses that no chain of comparisons links: each linked group has strengths
    with mean 0, so that its average response ties with that of any other group, and a warning says so.

    Parameters
    ----------
    prior
        The weight of additional comparisons of each pair that some ballot ranks, half of them won by each
        side. With 1, each side has half an additional win (Jeffreys' prior for a single pair). So every
        strength is finite, and 0 for a response that no ballot compares. Pairs that nobody compared get
        none, so that other responses do not draw a and b together.

    Returns
    -------
    (B, M) array of scores: the logarithms of the strengths, with mean 0 in each linked group, rounded to
    1e-9; higher is better. Strengths that differ by less than that are tied. Where the
    weights add up to more than a million times the prior, the last digits are rounding errors; beyond 1e9
    times, the prior grows with the weights.

    References
    ----------
    R. A. Bradley, M. E. Terry, "Rank analysis of incomplete block designs: I. The method of paired
    comparisons", 1952.

    Examples
    --------
    With the prior a has 3.5 wins and b 1.5, so the strengths differ by the logarithm of 3.5 / 1.5:

    >>> bradley_terry(Profiles.from_ballots([["a > b"] * 3 + ["b > a"]])).round(3)
    array([[ 0.424, -0.424]])
    >>> with_others = ["a > b"] * 3 + ["b > a", "b > c", "c > d"]
    >>> bradley_terry(Profiles.from_ballots([with_others])).round(3)
    array([[ 1.459,  0.612, -0.486, -1.585]])
    """
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    # (comparisons + margins) / 2 are the wins with half of the ties, in integer weights
    doubled = xp.permute_dims(profiles.compared + profiles.margins, (1, 2, 0))
    pseudo = prior_weights(profiles, prior)  # (M, M, B)
    wins = doubled / (2 * profiles.scale) + pseudo / 2
    start = xp.zeros((profiles.n_responses, profiles.n_prompts), dtype=xp.float64, device=device)
    groups = linked("bradley_terry", pseudo > 0)
    return scores_of(fitted(lambda strengths: pair_slopes(strengths, wins), start, groups))
