"""A dataset in an order that does not depend on the order of its rows."""

import numpy as np

from rlchf.rankings import Rankings


def canonical(rankings: Rankings) -> tuple[Rankings, np.ndarray]:
    """The same dataset with prompts, annotators and the ballots of a prompt in the order of the ids.

    An annotator's ballots on one prompt are in the order of what they say.

    Returns
    -------
    The dataset, and (P,) the position in it of each prompt of the original.

    Examples
    --------
    >>> ballots = [("q", "bob", "a > b"), ("p", "bob", "c > d"), ("p", "ann", "d > c")]
    >>> ordered, positions = canonical(Rankings.from_ballots(ballots))
    >>> ordered.prompt_ids, ordered.annotator_ids, positions
    (['p', 'q'], ['ann', 'bob'], array([1, 0]))
    """
    prompts = _order(rankings.prompt_ids)
    annotators = _order(rankings.annotator_ids)
    place = np.empty(len(annotators), dtype=np.int64)
    place[annotators] = np.arange(len(annotators))
    sorted_by_prompt = rankings.subset(prompts)
    who = place[sorted_by_prompt.ballot_annotators]
    keys = (sorted_by_prompt.ballot_prompts, who)
    order = np.lexsort((_contents(sorted_by_prompt, *keys), who, keys[0]))
    ordered = sorted_by_prompt.with_ballots(
        order,
        annotator_ids=[rankings.annotator_ids[a] for a in annotators],
        ballot_annotators=who[order],
    )
    positions = np.empty(len(prompts), dtype=np.int64)
    positions[prompts] = np.arange(len(prompts))
    return ordered, positions


def _order(ids: list[str]) -> np.ndarray:
    """(N,) the numbers of the ids in their alphabetical order."""
    return np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)


def _contents(rankings: Rankings, prompts: np.ndarray, annotators: np.ndarray) -> np.ndarray:
    """(N,) the place of each ballot among all of its annotator's on its prompt, by what they say."""
    places = np.zeros(len(prompts), dtype=np.int64)
    cells = prompts * (int(annotators.max(initial=0)) + 1) + annotators
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
