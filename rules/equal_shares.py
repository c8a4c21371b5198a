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
    axioms=[
        "anonymity",
        "neutrality",
        "homogeneity",
        "pareto",
        "monotonicity",
        "participation",
        "consistency",
    ],
    approvals=True,
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

    A seat costs 1, and the budget for k seats is k, divided among the ballots by weight. A response
    is affordable if its supporters have 1 together. They share the price as equally as possible: each
    pays the same per unit of weight, or all that it has. The affordable response with the least payment per
    unit of weight (rho) is bought first. All amounts are exact, in integers.

    Without k an extension of the method ranks the responses: the budget starts at one seat, and whenever
    no response is affordable, every ballot gets its share of one more seat, up to M. So if n/m of the
    weight approves the same n responses, at least n of the first m responses are approved by some of this
    weight, for every m (proportional justified representation, where ties are broken).

    Parameters
    ----------
    k
        The number of seats. Responses that are not elected share the last place.
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them; by default its better half.
    completion
        How open seats are filled when no response is affordable. "seq_phragmen": continue with Phragmén's
        sequential method, in which ballots keep their money and earn more at an equal rate. "add_one":
        start again with the budget for k + 1 seats, k + 2 and so on, at most 100 times, as long as at most
        k are bought; then "seq_phragmen" fills the seats that are still open. Without k the budget grows
        further. "none": leave the seats open.
    ties
        "keep" buys tied responses together; they share a place, and a tie over the last of ``k`` seats
        elects more than k. Each of them is paid in full: a ballot that supports two pays for both, and
        goes into debt if that exceeds its money. A ballot in debt pays for nothing. "lexicographic" buys
        the first of them in the order of the responses.

    Returns
    -------
    (B, M) array of scores: the number of responses elected no earlier than this one, itself included; 0
    for responses that are not elected.

    References
    ----------
    D. Peters, P. Skowron, "Proportionality and the limits of welfarism", 2020.

    Examples
    --------
    Four ballots have 3/4 each; three of them buy a for 1/3 each and then b. No ballot can pay for c or d;
    the fourth ballot is the first to earn enough, for c:

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
    """The budgets of the ballots, on all prompts.

    Attributes
    ----------
    accounts
        (S + 2, B) integers: the money of one vote of each slot; the money that a vote gets for one more
        seat; the price of a seat.
    seats
        (B,) int64. The number of seats for which the ballots have received money.
    exact
        (B,) bool. Whether the numbers are exact.
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
        """(S, B). The money of one vote of each slot; negative if it is in debt."""
        return self.accounts[:-2]

    @property
    def price(self) -> Array:
        """(B,). The price of a seat."""
        return self.accounts[-1]

    def buy(self, ballots: ApprovalBallots, election: Election, most: int) -> None:
        """Buy while a response is affordable; otherwise add money for one more seat, up to ``most``."""
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
                n_bought = ballots.counts(chosen)  # (S, B) by the ballots of each slot
                self._pay(n_bought, pick(costs, chosen), xp.where(buying, pick(payers, chosen), 1))
            else:
                return

    def _pay(self, n_bought: Array, cost: Array, payers: Array) -> None:
        """Every vote pays cost / payers, or all its money, for each elected response that it supports."""
        xp = array_namespace(cost)
        self.accounts = self.accounts * payers
        self.accounts[:-2] -= n_bought * xp.clip(xp.minimum(self.funds, cost), min=0)


def _costs(
    ballots: ApprovalBallots, affordable: Array, money: Array, price: Array
) -> tuple[Array, Array]:
    """The cost shared by the supporters who can pay an equal share, and their votes, both (M, B).

    The ratio of the two is the share. A supporter with less money pays all of it, so that the share of the
    others rises, which more of them may then be unable to pay.
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
    """Where seats are open, buy with the budget for more seats, as long as at most k are bought."""
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
