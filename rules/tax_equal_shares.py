"""The method of equal budgets with a tax on what others disapprove."""

from fractions import Fraction

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.committees.updown import votes_for_and_against


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="M^2 K, in fractions",
    axioms=["anonymity", "neutrality", "homogeneity"],
    approvals=True,
)
def tax_equal_shares(
    profiles: Profiles, *, k: int | None = None, top: int | None = None, ties: Ties = "keep"
) -> Array:
    """Give every ballot an equal share of the budget; supporters pay more for what others disapprove.

    The budget for k seats is k, divided among the ballots by weight. A response that is approved by the
    weight u and disapproved by d costs u / (u - d); nobody can buy it unless u is more than d. Otherwise
    the rule is `equal_shares`: the supporters of a response share its price as equally as possible, and
    the affordable response with the least payment per unit of weight is bought first. Seats that nobody can
    afford stay open. Amounts are exact, in fractions.

    Without k the budget starts at one seat, and whenever no response is affordable, every ballot gets its
    share of one more seat, up to M; this is the package's way to rank the responses.

    Parameters
    ----------
    k
        The number of seats. Responses that are not elected share the last place.
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them, by default its better half, and disapproves none.
    ties
        "keep" buys tied responses together; they share a place. Each of them is paid in full: a ballot that
        supports two pays for both, and goes into debt if that exceeds its money. A ballot in debt pays for
        nothing. "lexicographic" buys the first of them in the order of the responses.

    Returns
    -------
    (B, M) array of scores: the number of responses elected no earlier than this one, or not at all, itself
    included; 0 for responses that are not elected.

    References
    ----------
    S. Kraiczy, G. Papasotiropoulos, G. Pierczyński, P. Skowron, "Proportionality in thumbs up and down
    voting", 2025, section 4.2.

    Examples
    --------
    Four ballots approve a; three of them approve b too, and the fourth disapproves it. b costs 3 / (3 - 1),
    more than the three have left after they paid their part of a:

    >>> tax_equal_shares(Profiles.from_approvals([[1, 1]] * 3 + [[1, -1]]), k=2)
    array([[2., 0.]])
    """
    if k is not None and k < 1:
        raise ValueError(f"k is {k}; give 1 or more seats")
    votes_for, votes_against = (to_numpy(v) for v in votes_for_and_against(profiles, top))
    votes = to_numpy(profiles.integer_weights)
    scores = np.zeros((profiles.n_prompts, profiles.n_responses))
    for b in range(profiles.n_prompts):
        ballots = slice(int(profiles.starts[b]), int(profiles.starts[b + 1]))
        purchases = _Purchases(votes_for[:, ballots], votes_against[:, ballots], votes[ballots])
        scores[b] = purchases.scores(k, ties)
    return array_namespace(profiles.ranks).asarray(scores, device=device_of(profiles.ranks))


class _Purchases:
    """The purchases on one prompt, by ballots of the same kind together.

    Attributes
    ----------
    votes
        The votes of each kind, as whole numbers.
    supporters
        For each response the kinds that approve it.
    prices
        For each response its price in votes, where all votes together have ``total`` for one seat; None for
        what nobody can buy.
    total
        All votes, also of ballots that approve nothing.
    """

    def __init__(self, votes_for: np.ndarray, votes_against: np.ndarray, votes: np.ndarray) -> None:
        kinds, slot = np.unique(votes_for, axis=1, return_inverse=True)
        whole = [int(vote) for vote in votes.tolist()]
        self.votes = [0] * kinds.shape[1]
        for kind, vote in zip(slot.ravel().tolist(), whole, strict=True):
            self.votes[kind] += vote
        self.total = sum(whole)
        self.supporters = [
            np.flatnonzero(row & (np.array(self.votes) > 0)).tolist() for row in kinds
        ]
        self.prices: list[Fraction | None] = []
        for supporters, against in zip(self.supporters, votes_against, strict=True):
            up = sum(self.votes[s] for s in supporters)
            net = up - sum(vote for vote, no in zip(whole, against.tolist(), strict=True) if no)
            self.prices.append(Fraction(self.total * up, net) if net > 0 else None)

    def scores(self, k: int | None, ties: Ties) -> list[float]:
        """The score of each response."""
        M = len(self.prices)
        seats = min(k, M) if k else 1
        money = [Fraction(seats)] * len(self.votes)
        wanted = [c for c in range(M) if self.prices[c] is not None]
        scores, remaining = [0.0] * M, M
        while wanted:
            payments = {c: self._payment(c, money) for c in wanted}
            affordable = [(rho, c) for c, rho in payments.items() if rho is not None]
            if not affordable:
                if k or seats == M:
                    break
                seats += 1
                money = [m + 1 for m in money]
                continue
            least = min(affordable)[0]
            bought = [c for rho, c in affordable if rho == least]
            bought = bought if ties == "keep" else bought[:1]
            paid = [max(min(m, least), Fraction(0)) for m in money]
            for c in bought:
                scores[c] = float(remaining)
                wanted.remove(c)
                for s in self.supporters[c]:
                    money[s] -= paid[s]
            remaining -= len(bought)
        return scores

    def _payment(self, c: int, money: list[Fraction]) -> Fraction | None:
        """The least payment of a vote with which the supporters pay the price; None if they cannot."""
        price = self.prices[c]
        assert price is not None
        able = sorted((money[s], s) for s in self.supporters[c] if money[s] > 0)
        payers = sum(self.votes[s] for _, s in able)
        for amount, s in able:
            if amount * payers >= price:
                payment: Fraction = price / payers
                return payment
            price -= amount * self.votes[s]
            payers -= self.votes[s]
        return None
