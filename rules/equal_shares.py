"""The method of equal budgets."""

from typing import Literal

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.committees.ballots import ApprovalBallots
from rlchf.rules._parts.committees.election import (
    Election,
    least,
    pick,
    ratio,
    reduce_accounts,
    run_elections,
)
from rlchf.rules._parts.committees.phragmen import phragmen

Completion = Literal["seq_phragmen", "add_one", "none"]
RAISES = 100  # how many larger budgets "add_one" tries


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M + M^3 min(K, 2^M)",
    axioms=["anonymity", "neutrality", "homogeneity", "pareto", "monotonicity"],
)
def equal_shares(
    profiles: Profiles,
    *,
    k: int | None = None,
    top: int | None = None,
    completion: Completion = "seq_phragmen",
    ties: Ties = "keep",
) -> Array:
    """Give every ballot an equal share of the budget, and let supporters buy responses together.

    A seat costs 1, and k seats make a budget of k: each ballot gets a share of it by its weight. A response
    is affordable if its supporters have 1 together. They share the price as equally as they can: each
    pays the same per unit of weight, or all that it has. The affordable response with the least such
    payment (rho) is bought first. All is counted exactly, in integers.

    Without k the responses are ranked, by an extension of the method: the budget is that of one seat; when
    no response is affordable any more, every ballot gets its share of one more seat, up to M. So if n/m of
    the weight approves the same n responses, the first m places hold n that some of this weight approves,
    for all m at once (proportional justified representation, where ties are broken).

    Parameters
    ----------
    k
        The number of seats. Those that are not elected share the last place.
    top
        A ballot approves the responses that have fewer than ``top`` others above them; by default
        its better half.
    completion
        What to do when money is left but no seat is affordable. "seq_phragmen": go on with Phragmén's
        sequential method, in which ballots keep what they have and earn more, steadily and equally.
        "add_one": start again with the budget of k + 1 seats, k + 2 and so on, as long as at most k are
        bought, and at most 100 times; "seq_phragmen" fills the seats that are still open. Without k
        the budget is raised further. "none": leave the seats open.
    ties
        "keep" buys tied responses together, to one place, so that a tie over the last of ``k`` seats
        elects more. Each of them is paid in full: a ballot that supports two pays for each, and
        is in debt if that is more than it has. A ballot in debt pays for nothing. "lexicographic" buys
        the first of them in the order of the responses.

    Returns
    -------
    (B, M) array of scores: the number of responses that are elected no earlier than this one, itself
    included; 0 for those that are not elected.

    References
    ----------
    D. Peters, P. Skowron, "Proportionality and the limits of welfarism", 2020.

    Examples
    --------
    Four ballots have 3/4 each; three of them buy a for 1/3 each and then b; no ballot can pay for c or d,
    but the fourth would be the first to earn enough:

    >>> ballots = ["a = b > c = d"] * 3 + ["c = d > a = b"]
    >>> profiles = Profiles.from_ballots([ballots])
    >>> equal_shares(profiles, k=3, ties="lexicographic")
    array([[4., 3., 2., 0.]])
    >>> equal_shares(profiles, k=3, ties="lexicographic", completion="none")
    array([[4., 3., 0., 0.]])
    """
    seats = min(k or profiles.n_responses, profiles.n_responses)

    def count(ballots: ApprovalBallots) -> tuple[Array, Array]:
        election = Election(ballots, k, ties)
        budgets = _Budgets(ballots, seats if k else 1)
        most = seats if k or completion != "add_one" else seats + RAISES
        budgets.buy(ballots, election, most)
        if k and completion == "add_one":
            _add_one(ballots, election, budgets, seats)
        exact = budgets.exact
        if completion != "none":
            exact = exact & phragmen(ballots, election, -budgets.funds, budgets.price)
        return election.result(), exact

    return run_elections(profiles, top, k, ties, count)


