"""The Pólya–Eggenberger urn."""

import numpy as np

from rlchf.simulate.polls import Poll, Votes, ranks_of


def urn(poll: Poll, *, alpha: float = 0.5) -> Votes:
    """Ballots are drawn from an urn, into which copies of each drawn ballot are put.

    At first the urn holds every strict order once; a drawn ballot is put back with ``alpha M!`` copies. So
    the n-th ballot of a prompt repeats an earlier one with probability ``(n-1) alpha / (1 + (n-1) alpha)``,
    each with the same probability, and else is drawn from all orders.

    Parameters
    ----------
    alpha
        Copies, divided by the number of orders: 0 gives the impartial culture, 1/M! the impartial anonymous
        culture.

    References
    ----------
    F. Eggenberger, G. Pólya, "Über die Statistik verketteter Vorgänge", 1923; S. Berg, "Paradox of voting
    under an urn model", 1985; J. McCabe-Dansted, A. Slinko, "Exploratory analysis of similarities between
    social choice rules", 2006 (alpha).
    """
    if not 0 <= alpha < np.inf:
        raise ValueError(f"alpha is {alpha}; give a number of 0 or more")
    K, V = poll.n_ballots, poll.per_prompt
    fresh = ranks_of(poll.rng.random((poll.n_responses, K)))
    place = np.tile(np.arange(V), poll.n_prompts)  # how many ballots came before
    repeats = poll.rng.random(K) * (1 + place * alpha) < place * alpha
    earlier = np.arange(K) - place + (poll.rng.random(K) * place).astype(np.int64)
    origin = np.where(repeats, earlier, np.arange(K))
    while (origin[origin] != origin).any():  # copies of copies
        origin = origin[origin]
    return Votes(np.ascontiguousarray(fresh[:, origin]))
