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
    """Give each place to the best response left on a ballot drawn for that place.

    A ballot is drawn with chances in proportion to the weights, among the ballots that name any of the
    responses left. Those that it ties best share the place. Responses that no ballot with weight
    names share the last place. Each prompt draws for itself; what it draws depends on the seed, on
    which prompt of the dataset it is, and on the order of its ballots.

    Parameters
    ----------
    seed
        Another seed draws other ballots.

    Returns
    -------
    (B, M) array of scores, the number of responses placed later; higher is better, equal is a tie.

    References
    ----------
    A. Gibbard, "Manipulation of schemes that mix voting with chance", 1977, for the first place.

    Examples
    --------
    Both ballots agree on c behind a; whose first choice comes first is chance:

    >>> random_ballot(Profiles.from_ballots([["a > b > c", "b > a > c"]] * 3))
    array([[1., 2., 0.],
           [2., 1., 0.],
           [1., 2., 0.]])
    """
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    ranks, votes, M = profiles.ranks, profiles.integer_weights, profiles.n_responses
    named = ranks > 0
    complete = bool(xp.all(named))
    scores = xp.zeros((M, profiles.n_prompts), dtype=xp.float64, device=device)
    remaining = scores == 0
    nobody = M + 1
    chances = xp.asarray(uniform(seed, profiles.prompts, M), device=device)
    for n in range(M):
        if not complete:
            able = xp.any(named & remaining[:, profiles.owners], axis=0)
            votes = xp.where(able, votes, 0.0)
        ballots, totals = draw(votes, profiles.starts, profiles.owners, chances[:, n])
        drawn = ranks[:, ballots]  # (M, B)
        drawn = xp.where(remaining & (drawn > 0) & (totals > 0), drawn, nobody)
        best = (drawn == xp.min(drawn, axis=0)) & (drawn < nobody)
        remaining = remaining & ~best
        scores = xp.where(best, xp.sum(xp.astype(remaining, xp.float64), axis=0), scores)
    return xp.matrix_transpose(scores)
