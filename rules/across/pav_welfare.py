"""PAV welfare over a whole dataset."""

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
def pav_welfare(
    rankings: Rankings, *, unit: Unit = "graded_pair", starts: int = 4, seed: int = 0
) -> Aggregation:
    """Choose all prompts' orders together so that the harmonic sum of satisfactions is largest.

    S is an annotator's satisfaction summed over all prompts, and w the annotator's weight, both as in
    `nash_welfare`. The orders maximise the sum of w H(S), where H(S) = 1 + 1/2 + ... + 1/S, continued to
    fractions by H(S) = digamma(S + 1) + 0.5772...; then the number of pairs, contested or not, that the
    ballots and the orders rank alike. An order never ranks a below b if every ballot ranks a above b. A
    first satisfaction counts more than later ones, but not infinitely more as in `nash_welfare`.

    The search below does not always find the optimum: of 200 random datasets with 2 to 6 prompts of 2 or 3
    responses and 2 to 5 annotators one start found it in 199 and four starts in all 200; without pairs of
    prompts, as on larger datasets, in 185 and 195.

    References
    ----------
    N. Chandak, S. Goel and D. Peters, "Proportional aggregation of preferences for sequential decision
    making", 2024, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = pav_welfare(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0] for p in range(5)].count(["emoji"])
    2
    """
    ascent = ascend(rankings, "pav", unit, starts, seed=seed)
    scores = scores_of(ascent.orders, rankings)
    return as_aggregation(rankings, scores, "pav_welfare", unit=unit, starts=starts, seed=seed)
