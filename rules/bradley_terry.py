"""The Bradley-Terry model."""

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.likelihood import fitted, pair_slopes, prior_weights, scores_of


@voting_rule(
    kind="statistical",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "unanimity", "pareto", "condorcet loser", "reinforcement",
        "monotonicity",
    ],
)  # fmt: skip
def bradley_terry(profiles: Profiles, *, prior: float = 1.0) -> Array:
    """Fit strengths under which the ballots' comparisons of pairs are most likely.

    In the model i is chosen over j with probability s_i / (s_i + s_j), independently for each pair. A pair
    that a ballot ties counts half for each side; a pair that it leaves out does not count. The strengths
    maximise the posterior probability. On strict complete ballots their order is that of `borda`.

    Parameters
    ----------
    prior
        The weight of additional comparisons of each pair, half of them won by each side. With 1, each
        side has half an additional win (Jeffreys' prior for a single pair). So every strength is finite,
        and 0 without ballots.

    Returns
    -------
    (B, M) array of scores: the logarithms of the strengths, with mean 0, rounded to 1e-9; higher is
    better. Strengths that differ by less than that are tied. Where the weights add up to more than a
    million times the prior, the last digits are rounding errors; beyond 1e9 times, the prior grows with
    the weights.

    References
    ----------
    R. A. Bradley, M. E. Terry, "Rank analysis of incomplete block designs: I. The method of paired
    comparisons", 1952.

    Examples
    --------
    With the prior a has 3.5 wins and b 1.5, so the strengths differ by the logarithm of 3.5 / 1.5:

    >>> bradley_terry(Profiles.from_ballots([["a > b"] * 3 + ["b > a"]])).round(3)
    array([[ 0.424, -0.424]])
    """
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    # (comparisons + margins) / 2 are the wins with half of the ties, in integer weights
    doubled = xp.permute_dims(profiles.compared + profiles.margins, (1, 2, 0))
    wins = doubled / (2 * profiles.scale) + prior_weights(profiles, prior) / 2  # (M, M, B)
    start = xp.zeros((profiles.n_responses, profiles.n_prompts), dtype=xp.float64, device=device)
    return scores_of(fitted(lambda strengths: pair_slopes(strengths, wins), start))
