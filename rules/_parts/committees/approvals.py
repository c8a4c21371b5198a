"""Which responses a ballot approves."""

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles


def approvals(profiles: Profiles, top: int | None = None) -> Array:
    """Read approvals off the ballots.

    Parameters
    ----------
    top
        A ballot approves the responses that have fewer than ``top`` others above them. By default it
        approves its better half: those in first place, and all that have fewer ranked responses
        above than below. So a ballot that was cast as approvals approves what it approved, a
        ranking of four or five responses its first two, and a ballot that ties everything everything.

    Returns
    -------
    (M, K) bool; what a ballot does not rank it does not approve.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b > c > d", "a = b = c > d"]])
    >>> approvals(profiles).T.astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0]])
    >>> approvals(profiles, top=1).T.astype(int)
    array([[1, 0, 0, 0],
           [1, 1, 1, 0]])
    """
    if top is not None and top < 1:
        raise ValueError(f"top is {top}; give 1 or more")
    xp, ranks = array_namespace(profiles.ranks), profiles.ranks
    M = profiles.n_responses
    ranked = ranks > 0
    above = xp.zeros(ranks.shape, dtype=xp.int16, device=device_of(ranks))
    below = xp.zeros_like(above)
    for j in range(M):
        above += xp.astype((ranks[j] < ranks) & ranked[j], xp.int16)
        if top is None:
            below += xp.astype((ranks < ranks[j]) & ranked, xp.int16)
    if top is not None:
        return ranked & (above < top)
    return ranked & ((ranks == 1) | (above < below))
