"""Ranked pairs, Tideman's rule."""

from collections.abc import Callable, Iterator

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.numeric.chunks import chunks
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.defeats import defeats
from rlchf.rules._parts.tiers import block_scores, closure, in_chunks, sorted_pairs

BITS = 62  # responses whose reach fits into one int64
MOST = 8
"""The largest number of responses of which all outcomes are looked at."""


@voting_rule(
    kind="majority",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity",
    ],
)  # fmt: skip
def ranked_pairs(profiles: Profiles, *, ties: Ties = "lexicographic") -> Array:
    """Rank by locking in majority wins from the largest margin down, skipping those that close a cycle.

    Where margins are equal, the order in which they are taken can decide. When all margins are distinct
    and not 0, there is one outcome, and the names of the responses don't matter.

    Parameters
    ----------
    ties
        "lexicographic" takes equal margins in the order of the responses: by the index of the winner,
        then that of the loser; pairs without a majority come last, the first response of the pair
        counting as its winner. The result is a strict order.
        "keep" takes them in every order, pairs without a majority both ways round, and cuts the responses
        into blocks wherever all outcomes have the same responses in front; responses of one block
        are tied. It runs on the CPU. Parts that Split Cycle does not divide are searched completely up
        to 8 responses; of a larger one, all responses are tied.

    Returns
    -------
    (B, M) array of scores: the number of responses in later blocks plus half the other responses of
    the same block; M - 1, M - 2, ..., 0 for a strict order.

    See Also
    --------
    ranked_pairs_outcomes : All outcomes, for the margins of a prompt of up to 8 responses; in
        rlchf.rules.ranked_pairs.

    References
    ----------
    T. N. Tideman, "Independence of clones as a criterion for voting rules", 1987. For all outcomes:
    T. M. Zavist, T. N. Tideman, "Complete independence of clones in the ranked pairs rule", 1989.

    Examples
    --------
    The cycle a > b > c > a is broken at its smallest margin, that of c over a:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> ranked_pairs(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])

    If all its margins are equal, it may be broken anywhere:

    >>> even = Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]])
    >>> ranked_pairs(even), ranked_pairs(even, ties="keep")
    (array([[2., 1., 0.]]), array([[1., 1., 1.]]))
    """
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    B, M = profiles.n_prompts, profiles.n_responses
    if ties == "keep":
        levels = in_chunks(_levels, to_numpy(profiles.margins))
        return xp.asarray(block_scores(levels), device=device)
    if M > BITS:  # one at a time, on the CPU
        orders = np.stack([_lock_one(margins) for margins in to_numpy(profiles.margins)])
        return xp.asarray(orders, device=device)
    scores = xp.empty((B, M), dtype=xp.float64, device=device)
    for chunk in chunks(B, M):
        scores[chunk] = _lock(profiles.margins[chunk])
    return scores


def ranked_pairs_outcomes(margins: np.ndarray) -> list[list[int]]:
    """Every ranking of one prompt that ranked pairs reaches under some order of equal margins.

    A ranking is one of them exactly if, whenever b has a majority over a response a above it, a path
    leads down the ranking from a to b, with every margin on it at least as large.

    Parameters
    ----------
    margins
        (M, M) of up to 8 responses.

    Returns
    -------
    The rankings, best first, in lexicographic order.

    Raises
    ------
    ValueError
        If there are more than 8 responses, which may have too many outcomes to list.

    Examples
    --------
    >>> even = Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]])
    >>> ranked_pairs_outcomes(even.margins[0])
    [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    """
    if len(margins) > MOST:
        raise ValueError(f"{len(margins)} responses; all outcomes are listed for up to {MOST}")
    return list(_stacks(margins.tolist(), [], lambda order: True))


def _lock(margins: Array) -> Array:
    """Scores of (B, M, M) margins; all prompts lock their e-th pair at once."""
    xp = array_namespace(margins)
    B, M = margins.shape[:2]
    winners, losers = (xp.asarray(side.T, copy=True) for side in sorted_pairs(margins))
    prompts = xp.arange(B, device=device_of(margins))
    responses = xp.arange(M, dtype=xp.int64, device=device_of(margins))
    # Bit j of reach[i, b]: in prompt b a path of locked pairs leads from i to j; i reaches itself.
    reach = xp.zeros((M, B), dtype=xp.int64, device=device_of(margins))
    reach += (xp.ones_like(responses) << responses)[:, None]
    for winner, loser in zip(winners, losers, strict=True):
        below = reach[loser, prompts]  # (B,)
        below = below * (1 - ((below >> winner) & 1))  # nothing if the pair would close a cycle
        reach |= below[None] * ((reach >> winner[None]) & 1)
    reached = (reach[None] >> responses[:, None, None]) & 1  # (M, M, B)
    return xp.astype(xp.sum(reached, axis=0) - 1, xp.float64).T


