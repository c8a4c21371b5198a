"""Sets of prompts that share no annotators, whose groups may be different people by the same name."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from rlchf.rankings import Rankings


def sets_apart(rankings: Rankings, groups: Mapping[str, str]) -> tuple[int, list[str]]:
    """The number of sets of prompts that share no annotators, and the groups with members in several.

    Conversations that were joined into one file are such sets, and a group "1" of each may be other people.
    Only sets with two groups or more count; if one has fewer, or no group is in several, the answer is none.

    Examples
    --------
    >>> ballots = [(p, p + a, "x > y") for p in "pq" for a in "ab"]
    >>> rankings = Rankings.from_ballots(ballots)
    >>> sets_apart(rankings, {"pa": "0", "pb": "1", "qa": "0", "qb": "1"})
    (2, ['0', '1'])
    >>> sets_apart(rankings, {"pa": "0", "pb": "1", "qa": "2", "qb": "3"})
    (0, [])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    P, A = rankings.n_prompts, len(rankings.annotator_ids)
    cells = rankings.ballot_prompts, P + rankings.ballot_annotators
    ones = np.ones(len(rankings.ballot_prompts))
    number, part_of = connected_components(
        coo_array((ones, cells), shape=(P + A, P + A)), directed=False
    )
    parts = dict(zip(rankings.annotator_ids, part_of[P:].tolist(), strict=True))
    present = {(groups[name], part) for name, part in parts.items() if name in groups}
    of_part = np.bincount([part for _, part in present], minlength=number)
    counts = Counter(group for group, _ in present)
    several = sorted(group for group, count in counts.items() if count > 1)
    if number < 2 or of_part[part_of[:P]].min() < 2 or not several:
        return 0, []
    return int(number), several
