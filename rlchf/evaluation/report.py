"""The evaluation: all measures of a reward model's scores together."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._tallies import Tallies, tally
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.report import plain
from rlchf.evaluation.calibration import Calibration, calibration, calibration_sums
from rlchf.evaluation.intervals import Figure, Sums, figures
from rlchf.evaluation.pairs import Pairs, collective_order
from rlchf.evaluation.scores import Scores, flat, scored
from rlchf.numeric.segments import ranges
from rlchf.rankings import Rankings


@dataclass(frozen=True)
class Evaluation:
    """Agreement of scores with ballots and with the collective rankings.

    Pair accuracy is the share of the strict pairs on the counted ballots that the scores put in the same
    order; equal scores count half. A pair counts by its ballot's weight. Contested are the pairs about
    which two ballots strictly disagree.

    Attributes
    ----------
    prompts, ballots
        Number of prompts and ballots counted.
    pairs, contested
        Accuracy over all pairs and over contested pairs; the intervals resample prompts.
    other_people
        The same two; the intervals resample annotators.
    attainable, attainable_contested
        Accuracy of the majority on each pair: no scores do better.
    margins
        Accuracy by the share of a pair's strict votes that its winner has.
    groups, contested_groups
        Accuracy over all pairs and over contested pairs by group.
    annotators
        Accuracy over all pairs by annotator, in the order of the rankings.
    calibration
        Calibration of the predicted probabilities.
    collective_pairs
        Accuracy over the strict pairs of the collective rankings; None without them.
    tau
        Kendall's tau-b to the collective ranking, mean over prompts; None without them.
    r_squared
        The r² of hidden context; None for scores without a variance.
    """

    prompts: int
    ballots: int
    pairs: Figure
    contested: Figure
    other_people: list[Figure]
    attainable: float
    attainable_contested: float
    margins: list[Figure]
    annotators: list[Figure]
    calibration: Calibration
    groups: list[Figure] = field(default_factory=list)
    contested_groups: list[Figure] = field(default_factory=list)
    collective_pairs: Figure | None = None
    tau: Figure | None = None
    r_squared: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to ``evaluation.json``; a NaN becomes None."""
        values: dict[str, Any] = plain(asdict(self))
        return values


def evaluate(
    scores: Scores,
    rankings: Rankings,
    result: Aggregation | None = None,
    *,
    groups: Groups | None = None,
    people: Collection[str] | None = None,
    r_squared: float | None = None,
    replicates: int = 200,
    seed: int = 0,
) -> Evaluation:
    """Compare scores with ballots, and with collective rankings if there are any.

    Parameters
    ----------
    scores
        A reward of each response of the prompts to evaluate; ballots and collective rankings of other
        prompts are left out. Differences of rewards are log-odds.
    rankings
        The ballots.
    result
        Collective rankings.
    groups
        Group of each annotator id, or several such divisions by name, as in `audit`.
    people
        The annotators whose ballots are counted, such as those that `split_annotators` holds out; by
        default all. All ballots define the contested pairs and the margins.
    r_squared
        The r² of hidden context of a model whose scores have a variance, kept in the result; see
        `rlchf.train.reward.heads.r_squared`.
    replicates, seed
        Number of bootstrap replicates and random seed.

    Raises
    ------
    ValueError
        If no ballot of these annotators is on a prompt with scores, a response has no score, or a score is
        not finite.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [("p", "ann", "a > b > c"), ("p", "bob", "a > c > b"), ("q", "ann", "d > e")]
    >>> scores = {"p": {"a": 2.0, "b": 1.0, "c": 0.0}, "q": {"d": 1.0, "e": 1.0}}
    >>> evaluation = evaluate(scores, rlchf.Rankings.from_ballots(ballots))
    >>> evaluation.pairs.value, evaluation.contested.value, evaluation.attainable
    (0.7857142857142857, 0.5, 0.8571428571428571)
    >>> [(row.name, row.value) for row in evaluation.annotators]
    [('ann', 0.875), ('bob', 0.6666666666666666)]
    """
    rankings, counted = _chosen(rankings, scores, people)
    values, P = flat(rankings, np.arange(rankings.n_prompts), scores), rankings.n_prompts
    tallies = tally(rankings, Aggregation.from_scores(rankings, values, "scores", {}))
    pairs = Pairs.of(rankings, values, counted)
    groupings = Grouping.each(rankings, groups)
    families = [
        *_overall(tallies, tallies.prompts[counted], counted),
        pairs.by_margin(),
        _by_group(tallies, counted, Grouping.by_annotator(rankings)),
        *calibration_sums(pairs),
        *(_by_group(tallies, counted, grouping) for grouping in groupings),
        *(_by_group(tallies, counted, grouping, contested=True) for grouping in groupings),
    ]
    (overall,), (contested,), margins, annotators, *others = figures(families, P, replicates, seed)
    calibrated, by_group = others[:4], others[4:]
    present, annotator = np.unique(tallies.annotators[counted], return_inverse=True)
    by_people = figures(_overall(tallies, annotator, counted), len(present), replicates, seed)
    collective: list[list[Figure]] = []
    if result is not None:
        order, n = collective_order(result, scores)
        if n == 0:
            raise ValueError("no prompt of the collective rankings has scores")
        collective = figures(order, n, replicates, seed)
    return Evaluation(
        prompts=P,
        ballots=int(rankings.ballot_counts[counted].sum()),
        pairs=overall,
        contested=contested,
        other_people=[row for rows in by_people for row in rows],
        attainable=pairs.attainable(),
        attainable_contested=pairs.attainable(contested=True),
        margins=margins,
        annotators=[row for row in annotators if row.weight > 0],
        calibration=calibration(*calibrated),
        groups=[row for rows in by_group[: len(groupings)] for row in rows],
        contested_groups=[row for rows in by_group[len(groupings) :] for row in rows],
        collective_pairs=collective[0][0] if collective else None,
        tau=collective[1][0] if collective else None,
        r_squared=r_squared,
    )


