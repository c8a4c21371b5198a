"""The perpetual rules that choose among whole orders by what everybody would have got after it.

Up to `LISTED` responses all orders are compared; beyond, the search starts from Borda's order and moves one
response at a time to where it improves most, until no such move improves. On a prompt that is too large for
that Borda's order stands.
"""

from itertools import permutations

import numpy as np
from numba import njit

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules.across._parts.layout import Order, ranked, sequence
from rlchf.rules.across._parts.orders import LISTED, NEARLY, count_above, first_borda_order
from rlchf.rules.across._parts.perpetual.loop import (
    APPROVAL,
    NASH,
    PHRAGMEN,
    WINNER,
    decided_pairs,
    worth,
)
from rlchf.rules.across._parts.perpetual.orders_exact import decide_orders_exactly
from rlchf.rules.across._parts.perpetual.weighting import Unit, unit_code

NOBODY = 1e300  # the load where nobody would carry it
FEW = 64  # annotators whose levels are sorted one by one
SEARCHED = 5e8
"""The largest M^3 P, for M responses and P annotators, with which orders are searched for."""


def perpetual_orders(
    rankings: Rankings, name: str, aim: int, *, unit: Unit, exact: bool, order: Order, seed: int
) -> Aggregation:
    """Rank prompt after prompt by the order that serves the aim best."""
    code, laid = unit_code(unit), sequence(rankings, order, seed)
    scores = np.empty(len(rankings.response_ids))
    options = {"unit": unit, "exact": exact, "order": order, "seed": seed}
    if exact:
        decide_orders_exactly(laid, aim, code, scores)
        return ranked(rankings, scores, name, **options)
    state, slots = np.zeros(laid.n_annotators), np.full(laid.n_annotators, -1)
    for prompts, cells, ranks in laid.blocks():
        decide_orders(
            prompts, laid.sizes, laid.ballots, cells, ranks, laid.weights, laid.annotators,
            laid.responses, state, slots, aim, code, *_listed(), scores,
        )  # fmt: skip
    return ranked(rankings, scores, name, **options)


def _listed() -> tuple[np.ndarray, np.ndarray]:
    """All orders of 2 to `LISTED` responses, row after row, and where those of each number begin."""
    rows = [order for m in range(2, LISTED + 1) for order in permutations(range(m))]
    starts = [sum(len(row) < m for row in rows) for m in range(LISTED + 2)]
    padded = [row + (0,) * (LISTED - len(row)) for row in rows]
    return np.array(padded), np.array(starts)


@njit(cache=True, nogil=True)
def fill_key(
    aim: int, state: np.ndarray, got: np.ndarray, weights: np.ndarray, cost: float, key: np.ndarray
) -> None:
    """Fill (2, P) ``key`` with what `compare` looks at, for P annotators who would get ``got`` (P,)."""
    P = len(state)
    if aim == NASH:
        key[:, 0] = 0.0
        for s in range(P):
            if weights[s] > 0 and state[s] + got[s] > 0:
                key[0, 0] += weights[s]
                key[1, 0] += weights[s] * np.log(state[s] + got[s])
    elif aim == PHRAGMEN:
        key[0, 0] = new_load(state, got, weights, cost)
    elif P > FEW:  # as below, faster
        levels: np.ndarray = state + got
        by_level = np.argsort(levels, kind="mergesort")
        key[0], key[1] = levels[by_level], weights[by_level]
    else:  # all levels, the lowest first, and their weights
        for s in range(P):
            level, at = state[s] + got[s], s
            while at > 0 and key[0, at - 1] > level:
                key[0, at], key[1, at] = key[0, at - 1], key[1, at - 1]
                at -= 1
            key[0, at], key[1, at] = level, weights[s]


