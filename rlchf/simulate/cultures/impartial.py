"""Impartial culture."""

from rlchf.simulate.polls import Poll, Votes, ranks_of


def impartial(poll: Poll) -> Votes:
    """Every ballot is drawn from all strict orders, with equal probability.

    References
    ----------
    G. T. Guilbaud, "Les théories de l'intérêt général et le problème logique de l'agrégation", 1952.
    """
    return Votes(ranks_of(poll.rng.random((poll.n_responses, poll.n_ballots))))
