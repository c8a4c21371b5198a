"""Maximal lotteries."""

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.lottery import MOST, closest, supported


@voting_rule(
    kind="probabilistic",
    cost="K M^2 + M^4",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith",
    ],
    any_device=False,
)  # fmt: skip
def maximal_lottery(profiles: Profiles) -> Array:
    """Give chances such that nothing beats the lottery by expected margin; runs on the CPU.

    Drawn from this lottery, a response is expected to have no negative margin against any other
    response, and so against any other lottery: it is the optimal strategy of the game in which two
    players name a response each, and the margin is what one wins from the other. Whoever wins
    against everybody else gets 1, and nobody outside the Smith set gets anything.

    If there are several such lotteries, as ties of majorities allow, the one closest to even chances is
    taken: its squares have the least sum. If no margin between two responses is even (say, an odd number
    of strict complete ballots) there is only one. Lotteries are found in whole numbers, so that equal
    chances are equal.

    Returns
    -------
    (B, M) array of chances, which add up to 1; equal is a tie, and all without a chance are tied last.

    References
    ----------
    P. C. Fishburn, "Probabilistic social choice based on simple voting comparisons", 1984. For a single
    lottery under odd margins: G. Laffond, J.-F. Laslier, M. Le Breton, "A theorem on symmetric
    two-player zero-sum games", 1997.

    Examples
    --------
    The margins are 3 for a over b, 5 for b over c and 1 for c over a, and each is the chance of the third:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> maximal_lottery(Profiles.from_ballots([cycle])) * 9
    array([[5., 1., 3.]])
    """
    margins = to_numpy(profiles.margins)
    B, M = margins.shape[:2]
    copeland = np.sign(margins).sum(axis=2)
    order = np.argsort(-copeland, axis=1, kind="stable")
    # The first k beat all others exactly if they have k (M - k) more majority wins than losses.
    sizes = np.arange(1, M + 1)
    beaten = np.take_along_axis(copeland, order, axis=1).cumsum(axis=1) == sizes * (M - sizes)
    smith = beaten.argmax(axis=1) + 1
    chances = np.zeros((B, M))
    for size in np.unique(smith):
        prompts = np.flatnonzero(smith == size)
        members = np.sort(order[prompts, :size], axis=1)
        inner = margins[prompts[:, None, None], members[:, :, None], members[:, None, :]]
        chances[prompts[:, None], members] = _lotteries(inner)
    return array_namespace(profiles.ranks).asarray(chances, device=device_of(profiles.ranks))


def _lotteries(margins: np.ndarray) -> np.ndarray:
    """(B, k) lotteries for (B, k, k) margins within Smith sets of k responses."""
    B, k = margins.shape[:2]
    if k == 1:
        return np.ones((B, 1))
    lotteries, is_found = np.empty((B, k)), np.zeros(B, dtype=bool)
    if k <= MOST:
        turned, is_found = supported(np.ascontiguousarray(margins.transpose(1, 2, 0)))
        lotteries[:] = turned.T
    for prompt in np.flatnonzero(~is_found):
        lotteries[prompt] = closest(margins[prompt])
    return lotteries
