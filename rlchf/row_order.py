"""Ballots in an order that does not depend on the order of their rows, so that sums are equal to the bit."""

import numpy as np

from rlchf.rankings import Rankings


def by_annotator(rankings: Rankings) -> Rankings:
    """The same dataset with the ballots of each prompt in the order of the annotators.

    An annotator's ballots on one prompt are in the order of what they say.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("q", "bob", "c > d"), ("q", "ann", "d > c")]
    >>> by_annotator(Rankings.from_ballots(ballots)).ballot_annotators
    array([0, 0, 1])
    """
    prompts, annotators = rankings.ballot_prompts, rankings.ballot_annotators
    cells = prompts * np.int64(len(rankings.annotator_ids) + 1) + annotators
    if (np.diff(cells) > 0).all():
        return rankings
    return rankings.with_ballots(np.lexsort((_contents(rankings, cells), cells)))


def by_ids(rankings: Rankings) -> tuple[Rankings, np.ndarray]:
    """The same dataset with prompts, annotators and the ballots of a prompt in the order of the ids.

    Returns
    -------
    The dataset, and (P,) the position in it of each prompt of the original.

    Examples
    --------
    >>> ballots = [("q", "bob", "a > b"), ("p", "bob", "c > d"), ("p", "ann", "d > c")]
    >>> ordered, positions = by_ids(Rankings.from_ballots(ballots))
    >>> ordered.prompt_ids, ordered.annotator_ids, positions
    (['p', 'q'], ['ann', 'bob'], array([1, 0]))
    """
    prompts, annotators = _order(rankings.prompt_ids), _order(rankings.annotator_ids)
    ordered = rankings.subset(prompts)
    ordered = ordered.with_ballots(
        np.arange(ordered.n_ballots),
        annotator_ids=[rankings.annotator_ids[a] for a in annotators],
        ballot_annotators=_inverse(annotators)[ordered.ballot_annotators],
    )
    return by_annotator(ordered), _inverse(prompts)


def _order(ids: list[str]) -> np.ndarray:
    """(N,) the numbers of the ids in their alphabetical order."""
    return np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)


def _inverse(order: np.ndarray) -> np.ndarray:
    """(N,) the position of each number in an order of all."""
    positions = np.empty(len(order), dtype=np.int64)
    positions[order] = np.arange(len(order))
    return positions


def _contents(rankings: Rankings, cells: np.ndarray) -> np.ndarray:
    """(N,) the place of each ballot among those of its cell (annotator and prompt), by what they say."""
    places = np.zeros(len(cells), dtype=np.int64)
    _, inverse, counts = np.unique(cells, return_inverse=True, return_counts=True)
    repeated = np.flatnonzero(counts[inverse] > 1).tolist()
    starts = rankings.entry_starts

    def content(ballot: int) -> tuple[list[list[int]], float]:
        entries = slice(starts[ballot], starts[ballot + 1])
        responses, ranks = rankings.entry_responses[entries], rankings.entry_ranks[entries]
        said = sorted(np.column_stack([responses, ranks]).tolist())
        return said, float(rankings.ballot_weights[ballot])

    for place, ballot in enumerate(sorted(repeated, key=content)):
        places[ballot] = place
    return places
