"""Good orders for squared Kemeny without a proof, by moving one response at a time."""

from collections.abc import Callable

import numpy as np

from rlchf.rules._parts.squared_kemeny.orders import signs

STARTS = 10  # ballots from which a search starts
LOOKS = 50_000  # responses that one search tries to move, over all its rounds
WORK = 10**6  # starts times M^2: among many responses fewer ballots are tried
READ = 3 * 10**8  # starts times M^2 K without a quadratic form: nor among many ballots of many
COMPARED = 2 * 10**9  # the same for the ballots of which the cheapest are the starts


class Electorate:
    """The ballots of one prompt, (M, K) ranks and (K,) votes, and what orders cost them.

    Where there are more ballots than pairs, costs are told by a quadratic form: see `_squared_orders`.
    """

    def __init__(self, ranks: np.ndarray, votes: np.ndarray) -> None:
        said = votes > 0
        columns, same = np.unique(ranks[:, said].T, axis=0, return_inverse=True)
        self.ranks = np.ascontiguousarray(columns.T).astype(np.int32)
        self.votes = np.bincount(same.ravel(), votes[said], len(columns))
        M, K = self.ranks.shape
        self.form = Form(self.ranks, self.votes) if K > M * (M - 1) // 2 else None

    def above(self, response: int, others: np.ndarray) -> np.ndarray:
        """(others, K) int: 1 where a ballot ranks the response above another, -1 where below."""
        one, many = self.ranks[response], self.ranks[others]
        above: np.ndarray = np.sign(many - one) * ((one > 0) & (many > 0))
        return above

    def distances(self, order: np.ndarray) -> np.ndarray:
        """(K,) pairs that a ballot ranks and the order reverses."""
        distances = np.zeros(len(self.votes))
        for place, response in enumerate(order):
            distances += (self.above(response, order[place + 1 :]) < 0).sum(axis=0)
        return distances

    def cost(self, order: np.ndarray) -> float:
        """Sum of the votes times the squared distances."""
        if self.form is not None:
            return float(self.form.costs(order[None])[0])
        return float(self.distances(order) ** 2 @ self.votes)

    def moved(self, order: np.ndarray, place: int, distances: np.ndarray) -> np.ndarray:
        """(M, K) distances once the response at a place has moved to each place."""
        above = self.above(order[place], np.delete(order, place))
        passed = np.zeros((len(order), len(self.votes)))
        # each ballot that has it above loses by moving down
        np.cumsum(above, axis=0, out=passed[1:])
        moved: np.ndarray = distances + passed - passed[place]
        return moved

    def mover(self, order: np.ndarray, distances: np.ndarray) -> Callable[[int], np.ndarray]:
        """A function from a place to the (M,) costs once the response there has moved to each place."""
        if self.form is not None:
            return self.form.mover(order)
        return lambda place: np.asarray(self.moved(order, place, distances) ** 2 @ self.votes)

    def starts(self) -> list[np.ndarray]:
        """The Borda order, and the cheapest ballots, with what they leave open in the Borda order.

        Of thousands of ballots on many responses not all are compared.
        """
        M = len(self.ranks)
        everybody = np.arange(M)
        borda = np.array([self.above(i, everybody).sum(axis=0) @ self.votes for i in range(M)])
        first = np.lexsort((everybody, -borda))
        place = np.argsort(first)
        most = min(STARTS, WORK // M**2)
        compared = np.arange(len(self.votes))
        if self.form is None:
            once = M**2 * len(self.votes)
            most = min(most, READ // once)
            compared = compared[:: -(-len(compared) * once // COMPARED)]  # evenly spaced
        ballots = np.where(self.ranks > 0, self.ranks, M + 1)[:, compared]
        orders = np.array([np.lexsort((place, ballot)) for ballot in ballots.T])
        if self.form is not None:
            costs = self.form.costs(orders)
        else:
            costs = np.array([self.cost(order) for order in orders])
        return [first, *orders[np.argsort(costs, kind="stable")[:most]]]


class Form:
    """The costs of orders as a quadratic form of their vectors, whatever the number of ballots."""

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
        place, (i, j) = np.argsort(orders, axis=1), self.pairs
        return np.where(place[:, i] < place[:, j], 1.0, -1.0)

    def costs(self, orders: np.ndarray) -> np.ndarray:
        """(n,) costs of (n, M) orders."""
        t = self.vectors(orders)
        bent = np.sum((t @ self.square) * t, axis=1)
        return np.asarray((self.constant - 2 * t @ self.linear + bent) / 4)

    def mover(self, order: np.ndarray) -> Callable[[int], np.ndarray]:
        """As `Electorate.mover`."""
        t = self.vectors(order[None])[0]
        bent = self.square @ t
        cost = (self.constant - 2 * t @ self.linear + bent @ t) / 4

        def costs(place: int) -> np.ndarray:
            response, others = order[place], np.delete(order, place)
            pairs, side = self.index[response, others], np.where(response < others, 1.0, -1.0)
            inner = self.square[pairs[:, None], pairs]
            slope = side * (bent[pairs] - inner @ t[pairs] - self.linear[pairs])
            inner = side[:, None] * inner * side
            # With v = 1 for those behind the response and -1 for those in front of it, the cost is
            # (2 slope v + v inner v) / 4 and something that does not change.
            corners = np.append(0.0, inner.cumsum(axis=0).cumsum(axis=1).diagonal())
            terms = np.append(0.0, np.cumsum(slope + inner.sum(axis=0)))
            moved = corners - terms
            return np.asarray(cost + moved - moved[place])

        return costs


def good_order(electorate: Electorate) -> tuple[np.ndarray, float]:
    """The best order found, first to last, and its cost.

    From each start single responses move to their best places until no move helps, or, of thousands of
    responses, for `LOOKS` tries.
    """
    best, least = np.arange(len(electorate.ranks)), np.inf
    for start in electorate.starts() if len(electorate.votes) else []:
        order, cost = _improved(electorate, start)
        if cost < least:
            best, least = order, cost
    return best, least if len(electorate.votes) else 0.0


def interchangeable(electorate: Electorate, order: np.ndarray) -> np.ndarray:
    """(M + 1,) bool: no move of one response across here leaves the cost as it is."""
    cut = np.ones(len(order) + 1, dtype=bool)
    costs_of = electorate.mover(order, electorate.distances(order))
    cost = electorate.cost(order)
    for place in range(len(order)):
        equal = np.flatnonzero(costs_of(place) <= cost * (1 + 1e-12))
        first, last = min(place, *equal), max(place, *equal)
        cut[first + 1 : last + 1] = False
    return cut


def _improved(electorate: Electorate, order: np.ndarray) -> tuple[np.ndarray, float]:
    distances, cost = electorate.distances(order), electorate.cost(order)
    costs_of = electorate.mover(order, distances)
    unmoved, n = 0, 0
    while unmoved < len(order) and n < LOOKS:
        place = int(np.flatnonzero(order == n % len(order))[0])
        costs = costs_of(place)
        best = int(np.argmin(costs))
        unmoved, n = unmoved + 1, n + 1
        if costs[best] < cost * (1 - 1e-12):
            if electorate.form is None:
                distances = electorate.moved(order, place, distances)[best]
            order = np.insert(np.delete(order, place), best, order[place])
            costs_of, cost, unmoved = electorate.mover(order, distances), float(costs[best]), 0
    return order, cost