def _lock_one(margins: np.ndarray) -> np.ndarray:
    """Scores of one prompt's (M, M) margins; sets of responses are Python integers, bit by bit."""
    M = len(margins)
    winners, losers = (side[0].tolist() for side in sorted_pairs(margins[None]))
    reach = [1 << i for i in range(M)]  # whom i reaches
    reached_by = [1 << i for i in range(M)]  # who reaches i
    for winner, loser in zip(winners, losers, strict=True):
        if reach[loser] >> winner & 1 or reach[winner] >> loser & 1:
            continue  # it would close a cycle, or says nothing new
        above = reached_by[winner] & ~reached_by[loser]  # these reach the winner, and now the loser
        below = reach[loser] & ~reach[winner]
        gained, gains = reach[loser], reached_by[winner]
        for i in _members(above):
            reach[i] |= gained
        for j in _members(below):
            reached_by[j] |= gains
    return np.array([reach[i].bit_count() - 1.0 for i in range(M)])


def _members(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _levels(margins: np.ndarray) -> np.ndarray:
    """(M, B) blocks over all outcomes of (M, M, B) margins; higher levels come first.

    Every outcome follows Split Cycle's defeats. So where all in front defeat all behind, directly
    or through others, the outcomes are those of the front with those of the back.
    """
    M = margins.shape[0]
    certain = closure(defeats(margins)).astype(np.float64)
    balance = certain.sum(axis=1) - certain.sum(axis=0)  # (M, B)
    order = np.argsort(-balance, axis=0, kind="stable")
    sums = np.cumsum(np.take_along_axis(balance, order, axis=0), axis=0)
    k = np.arange(1, M + 1)[:, None]
    cut = sums == k * (M - k)  # (M, B): all of the first k are certainly in front of all others
    for prompt in np.flatnonzero(~cut.all(axis=0)):
        start = 0
        for end in (np.flatnonzero(cut[:, prompt]) + 1).tolist():
            if 1 < end - start <= MOST:
                part = np.sort(order[start:end, prompt])
                inner = margins[:, :, prompt][np.ix_(part, part)]
                ends, front = _common_fronts(inner.tolist())
                order[start:end, prompt] = part[front]
                cut[start + np.array(ends) - 1, prompt] = True
            start = end
    before = np.cumsum(cut, axis=0) - cut  # blocks in front
    levels = np.empty(margins.shape[1:])
    np.put_along_axis(levels, order, M - before, axis=0)
    return levels


def _common_fronts(margins: list[list[float]]) -> tuple[list[int], list[int]]:
    """After how many responses all outcomes have the same ones in front, and one outcome."""
    M = len(margins)
    shared = {M: frozenset(range(M))}  # by length, the fronts that all outcomes so far have
    first: list[int] = []

    def can_tell(order: list[int]) -> bool:
        """Whether outcomes that begin like this may have a new front where all agreed so far."""
        open_ends = max((k for k in shared if k < M), default=0)
        return (
            not first
            or len(order) < open_ends
            or any(shared[k] != frozenset(order[:k]) for k in shared if k <= len(order))
        )

    for order in _stacks(margins, [], can_tell):
        fronts = {k: frozenset(order[:k]) for k in range(1, M + 1)}
        if not first:
            shared, first = fronts, order
        shared = {k: front for k, front in shared.items() if fronts[k] == front}
    return sorted(shared), first


def _stacks(
    margins: list[list[float]], order: list[int], worth: Callable[[list[int]], bool]
) -> Iterator[list[int]]:
    """The outcomes that begin with ``order``, left out where a beginning is not ``worth`` it."""
    if not worth(order):
        return
    if len(order) == len(margins):
        yield order
        return
    for new in range(len(margins)):
        if new not in order and _holds(margins, order, new):
            yield from _stacks(margins, [*order, new], worth)


def _holds(margins: list[list[float]], order: list[int], new: int) -> bool:
    """Whether paths down the order lead to a new last response that are as strong as its wins."""
    below, strength = [new], {new: np.inf}  # of the strongest path down to the new one
    for above in reversed(order):
        strength[above] = max(min(margins[above][b], strength[b]) for b in below)
        if margins[new][above] > strength[above]:
            return False
        below.append(above)
    return True
