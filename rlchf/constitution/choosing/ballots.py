"""Complete ballots from votes of which most are unseen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rlchf.constitution.choosing.estimates import Estimate, Rates, rates
from rlchf.constitution.choosing.votes import Votes

Unseen = Literal["fill", "neutral"]
"""What a committee rule takes an unseen statement for: an expected vote, or neither vote."""


@dataclass(frozen=True, eq=False)
class GroupRates:
    """Shares of each group's members who agree with each statement, and who disagree.

    Attributes
    ----------
    members
        (V,) bool for each group; one more group, perhaps empty, has the voters in none.
    agree, disagree
        The shares of each of these groups.
    """

    members: list[np.ndarray]
    agree: list[Rates]
    disagree: list[Rates]

    @classmethod
    def of(cls, votes: Votes, groups: Sequence[np.ndarray]) -> "GroupRates":
        """Estimate each group's shares by themselves: a group has a prior of its own."""
        rest = np.ones(len(votes.voters), dtype=bool)
        for members in groups:
            rest &= ~members
        parts = [*groups, rest]
        agree, disagree = [], []
        for members in parts:
            one = votes.part(members)
            seen = one.seen.sum(axis=0)
            agree.append(rates(one.agree, seen))
            disagree.append(rates(one.disagree, seen))
        return cls(parts, agree, disagree)


def complete_ballots(
    votes: Votes, groups: GroupRates, estimate: Estimate, seed: int = 0
) -> np.ndarray:
    """Fill in the votes on unseen statements by what is expected of each voter's group.

    Whether somebody saw a statement is taken to depend on their group alone, not on what they think of it
    (missing at random, given the group). Of the members of a group who did not see a statement, the share
    p agrees, and those are drawn at random, so that every voter has one ballot of 1, 0 and -1. p is the
    group's share of agreeing votes, shrunk towards the group's mean, times the statement's estimate
    divided by its shrunk share. So with "shrunk" p is what is expected; with "lower" it is less in all
    groups alike, the less the fewer have voted on the statement; with "raw" it follows the votes, however few
    they are. Votes that were cast stay what they are. Disagreement is filled in by its shrunk share.

    Returns
    -------
    (V, M) int8: 1 agrees, 0 neither, -1 disagrees.

    References
    ----------
    D. B. Rubin, "Multiple imputation for nonresponse in surveys", 1987, for filling in by draws within
    groups. D. Halpern, G. Kehne, A. D. Procaccia, J. Tucker-Foltz, M. Wüthrich, "Representation with
    incomplete votes", 2023, for committees of statements that most voters have not seen.

    Examples
    --------
    >>> votes = Votes.from_ballots({f"v{i}": {"a": 1} for i in range(30)} | {"w": {"b": -1}})
    >>> complete_ballots(votes, GroupRates.of(votes, []), "shrunk").sum(axis=0) > 25
    array([ True, False])
    """
    rng = np.random.default_rng(seed)
    overall = rates(votes.agree, votes.seen.sum(axis=0))
    factor = overall.chosen(estimate) / overall.shrunk
    ballots = np.where(votes.seen, votes.values, 0).astype(np.int8)
    for members, agree, disagree in zip(groups.members, groups.agree, groups.disagree, strict=True):
        inside = np.flatnonzero(members)
        if len(inside) == 0:
            continue
        agreeing = np.minimum(agree.shrunk * factor, 1.0)
        disagreeing = np.minimum(disagree.shrunk, 1 - agreeing)
        for m in range(ballots.shape[1]):
            blank = inside[~votes.seen[inside, m]]
            order = rng.permutation(blank)
            up = int(agreeing[m] * len(blank) + rng.random())
            down = int(disagreeing[m] * len(blank) + rng.random())
            ballots[order[:up], m] = 1
            ballots[order[up : up + down], m] = -1
    return ballots
