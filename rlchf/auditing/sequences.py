"""Agreement added up over the prompts."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._owner_rounds import OwnerRounds
from rlchf.auditing._tallies import Tallies, tally
from rlchf.auditing.groups import Grouping, Groups
from rlchf.rankings import Rankings


@dataclass(frozen=True, eq=False)
class CumulativeAgreement:
    """An annotator's or a group's contested pairs, added up in the order of the prompts.

    Attributes
    ----------
    name
        The annotator or group.
    prompts
        (n,) the prompts on which it has a ballot, as indices into ``prompt_ids``.
    agreed
        (n,) contested pairs agreed so far; a group's are means over its ballots on each prompt.
    contested
        (n,) contested pairs so far, likewise.
    deserved
        (n,) contested pairs so far, times its share of the weight of each prompt.
    """

    name: str
    prompts: np.ndarray
    agreed: np.ndarray
    contested: np.ndarray
    deserved: np.ndarray


def cumulative_agreement(
    rankings: Rankings, result: Aggregation, groups: Groups | None = None
) -> list[CumulativeAgreement]:
    """Add up the contested pairs of each group, or of each annotator if there are no groups.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "d" else "b > a") for p in range(5) for name in "abcde"]
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> result = Aggregation.from_scores(rankings, np.array([1, 0, 0, 1, 1, 0, 0, 1, 1, 0]), "mine", {})
    >>> last = cumulative_agreement(rankings, result)[-1]
    >>> last.name, last.agreed, last.deserved.round(3)
    ('e', array([0., 1., 1., 2., 2.]), array([0.2, 0.4, 0.6, 0.8, 1. ]))
    """
    tallies = tally(rankings, result)
    groupings = Grouping.each(rankings, groups) or [Grouping.by_annotator(rankings)]
    return [line for grouping in groupings for line in _lines(tallies, grouping)]


def _lines(tallies: Tallies, grouping: Grouping) -> list[CumulativeAgreement]:
    rounds = OwnerRounds.of(tallies, grouping)
    columns = [
        rounds.cumulative(values) for values in (rounds.agreed, rounds.contested, rounds.deserved)
    ]
    ends = np.searchsorted(rounds.owners, np.arange(len(grouping.names) + 1))
    rows = (slice(a, b) for a, b in pairwise(ends.tolist()))
    return [
        CumulativeAgreement(name, rounds.prompts[row], *(column[row] for column in columns))
        for name, row in zip(grouping.names, rows, strict=True)
    ]
