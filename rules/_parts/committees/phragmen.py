"""Phragmén's sequential method: counting by loads, in whole numbers."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.rules._parts.committees.election import Election, pick, ratio, settle
from rlchf.rules._parts.committees.electorates import Electorate


def phragmen(electorate: Electorate, election: Election, loads: Array, price: Array) -> Array:
    """Elect until no seat is open; give where the count is exact, (B,) bool.

    Parameters
    ----------
    loads
        (S, B). What a vote of each slot has paid so far; whole numbers.
    price
        (B,). The price of a response in the same unit.
    """
    votes = electorate.votes
    xp = array_namespace(votes)
    totals, support = xp.sum(votes, axis=0), electorate.sums(votes)
    accounts, exact = xp.concat([loads, price[None]]), totals >= 0
    while xp.any(election.open):
        accounts, fits = settle(accounts, totals)
        exact = exact & (fits | ~election.open)
        loads, price = accounts[:-1], accounts[-1]
        if election.ties == "keep":
            funds, payers = _funds(electorate, election.remaining, loads, price)
        else:  # nobody is ever in debt
            funds, payers = price + electorate.sums(votes * loads), support
        chosen = election.least(ratio(funds, payers))
        election.elect(chosen)

        load, by = pick(funds, chosen), pick(payers, chosen)
        by = xp.where(by == 0, 1, by)  # a response without supporters costs nobody anything
        accounts = accounts * by
        accounts[:-1] += electorate.counts(chosen) * xp.clip(load - loads * by, min=0)
    return exact


def _funds(
    electorate: Electorate, remaining: Array, loads: Array, price: Array
) -> tuple[Array, Array]:
    """Price plus loads, and votes, of the supporters that pay for each response, (M, B).

    The ratio of the two is the time at which they can pay. Supporters with a load beyond that are in debt
    and do not pay; without them the time is earlier, so that more of them may be in debt, and so on.
    """
    votes = electorate.votes
    xp = array_namespace(votes)
    funds, payers = price + electorate.sums(votes * loads), electorate.sums(votes)
    asked = electorate.approves & (votes > 0) & remaining[:, None]  # (M, S, B)
    late = asked & (loads * payers[:, None] > funds[:, None])
    at = xp.nonzero(xp.any(late, axis=(0, 1)))[0]  # few prompts have any debtors
    asked, late = asked[:, :, at], late[:, :, at]
    votes, loads, price = votes[:, at], loads[:, at], price[at]
    while xp.any(late):
        asked = asked & ~late
        payers[:, at] = xp.sum(xp.where(asked, votes, 0), axis=1)
        funds[:, at] = price + xp.sum(xp.where(asked, votes * loads, 0), axis=1)
        late = asked & (loads * payers[:, None, at] > funds[:, None, at])
    return funds, payers
