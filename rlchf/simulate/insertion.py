"""Mallows' model, drawn exactly by repeated insertion."""

import numpy as np


def mallows_ranks(phi: float, centres: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a ballot around each of several orders.

    A ballot at swap distance d from its order has a probability proportional to phi^d: with ``phi=1`` all
    ballots are equally likely, with ``phi=0`` each is its order. The responses of the order are put in one
    by one, the j-th at a place counted from the bottom with a probability proportional to 1, phi, ...,
    phi^(j-1).

    Parameters
    ----------
    phi
        The dispersion, from 0 to 1.
    centres
        (K, M) the place, from 0, of each response in the ballot's order.

    Returns
    -------
    (M, K) int16 ranks.

    References
    ----------
    J.-P. Doignon, A. Pekeč, M. Regenwetter, "The repeated insertion model for rankings: missing link between
    two subset choice models", 2004.

    Examples
    --------
    >>> mallows_ranks(0.0, np.array([[2, 0, 1], [0, 1, 2]]), np.random.default_rng(0))
    array([[3, 1],
           [1, 2],
           [2, 3]], dtype=int16)
    """
    K, M = centres.shape
    ranks = np.zeros((M, K), dtype=np.int16)  # of the order's first, second, ... response
    for j in range(M):
        chances = phi ** np.arange(j, -1.0, -1.0)  # of rank 1 to j + 1; the last keeps the order
        steps = np.cumsum(chances / chances.sum())[:-1]
        rank = (1 + np.searchsorted(steps, rng.random(K), side="right")).astype(np.int16)
        ranks[:j] += ranks[:j] >= rank
        ranks[j] = rank
    return np.ascontiguousarray(np.take_along_axis(ranks, centres.T, axis=0))


def expected_swaps(phi: float, M: int) -> float:
    """The expected swap distance of a ballot from the order of Mallows' model.

    Examples
    --------
    >>> expected_swaps(1.0, 4), expected_swaps(0.0, 4)
    (3.0, 0.0)
    """
    total = 0.0
    for j in range(1, M):
        places = np.arange(j + 1)
        chances = phi**places
        total += float(chances @ places / chances.sum())
    return total


def phi_of(norm_phi: float, M: int) -> float:
    """The dispersion at which the expected swap distance is ``norm_phi`` times that of random ballots.

    Ballots so dispersed are equally similar whatever the number of responses.

    References
    ----------
    N. Boehmer, R. Bredereck, P. Faliszewski, R. Niedermeier, S. Szufa, "Putting a compass on the map of
    elections", IJCAI 2021.

    Examples
    --------
    >>> phi_of(0.0, 5), phi_of(1.0, 5), round(phi_of(0.5, 5), 4)
    (0.0, 1.0, 0.5042)
    """
    from scipy.optimize import brentq

    if norm_phi in (0, 1) or M < 2:
        return float(norm_phi)
    wanted = norm_phi * M * (M - 1) / 4
    return float(brentq(lambda phi: expected_swaps(phi, M) - wanted, 0.0, 1.0, xtol=1e-14))
