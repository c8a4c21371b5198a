"""Stable Voting."""

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.defeats import defeats, undefeated
from rlchf.rules._parts.tiers import in_chunks, remove_winners, unless_sorted

MOST = 12
"""The largest number of responses for which the winners of all sets are computed."""

WORK = 2**17  # the largest number of sets, times M^2, in the search with more responses


@voting_rule(
    kind="majority",
    cost="K M^2 + 2^M M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "majority loser",
    ],
)  # fmt: skip
def stable_voting(profiles: Profiles) -> Array:
    """Rank in tiers: the stable winners, the stable winners of the others, and so on.

    A single response wins. With several, consider the pairs of a response a that Split Cycle leaves
    undefeated and another response b, from the largest margin of a over b down (it is negative if b beats
    a). The first a that wins by the same rule when b is removed is the winner. If several pairs with that
    margin pass this test, the a of each of them wins. So winners are tied only if margins are tied.

    With up to 12 responses the winners of all sets of responses are computed together. With more, each
    prompt is searched on the CPU. If Split Cycle leaves several of n responses undefeated, and the choice
    among them takes more than 2^17 / n^2 sets, all of them win.

    Returns
    -------
    (B, M) array of scores: the number of lower tiers; higher is better, equal is a tie.

    References
    ----------
    W. H. Holliday, E. Pacuit, "Stable Voting", 2023.

    Examples
    --------
    In the cycle a > b > c > a the margin of c over a is the smallest:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> stable_voting(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])
    """
    if profiles.n_responses <= MOST:
        return in_chunks(lambda margins: unless_sorted(_by_all_sets, margins), profiles.margins)
    xp = array_namespace(profiles.ranks)
    scores = in_chunks(lambda m: unless_sorted(_by_search, m), to_numpy(profiles.margins))
    return xp.asarray(scores, device=device_of(profiles.ranks))


def _by_all_sets(margins: Array) -> Array:
    """Scores of (M, M, B) margins; a set of responses is a number, bit by bit."""
    xp, device = array_namespace(margins), device_of(margins)
    M, _, B = margins.shape
    responses = xp.arange(M, dtype=xp.int64, device=device)
    bits = xp.ones_like(responses) << responses
    winners = xp.zeros((2**M, B), dtype=xp.int64, device=device)
    for subset in range(1, 2**M):
        inside = [i for i in range(M) if subset >> i & 1]
        if len(inside) == 1:
            winners[subset] = subset
            continue
        members = xp.asarray(inside, device=device)
        inner = margins[members[:, None], members[None]]
        candidates = ~xp.any(defeats(inner), axis=0)  # (k, B)
        without = winners[subset - bits[members]]  # (k, B): the winners without each
        stable = xp.astype((without[None] >> members[:, None, None]) & 1, xp.bool)  # (k, k, B)
        best = xp.max(xp.where(candidates[:, None] & stable, inner, -xp.inf), axis=1)
        won = xp.astype(best == xp.max(best, axis=0), xp.int64)
        winners[subset] = xp.sum(won * bits[members][:, None], axis=0)
    prompts = xp.arange(B, device=device)

    def look_up(remaining: Array) -> Array:
        subsets = xp.sum(xp.astype(remaining, xp.int64) * bits[:, None], axis=0)
        return xp.astype((winners[subsets, prompts] >> responses[:, None]) & 1, xp.bool)

    return remove_winners(look_up, xp.ones((M, B), dtype=xp.bool, device=device))


def _by_search(margins: Array) -> Array:
    """Scores of (M, M, B) margins, one prompt at a time where Split Cycle does not decide."""
    best = undefeated(margins)

    def search(remaining: Array) -> Array:
        won = best(remaining)
        for prompt in np.flatnonzero(won.sum(axis=0) > 1):
            members = np.flatnonzero(remaining[:, prompt])
            if not WORK // len(members) ** 2:  # no room for any set
                continue
            inner = np.ascontiguousarray(margins[:, :, prompt][np.ix_(members, members)])
            stable = _winners(inner, tuple(range(len(members))), {}, WORK // len(members) ** 2)
            if stable is not None:
                won[:, prompt] = False
                won[members[list(stable)], prompt] = True
        return won

    return remove_winners(search, np.ones(margins.shape[1:], dtype=bool))


Members = tuple[int, ...]


def _winners(
    margins: np.ndarray, inside: Members, known: dict[Members, Members], most: int
) -> Members | None:
    """The stable winners of a set of responses, or None if that takes more than ``most`` sets.

    The sets searched do not depend on the order of the responses, so neither does the result None.
    """
    if inside in known:
        return known[inside]
    if len(known) >= most:
        return None
    known[inside] = ()  # counts as a set from now on; it is not looked up before it is known
    inner = margins[np.ix_(inside, inside)]
    rows = np.flatnonzero(~defeats(inner[:, :, None]).any(axis=0)[:, 0])
    won = tuple(inside[i] for i in rows)
    if len(won) > 1:
        levels = np.unique(inner[rows][rows[:, None] != np.arange(len(inside))])[::-1]
        for level in levels:
            stable = set()
            for i, j in np.argwhere(inner == level):
                if i == j or i not in rows:
                    continue
                others = _winners(margins, inside[:j] + inside[j + 1 :], known, most)
                if others is None:
                    return None
                if inside[i] in others:
                    stable.add(inside[i])
            if stable:
                won = tuple(sorted(stable))
                break
    known[inside] = won
    return won
