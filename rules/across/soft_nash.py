"""Soft targets by Nash welfare over a whole dataset."""

import warnings
from dataclasses import replace
from typing import Literal

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.numeric.segments import ranges
from rlchf.rankings import Rankings
from rlchf.row_order import by_ids
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import as_aggregation
from rlchf.rules.across._parts.welfare.soft import Soft, soften

LARGE_ERROR = 0.02
"""The root mean square error of probabilities from which on a search that did not end is warned of."""


@voting_rule(
    kind="across prompts",
    cost="K M^2 + M^2 2^M per round",
    axioms=["anonymity", "neutrality", "homogeneity", "unanimity", "pareto"],
    any_device=False,
    keeps_ties=True,
)
def soft_nash(
    rankings: Rankings,
    *,
    unit: Literal["contested_pair", "graded_pair", "pair"] = "graded_pair",
    pull: float = 1e-4,
    gap: float = 1e-15,
    rounds: int = 50,
) -> Aggregation:
    """Give each prompt a mixture of orders, so that the product of satisfactions is largest.

    The outcome of a prompt is a probability for every pair of responses. The probabilities are those of a
    distribution over orders, none of which ranks a below b if every ballot ranks a above b. S is an
    annotator's expected satisfaction summed over all prompts, w the annotator's weight, both as in
    `nash_welfare`. The outcome maximises the sum of w log S, divided by the total weight, minus a penalty:
    ``pull`` / 2 times the squared distance between the probabilities of a prompt's pairs and the shares of
    its ballots' weight (ties and pairs that no ballot ranks count half), on average over the prompts. The
    penalty chooses among outcomes with about the same Nash welfare: prompts with the same ballots get the
    same probabilities.

    The problem is convex. The search goes through prompts and ballots in an order that depends on their ids
    alone. It begins with the order of a random ballot and adds, round by round, the best order of each
    prompt. The gap that it reports is an upper bound on how much better any outcome is. The largest Nash
    welfare of any orders, which `nash_welfare` searches for, is at most that of the optimum of `soft_nash`.
    The reward model learns from the probabilities (`rlchf.preferences.examples`).

    Parameters
    ----------
    unit
        What counts as satisfaction: the share of a prompt's contested pairs that are ordered as in the
        ballot, weighed by their smaller side as in the perpetual rules ("graded_pair") or equally
        ("contested_pair"), or of all pairs ("pair").
    pull
        The coefficient of the penalty; more than 0.
    gap
        The search ends when no outcome is better by more than this.
    rounds
        The largest number of rounds. A warning says if probabilities may be off by more than 0.02 then.

    Returns
    -------
    Aggregation, whose scores are the expected number of responses below, to six decimals; it has
    ``probabilities``.

    References
    ----------
    J. Nash, "The bargaining problem", 1950; M. Jaggi, "Revisiting Frank-Wolfe", 2013, for the gap.

    Examples
    --------
    >>> ballots = [("p", i, "plain > emoji" if i < 6 else "emoji > plain") for i in range(10)]
    >>> result = soft_nash(Rankings.from_ballots(ballots))
    >>> result.scores("p")
    {'emoji': 0.4, 'plain': 0.6}
    >>> result.pair_probabilities("p")
    array([[nan, 0.4],
           [0.6, nan]])
    """
    if pull <= 0:
        raise ValueError(f"pull is {pull!r}; give a number above 0, such as 0.0001")
    ordered, positions = by_ids(rankings)
    soft = soften(ordered, unit, pull, gap, rounds)
    _warn_of_error(soft, len(positions), pull, gap)
    in_order = ranges(soft.pairs[positions], np.diff(soft.pairs)[positions])
    above = np.clip(soft.point[in_order], 0.0, 1.0)
    scores = _expected_scores(above, rankings.response_starts)
    options = {"unit": unit, "pull": pull, "gap": gap, "rounds": rounds}
    result = as_aggregation(rankings, scores.round(6), "soft_nash", **options)
    return replace(result, probabilities=above.round(6))


def _warn_of_error(soft: Soft, n_prompts: int, pull: float, gap: float) -> None:
    """Warn if the search stopped where the probabilities may be far from those of the optimum.

    The objective is concave, by ``pull`` / ``n_prompts`` in each probability, so that the gap bounds the sum
    of the squared errors.
    """
    last = float(soft.gaps[-1])
    error = min(
        float(np.sqrt(2 * max(last, 0.0) * n_prompts / pull / max(len(soft.point), 1))), 1.0
    )
    if last > gap and error > LARGE_ERROR:
        warnings.warn(
            f"soft_nash: the search stopped after {len(soft.gaps)} rounds with a gap of {last:.0e}, so that "
            f"probabilities may be off by {error:.2g} (root mean square, at most); give a larger number of "
            "rounds (-o rounds=200)",
            stacklevel=4,
        )


def _expected_scores(above: np.ndarray, response_starts: np.ndarray) -> np.ndarray:
    """(R,) the expected number of responses below each."""
    scores = np.zeros(int(response_starts[-1]))
    sizes = np.diff(response_starts)
    pair_starts = np.cumsum(sizes * (sizes - 1) // 2) - sizes * (sizes - 1) // 2
    for size in np.unique(sizes):
        prompts = np.flatnonzero(sizes == size)
        pair = pair_starts[prompts]
        for i in range(size):
            for j in range(i + 1, size):
                scores[response_starts[prompts] + i] += above[pair]
                scores[response_starts[prompts] + j] += 1.0 - above[pair]
                pair = pair + 1
    return scores
