"""Mallows' model, and mixtures of it."""

import numpy as np

from rlchf.limits import check_memory
from rlchf.simulate.insertion import mallows_ranks, phi_of
from rlchf.simulate.membership import members, numbered_names
from rlchf.simulate.polls import Poll, Votes, random_orders


def mallows(
    poll: Poll,
    *,
    phi: float = 0.7,
    norm_phi: float | None = None,
    centres: int = 1,
    shares: tuple[float, ...] = (),
) -> Votes:
    """A ballot's probability falls by the factor phi with each swap from a central order.

    Each prompt has random central orders of its own. With several of them each annotator belongs to one
    for good: a mixture.

    Parameters
    ----------
    phi
        Dispersion: 0 gives the central order itself, 1 the impartial culture.
    norm_phi
        In place of it: the expected swap distance from the central order, divided by that of the impartial
        culture, so that numbers of responses can be compared.
    centres
        Number of central orders.
    shares
        Shares of the annotators that belong to each; by default equal ones.

    References
    ----------
    C. L. Mallows, "Non-null ranking models", 1957; N. Boehmer, R. Bredereck, P. Faliszewski, R.
    Niedermeier, S. Szufa, "Putting a compass on the map of elections", IJCAI 2021 (norm_phi).
    """
    for name, value in (("phi", phi), ("norm_phi", norm_phi or 0.0)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}; give a number from 0 to 1")
    P, M = poll.n_prompts, poll.n_responses
    dispersion = phi if norm_phi is None else phi_of(norm_phi, M)
    names = numbered_names("c", centres, poll)
    centre = members(names, shares, poll)  # (A,)
    check_memory(30.0 * P * centres * M, f"{centres:,} central orders of each of {P:,} prompts")
    orders = random_orders((P, centres, M), poll.rng)
    ranks = mallows_ranks(dispersion, orders[poll.prompts, centre[poll.annotators]], poll.rng)
    features = {"centre": np.array(names)[centre]} if centres > 1 else {}
    return Votes(ranks, features, {name: M - 1.0 - orders[:, i] for i, name in enumerate(names)})
