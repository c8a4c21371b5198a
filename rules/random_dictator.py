"""Random dictatorship."""

from rlchf.numeric.arrays import Array, array_namespace, device_of, uniform
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.draw import draw


@voting_rule(
    kind="probabilistic",
    cost="K + M",
    axioms=[
        "neutrality",
        "homogeneity",
        "unanimity",
        "pareto",
        "monotonicity",
        "clones",
        "IIA",
        "local IIA",
    ],
    scopes={"IIA": "complete", "local IIA": "complete"},
)
def random_dictator(profiles: Profiles, *, seed: int = 0) -> Array:
    """Take one ballot, drawn with probability in proportion to its weight, as the result.

    An annotator decides an expected share of the prompts that equals its share of the weight, and cannot
    gain by misreporting (strategyproofness). Responses that the drawn ballot does not rank are tied behind
    all others. Each prompt draws independently; its draw depends on the seed, on its number in the dataset,
    and on the order of its ballots.

    Parameters
    ----------
    seed
        Random seed.

    Returns
    -------
    (B, M) array of scores: M minus the rank; higher is better, equal is a tie. All scores are 0 if no
    ballot has any weight.

    References
    ----------
    A. Gibbard, "Manipulation of schemes that mix voting with chance", 1977.

    Examples
    --------
    >>> random_dictator(Profiles.from_ballots([["a > b > c", "c > a = b"]] * 3))
    array([[1., 1., 2.],
           [2., 1., 0.],
           [1., 1., 2.]])
    """
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    chances = xp.asarray(uniform(seed, profiles.prompts, 1)[:, 0], device=device)
    ballots, totals = draw(profiles.integer_weights, profiles.starts, profiles.owners, chances)
    ranks = profiles.ranks[:, ballots]  # (M, B)
    places = xp.where(ranks > 0, ranks, xp.max(ranks, axis=0) + 1)
    scores = xp.where(totals > 0, xp.astype(profiles.n_responses - places, xp.float64), 0.0)
    return xp.matrix_transpose(scores)
