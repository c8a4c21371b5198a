"""All small elections, each once whatever the order of its ballots."""

from collections.abc import Iterator
from functools import cache
from itertools import combinations_with_replacement, islice, permutations, product

import numpy as np

from rlchf.axioms.drawing import drawn
from rlchf.axioms.elections import Elections, dense

BALLOTS = ("strict", "ties", "gaps", "ties and gaps")
"""What ballots may have, from the ones that counterexamples are best made of."""
SIZES: dict[str, dict[int, int]] = {
    "strict": {2: 6, 3: 12, 4: 5},
    "ties": {2: 5, 3: 4, 4: 2},
    "gaps": {2: 5, 3: 4, 4: 2},
    "ties and gaps": {2: 4, 3: 3},
}
"""The most ballots of the elections that are enumerated, by what ballots may have and by responses."""
DRAWN = {
    "strict": ("strict", "alike"),
    "ties": ("weak",),
    "gaps": ("gaps", "alike gaps"),
    "ties and gaps": ("weak gaps",),
}
"""The kinds of random ballots that may have so much."""


@cache
def ballots(kind: str, responses: int) -> np.ndarray:
    """(N, M) ranks: all ballots of a kind, first the one that ranks the responses in their order.

    Examples
    --------
    >>> [len(ballots(kind, 3)) for kind in BALLOTS]
    [6, 13, 15, 25]
    """
    M = responses
    if kind == "strict":
        rows = [np.argsort(order) + 1 for order in permutations(range(M))]
        return np.array(rows, dtype=np.int16)
    least = 1 if kind == "ties" else 0
    every = np.array(list(product(range(least, M + 1), repeat=M)))
    ranks = np.unique(dense(every[every.any(axis=1)]), axis=0)
    if kind == "gaps":
        ranks = ranks[ranks.max(axis=1) == (ranks > 0).sum(axis=1)]
    first = (ranks == np.arange(1, M + 1)).all(axis=1)
    return np.asarray(np.concatenate([ranks[first], ranks[~first]]), dtype=np.int16)


def enumerated(
    kind: str, responses: int, n_ballots: int, *, neutral: bool = False, chunk: int = 2000
) -> Iterator[Elections]:
    """All elections of so many responses and ballots of a kind, in batches.

    Parameters
    ----------
    neutral
        Whether elections may be left out that others are like but for the names of the responses: of strict
        ballots those are left that have a ballot in the order of the names.

    Examples
    --------
    >>> sum(map(len, enumerated("strict", 3, 3))), sum(map(len, enumerated("strict", 3, 3, neutral=True)))
    (56, 21)
    """
    options = ballots(kind, responses).astype(np.float64)
    reduced = neutral and kind == "strict"
    drawn_ballots = n_ballots - 1 if reduced else n_ballots
    every = combinations_with_replacement(range(len(options)), drawn_ballots)
    while some := list(islice(every, chunk)):
        chosen = np.array(some, dtype=np.int64).reshape(len(some), drawn_ballots)
        if reduced:
            chosen = np.concatenate([np.zeros((len(some), 1), np.int64), chosen], axis=1)
        yield Elections(options[chosen], np.ones(chosen.shape))


def random_batch(kind: str, rng: np.random.Generator, given: str, size: int = 200) -> Elections:
    """Random elections of 3 to 6 responses and 2 to 7 ballots of a kind, with weights.

    On some, one response is first or last on every ballot.
    """
    M, K = int(rng.choice([3, 4, 4, 5, 5, 6])), int(rng.integers(2, 8))
    weights = str(rng.choice(["equal", "small", "large", "powers"]))
    elections = drawn(rng, size, K, M, str(rng.choice(DRAWN[kind])), weights, given)
    if rng.random() < 0.3:
        divided = np.where(rng.random((size, K)) < 0.5, 0.5, M + 3.0)
        one = elections.values[..., 0]
        elections.values[..., 0] = np.where(one > 0, divided, 0.0)
    return elections
