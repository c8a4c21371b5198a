"""Good orders for squared Kemeny without a proof, by moving one response at a time."""

import numpy as np

STARTS = 10  # ballots from which a search starts


class Electorate:
    """The ballots of one prompt, (M, K) ranks and (K,) votes, and what orders cost them."""

    def __init__(self, ranks: np.ndarray, votes: np.ndarray) -> None:
        said = votes > 0
        columns, same = np.unique(ranks[:, said].T, axis=0, return_inverse=True)
        self.ranks = np.ascontiguousarray(columns.T).astype(np.int32)
        self.votes = np.bincount(same.ravel(), votes[said], len(columns))

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
        return float(self.distances(order) ** 2 @ self.votes)

    def moves(self, order: np.ndarray, place: int, distances: np.ndarray) -> np.ndarray:
        """(M, K) distances once the response at a place has moved to any other."""
        above = self.above(order[place], np.delete(order, place))
        passed = np.zeros((len(order), len(self.votes)))
        np.cumsum(
            above, axis=0, out=passed[1:]
        )  # each ballot that has it above loses by moving down
        moved: np.ndarray = distances + passed - passed[place]
        return moved

    def starts(self) -> list[np.ndarray]:
        """The Borda order, and the cheapest ballots, with what they leave open in the Borda order."""
        M = len(self.ranks)
        everybody = np.arange(M)
        borda = np.array([self.above(i, everybody).sum(axis=0) @ self.votes for i in range(M)])
        first = np.lexsort((everybody, -borda))
        place = np.argsort(first)
        ballots = np.where(self.ranks > 0, self.ranks, M + 1)
        orders = [np.lexsort((place, ballot)) for ballot in ballots.T]
        costs = [self.cost(order) for order in orders]
        return [first, *(orders[n] for n in np.argsort(costs, kind="stable")[:STARTS])]


def good_order(electorate: Electorate) -> tuple[np.ndarray, float]:
    """The best order found, first to last, and its cost.

    From each start single responses move to their best places until no move helps.
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
    distances = electorate.distances(order)
    cost = float(distances**2 @ electorate.votes)
    for place in range(len(order)):
        costs = electorate.moves(order, place, distances) ** 2 @ electorate.votes
        equal = np.flatnonzero(costs <= cost * (1 + 1e-12))
        cut[min(place, equal[0]) + 1 : max(place, equal[-1]) + 1] = False
    return cut


def _improved(electorate: Electorate, order: np.ndarray) -> tuple[np.ndarray, float]:
    distances = electorate.distances(order)
    cost, unmoved, n = float(distances**2 @ electorate.votes), 0, 0
    while unmoved < len(order):
        place = int(np.flatnonzero(order == n % len(order))[0])
        moved = electorate.moves(order, place, distances)
        costs = moved**2 @ electorate.votes
        best = int(np.argmin(costs))
        unmoved, n = unmoved + 1, n + 1
        if costs[best] < cost * (1 - 1e-12):
            order = np.insert(np.delete(order, place), best, order[place])
            distances, cost, unmoved = moved[best], float(costs[best]), 0
    return order, cost
