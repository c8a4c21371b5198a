"""Statements that say nearly the same."""

from collections.abc import Sequence

import numpy as np

from rlchf.constitution.choosing.votes import Votes
from rlchf.evaluation.diversity import grams

ALIKE = 0.5
"""The least share of equal votes, of those who saw both statements."""


def near_duplicates(votes: Votes, threshold: float = 0.85) -> np.ndarray:
    """Number the statements so that near-duplicates have one number.

    Two statements are near-duplicates if the Jaccard similarity of their words and pairs of neighbouring
    words is at least the threshold, and at least half of those who saw both voted the same on both; so that
    a statement and its negation, which differ in one word, are none. If nobody saw both, the words decide.
    Chains of near-duplicates are one group.

    Parameters
    ----------
    threshold
        Above 0; 1 for texts with the same words only.

    Returns
    -------
    (M,) numbers, by first statement.

    References
    ----------
    A. Z. Broder, "On the resemblance and containment of documents", 1997.

    Examples
    --------
    >>> texts = {"a": "Tell people the truth.", "b": "Tell people the truth!", "c": "Tell people lies."}
    >>> near_duplicates(Votes.from_ballots({"ann": {"a": 1, "c": -1}}, texts), 0.5)
    array([0, 0, 1])
    """
    from scipy.sparse.csgraph import connected_components

    similar = similarities(votes.texts) >= threshold - 1e-12
    np.fill_diagonal(similar, False)
    for i, j in np.argwhere(np.triu(similar)).tolist():
        both = votes.seen[:, i] & votes.seen[:, j]
        same = votes.values[both, i] == votes.values[both, j]
        if len(same) and same.mean() < ALIKE:
            similar[i, j] = similar[j, i] = False
    _, labels = connected_components(similar, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    number = np.argsort(np.argsort(first))
    return np.asarray(number[inverse.ravel()])


def similarities(texts: Sequence[str]) -> np.ndarray:
    """(M, M) Jaccard similarity of the sets of words and pairs of neighbouring words, signs left out.

    Examples
    --------
    >>> similarities(["boil the egg", "Boil the rice.", ""])[0]  # 3 of 7: boil, the, boil the
    array([1.        , 0.42857143, 0.        ])
    """
    from scipy.sparse import csr_array

    sets = [{gram for gram in grams(text, 2) if _is_words(gram)} for text in texts]
    index = {gram: n for n, gram in enumerate(sorted(set().union(*sets)))}
    columns = [index[gram] for one in sets for gram in sorted(one)]
    sizes = np.array([len(one) for one in sets])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    table = csr_array(
        (np.ones(len(columns)), np.array(columns, dtype=np.int64), starts),
        shape=(len(sets), max(len(index), 1)),
    )
    common = (table @ table.T).toarray()
    union = sizes[:, None] + sizes[None] - common
    return np.asarray(common / np.maximum(union, 1))


def _is_words(gram: tuple[str, ...]) -> bool:
    return all(any(character.isalnum() for character in word) for word in gram)
