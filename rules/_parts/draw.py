"""Draw a ballot with chances in proportion to the weights."""

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, segment_sum


def draw(votes: Array, starts: np.ndarray, owners: Array, chances: Array) -> tuple[Array, Array]:
    """Draw from each prompt the ballot at a given share of its votes, counted from its first ballot.

    So a ballot of weight 2 is drawn like two neighbours of weight 1, and one of weight 0 never.

    Parameters
    ----------
    votes
        (K,) integers.
    starts, owners
        (B + 1,) where the ballots of each prompt begin, and (K,) the prompt of each ballot.
    chances
        (B,) numbers in [0, 1).

    Returns
    -------
    ballots
        (B,) the index of a ballot; that of the prompt's last ballot if the prompt has no votes.
    totals
        (B,) the votes of each prompt.

    Examples
    --------
    >>> two = np.array([0, 0, 1, 1])
    >>> draw(np.array([3.0, 1.0, 0.0, 2.0]), np.array([0, 2, 4]), two, np.array([0.75, 0.0]))
    (array([1, 3]), array([4., 2.]))
    """
    xp, device = array_namespace(votes), device_of(votes)
    totals = segment_sum(votes, starts)
    # Integers wrap around where a batch has more than 2^63 votes, and differences are still right.
    passed = xp.cumulative_sum(xp.astype(votes, xp.int64), axis=0)
    first, ends = (xp.asarray(part, device=device) for part in (starts[:-1], starts[1:]))
    before = passed[first] - xp.astype(votes, xp.int64)[first]
    within = xp.astype(passed - before[owners], xp.float64)
    skipped = segment_sum(xp.astype(within <= (chances * totals)[owners], xp.int64), starts)
    return xp.minimum(first + skipped, ends - 1), totals
