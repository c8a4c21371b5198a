"""The method of equal shares."""

from typing import Literal

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.committees.election import Election, hold
from rlchf.rules._parts.committees.electorates import Electorate
from rlchf.rules._parts.committees.phragmen import phragmen
from rlchf.rules._parts.shares import Shares

Completion = Literal["seq_phragmen", "add_one", "none"]
RAISES = 100  # "add_one" tries so many larger budgets


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
    """Give every ballot an equal share of the seats' price, and let supporters buy responses together.

    A seat costs 1, and k of them are worth k: each ballot gets its weight's share of that. A response is
    affordable if its supporters have 1 together; they share the price as equally as they can, each
    paying the same per unit of weight, or all they have. Of the affordable ones, that for which the
    dearest such share is the least is bought first. All is counted exactly, in whole numbers.

    Without k the responses are ranked, in a way of ours: the budget is that of one seat; when nothing is
    affordable any more, every ballot gets its share of one more seat, up to M. So if n/m of the weight
    approves the same n responses, the first m places hold n that some of it approves, for all m at once
    (proportional justified representation, where ties are broken).

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
        "add_one": start again with the budget of k + 1 seats, k + 2 and so on, as long as no more than k
        are bought, and at most 100 times; "seq_phragmen" fills what is open even so. Without k
        the budget is raised further. "none": leave the seats open.
    ties
        "keep" buys together all that are equally good, to one place, so that a tie over the last of ``k``
        seats elects more. Each of them is paid in full: a ballot that supports two pays for each, and
        is in debt if that is more than it has. Whoever is in debt pays for nobody. "lexicographic" buys
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
    Four ballots with 3/4 each; three of them buy a for 1/3 each and then b; nobody can pay for c or d,
    but the fourth ballot would be the first to earn enough:

    >>> ballots = ["a = b > c = d"] * 3 + ["c = d > a = b"]
    >>> profiles = Profiles.from_ballots([ballots])
    >>> equal_shares(profiles, k=3, ties="lexicographic")
    array([[4., 3., 2., 0.]])
    >>> equal_shares(profiles, k=3, ties="lexicographic", completion="none")
    array([[4., 3., 0., 0.]])
    """
    seats = min(k or profiles.n_responses, profiles.n_responses)

    def count(electorate: Electorate) -> tuple[Array, Array]:
        election = Election(electorate, k, ties)
        shares = Shares(electorate, seats if k else 1)
        most = seats if k or completion != "add_one" else seats + RAISES
        shares.buy(electorate, election, most)
        if k and completion == "add_one":
            _add_one(electorate, election, shares, seats)
        exact = shares.exact
        if completion != "none":
            exact = exact & phragmen(electorate, election, -shares.purses, shares.price)
        return election.result(), exact

    return hold(profiles, top, k, ties, count)


def _add_one(electorate: Electorate, election: Election, shares: Shares, k: int) -> None:
    """Where seats are open, buy with the budget of more seats, as long as no more than k are bought."""
    xp = array_namespace(electorate.votes)
    at = xp.nonzero(election.open)[0]
    for seats in range(k + 1, k + 1 + RAISES):
        part = electorate.part(at)
        again, bought = Election(part, None, election.ties), Shares(part, seats)
        bought.buy(part, again, seats)
        shares.exact[at] &= bought.exact
        within = again.remaining.shape[0] - again.left <= k
        at = at[within]
        election.remaining[:, at] = again.remaining[:, within]
        election.scores[:, at] = again.scores[:, within]
        election.left[at] = again.left[within]
        shares.accounts[:, at] = bought.accounts[:, within]
        at = at[election.open[at]]
        if len(at) == 0:
            return