def _chosen(
    rankings: Rankings, scores: Scores, people: Collection[str] | None
) -> tuple[Rankings, np.ndarray]:
    """The ballots on the prompts to evaluate, and (N,) which of them are counted."""
    kept = scored(rankings.prompt_ids, scores)
    if not len(kept):
        raise ValueError(
            f"no prompt of {rankings.source} has scores: the ballots are about prompts such as "
            f"{rankings.prompt_ids[0]!r}, the scores about {next(iter(scores), None)!r}"
        )
    names = set(rankings.annotator_ids if people is None else map(str, people))
    is_counted = np.array([name in names for name in rankings.annotator_ids])
    counted = is_counted[rankings.ballot_annotators]
    kept = kept[np.add.reduceat(counted, rankings.ballot_starts[:-1], dtype=np.int64)[kept] > 0]
    if not len(kept):
        raise ValueError(
            f"none of the {len(names)} annotators to count has a ballot on a prompt with scores; "
            f"{rankings.source} has annotators such as {rankings.annotator_ids[0]!r}"
        )
    if len(kept) < rankings.n_prompts:
        counts = np.diff(rankings.ballot_starts)[kept]
        counted = counted[ranges(rankings.ballot_starts[kept], counts)]
        rankings = rankings.subset(kept)
    return rankings, counted


def _overall(tallies: Tallies, units: np.ndarray, counted: np.ndarray) -> list[Sums]:
    """The sums of pair accuracy over all pairs and over contested pairs; ``units`` are resampled."""
    t, w = tallies, tallies.weights[counted]
    return [
        Sums.one("all", units, w * t.agreed[counted], w * t.stated[counted]),
        Sums.one("contested", units, w * t.contested_agreed[counted], w * t.contested[counted]),
    ]


def _by_group(
    tallies: Tallies, counted: np.ndarray, grouping: Grouping, contested: bool = False
) -> Sums:
    """The sums of pair accuracy by group."""
    t, group = tallies, grouping.owners[tallies.annotators]
    kept = counted & (group >= 0)
    agreed, stated = (t.contested_agreed, t.contested) if contested else (t.agreed, t.stated)
    w = t.weights[kept]
    return Sums(grouping.names, group[kept], t.prompts[kept], w * agreed[kept], w * stated[kept])
