"""Agreement of the outcome with annotators and groups, and proportionality over the prompts."""

from dataclasses import dataclass

import numpy as np

from rlchf.auditing._owner_rounds import OwnerRounds
from rlchf.auditing._tallies import Tallies
from rlchf.auditing.groups import Grouping
from rlchf.numeric.ratios import ratio


@dataclass(frozen=True)
class Agreement:
    """How far the outcome agrees with the ballots of an annotator, or of a group together.

    Attributes
    ----------
    name
        The annotator, the group, or ``"all"``.
    ballots, weight
        Number of ballots, and the share of the weight of all ballots.
    pairs
        Share of the strict pairs on the ballots that the outcome puts in the same order; a pair that
        the outcome ties counts half.
    contested
        The same over contested pairs only: those about which two ballots strictly disagree. NaN when
        there are none.
    first_place
        Share of the ballots whose best response is the outcome's best (parts of ties in proportion).
    representation_ratio
        Contested pairs agreed divided by those deserved: the contested pairs of each prompt times the
        annotator's or group's share of the weight of that prompt. Representation is proportional at 1.
    maximum_deficit
        The largest, over all prefixes of the prompts, of the contested pairs deserved so far minus those
        agreed.
    won
        Share of the rounds (prompts with a ballot) whose first response the ballots approve.
    longest_losing_streak
        The longest run of rounds whose first response no ballot approves (a dry spell).
    lower_quota_compliance
        Share of the rounds after which the annotator has won at least the perpetual lower quota: the
        sum so far of the largest support for a response that the ballot approves, rounded down. For a
        group, the share over its members' rounds.
    influence
        Share of all influence: those who approve the outcome of a round share its influence by weight.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020.
    """

    name: str
    ballots: int
    weight: float
    pairs: float
    contested: float
    first_place: float
    representation_ratio: float
    maximum_deficit: float
    won: float
    longest_losing_streak: int
    lower_quota_compliance: float
    influence: float

    @property
    def proportional_share(self) -> float:
        """The share of the contested pairs that is in proportion to the weight."""
        ratio = self.representation_ratio
        return self.contested / ratio if ratio > 0 else self.weight


def agreements(tallies: Tallies, grouping: Grouping) -> list[Agreement]:
    """The agreement of each group."""
    n, owner = len(grouping.names), grouping.owners[tallies.annotators]
    owner = np.where(owner >= 0, owner, n)  # a spare group, cut off below

    def sums(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(owner, values, n + 1)[:n])

    w = tallies.weights
    rounds = OwnerRounds.of(tallies, grouping)
    columns = {
        "weight": ratio(sums(w), w.sum()),
        "pairs": ratio(sums(w * tallies.agreed), sums(w * tallies.stated)),
        "contested": ratio(sums(w * tallies.contested_agreed), sums(w * tallies.contested)),
        "first_place": ratio(sums(w * tallies.first_place), sums(w)),
        "representation_ratio": ratio(rounds.sums(rounds.agreed), rounds.sums(rounds.deserved)),
        "maximum_deficit": rounds.maximum_deficits(),
        "won": ratio(sums(w * tallies.won), sums(w)),
        "longest_losing_streak": rounds.longest_losing_streaks(),
        "lower_quota_compliance": _lower_quota_compliance(tallies, grouping),
        "influence": ratio(sums(tallies.influence), tallies.influence.sum()),
        "ballots": sums(tallies.counts).astype(np.int64),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [
        Agreement(name=name, **dict(zip(columns, row, strict=True)))
        for name, row in zip(grouping.names, rows, strict=True)
    ]


def _lower_quota_compliance(tallies: Tallies, grouping: Grouping) -> np.ndarray:
    """(n,) the share of the rounds of each group's members after which they had their lower quota."""
    n, annotators = len(grouping.names), np.arange(len(grouping.owners))
    rounds = OwnerRounds.of(tallies, Grouping([""] * len(annotators), annotators))
    owner = grouping.owners[rounds.owners]
    owned = owner >= 0
    met = np.bincount(owner[owned], rounds.quota_met()[owned], n)
    return ratio(met, np.bincount(owner[owned], minlength=n))
