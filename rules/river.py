"""The River method."""

from itertools import groupby
from operator import itemgetter

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.defeats import undefeated
from rlchf.rules._parts.many_responses import lock_one_per_loser
from rlchf.rules._parts.tiers import in_chunks, remove_winners, sorted_pairs, unless_sorted

MANY = 20  # the number of responses from which prompts are ranked one at a time
WORK = 2**16  # the largest number of forests, times M^2, in the search under all orders


@voting_rule(
    kind="majority",
    cost="K M^2 + M^4",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity", "clones", "majority loser",
    ],
    scopes={"clones": "few"},
    any_device=False,
)  # fmt: skip
def river(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Rank by River winners: lock in majority wins from the largest margin, one per loser; on the CPU.

    A win is skipped if its loser already has a locked loss, or if it closes a cycle. In the end one response
    has no loss, the winner. It is ranked first and removed, and the rule is applied again to the others.
    If margins are equal, the order in which they are taken can decide the winner.

    Parameters
    ----------
    ties
        "keep" takes equal margins in every order, pairs without a majority both ways round; all responses
        that win under some order share a place and are removed together. Wherever Split Cycle leaves
        several responses undefeated, the orders are searched. The search is complete for up to 6 responses;
        if more than 2^16 / n^2 states of locked wins among n responses can occur, all the undefeated
        responses share the place. Then a clone can change who wins, which it does not otherwise.
        "lexicographic" takes equal margins by the index of the winner, then that of the loser; pairs
        without a majority come last, the first response of the pair counting as its winner. The
        result is a strict order.

    Returns
    -------
    (B, M) array of scores: the number of places below; higher is better, equal is a tie.

    References
    ----------
    M. Döring, M. Brill, J. Heitzig, "The River method", 2025.

    Examples
    --------
    The cycle a > b > c > a is broken at its smallest margin, that of c over a:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> river(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])
    """
    xp, device = array_namespace(profiles.ranks), device_of(profiles.ranks)
    if ties == "keep":
        table = to_numpy(profiles.margins)
        return xp.asarray(in_chunks(lambda m: unless_sorted(_all_orders, m), table), device=device)
    if profiles.n_responses < MANY:
        return in_chunks(lambda margins: unless_sorted(_lock, margins), profiles.margins)
    orders = np.stack([lock_one_per_loser(margins) for margins in to_numpy(profiles.margins)])
    return xp.asarray(orders, device=device)


def _lock(margins: Array) -> Array:
    """Scores of (M, M, B) margins; all prompts lock their e-th pair at once."""
    xp, device = array_namespace(margins), device_of(margins)
    M, _, B = margins.shape
    pairs = sorted_pairs(xp.permute_dims(margins, (2, 0, 1)))
    winners, losers = (xp.asarray(side.T, copy=True) for side in pairs)
    prompts = xp.arange(B, device=device)
    responses = xp.arange(M, dtype=xp.int64, device=device)[:, None]
    remaining = xp.ones((M, B), dtype=xp.bool, device=device)
    scores = xp.zeros((M, B), dtype=xp.float64, device=device)
    for score in range(M - 1, 0, -1):
        root = xp.where(remaining, responses, -1)  # (M, B) the root of each response's tree
        for winner, loser in zip(winners, losers, strict=True):
            above = root[winner, prompts]
            locks = (above >= 0) & (above != loser) & (root[loser, prompts] == loser)
            root = xp.where(locks[None] & (root == loser[None]), above[None], root)
        won = xp.max(root, axis=0)  # the one root of all remaining responses
        scores[won, prompts] = score
        remaining[won, prompts] = False
    return scores


def _all_orders(margins: Array) -> Array:
    """Scores of (M, M, B) margins on the CPU, equal ones taken in every order."""
    best = undefeated(margins)

    def search(remaining: Array) -> Array:
        won = best(remaining)
        for prompt in np.flatnonzero(won.sum(axis=0) > 1):
            members = np.flatnonzero(remaining[:, prompt])
            if WORK // len(members) ** 2 <= 1:  # no room for a second state
                continue
            inner = margins[:, :, prompt][np.ix_(members, members)]
            won[members, prompt] = _possible(inner, won[members, prompt])
        return won

    return remove_winners(search, np.ones(margins.shape[1:], dtype=bool))


def _possible(margins: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Which of the candidates, (n,) bool, win under some order of equal (n, n) margins.

    A state is the root of each response's tree. The result is the same whether the search finds that all
    candidates win or gives up, so it does not depend on the order of the responses.
    """
    n = len(margins)
    table = margins.tolist()
    pairs = sorted((-table[i][j], i, j) for i in range(n) for j in range(n) if table[i][j] >= 0)
    levels = [[(i, j) for _, i, j in level if i != j] for _, level in groupby(pairs, itemgetter(0))]
    start, wanted = tuple(range(n)), set(np.flatnonzero(candidates).tolist())
    todo, seen, won = [start], {start}, set[int]()
    while todo:
        root = todo.pop()
        if len(set(root)) == 1:
            won.add(root[0])
            if won == wanted:
                return candidates
            continue
        open_pairs: list[tuple[int, int]] = []
        for level in levels:  # the first that still has a pair to lock
            if open_pairs := [(i, j) for i, j in level if root[j] == j != root[i]]:
                break
        for i, j in open_pairs:
            state = tuple(root[i] if r == j else r for r in root)
            if state not in seen:
                if len(seen) >= WORK // n**2:
                    return candidates
                seen.add(state)
                todo.append(state)
    return np.isin(np.arange(n), list(won))
