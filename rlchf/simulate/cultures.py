"""Random profiles from statistical cultures, for benchmarks and tests."""

import numpy as np

from rlchf.profiles import Profiles


def mallows(
    prompts: int, ballots: int, responses: int, phi: float, rng: np.random.Generator
) -> Profiles:
    """Draw strict complete ballots around a random order of each prompt's responses.

    A ballot at swap distance d from the order of its prompt has a probability proportional to phi^d.
    With ``phi=1`` all ballots are equally likely, which is the impartial culture; with ``phi=0`` all
    agree. Drawn by repeated insertion: J.-P. Doignon, A. Pekeč, M. Regenwetter, "The repeated
    insertion model for rankings", 2004.

    Examples
    --------
    >>> profiles = mallows(10, 3, 4, 0.8, np.random.default_rng(0))
    >>> profiles.ranks.shape, profiles.n_prompts
    ((4, 30), 10)
    """
    K = prompts * ballots
    ranks = np.zeros((responses, K), dtype=np.int16)  # of the order's first, second, ... response
    for j in range(responses):
        chances = phi ** np.arange(j, -1.0, -1.0)  # of rank 1 to j + 1; the last keeps the order
        steps = np.cumsum(chances / chances.sum())[:-1]
        rank = (1 + np.searchsorted(steps, rng.random(K), side="right")).astype(np.int16)
        ranks[:j] += ranks[:j] >= rank
        ranks[j] = rank
    order = rng.random((prompts, responses)).argsort(axis=1)  # the response at each rank
    by_ballot = np.repeat(order.argsort(axis=1), ballots, axis=0).T  # (M, K)
    return Profiles(
        ranks=np.ascontiguousarray(np.take_along_axis(ranks, by_ballot, axis=0)),
        starts=np.arange(0, K + 1, ballots, dtype=np.int64),
        weights=np.ones(K),
        annotators=np.tile(np.arange(ballots), prompts),
    )
