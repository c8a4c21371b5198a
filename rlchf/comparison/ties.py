"""How many of the pairs that a majority decides a rule leaves tied."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.numeric.ratios import ratio
from rlchf.rankings import Rankings
from rlchf.rules import get_rule

MANY = 0.1
"""A rule leaves many pairs tied if it ties more than this share of them beyond what the Borda count ties."""


@dataclass(frozen=True)
class Ties:
    """The share of the pairs with a majority among the ballots that rules leave tied.

    Attributes
    ----------
    shares
        The share of each rule.
    usual
        That of the Borda count, which ties few pairs unless the ballots are symmetric, as in a perfect cycle.

    Examples
    --------
    >>> Ties({"kemeny": 0.02, "maximal_lottery": 0.5, "smith": 0.6}, 0.01).many
    {'smith': 0.6, 'maximal_lottery': 0.5}
    """

    shares: dict[str, float]
    usual: float = 0.0

    @property
    def many(self) -> dict[str, float]:
        """The rules that leave many pairs tied, with their share, the one with the most first."""
        ordered = sorted(self.shares.items(), key=lambda item: -item[1])
        return {rule: share for rule, share in ordered if share > self.usual + MANY}


def count_ties(rankings: Rankings, results: Mapping[str, Aggregation]) -> Ties:
    """The share of the pairs with a majority among the ballots that each rule leaves tied.

    Whatever a rule does with a pair that the ballots tie, half of the weight agrees; with a pair that a
    majority decides, a tie, which counts 1/2, is better for the minority than the majority's order.

    Parameters
    ----------
    results
        The collective rankings of each rule, by its name.

    Examples
    --------
    >>> import rlchf
    >>> rankings = Rankings.from_ballots([("p", n, "a > b > c") for n in "xyz"])
    >>> count_ties(rankings, {"plurality": rlchf.aggregate(rankings, "plurality")})
    Ties(shares={'plurality': 0.3333333333333333}, usual=0.0)
    """
    ranks = np.stack([result.response_ranks for result in results.values()])  # (R, responses)
    tied, decided = np.zeros(len(ranks) + 1), 0
    for prompts, profiles in rankings.profiles(small=True):
        M = profiles.n_responses
        cells = rankings.response_starts[prompts][:, None] + np.arange(M)
        i, j = np.triu_indices(M, 1)
        majority = np.asarray(profiles.margins)[:, i, j] != 0  # (B, pairs)
        decided += int(majority.sum())
        borda = np.asarray(get_rule("borda")(profiles))
        for r, values in enumerate([*(row[cells] for row in ranks), borda]):
            tied[r] += (majority & (values[:, i] == values[:, j])).sum()
    *shares, usual = ratio(tied, decided, 0.0).tolist()
    return Ties(dict(zip(results, shares, strict=True)), usual)
