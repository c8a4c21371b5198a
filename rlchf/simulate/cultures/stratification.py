"""Stratification: a class of responses that all prefer to the others."""

import numpy as np

from rlchf.simulate.polls import Poll, Votes, random_orders, ranks_of


def stratification(poll: Poll, *, share: float = 0.5) -> Votes:
    """All ballots rank the same upper class of responses above the rest, and are random within both.

    Parameters
    ----------
    share
        Share of the responses in the upper class, rounded to a whole number of them.

    References
    ----------
    N. Boehmer, R. Bredereck, P. Faliszewski, R. Niedermeier, S. Szufa, "Putting a compass on the map of
    elections", IJCAI 2021.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; give a number from 0 to 1")
    P, M = poll.n_prompts, poll.n_responses
    upper = random_orders((P, M), poll.rng) < round(share * M)  # (P, M)
    scores = poll.rng.random((M, poll.n_ballots)) + upper.T[:, poll.prompts]
    return Votes(ranks_of(scores), quality={"class": upper.astype(np.float64)})
