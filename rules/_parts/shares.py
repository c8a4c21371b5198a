"""Buying responses with equal shares of the seats' price, in whole numbers."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.rules._parts.committees.election import Election, least, pick, ratio, settle
from rlchf.rules._parts.committees.electorates import Electorate


class Shares:
    """What the ballots have, on all prompts of an electorate.

    Attributes
    ----------
    accounts
        (S + 2, B) whole numbers: what a vote of each slot has; what a vote gets for one more seat; the
        price of a seat.
    seats
        (B,) int64. For how many seats they have got money.
    exact
        (B,) bool. Where the numbers are exact.
    """

    def __init__(self, electorate: Electorate, seats: int) -> None:
        votes = electorate.votes
        xp = array_namespace(votes)
        price = xp.sum(votes, axis=0)[None]
        self.accounts = xp.concat([votes * 0 + seats, price * 0 + 1, price])
        self.seats = xp.astype(price[0] * 0, xp.int64) + seats
        self.exact = self.seats > 0

    @property
    def purses(self) -> Array:
        """(S, B). What a vote of each slot has; less than 0 if it is in debt."""
        return self.accounts[:-2]

    @property
    def price(self) -> Array:
        """(B,). The price of a seat."""
        return self.accounts[-1]

    def buy(self, electorate: Electorate, election: Election, most: int) -> None:
        """Buy while a seat is open and affordable; if none is, get money for one more, up to ``most``."""
        votes = electorate.votes
        xp = array_namespace(votes)
        totals, supported = xp.sum(votes, axis=0), electorate.sums(votes) > 0
        while True:
            self.accounts, fits = settle(self.accounts, totals)
            self.exact = self.exact & (fits | ~election.open)
            wanted = election.remaining & supported & election.open
            cash = xp.clip(self.purses, min=0)
            affordable = wanted & (electorate.sums(votes * cash) >= self.price)
            buying = xp.any(affordable, axis=0)
            lacking = xp.any(wanted, axis=0) & ~buying & (self.seats < most)
            if xp.any(lacking):
                self.accounts[:-2] += xp.where(lacking, self.accounts[-2], 0)
                self.seats = self.seats + xp.astype(lacking, xp.int64)
            elif xp.any(buying):
                costs, payers = _costs(electorate, affordable, cash, self.price)
                chosen = least(ratio(costs, payers), affordable, election.ties)
                election.elect(chosen)
                served = electorate.counts(chosen)
                self._pay(served, pick(costs, chosen), xp.where(buying, pick(payers, chosen), 1))
            else:
                return

    def _pay(self, served: Array, cost: Array, payers: Array) -> None:
        """Every vote pays cost / payers, or all it has, for each response that serves it."""
        xp = array_namespace(cost)
        self.accounts = self.accounts * payers
        self.accounts[:-2] -= served * xp.clip(xp.minimum(self.purses, cost), min=0)


def _costs(
    electorate: Electorate, affordable: Array, cash: Array, price: Array
) -> tuple[Array, Array]:
    """What those supporters of a response have to share who can, and their votes, both (M, B).

    The ratio of the two is the share. Who has less than that gives all, so that the share of the
    others rises, and more of them may have less; at last there are no more.
    """
    xp = array_namespace(cash)
    c, b = xp.nonzero(affordable)
    votes, cash, cost = electorate.supporters(c, b), cash[:, b], price[b]  # (S, N), (S, N), (N,)
    while True:
        payers = xp.sum(votes, axis=0)
        poor = (cash * payers < cost) & (votes > 0)
        if not xp.any(poor):
            break
        cost = cost - xp.sum(xp.where(poor, votes * cash, 0), axis=0)
        votes = xp.where(poor, 0, votes)
    costs, shared = affordable * price, affordable * price
    costs[c, b], shared[c, b] = cost, payers
    return costs, shared