class _Budgets:
    """What the ballots have, on all prompts.

    Attributes
    ----------
    accounts
        (S + 2, B) integers: what a vote of each slot has; what a vote gets for one more seat; the
        price of a seat.
    seats
        (B,) int64. For how many seats they have received money.
    exact
        (B,) bool. Where the numbers are exact.
    """

    def __init__(self, ballots: ApprovalBallots, seats: int) -> None:
        votes = ballots.votes
        xp = array_namespace(votes)
        price = xp.sum(votes, axis=0)[None]
        self.accounts = xp.concat([votes * 0 + seats, price * 0 + 1, price])
        self.seats = xp.astype(price[0] * 0, xp.int64) + seats
        self.exact = self.seats > 0

    @property
    def funds(self) -> Array:
        """(S, B). What a vote of each slot has; less than 0 if it is in debt."""
        return self.accounts[:-2]

    @property
    def price(self) -> Array:
        """(B,). The price of a seat."""
        return self.accounts[-1]

    def buy(self, ballots: ApprovalBallots, election: Election, most: int) -> None:
        """Buy while a seat is open and affordable; else get money for one more seat, up to ``most``."""
        votes = ballots.votes
        xp = array_namespace(votes)
        totals, supported = xp.sum(votes, axis=0), ballots.sums(votes) > 0
        while True:
            self.accounts, fits = reduce_accounts(self.accounts, totals)
            self.exact = self.exact & (fits | ~election.open)
            wanted = election.remaining & supported & election.open
            money = xp.clip(self.funds, min=0)
            affordable = wanted & (ballots.sums(votes * money) >= self.price)
            buying = xp.any(affordable, axis=0)
            lacking = xp.any(wanted, axis=0) & ~buying & (self.seats < most)
            if xp.any(lacking):
                self.accounts[:-2] += xp.where(lacking, self.accounts[-2], 0)
                self.seats = self.seats + xp.astype(lacking, xp.int64)
            elif xp.any(buying):
                costs, payers = _costs(ballots, affordable, money, self.price)
                chosen = least(ratio(costs, payers), affordable, election.ties)
                election.elect(chosen)
                served = ballots.counts(chosen)
                self._pay(served, pick(costs, chosen), xp.where(buying, pick(payers, chosen), 1))
            else:
                return

    def _pay(self, served: Array, cost: Array, payers: Array) -> None:
        """Every vote pays cost / payers, or all it has, for each response that serves it."""
        xp = array_namespace(cost)
        self.accounts = self.accounts * payers
        self.accounts[:-2] -= served * xp.clip(xp.minimum(self.funds, cost), min=0)


def _costs(
    ballots: ApprovalBallots, affordable: Array, money: Array, price: Array
) -> tuple[Array, Array]:
    """What is left to share for the supporters who can pay an equal share, and their votes, both (M, B).

    The ratio of the two is the share. A supporter who has less pays all it has, so that the share of the
    others rises, and more of them may have less, and so on.
    """
    xp = array_namespace(money)
    c, b = xp.nonzero(affordable)
    votes, money, cost = ballots.supporters(c, b), money[:, b], price[b]  # (S, N), (S, N), (N,)
    while True:
        payers = xp.sum(votes, axis=0)
        poor = (money * payers < cost) & (votes > 0)
        if not xp.any(poor):
            break
        cost = cost - xp.sum(xp.where(poor, votes * money, 0), axis=0)
        votes = xp.where(poor, 0, votes)
    costs, shared = affordable * price, affordable * price
    costs[c, b], shared[c, b] = cost, payers
    return costs, shared


def _add_one(ballots: ApprovalBallots, election: Election, budgets: _Budgets, k: int) -> None:
    """Where seats are open, buy with the budget of more seats, as long as at most k are bought."""
    xp = array_namespace(ballots.votes)
    prompts = xp.nonzero(election.open)[0]
    for seats in range(k + 1, k + 1 + RAISES):
        part = ballots.part(prompts)
        raised, raised_budgets = Election(part, None, election.ties), _Budgets(part, seats)
        raised_budgets.buy(part, raised, seats)
        budgets.exact[prompts] &= raised_budgets.exact
        fits = raised.remaining.shape[0] - raised.n_remaining <= k
        prompts = prompts[fits]
        election.remaining[:, prompts] = raised.remaining[:, fits]
        election.scores[:, prompts] = raised.scores[:, fits]
        election.n_remaining[prompts] = raised.n_remaining[fits]
        budgets.accounts[:, prompts] = raised_budgets.accounts[:, fits]
        prompts = prompts[election.open[prompts]]
        if len(prompts) == 0:
            return
