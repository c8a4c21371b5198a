"""The leximin rule."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.cardinal import leads, number_behind
from rlchf.rules._parts.exact_sums import by_parts


@voting_rule(
    kind="cardinal",
    cost="(K + L) M^2 for L different scores",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "reinforcement",
        "monotonicity", "participation", "consistency", "IIA", "local IIA",
    ],
    scopes={
        "reinforcement": "complete", "participation": "complete", "consistency": "complete",
        "IIA": "stated", "local IIA": "stated",
    },
)  # fmt: skip
def leximin(profiles: Profiles) -> Array:
    """Rank responses by their lowest score, ties by the second lowest, and so on.

    A ballot of weight 2 counts as two scores. Missing scores are left out: the rule compares the share of a
    response's scores at the lowest level, then at the next, so that a response loses nothing if fewer
    annotators score it. A response without scores comes last. Ballots that came as rankings give one
    point per response ranked below and half a point per tie.

    Returns
    -------
    (B, M) array of scores: the number of responses ranked below; equal is a tie.

    References
    ----------
    A. K. Sen, "Collective choice and social welfare", 1970, on the difference principle of J. Rawls.

    Examples
    --------
    No annotator ranks b last, one ranks a last, and two rank c last:

    >>> leximin(Profiles.from_ballots([["a > b > c", "a > b > c", "c > b > a"]]))
    array([[1., 2., 0.]])
    """
    return by_parts(_scores, profiles, profiles.n_responses**2)


def _scores(profiles: Profiles) -> Array:
    lead = leads(profiles)  # (L, M, B)
    xp = array_namespace(lead)
    better = lead[0][:, None] - lead[0]  # (M, M, B)
    for level in range(lead.shape[0] - 1, -1, -1):  # the lowest level has the last word
        more = lead[level][:, None] - lead[level]
        better = xp.where(more != 0, more, better)
    return number_behind(better)
