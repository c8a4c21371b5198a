"""Random ballots, one for each place."""

from rlchf.numeric.arrays import Array, array_namespace, device_of, uniform
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.draw import draw


@voting_rule(
    kind="probabilistic",
    cost="K M^2",
    axioms=["neutrality", "homogeneity", "unanimity", "pareto", "monotonicity", "clones"],
)
def random_ballot(profiles: Profiles, *, seed: int = 0) -> Array:
    """Give each place to the best remaining response on a ballot drawn for that place.

    A ballot is drawn with probability in proportion to its weight, among the ballots that rank any of the
    remaining responses. If it ties several of them for best, they share the place. Responses that no ballot
    with weight ranks share the last place. Each prompt draws independently; its draw depends on the seed,
    on its number in the dataset, and on the order of its ballots.

    Parameters
    ----------
    seed
        Random seed.

    Returns
    -------
    (B, M) array of scores: the number of responses placed later; higher is better, equal is a tie.

    References
    ----------
    A. Gibbard, "Manipulation of schemes that mix voting with chance", 1977, for the first place.

    Examples
    --------
    Both ballots rank c last; the draw decides between a and b:

    >>> random_ballot(Profiles.from_ballots([["a > b > c", "b > a > c"]] * 3))
    array([[1., 2., 0.],
           [2., 1., 0.],
           [1., 2., 0.]])
    """
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    ranks, votes, M = profiles.ranks, profiles.integer_weights, profiles.n_responses
    ranked = ranks > 0
    complete = bool(xp.all(ranked))
    scores = xp.zeros((M, profiles.n_prompts), dtype=xp.float64, device=device)
    remaining = scores == 0
    unranked = M + 1
    chances = xp.asarray(uniform(seed, profiles.prompts, M), device=device)
    for n in range(M):
        if not complete:
            ranks_any = xp.any(ranked & remaining[:, profiles.owners], axis=0)
            votes = xp.where(ranks_any, votes, 0.0)
        ballots, totals = draw(votes, profiles.starts, profiles.owners, chances[:, n])
        drawn = ranks[:, ballots]  # (M, B)
        drawn = xp.where(remaining & (drawn > 0) & (totals > 0), drawn, unranked)
        best = (drawn == xp.min(drawn, axis=0)) & (drawn < unranked)
        remaining = remaining & ~best
        scores = xp.where(best, xp.sum(xp.astype(remaining, xp.float64), axis=0), scores)
    return xp.matrix_transpose(scores)
