"""The model of Plackett and Luce."""

import numpy as np

from rlchf.simulate.polls import Poll, Votes, ranks_of


def plackett_luce(poll: Poll, *, spread: float = 1.0, strengths: tuple[float, ...] = ()) -> Votes:
    """Each place goes to one of the responses left, with a probability proportional to its strength.

    Parameters
    ----------
    spread
        Standard deviation of the log-strengths, which are drawn from a normal distribution.
    strengths
        The log-strengths of every prompt's responses, in place of drawn ones.

    References
    ----------
    R. L. Plackett, "The analysis of permutations", 1975; R. D. Luce, "Individual choice behavior", 1959.
    """
    P, M = poll.n_prompts, poll.n_responses
    if not 0 <= spread < np.inf:
        raise ValueError(f"spread is {spread}; give a number of 0 or more")
    if strengths and len(strengths) != M:
        raise ValueError(
            f"there are {len(strengths)} strengths of {M} responses; give one for each"
        )
    if not np.isfinite(strengths).all():
        raise ValueError(f"the strengths are {list(strengths)}; give finite numbers")
    drawn = spread * poll.rng.standard_normal((P, M))
    if strengths:
        drawn[:] = strengths
    # The order of log-strengths with Gumbel noise has the model's probabilities.
    scores = poll.rng.gumbel(size=(M, poll.n_ballots)) + drawn.T[:, poll.prompts]
    return Votes(ranks_of(scores), quality={"strength": drawn})