@njit(cache=True, nogil=True)
def new_load(state: np.ndarray, got: np.ndarray, weights: np.ndarray, cost: float) -> float:
    """The load at which supporters are level if they carry the cost, those with more load left out."""
    load = NOBODY
    while True:
        carried, carriers = cost, 0.0
        for s in range(len(state)):
            if state[s] <= load:
                carried += weights[s] * got[s] * state[s]
                carriers += weights[s] * got[s]
        if carriers <= 0.0 or carried / carriers >= load:
            return load
        load = carried / carriers


@njit(cache=True, nogil=True)
def compare(aim: int, key: np.ndarray, best: np.ndarray, slack: np.ndarray) -> int:
    """1 if a key is better than the best one, -1 if it is worse, 0 if it is as good."""
    if aim == NASH:
        for c in range(2):
            if abs(key[c, 0] - best[c, 0]) > slack[c]:
                return 1 if key[c, 0] > best[c, 0] else -1
        return 0
    if aim == PHRAGMEN:
        if abs(key[0, 0] - best[0, 0]) > NEARLY * max(1.0, min(key[0, 0], best[0, 0])):
            return 1 if key[0, 0] < best[0, 0] else -1
        return 0
    P, a, b = key.shape[1], 0, 0
    mine, theirs = key[1, 0], best[1, 0]
    while True:  # weight against weight, from the lowest level up
        while mine <= slack[0]:
            a += 1
            if a == P:
                return 0
            mine += key[1, a]
        while theirs <= slack[0]:
            b += 1
            if b == P:
                return 0
            theirs += best[1, b]
        if abs(key[0, a] - best[0, b]) > slack[1]:
            return 1 if key[0, a] > best[0, b] else -1
        both = min(mine, theirs)
        mine -= both
        theirs -= both


