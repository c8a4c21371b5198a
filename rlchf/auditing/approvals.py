"""Who approves of what: responses that a majority approves, and people who approve nothing that won."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rlchf.auditing._tallies import Tallies
from rlchf.numeric.ratios import ratio
from rlchf.rankings import Rankings


@dataclass(frozen=True)
class Approvals:
    """Approvals of the responses, and of the outcome.

    Attributes
    ----------
    ballots, stated
        Number of ballots, and of those that state approvals; on the others approvals are read off the
        ranking: a ballot approves its better half.
    majorities
        Number of prompts with no, one and several responses that a majority approves: more than half of
        the weight of the ballots that name the response (of all, where what is not ranked is last).
    seats
        How many responses of each prompt won: 1, or the seats of a committee.
    without
        Ids of the annotators who approve none of these, on any prompt.
    without_weight
        Their share of the weight of all ballots.
    """

    ballots: int
    stated: int
    majorities: dict[str, int]
    seats: int
    without: list[str]
    without_weight: float

    @property
    def how(self) -> str:
        """Where the approvals come from, in words.

        Examples
        --------
        >>> Approvals(6, 0, {}, 1, [], 0.0).how
        'approvals are read off the rankings: a ballot approves its better half'
        """
        if self.stated == self.ballots:
            return "approvals are those that the ballots state"
        off = "approvals are read off the rankings: a ballot approves its better half"
        if self.stated == 0:
            return off
        return f"{self.stated:,} of {self.ballots:,} ballots state approvals; on the others {off}"


def approvals_of(rankings: Rankings, tallies: Tallies, seats: int = 1) -> Approvals:
    """Count majority-approved responses, and name the annotators who approve nothing that won.

    The winners are the responses in first place, or the first ``seats``, those tied with the last included.

    Examples
    --------
    >>> import rlchf
    >>> from rlchf.auditing._tallies import tally
    >>> ballots = [("p", "ann", "a > b"), ("p", "bob", "a > b"), ("p", "cyd", "b > a")]
    >>> rankings = Rankings.from_ballots(ballots)
    >>> approvals = approvals_of(rankings, tally(rankings, rlchf.aggregate(rankings, "borda")))
    >>> approvals.majorities, approvals.without
    ({'none': 0, 'one': 1, 'several': 0}, ['cyd'])
    """
    weights, per_prompt = tallies.weights, majority_approved(rankings, tallies)
    A = len(rankings.annotator_ids)
    voted = np.bincount(tallies.annotators, weights, A) > 0
    winners = _ahead(rankings, tallies.ranks) < seats
    approvers = tallies.approvers[winners[tallies.approved]]
    approving = tallies.annotators[approvers[tallies.counts[approvers] > 0]]
    won = np.bincount(approving, minlength=A) > 0
    without = voted & ~won
    return Approvals(
        ballots=int((~rankings.is_reverse).sum()),
        stated=int((rankings.states_approvals & ~rankings.is_reverse).sum()),
        majorities={
            "none": int((per_prompt == 0).sum()),
            "one": int((per_prompt == 1).sum()),
            "several": int((per_prompt > 1).sum()),
        },
        seats=seats,
        without=[rankings.annotator_ids[a] for a in np.flatnonzero(without).tolist()],
        without_weight=float(
            weights[without[tallies.annotators]].sum() / max(weights.sum(), 1e-300)
        ),
    )


def majority_approved(rankings: Rankings, tallies: Tallies) -> np.ndarray:
    """(P,) the number of responses that a majority approves; see `Approvals`."""
    R, weights = len(rankings.response_ids), tallies.weights
    if rankings.unranked == "last":  # every ballot places every response of its prompt
        named = np.repeat(tallies.totals(), np.diff(rankings.response_starts))
    else:
        lengths = np.diff(rankings.entry_starts)
        begin = np.repeat(rankings.response_starts[tallies.prompts], lengths)
        named = np.bincount(rankings.entry_responses + begin, np.repeat(weights, lengths), R)
    support = np.bincount(tallies.approved, weights[tallies.approvers], R)
    by_majority = ratio(support, named, 0.0) > 0.5
    return np.add.reduceat(by_majority.astype(np.int64), rankings.response_starts[:-1])


def _ahead(rankings: Rankings, ranks: np.ndarray) -> np.ndarray:
    """(R,) how many responses of the prompt are ranked above each."""
    ahead = np.empty(len(ranks), dtype=np.int64)
    for start, end in pairwise(rankings.response_starts.tolist()):
        of_prompt = ranks[start:end]
        ahead[start:end] = np.searchsorted(np.sort(of_prompt), of_prompt, side="left")
    return ahead
