"""What the annotators' weights change: each rule's rankings with them and without."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation, aggregate
from rlchf.comparison.rules import distances
from rlchf.people.design import design_effect, effective_sample_size
from rlchf.rankings import Rankings


@dataclass(frozen=True)
class RuleWeights:
    """A rule's rankings with the annotators' weights, against those in which all annotators count alike.

    Attributes
    ----------
    rule
        The rule.
    first
        Number of prompts on which the first place changes.
    flipped
        Number of training pairs of which chosen and rejected change places.
    distance
        Kendall's distance as a share of the pairs, the mean over prompts.
    """

    rule: str
    first: int
    flipped: int
    distance: float


@dataclass(frozen=True)
class Weights:
    """What the annotators' weights change.

    Attributes
    ----------
    people, without
        Number of annotators with a ballot whose weight is above 0, and is 0.
    design_effect, effective_sample_size
        Kish's figures of the weights above 0.
    rules
        What changes under each rule.
    """

    people: int
    without: int
    design_effect: float
    effective_sample_size: float
    rules: list[RuleWeights]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def weights_effect(
    rankings: Rankings,
    unweighted: Rankings,
    results: Mapping[str, Aggregation],
    weights: np.ndarray,
) -> Weights:
    """Apply the rules to the ballots without the annotators' weights, and compare.

    Parameters
    ----------
    rankings, unweighted
        The ballots with the annotators' weights, and without.
    results
        The collective rankings of each rule with the weights, by its name.
    weights
        (A,) the weights of the annotators of ``unweighted``.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("p", "bob", "b > a"), ("p", "eve", "b > a")]
    >>> plain = Rankings.from_ballots(ballots)
    >>> weighted = plain.weighted({"ann": 5.0})
    >>> results = {"borda": aggregate(weighted, "borda")}
    >>> effect = weights_effect(weighted, plain, results, np.array([5.0, 1.0, 1.0]))
    >>> effect.rules[0].first, effect.rules[0].flipped, round(effect.design_effect, 2)
    (1, 1, 1.65)
    """
    rows = []
    for rule, result in results.items():
        alike = aggregate(unweighted, rule, **result.options)
        measured = distances(rankings, {"weighted": result, "alike": alike})
        rows.append(
            RuleWeights(
                rule,
                int((measured.first_places > 1).sum()),
                int(measured.flipped[0, 1]),
                float(measured.distance[0, 1]),
            )
        )
    voted = np.bincount(unweighted.ballot_annotators, minlength=len(weights)) > 0
    counted = weights[voted & (weights > 0)]
    return Weights(
        len(counted),
        int((voted & (weights == 0)).sum()),
        design_effect(counted),
        effective_sample_size(counted),
        rows,
    )
