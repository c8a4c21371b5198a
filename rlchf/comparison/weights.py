"""What the annotators' weights change: each rule's rankings with them and without."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing.groups import Groups
from rlchf.auditing.weighting import WeightedFigures, weighted_figures
from rlchf.comparison.rules import distances
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
    rule
        The rule whose outcome ``figures`` are about: the first one.
    figures
        Shares of the people and of the weight, and agreement with and without the weights.
    rules
        What changes under each rule.
    """

    rule: str
    figures: WeightedFigures
    rules: list[RuleWeights]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def weights_effect(
    rankings: Rankings,
    cast: Rankings,
    results: Mapping[str, Aggregation],
    weights: Mapping[str, float],
    groups: Groups | None = None,
) -> Weights:
    """Apply the rules to the ballots without the annotators' weights, and compare.

    Parameters
    ----------
    rankings, cast
        The ballots with the annotators' weights, and without.
    results
        The collective rankings of each rule with the weights, by its name.
    weights
        Weight by annotator id; 1 for others.
    groups
        As in `rlchf.audit`.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("p", "bob", "b > a"), ("p", "eve", "b > a")]
    >>> cast = Rankings.from_ballots(ballots)
    >>> weights = {"ann": 5.0}
    >>> rankings = cast.weighted(weights)
    >>> effect = weights_effect(rankings, cast, {"borda": aggregate(rankings, "borda")}, weights)
    >>> effect.rules[0].first, effect.rules[0].flipped, round(effect.figures.design_effect, 2)
    (1, 1, 1.65)
    """
    rows = []
    for rule, result in results.items():
        alike = aggregate(cast, rule, **result.options)
        measured = distances(rankings, {"weighted": result, "alike": alike})
        rows.append(
            RuleWeights(
                rule,
                int((measured.first_places > 1).sum()),
                int(measured.flipped[0, 1]),
                float(measured.distance[0, 1]),
            )
        )
    first = next(iter(results))
    return Weights(first, weighted_figures(cast, weights, results[first], groups), rows)
