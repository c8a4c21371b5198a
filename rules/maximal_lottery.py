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
        "condorcet loser", "smith", "majority loser",
    ],
    any_device=False,
)  # fmt: skip
def maximal_lottery(profiles: Profiles) -> Array:
    """Give the probabilities of a lottery that none beats by expected margin; runs on the CPU.

    A response drawn from a maximal lottery has an expected margin of at least 0 against any other response,
    and so against any other lottery. The lottery is an optimal strategy of the zero-sum game in which two
    players each name a response, and the margin is the payoff. A Condorcet winner has probability 1, and
    responses outside the Smith set have probability 0.

    Pairwise ties allow several maximal lotteries; then the rule takes the one closest to the uniform
    lottery, with the least sum of squares. If no margin between two responses is even (as with an odd
    number of strict complete ballots), there is only one. The computation is in whole numbers, so that
    equal probabilities are exactly equal.

    Returns
    -------
    (B, M) array of probabilities, which add up to 1; equal is a tie.

    References
    ----------
    P. C. Fishburn, "Probabilistic social choice based on simple voting comparisons", 1984. For a single
    lottery under odd margins: G. Laffond, J.-F. Laslier, M. Le Breton, "A theorem on symmetric
    two-player zero-sum games", 1997.

    Examples
    --------
    The margins are 3 for a over b, 5 for b over c and 1 for c over a; the probability of each response is
    proportional to the margin between the other two:

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
    probabilities = np.zeros((B, M))
    for size in np.unique(smith):
        prompts = np.flatnonzero(smith == size)
        members = np.sort(order[prompts, :size], axis=1)
        inner = margins[prompts[:, None, None], members[:, :, None], members[:, None, :]]
        probabilities[prompts[:, None], members] = _lotteries(inner)
    return array_namespace(profiles.ranks).asarray(probabilities, device=device_of(profiles.ranks))


def _lotteries(margins: np.ndarray) -> np.ndarray:
    """(B, k) lotteries for (B, k, k) margins within Smith sets of k responses."""
    B, k = margins.shape[:2]
    if k == 1:
        return np.ones((B, 1))
    lotteries, is_found = np.empty((B, k)), np.zeros(B, dtype=bool)
    if k <= MOST:
        by_response, is_found = supported(np.ascontiguousarray(margins.transpose(1, 2, 0)))
        lotteries[:] = by_response.T
    for prompt in np.flatnonzero(~is_found):
        lotteries[prompt] = closest(margins[prompt])
    return lotteries
