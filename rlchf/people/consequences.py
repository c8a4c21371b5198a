"""What it would do to each group to drop the people whom a figure singles out."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing.groups import Grouping
from rlchf.numeric.ratios import ratio
from rlchf.people.clickers import Clickers
from rlchf.people.reliability import Reliability
from rlchf.people.votes import PairVotes, pair_responses
from rlchf.rankings import Rankings

TENTH = 10
"""A tenth of the people is singled out; with fewer people than this, nobody."""


@dataclass(frozen=True)
class Consequence:
    """What dropping some people would do to a group.

    Attributes
    ----------
    criterion
        Who would be dropped.
    division, group
        The group and its division; both ``"all"`` for everybody.
    people, dropped
        Number of members, and of those who would be dropped.
    weight_before, weight_after
        The group's share of the weight of all ballots.
    agreement_before, agreement_after
        Share of the strict votes on pairs of all its members, dropped ones too, that the rule's result puts
        in the same order (one half where it ties them), with and without the people dropped. In sample: the
        members' own ballots are part of the result.
    """

    criterion: str
    division: str
    group: str
    people: int
    dropped: int
    weight_before: float
    weight_after: float
    agreement_before: float
    agreement_after: float


def criteria(figures: Reliability, clickers: Clickers | None) -> dict[str, np.ndarray]:
    """The people (A,) whom the figures could be used to drop, by the name of the criterion.

    Who has no such figure is not dropped; a criterion is left out if fewer than ten people have its figure,
    or if all of them have the same.
    """
    found = {}
    if clickers is not None and clickers.errors is not None:
        found["flagged as random clickers"] = clickers.flagged
    worst = {
        "least agreement with the others": figures.with_others.value,
        "most intransitive triples": -figures.intransitive.value,
        "least consistent on repeats": figures.consistent.value,
        "strongest preference for a position": -np.abs(figures.first.value - 0.5),
        "fastest": figures.seconds,
    }
    for name, values in worst.items():
        known = np.flatnonzero(~np.isnan(values))
        if len(known) < TENTH or np.ptp(values[known]) == 0:
            continue
        lowest = known[np.argsort(values[known], kind="stable")[: len(known) // TENTH]]
        found[f"the tenth with the {name}" if name != "fastest" else "the fastest tenth"] = np.isin(
            np.arange(len(values)), lowest
        )
    return found


def consequences(
    rankings: Rankings,
    votes: PairVotes,
    dropped: Mapping[str, np.ndarray],
    groupings: Mapping[str, Grouping],
    rule: str = "borda",
) -> list[Consequence]:
    """What dropping people by each criterion would do to everybody and to each group.

    Parameters
    ----------
    dropped
        (A,) bool by criterion.
    groupings
        Divisions of the annotators by name.
    rule
        The rule that makes the result.

    Examples
    --------
    >>> ballots = [(p, name, "a > b") for p in "pq" for name in ("ann", "bob")]
    >>> rankings = Rankings.from_ballots(ballots + [(p, "eve", "b > a") for p in "pq"])
    >>> out = {"disagrees": np.array([False, False, True])}
    >>> [all_] = consequences(rankings, PairVotes.of(rankings), out, {})
    >>> all_.dropped, round(all_.agreement_before, 3), round(all_.agreement_after, 3)
    (1, 0.667, 0.667)
    """
    responses = pair_responses(rankings)
    divisions = {"all": Grouping.everybody(rankings), **groupings}
    weights = np.bincount(rankings.ballot_annotators, rankings.ballot_weights, votes.n_annotators)
    before = _agreed(votes, _result(rankings, rule, np.zeros(votes.n_annotators, bool)), responses)
    found = []
    for criterion, out in dropped.items():
        after = before
        if out.any():
            after = _agreed(votes, _result(rankings, rule, out), responses)
        for title, grouping in divisions.items():
            owners, n = grouping.owners + 1, len(grouping.names) + 1
            rest = weights * ~out

            def sums(values: np.ndarray, owners: np.ndarray = owners, n: int = n) -> np.ndarray:
                return np.bincount(owners, values, n)[1:]

            columns = (
                sums(np.ones(len(out))).astype(np.int64), sums(out).astype(np.int64),
                ratio(sums(weights), weights.sum()), ratio(sums(rest), rest.sum()),
                ratio(sums(before[0]), sums(before[1])), ratio(sums(after[0]), sums(after[1])),
            )  # fmt: skip
            rows = zip(grouping.names, *(column.tolist() for column in columns), strict=True)
            found += [Consequence(criterion, title, *row) for row in rows]
    return found


def _result(rankings: Rankings, rule: str, out: np.ndarray) -> Aggregation:
    """The rule's result without some people."""
    names = [rankings.annotator_ids[a] for a in np.flatnonzero(out)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said where the result is shown
        return aggregate(rankings.weighted(dict.fromkeys(names, 0.0)), rule)


def _agreed(
    votes: PairVotes, result: Aggregation, responses: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """(A,) weight of the strict votes on pairs with which a result agrees, and of all strict votes."""
    first, second = (
        result.response_ranks[side[votes.pairs]].astype(np.int64) for side in responses
    )
    order = np.sign(second - first)
    strict = votes.weights * (1 - votes.ties)
    agreed = (strict + votes.weights * votes.sides * order) / 2
    a, A = votes.annotators, votes.n_annotators
    return np.bincount(a, agreed, A), np.bincount(a, strict, A)
