"""Phragmén's sequential method: counting by loads, in integers."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.rules._parts.committees.ballots import ApprovalBallots
from rlchf.rules._parts.committees.election import Election, pick, ratio, reduce_accounts


def phragmen(ballots: ApprovalBallots, election: Election, loads: Array, price: Array) -> Array:
    """Elect until no seat is open; return whether the count is exact, (B,) bool.

    Parameters
    ----------
    loads
        (S, B). The payments of a vote of each slot so far; integers.
    price
        (B,). The price of a response in the same unit.
    """
    votes = ballots.votes
    xp = array_namespace(votes)
    totals, support = xp.sum(votes, axis=0), ballots.sums(votes)
    accounts, exact = xp.concat([loads, price[None]]), totals >= 0
    while xp.any(election.open):
        accounts, fits = reduce_accounts(accounts, totals)
        exact = exact & (fits | ~election.open)
        loads, price = accounts[:-1], accounts[-1]
        if election.ties == "keep":
            funds, payers = _funds(ballots, election.remaining, loads, price)
        else:  # no ballot is ever in debt
            funds, payers = price + ballots.sums(votes * loads), support
        chosen = election.least(ratio(funds, payers))
        election.elect(chosen)

        load, n_payers = pick(funds, chosen), pick(payers, chosen)
        n_payers = xp.where(n_payers == 0, 1, n_payers)  # nobody pays for it without supporters
        accounts = accounts * n_payers
        accounts[:-1] += ballots.counts(chosen) * xp.clip(load - loads * n_payers, min=0)
    return exact


def _funds(
    ballots: ApprovalBallots, remaining: Array, loads: Array, price: Array
) -> tuple[Array, Array]:
    """Price plus loads, and votes, of the supporters that pay for each response, (M, B).

    The ratio of the two is the time at which they can pay. Supporters with a larger load are in debt and do
    not pay; without them the time is earlier, so that more supporters may be in debt.
    """
    votes = ballots.votes
    xp = array_namespace(votes)
    funds, payers = price + ballots.sums(votes * loads), ballots.sums(votes)
    paying = ballots.approves & (votes > 0) & remaining[:, None]  # (M, S, B)
    in_debt = paying & (loads * payers[:, None] > funds[:, None])
    prompts = xp.nonzero(xp.any(in_debt, axis=(0, 1)))[0]  # few prompts have any debtors
    paying, in_debt = paying[:, :, prompts], in_debt[:, :, prompts]
    votes, loads, price = votes[:, prompts], loads[:, prompts], price[prompts]
    while xp.any(in_debt):
        paying = paying & ~in_debt
        payers[:, prompts] = xp.sum(xp.where(paying, votes, 0), axis=1)
        funds[:, prompts] = price + xp.sum(xp.where(paying, votes * loads, 0), axis=1)
        in_debt = paying & (loads * payers[:, None, prompts] > funds[:, None, prompts])
    return funds, payers
