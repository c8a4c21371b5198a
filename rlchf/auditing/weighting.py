"""What the annotators' weights change: who counts for how much, and agreement with and without weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._tallies import tally
from rlchf.auditing.agreement import agreements
from rlchf.auditing.groups import Grouping, Groups
from rlchf.numeric.ratios import ratio
from rlchf.people.design import design_effect, effective_sample_size
from rlchf.rankings import Rankings


@dataclass(frozen=True)
class WeightedRow:
    """All annotators, or a group, with and without the weights.

    Attributes
    ----------
    name
        The group, or "all".
    people
        Number of annotators with a ballot and a weight above 0.
    people_share, weight_share
        Their share of all such annotators, and of the sum of the weights.
    pairs_raw, pairs, first_place_raw, first_place
        Agreement of the outcome with their ballots over all pairs, and over first places, in sample: each
        annotator's ballots counting alike, and by weight.
    """

    name: str
    people: int
    people_share: float
    weight_share: float
    pairs_raw: float
    pairs: float
    first_place_raw: float
    first_place: float


@dataclass(frozen=True)
class WeightedFigures:
    """What weights from an annotators file change in an audit.

    Attributes
    ----------
    people, without
        Number of annotators with a ballot whose weight is above 0, and is 0. The latter count nowhere here.
    design_effect, effective_sample_size
        Kish's figures of the weights above 0.
    rows
        All annotators, then each group.
    """

    people: int
    without: int
    design_effect: float
    effective_sample_size: float
    rows: list[WeightedRow]


def weighted_figures(
    cast: Rankings, weights: Mapping[str, float], result: Aggregation, groups: Groups | None = None
) -> WeightedFigures:
    """Compare an audit's shares with and without the annotators' weights.

    Parameters
    ----------
    cast
        The ballots, without the annotators' weights.
    weights
        Weight by annotator id; 1 for others.
    result
        Collective rankings of the same prompts.
    groups
        As for `rlchf.audit`.

    Examples
    --------
    >>> import rlchf
    >>> cast = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "a > b"), ("p", "eve", "b > a")])
    >>> figures = weighted_figures(cast, {"eve": 2.0}, rlchf.aggregate(cast, "borda"))
    >>> figures.rows[0].pairs_raw, figures.rows[0].pairs
    (0.6666666666666666, 0.5)
    """
    votes = np.bincount(cast.ballot_annotators, minlength=len(cast.annotator_ids)) > 0
    w = np.array([weights.get(one, 1.0) for one in cast.annotator_ids]) * votes
    present = (w > 0).astype(float)
    factors = [dict(zip(cast.annotator_ids, one.tolist(), strict=True)) for one in (present, w)]
    raw, weighted = (tally(cast.weighted(one), result) for one in factors)
    rows = []
    for grouping in (Grouping.everybody(cast), *Grouping.each(cast, groups)):
        inside, n = grouping.owners >= 0, len(grouping.names)
        people = np.bincount(grouping.owners[inside], present[inside], n)
        of_people, of_weight = (
            ratio(np.bincount(grouping.owners[inside], one[inside], n), one.sum())
            for one in (present, w)
        )
        pairs = zip(agreements(raw, grouping), agreements(weighted, grouping), strict=True)
        rows += [
            WeightedRow(
                name=before.name, people=int(people[g]), people_share=float(of_people[g]),
                weight_share=float(of_weight[g]), pairs_raw=before.pairs, pairs=after.pairs,
                first_place_raw=before.first_place, first_place=after.first_place,
            )
            for g, (before, after) in enumerate(pairs)
        ]  # fmt: skip
    without = int(np.count_nonzero(votes & (w == 0)))
    return WeightedFigures(
        int(present.sum()), without, design_effect(w), effective_sample_size(w), rows
    )
