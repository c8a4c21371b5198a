"""Good orders without a proof, by moving one response at a time."""

from time import monotonic

import numpy as np


def gain_of(margins: np.ndarray, order: np.ndarray) -> float:
    """Sum of the margins of whoever comes earlier over whoever comes later.

    Examples
    --------
    >>> gain_of(np.array([[0, 3], [-3, 0]]), np.array([1, 0]))
    -3.0
    """
    return float(np.triu(margins[np.ix_(order, order)], 1).sum())


def improve(margins: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Move single responses to the place where the order gains most, until no move helps."""
    order = order.copy()
    M, unmoved, at = len(order), 0, 0
    response = np.arange(M)
    while unmoved < M:
        moving = response[at]
        place = int(np.flatnonzero(order == moving)[0])
        lead = margins[moving, order]  # (M,) by place
        earlier = np.cumsum(lead[:place][::-1])[::-1]  # moving up to a place passes these
        later = -np.cumsum(lead[place + 1 :])
        gains = np.concatenate([earlier, [0.0], later])
        best = int(np.argmax(gains))
        if gains[best] > 1e-9 * np.abs(lead).sum():
            order = np.insert(np.delete(order, place), best, moving)
            unmoved = 0
        else:
            unmoved += 1
        at = (at + 1) % M
    return order


def wander(margins: np.ndarray, order: np.ndarray, kicks: int, deadline: float) -> np.ndarray:
    """Improve an order further: move some responses anywhere, improve, keep what is no worse; repeat."""
    rng = np.random.default_rng(order)  # the same wandering every time
    gain = gain_of(margins, order)
    for _ in range(kicks):
        if monotonic() > deadline:
            break
        kicked = order
        for _ in range(3):
            start, end = rng.integers(len(order), size=2)
            kicked = np.insert(np.delete(kicked, start), end, kicked[start])
        kicked = improve(margins, kicked)
        if gain_of(margins, kicked) >= gain:
            order, gain = kicked, gain_of(margins, kicked)
    return order