@njit(cache=True, nogil=True)
def slacks(aim: int, state: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(2,) differences that are rounding; one prompt changes a logarithm by 1 / (1 + state) or so."""
    change = 0.0
    for s in range(len(state)):
        change += weights[s] / (1.0 + state[s])
    second = change if aim == NASH else 1.0 + state.max()
    return NEARLY * np.array([weights.sum(), second])


@njit(cache=True, nogil=True)
def unanimous(ranks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(M, M) bool: all ballots of positive weight, and there are some, rank i above j."""
    V, M = ranks.shape
    forced = np.full((M, M), weights.max() > 0)
    for k in range(V):
        if weights[k] > 0:
            for i in range(M):
                for j in range(M):
                    forced[i, j] &= 0 < ranks[k, i] < ranks[k, j]
    return forced


@njit(cache=True, nogil=True)
def total_agreement(order: np.ndarray, above: np.ndarray, forced: np.ndarray, M: int) -> float:
    """The weight of all ballots and pairs that an order ranks as they do; -1 if all rank a pair otherwise."""
    agreed = 0.0
    for a in range(M):
        for b in range(a + 1, M):
            if forced[order[b], order[a]]:
                return -1.0
            agreed += above[order[a], order[b]]
    return agreed


@njit(cache=True, nogil=True)
def gains(order: np.ndarray, agreeing: np.ndarray, n: int, M: int, got: np.ndarray) -> None:
    """Fill ``got`` (P,): what an order gives to each annotator.

    ``agreeing`` (M, M, P) has the annotators last, so that each pair is one sum of two rows.
    """
    got[:] = 0.0
    for a in range(M):
        for b in range(a + 1, M):
            i, j = order[a], order[b]
            for s in range(len(got)):
                got[s] += agreeing[i, j, s]
    for s in range(len(got)):
        got[s] /= n


@njit(cache=True, nogil=True)
def consider(
    aim: int, order: np.ndarray, best: np.ndarray, standing: np.ndarray, state: np.ndarray,
    weights: np.ndarray, agreeing: np.ndarray, n: int, above: np.ndarray, forced: np.ndarray,
    M: int, cost: float, slack: np.ndarray, key: np.ndarray, best_key: np.ndarray,
    got: np.ndarray,
) -> None:  # fmt: skip
    """Take an order for the best one if it is better and keeps what all ballots rank alike."""
    agreed = total_agreement(order, above, forced, M)
    if agreed < 0.0:
        return
    if n > 0:
        gains(order, agreeing, n, M, got)
    compete(
        aim, order, best, standing, state, weights, n, agreed, M, cost, slack, key, best_key, got
    )


@njit(cache=True, nogil=True)
def compete(
    aim: int, order: np.ndarray, best: np.ndarray, standing: np.ndarray, state: np.ndarray,
    weights: np.ndarray, n: int, agreed: float, M: int, cost: float, slack: np.ndarray,
    key: np.ndarray, best_key: np.ndarray, got: np.ndarray,
) -> None:  # fmt: skip
    """Take an order for the best one if it is better; ``standing[0]`` is the agreement of the best."""
    better = 1
    if n > 0:
        fill_key(aim, state, got, weights, cost, key)
        if standing[0] >= 0.0:
            better = compare(aim, key, best_key, slack)
    elif standing[0] >= 0.0:
        better = 0
    if better > 0 or (better == 0 and agreed > standing[0] + NEARLY * M * M * cost):
        standing[0] = agreed
        best[:M] = order[:M]
        best_key[:] = key


@njit(cache=True, nogil=True)
def best_order(
    aim: int, state: np.ndarray, weights: np.ndarray, agreeing: np.ndarray, n: int,
    above: np.ndarray, forced: np.ndarray, M: int, cost: float, orders: np.ndarray,
    starts: np.ndarray, best: np.ndarray,
) -> None:  # fmt: skip
    """Fill ``best`` (M,) with the order that serves the aim best; ties go by total agreement."""
    P = len(state)
    key, best_key, got = np.zeros((2, P)), np.zeros((2, P)), np.zeros(P)
    slack, standing = slacks(aim, state, weights), np.full(1, -1.0)
    if M <= LISTED:
        for r in range(starts[M], starts[M + 1]):
            consider(aim, orders[r], best, standing, state, weights, agreeing, n, above, forced,
                     M, cost, slack, key, best_key, got)  # fmt: skip
        return
    first_borda_order(above, M, best)
    consider(aim, best.copy(), best, standing, state, weights, agreeing, n, above, forced,
             M, cost, slack, key, best_key, got)  # fmt: skip
    if float(M) ** 3 * P > SEARCHED:
        return
    now, moved = best.copy(), best.copy()
    had, pairs = np.zeros(P), np.zeros(P)  # in pairs, mostly whole numbers: differences are exact
    for _ in range(M * M):
        now[:] = best
        if n > 0:
            gains(now, agreeing, 1, M, had)
        agreed_now = total_agreement(now, above, forced, M)
        for a in range(M):
            x = now[a]
            moved[0], moved[1 : a + 1], moved[a + 1 :] = x, now[:a], now[a + 1 :]
            pairs[:] = had
            agreed, wrong = agreed_now, 0  # pairs against what all ballots say
            for c in range(a):
                agreed += swap(agreeing, above, x, now[c], pairs)
                wrong += forced[now[c], x]
            for b in range(M):
                if b > 0:  # x goes down by one place
                    y = moved[b]
                    moved[b - 1], moved[b] = y, x
                    agreed += swap(agreeing, above, y, x, pairs)
                    wrong += int(forced[x, y]) - int(forced[y, x])
                if wrong == 0:
                    for s in range(P):
                        got[s] = pairs[s] / n if pairs[s] > NEARLY else 0.0
                    compete(aim, moved, best, standing, state, weights, n, agreed, M, cost, slack,
                            key, best_key, got)  # fmt: skip
        if (now == best).all():
            break


@njit(cache=True, nogil=True)
def swap(agreeing: np.ndarray, above: np.ndarray, i: int, j: int, pairs: np.ndarray) -> float:
    """Change ``pairs`` (P,) by what i just above j, not j above i, gives; return the change in agreement."""
    for s in range(len(pairs)):
        pairs[s] += agreeing[i, j, s] - agreeing[j, i, s]
    return float(above[i, j] - above[j, i])


@njit(cache=True, nogil=True)
def by_worth(
    aim: int, state: np.ndarray, weights: np.ndarray, worths: np.ndarray, forced: np.ndarray,
    M: int, cost: float, best: np.ndarray,
) -> None:  # fmt: skip
    """Fill ``best`` (M,): first the response that serves the aim best, then the best of the others..."""
    keys, slack = np.zeros((M, 2, len(state))), slacks(aim, state, weights)
    for i in range(M):
        fill_key(aim, state, worths[:, i].copy(), weights, cost, keys[i])
    left = np.ones(M, dtype=np.bool_)
    for place in range(M):
        chosen = -1
        for i in range(M):
            beaten = not left[i]
            for j in range(M):
                beaten |= left[j] and forced[j, i]
            if not beaten and (chosen < 0 or compare(aim, keys[i], keys[chosen], slack) > 0):
                chosen = i
        best[place] = chosen
        left[chosen] = False


@njit(cache=True, nogil=True)
def decide_orders(
    prompts: np.ndarray, sizes: np.ndarray, ballots: np.ndarray, cells: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, annotators: np.ndarray, responses: np.ndarray,
    state: np.ndarray, slots: np.ndarray, aim: int, unit: int, orders: np.ndarray,
    starts: np.ndarray, scores: np.ndarray,
) -> None:  # fmt: skip
    """Rank prompt after prompt into ``scores`` (R,); ``slots`` (A,) is -1 before and after."""
    for t, p in enumerate(prompts):
        M, start, V = sizes[p], ballots[p], ballots[p + 1] - ballots[p]
        here = ranks[cells[t] : cells[t] + V * M].reshape((V, M))
        w, who = weights[start : start + V], annotators[start : start + V]
        decided = np.empty((M, M), dtype=np.bool_)
        n = decided_pairs(unit, here, w, decided)
        above, cost = np.empty((M, M)), w.sum()
        count_above(here, w, above)
        forced = unanimous(here, w)

        # One slot per annotator who is present.
        present, P = np.empty(V, dtype=np.int64), 0
        times, share = np.zeros(V), np.zeros(V)
        for k in range(V):
            if slots[who[k]] < 0:
                slots[who[k]] = P
                present[P] = who[k]
                P += 1
            times[slots[who[k]]] += 1
            share[slots[who[k]]] += w[k]
        at, share, got = state[present[:P]], share[:P], np.zeros(P)
        best = np.empty(M, dtype=np.int64)
        if unit in (WINNER, APPROVAL):
            worths = np.zeros((P, M))
            for k in range(V):
                s = slots[who[k]]
                for i in range(M):
                    worths[s, i] += worth(unit, here[k], i) / times[s]
            by_worth(aim, at, share, worths, forced, M, cost, best)
            got[:] = worths[:, best[0]]
        else:
            agreeing = np.zeros((M, M, P))
            for k in range(V):
                s = slots[who[k]]
                for i in range(M):
                    for j in range(M):
                        if decided[i, j] and 0 < here[k, i] < here[k, j]:
                            agreeing[i, j, s] += 1.0 / times[s]
            best_order(aim, at, share, agreeing, n, above, forced, M, cost, orders, starts, best)
            if n > 0:
                gains(best, agreeing, n, M, got)
        load = new_load(at, got, share, cost) if aim == PHRAGMEN else 0.0
        for s in range(P):
            slots[present[s]] = -1
            if aim == PHRAGMEN:
                if load < NOBODY:
                    state[present[s]] += got[s] * max(load - at[s], 0.0)
            else:
                state[present[s]] += got[s]
        for place in range(M):
            scores[responses[p] + best[place]] = M - 1 - place
