"""How satisfaction adds up over the prompts."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._cells import Cells
from rlchf.auditing._tallies import Tallies, tally
from rlchf.auditing.groups import Grouping, Groups
from rlchf.rankings import Rankings


@dataclass(frozen=True, eq=False)
class Running:
    """An annotator's or a group's contested pairs, added up in the order of the prompts.

    Attributes
    ----------
    name
        Whose they are.
    prompts
        (n,) the prompts with a ballot of theirs, as indices into ``prompt_ids``.
    agreed
        (n,) contested pairs agreed so far; a group's are means over its ballots on each prompt.
    deserved
        (n,) contested pairs so far, times their share of the weight of each prompt.
    """

    name: str
    prompts: np.ndarray
    agreed: np.ndarray
    deserved: np.ndarray


def running(rankings: Rankings, result: Aggregation, groups: Groups | None = None) -> list[Running]:
    """Follow each group, or each annotator if there are no groups, over the prompts.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "d" else "b > a") for p in range(5) for name in "abcde"]
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> result = Aggregation.from_scores(rankings, np.array([1, 0, 0, 1, 1, 0, 0, 1, 1, 0]), "mine", {})
    >>> last = running(rankings, result)[-1]
    >>> last.name, last.agreed, last.deserved.round(3)
    ('e', array([0., 1., 1., 2., 2.]), array([0.2, 0.4, 0.6, 0.8, 1. ]))
    """
    A = len(rankings.annotator_ids)
    groupings = Grouping.each(rankings, groups) or [Grouping(rankings.annotator_ids, np.arange(A))]
    tallies = tally(rankings, result)
    return [
        line for grouping in groupings for line in _lines(tallies, grouping, rankings.n_prompts)
    ]


def _lines(tallies: Tallies, grouping: Grouping, n_prompts: int) -> list[Running]:
    names, owners = grouping.names, grouping.owners
    cells = Cells.of(tallies, owners[tallies.annotators], len(names), n_prompts)
    agreed, deserved = cells.so_far(cells.agreed), cells.so_far(cells.deserved)
    ends = np.searchsorted(cells.owners, np.arange(len(names) + 1))
    parts = (slice(a, b) for a, b in pairwise(ends.tolist()))
    return [
        Running(name, cells.prompts[at], agreed[at], deserved[at])
        for name, at in zip(names, parts, strict=True)
    ]
