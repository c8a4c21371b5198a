"""The Plackett-Luce model."""

from collections.abc import Callable

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.choices import by_ballots, by_sets
from rlchf.rules._parts.likelihood import Slopes, fitted, pair_slopes, prior_weights, scores_of

MOST = 10
"""Up to here choices are counted by the set of responses that they were made from."""
CHUNK = 2**18  # sets looked at together: they should fit into the processor's cache


@voting_rule(
    kind="statistical",
    cost="K M^2 + M^3",
    axioms=["anonymity", "neutrality", "unanimity", "pareto", "monotonicity"],
    any_device=False,
)
def plackett_luce(profiles: Profiles, *, prior: float = 1.0) -> Array:
    """Fit strengths that make the ballots likely as choices from those left; runs on the CPU.

    In the model a ballot is filled from the top: each place goes to one of the responses not yet placed,
    with probability in proportion to the strengths. Those tied are each chosen from the same set: all
    that are not placed above them (Breslow's way with ties). The last level is what remains, and no
    choice; so a ballot that names one favourite and ties all others is one choice. A response without
    a place was not there to be chosen. The strengths are those of highest posterior probability.

    Parameters
    ----------
    prior
        The prior is as if each pair had been compared this often more, with half of the wins on each
        side, in units of weight. So everybody has a finite strength, and 0 without ballots.

    Returns
    -------
    (B, M) array of scores: the logarithms of the strengths, with mean 0, rounded to 1e-9; higher is
    better. Strengths that differ by less than that are tied. Where the weights add up to more than a
    million times the prior the last digits are rounding errors, and beyond 1e9 times it grows with them.

    References
    ----------
    R. L. Plackett, "The analysis of permutations", 1975. For such maximum-likelihood estimates:
    D. R. Hunter, "MM algorithms for generalized Bradley-Terry models", 2004.

    Examples
    --------
    >>> plackett_luce(Profiles.from_ballots([["a > b > c", "a > c > b", "b > a > c"]])).round(3)
    array([[ 0.698, -0.083, -0.616]])
    """
    xp, device, B = array_namespace(profiles.ranks), device_of(profiles.ranks), profiles.n_prompts
    profiles = profiles.map(to_numpy)
    few = profiles.n_responses <= MOST
    step = max(1, CHUNK >> profiles.n_responses) if few else B
    parts = (profiles.part(start, min(start + step, B)) for start in range(0, B, step))
    scores = [_scores(part, prior, by_sets if few else by_ballots) for part in parts]
    return xp.asarray(np.concatenate(scores), device=device)


def _scores(profiles: Profiles, prior: float, likelihood: Callable[[Profiles], Slopes]) -> Array:
    M, B = profiles.n_responses, profiles.n_prompts
    pseudo_wins = np.broadcast_to(prior_weights(profiles, prior) / 2, (M, M, B))
    choices = likelihood(profiles)

    def slopes(strengths: Array) -> tuple[Array, Array]:
        gradient, pulls = choices(strengths)
        prior_gradient, prior_pulls = pair_slopes(strengths, pseudo_wins)
        return gradient + prior_gradient, pulls + prior_pulls

    return scores_of(fitted(slopes, np.zeros((M, B))))
