"""Slater's rule."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.kemeny.blocks import scores_for


@voting_rule(
    kind="majority",
    cost="K M^2 + M^2 2^M",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "majority loser",
    ],
    any_device=False,
)  # fmt: skip
def slater(profiles: Profiles, *, ties: Ties = "keep", time_limit: float | None = 15.0) -> Array:
    """Rank by the orders that overrule the fewest majorities, found exactly on the CPU.

    An order overrules the majority between two responses if it ranks the loser above the winner. The size
    of the majority does not matter, and a pair without a majority costs nothing either way: it is
    Kemeny's rule with all majorities of the same size. Often several orders are optimal; the options treat
    them as in `kemeny`, with the same limits for majority cycles of more than 14 responses.

    Parameters
    ----------
    ties
        "keep": what all optimal orders agree on. "lexicographic": the first optimal order in the order of
        the responses (some optimal order if a part has more than 14).
    time_limit
        Seconds for the integer programs of one part, or None for no limit; as for `kemeny`.

    Returns
    -------
    (B, M) array of scores: the number of responses behind in all optimal orders, plus half of those that
    are behind in some only; M - 1, M - 2, ..., 0 for a strict order.

    References
    ----------
    P. Slater, "Inconsistencies in a schedule of paired comparisons", 1961.

    Examples
    --------
    Each order that breaks the cycle a > b > c > a at one place overrules one majority:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> slater(Profiles.from_ballots([cycle]))
    array([[1., 1., 1.]])
    >>> slater(Profiles.from_ballots([cycle]), ties="lexicographic")
    array([[2., 1., 0.]])
    """
    xp = array_namespace(profiles.margins)
    majorities, one = xp.sign(profiles.margins), xp.ones_like(profiles.scale)
    return scores_for("slater", profiles, majorities, ties, time_limit, one)
