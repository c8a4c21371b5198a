"""Good orders for squared Kemeny without a proof, by moving one response at a time."""

from collections.abc import Callable

import numpy as np

from rlchf.rules._parts.squared_kemeny.orders import signs

STARTS = 10  # ballots from which a search starts
TRIES = 50_000  # responses that one search tries to move, over all its rounds
WORK = 10**6  # the largest number of starts times M^2
READ = 3 * 10**8  # the largest number of starts times M^2 K without a quadratic form
COMPARED = 2 * 10**9  # the same for the ballots among which the cheapest are the starts


class RankedBallots:
    """The ballots of one prompt, (M, K) ranks and (K,) votes, and the costs of orders.

    If there are more ballots than pairs, a `QuadraticForm` computes the costs.
    """

    def __init__(self, ranks: np.ndarray, votes: np.ndarray) -> None:
        counted = votes > 0
        columns, index = np.unique(ranks[:, counted].T, axis=0, return_inverse=True)
        self.ranks = np.ascontiguousarray(columns.T).astype(np.int32)
        self.votes = np.bincount(index.ravel(), votes[counted], len(columns))
        M, K = self.ranks.shape
        self.form = QuadraticForm(self.ranks, self.votes) if K > M * (M - 1) // 2 else None

    def above(self, response: int, others: np.ndarray) -> np.ndarray:
        """(others, K) int: 1 where a ballot ranks the response above the other, -1 where below."""
        one, many = self.ranks[response], self.ranks[others]
        above: np.ndarray = np.sign(many - one) * ((one > 0) & (many > 0))
        return above

    def distances(self, order: np.ndarray) -> np.ndarray:
        """(K,) the number of pairs that a ballot ranks and the order reverses."""
        distances = np.zeros(len(self.votes))
        for position, response in enumerate(order):
            distances += (self.above(response, order[position + 1 :]) < 0).sum(axis=0)
        return distances

    def cost(self, order: np.ndarray) -> float:
        """Sum of the votes times the squared distances."""
        if self.form is not None:
            return float(self.form.costs(order[None])[0])
        return float(self.distances(order) ** 2 @ self.votes)

    def moved(self, order: np.ndarray, position: int, distances: np.ndarray) -> np.ndarray:
        """(M, K) distances after the response at a position has moved to each position."""
        above = self.above(order[position], np.delete(order, position))
        passed = np.zeros((len(order), len(self.votes)))
        # A ballot's distance grows by 1 for each response that it ranks below and that moves above.
        np.cumsum(above, axis=0, out=passed[1:])
        moved: np.ndarray = distances + passed - passed[position]
        return moved

    def mover(self, order: np.ndarray, distances: np.ndarray) -> Callable[[int], np.ndarray]:
        """A function from a position to the (M,) costs after its response has moved to each position."""
        if self.form is not None:
            return self.form.mover(order)
        return lambda position: np.asarray(self.moved(order, position, distances) ** 2 @ self.votes)

    def starts(self) -> list[np.ndarray]:
        """The Borda order, and the ballots of least cost, with their ties broken by the Borda order.

        Thousands of ballots on many responses are not all compared.
        """
        M = len(self.ranks)
        responses = np.arange(M)
        borda = np.array([self.above(i, responses).sum(axis=0) @ self.votes for i in range(M)])
        borda_order = np.lexsort((responses, -borda))
        positions = np.argsort(borda_order)
        limit = min(STARTS, WORK // M**2)
        compared = np.arange(len(self.votes))
        if self.form is None:
            once = M**2 * len(self.votes)
            limit = min(limit, READ // once)
            compared = compared[:: -(-len(compared) * once // COMPARED)]  # evenly spaced
        ballots = np.where(self.ranks > 0, self.ranks, M + 1)[:, compared]
        orders = np.array([np.lexsort((positions, ballot)) for ballot in ballots.T])
        if self.form is not None:
            costs = self.form.costs(orders)
        else:
            costs = np.array([self.cost(order) for order in orders])
        return [borda_order, *orders[np.argsort(costs, kind="stable")[:limit]]]


class QuadraticForm:
    """The costs of orders as a quadratic form of their vectors, for any number of ballots."""

    def __init__(self, ranks: np.ndarray, votes: np.ndarray) -> None:
        ballots = signs(ranks).astype(np.float64)
        ranked = np.abs(ballots).sum(axis=0)
        self.square = (ballots * votes) @ ballots.T  # (N, N) for N pairs
        self.linear = ballots @ (votes * ranked)
        self.constant = float(votes @ ranked**2)
        self.pairs = np.triu_indices(len(ranks), 1)
        self.index = np.zeros((len(ranks), len(ranks)), dtype=np.int64)
        self.index[self.pairs] = np.arange(len(ballots))
        self.index += self.index.T

    def vectors(self, orders: np.ndarray) -> np.ndarray:
        """(n, N) vectors of (n, M) orders."""
        positions, (i, j) = np.argsort(orders, axis=1), self.pairs
        return np.where(positions[:, i] < positions[:, j], 1.0, -1.0)

    def costs(self, orders: np.ndarray) -> np.ndarray:
        """(n,) costs of (n, M) orders."""
        t = self.vectors(orders)
        bent = np.sum((t @ self.square) * t, axis=1)
        return np.asarray((self.constant - 2 * t @ self.linear + bent) / 4)

    def mover(self, order: np.ndarray) -> Callable[[int], np.ndarray]:
        """Like `RankedBallots.mover`."""
        t = self.vectors(order[None])[0]
        bent = self.square @ t
        cost = (self.constant - 2 * t @ self.linear + bent @ t) / 4

        def costs(position: int) -> np.ndarray:
            response, others = order[position], np.delete(order, position)
            pairs, side = self.index[response, others], np.where(response < others, 1.0, -1.0)
            inner = self.square[pairs[:, None], pairs]
            slope = side * (bent[pairs] - inner @ t[pairs] - self.linear[pairs])
            inner = side[:, None] * inner * side
            # With v = 1 for the responses behind and -1 for those in front, the cost is
            # (2 slope v + v inner v) / 4 plus a constant.
            corners = np.append(0.0, inner.cumsum(axis=0).cumsum(axis=1).diagonal())
            terms = np.append(0.0, np.cumsum(slope + inner.sum(axis=0)))
            moved = corners - terms
            return np.asarray(cost + moved - moved[position])

        return costs


def good_order(ballots: RankedBallots) -> tuple[np.ndarray, float]:
    """A locally optimal order, first to last, and its cost.

    From each start, single responses move to their best positions until no move helps, or `TRIES` moves
    were tried; the best result is returned.
    """
    best, least = np.arange(len(ballots.ranks)), np.inf
    for start in ballots.starts() if len(ballots.votes) else []:
        order, cost = _improved(ballots, start)
        if cost < least:
            best, least = order, cost
    return best, least if len(ballots.votes) else 0.0


def kept_by_moves(ballots: RankedBallots, order: np.ndarray) -> np.ndarray:
    """(M, M) bool: whether i is before j in an order and in all of the same cost that differ by one move."""
    M = len(order)
    before = np.triu(np.ones((M, M), dtype=bool), 1)  # by position
    costs_of = ballots.mover(order, ballots.distances(order))
    cost = ballots.cost(order)
    for position in range(M):
        equal = np.flatnonzero(costs_of(position) <= cost * (1 + 1e-12))
        first, last = min(position, *equal), max(position, *equal)
        before[position, position : last + 1] = False
        before[first : position + 1, position] = False
    positions = np.argsort(order)
    return np.asarray(before[np.ix_(positions, positions)])


def _improved(ballots: RankedBallots, order: np.ndarray) -> tuple[np.ndarray, float]:
    distances, cost = ballots.distances(order), ballots.cost(order)
    costs_of = ballots.mover(order, distances)
    unmoved, n = 0, 0
    while unmoved < len(order) and n < TRIES:
        position = int(np.flatnonzero(order == n % len(order))[0])
        costs = costs_of(position)
        best = int(np.argmin(costs))
        unmoved, n = unmoved + 1, n + 1
        if costs[best] < cost * (1 - 1e-12):
            if ballots.form is None:
                distances = ballots.moved(order, position, distances)[best]
            order = np.insert(np.delete(order, position), best, order[position])
            costs_of, cost, unmoved = ballots.mover(order, distances), float(costs[best]), 0
    return order, cost
