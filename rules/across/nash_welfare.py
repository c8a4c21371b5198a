"""Nash welfare over a whole dataset."""

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import as_aggregation
from rlchf.rules.across._parts.perpetual.weighting import Unit
from rlchf.rules.across._parts.welfare.ascent import ascend, scores_of, welfare_page


@voting_rule(
    kind="across prompts",
    cost="K M! per sweep",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
@welfare_page
def nash_welfare(
    rankings: Rankings, *, unit: Unit = "graded_pair", starts: int = 4, seed: int = 0
) -> Aggregation:
    """Choose all prompts' orders together so that the product of satisfactions is largest.

    S is an annotator's satisfaction summed over all prompts, as in the perpetual rules, and w the mean
    weight of the annotator's ballots on a prompt; several ballots on a prompt count by their weights. The
    orders maximise the weight of the annotators with S > 0, then the sum of w log S over them, and then
    the number of pairs, contested or not, that the ballots and the orders rank alike. An order never ranks
    a below b if every ballot ranks a above b. So a lasting minority gets its share in any order of the
    prompts, on the prompts where the majority loses least.

    The search below does not always find the optimum: of 200 random datasets with 2 to 6 prompts of 2 or 3
    responses and 2 to 5 annotators one start found it in 199 and four starts in all 200; without pairs of
    prompts, as on larger datasets, in 183 and 194.
    `soft_nash` gives an upper bound on what any orders can reach.

    References
    ----------
    V. Conitzer, R. Freeman and N. Shah, "Fair public decision making", 2017.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = nash_welfare(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0] for p in range(5)].count(["emoji"])
    2
    """
    ascent = ascend(rankings, "nash", unit, starts, seed=seed)
    scores = scores_of(ascent.orders, rankings)
    return as_aggregation(rankings, scores, "nash_welfare", unit=unit, starts=starts, seed=seed)
