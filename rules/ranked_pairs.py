"""Ranked pairs, Tideman's rule."""

from collections.abc import Callable, Iterator

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.numeric.chunks import chunks
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.defeats import defeats
from rlchf.rules._parts.many_responses import lock_all
from rlchf.rules._parts.tiers import block_scores, closure, in_chunks, sorted_pairs

BITS = 62  # the largest number of responses of which a set fits into one int64
MOST = 8
"""The largest number of responses for which all outcomes are searched."""


@voting_rule(
    kind="majority",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity", "clones", "majority loser", "local IIA",
    ],
    scopes={"neutrality": "distinct margins", "clones": "distinct margins"},
)  # fmt: skip
def ranked_pairs(profiles: Profiles, *, ties: Ties = "lexicographic") -> Array:
    """Rank by locking in majority wins from the largest margin down, skipping those that close a cycle.

    If margins are equal, the order in which they are taken can decide the outcome. If all margins are
    distinct and not 0, there is one outcome, and the names of the responses do not matter.

    Parameters
    ----------
    ties
        "lexicographic" takes equal margins in the order of the responses: by the index of the winner,
        then that of the loser; pairs without a majority come last, the first response of the pair
        counting as its winner. The result is a strict order.
        "keep" takes them in every order, pairs without a majority both ways round, and cuts the responses
        into blocks wherever all outcomes have the same responses in front; responses of one block
        are tied. It runs on the CPU. Parts that Split Cycle does not divide are searched completely up
        to 8 responses; in a larger part, all responses are tied.

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
        orders = np.stack([lock_all(margins) for margins in to_numpy(profiles.margins)])
        return xp.asarray(orders, device=device)
    scores = xp.empty((B, M), dtype=xp.float64, device=device)
    for chunk in chunks(B, M):
        scores[chunk] = _lock(profiles.margins[chunk])
    return scores


def ranked_pairs_outcomes(margins: np.ndarray) -> list[list[int]]:
    """List every ranking of one prompt that ranked pairs reaches under some order of equal margins.

    These rankings are the stacks: whenever b has a majority over a response a ranked above it, a path
    leads down the ranking from a to b on which every margin is at least as large.

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
    # Bit j of reach[i, b]: on prompt b a path of locked pairs leads from i to j; i reaches itself.
    reach = xp.zeros((M, B), dtype=xp.int64, device=device_of(margins))
    reach += (xp.ones_like(responses) << responses)[:, None]
    for winner, loser in zip(winners, losers, strict=True):
        below = reach[loser, prompts]  # (B,)
        below = below * (1 - ((below >> winner) & 1))  # nothing if the pair would close a cycle
        reach |= below[None] * ((reach >> winner[None]) & 1)
    reached = (reach[None] >> responses[:, None, None]) & 1  # (M, M, B)
    return xp.astype(xp.sum(reached, axis=0) - 1, xp.float64).T


def _levels(margins: np.ndarray) -> np.ndarray:
    """(M, B) blocks over all outcomes of (M, M, B) margins; higher levels come first.

    Every outcome follows Split Cycle's defeats. So if all responses in front defeat all behind, directly or
    through others, every outcome is an outcome of the front followed by an outcome of the back.
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
    """The lengths of the fronts that all outcomes share, and one outcome."""
    M = len(margins)
    shared = {M: frozenset(range(M))}  # by length, the fronts that all outcomes so far share
    first: list[int] = []

    def may_differ(order: list[int]) -> bool:
        """Whether an outcome that begins with this may have another front than all outcomes so far."""
        longest = max((k for k in shared if k < M), default=0)
        return (
            not first
            or len(order) < longest
            or any(shared[k] != frozenset(order[:k]) for k in shared if k <= len(order))
        )

    for order in _stacks(margins, [], may_differ):
        fronts = {k: frozenset(order[:k]) for k in range(1, M + 1)}
        if not first:
            shared, first = fronts, order
        shared = {k: front for k, front in shared.items() if fronts[k] == front}
    return sorted(shared), first


def _stacks(
    margins: list[list[float]], order: list[int], wanted: Callable[[list[int]], bool]
) -> Iterator[list[int]]:
    """The outcomes that begin with ``order``, without those with a beginning that is not ``wanted``."""
    if not wanted(order):
        return
    if len(order) == len(margins):
        yield order
        return
    for new in range(len(margins)):
        if new not in order and _holds(margins, order, new):
            yield from _stacks(margins, [*order, new], wanted)


def _holds(margins: list[list[float]], order: list[int], new: int) -> bool:
    """Whether the paths down the order to a new last response are as strong as its wins."""
    below, strength = [new], {new: np.inf}  # of the strongest path down to the new one
    for above in reversed(order):
        strength[above] = max(min(margins[above][b], strength[b]) for b in below)
        if margins[new][above] > strength[above]:
            return False
        below.append(above)
    return True
