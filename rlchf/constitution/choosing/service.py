"""Who is served by a slate: opinion groups, voters without any statement, justified representation."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from rlchf.auditing.committees import CommitteeVerdict, committee_justified
from rlchf.constitution.choosing.slates import Poll, Slate

MAJORITY = 0.5


@dataclass(frozen=True)
class GroupService:
    """What a slate holds for a group.

    Attributes
    ----------
    name, members
        The group, and its number of voters.
    share
        Its share of all voters.
    entitled
        The statements that its share entitles it to: the seats times the share, rounded down.
    agreed
        The statements on the slate with which a majority of it agrees: its shrunk share is above 1/2.
    mean_agreed
        The mean number of statements on the slate with which a member agrees, by the complete ballots.
    without
        The share of its members who agree with none, by the complete ballots.
    """

    name: str
    members: int
    share: float
    entitled: int
    agreed: int
    mean_agreed: float
    without: float

    @property
    def left_without(self) -> bool:
        """Whether a majority of the group agrees with fewer statements than it is entitled to."""
        return self.agreed < self.entitled


@dataclass(frozen=True)
class Service:
    """What a slate holds for the voters.

    Attributes
    ----------
    rule
        The rule that elected it.
    elected, seats
        The number of statements and of seats.
    groups
        The groups, the largest first.
    without
        The share of voters who agree with no statement, by the complete ballots.
    without_names
        Their names.
    without_seen
        The same share by the votes cast, among those who voted on a statement of the slate.
    reached
        The share of voters who voted on a statement of the slate.
    verdicts
        Justified representation, by the complete ballots.
    """

    rule: str
    elected: int
    seats: int
    groups: list[GroupService]
    without: float
    without_names: list[str]
    without_seen: float
    reached: float
    verdicts: list[CommitteeVerdict]

    @property
    def left_without(self) -> list[str]:
        """Groups with fewer statements than their share entitles them to."""
        return [group.name for group in self.groups if group.left_without]

    @property
    def least_mean_agreed(self) -> float:
        """The mean number of agreed statements in the group where it is least; NaN without groups."""
        return min((group.mean_agreed for group in self.groups), default=float("nan"))

    @property
    def violated(self) -> list[str]:
        """The axioms that the slate violates."""
        return [verdict.axiom for verdict in self.verdicts if verdict.holds is False]

    def to_dict(self, statements: Sequence[str]) -> dict[str, Any]:
        """The figures, for JSON; the candidates of verdicts are named."""
        verdicts = []
        for verdict in self.verdicts:
            named = statements[verdict.candidate] if verdict.candidate >= 0 else None
            verdicts.append(asdict(verdict) | {"candidate": named, "group": list(verdict.group)})
        least = self.least_mean_agreed
        return {
            "rule": self.rule,
            "elected": self.elected,
            "seats": self.seats,
            "groups": [
                asdict(group) | {"left_without": group.left_without} for group in self.groups
            ],
            "left_without": self.left_without,
            "least_mean_agreed": None if np.isnan(least) else least,
            "without": self.without,
            "without_names": self.without_names,
            "without_seen": None if np.isnan(self.without_seen) else self.without_seen,
            "reached": self.reached,
            "justified_representation": verdicts,
        }


def service(poll: Poll, slate: Slate) -> Service:
    """Measure whom a slate serves.

    Examples
    --------
    >>> from rlchf.constitution.choosing.settings import SlateConfig
    >>> from rlchf.constitution.choosing.slates import elect
    >>> from rlchf.constitution.choosing.votes import Votes
    >>> most, few = {"a": 1, "b": 1, "c": -1}, {"a": -1, "b": -1, "c": 1}
    >>> votes = Votes.from_ballots({v: most if v in "uvw" else few for v in "uvwxy"})
    >>> large = np.array([1, 1, 1, 0, 0]) == 1
    >>> config = SlateConfig(k=3, rule="approval")
    >>> poll = Poll.of(votes, {"large": large, "small": ~large}, config)
    >>> three = service(poll, elect(poll, config))
    >>> [(g.name, g.entitled, g.agreed) for g in three.groups], three.violated
    ([('large', 1, 2), ('small', 1, 1)], [])
    >>> service(poll, Slate("approval", [0, 1], 2)).without
    0.4
    """
    approves = poll.ballots == 1
    counts = approves[:, slate.statements].sum(axis=1)
    cast = poll.votes.values[:, slate.statements]
    reached = poll.votes.seen[:, slate.statements].any(axis=1)
    none_cast = ~(cast == 1).any(axis=1)
    groups = [
        _of_group(poll, slate, name, members, rates.shrunk, counts)
        for (name, members), rates in zip(
            poll.groups.items(), poll.group_rates.agree, strict=False
        )  # the last rates are of those in no group
    ]
    without = counts == 0
    return Service(
        rule=slate.rule,
        elected=len(slate.statements),
        seats=slate.seats,
        groups=groups,
        without=float(without.mean()),
        without_names=[poll.votes.voters[v] for v in np.flatnonzero(without).tolist()],
        without_seen=float(none_cast[reached].mean()) if reached.any() else float("nan"),
        reached=float(reached.mean()),
        verdicts=_verdicts(poll, approves, slate),
    )


def disputed(poll: Poll) -> Poll:
    """The same poll with those statements only with which the majority of some groups, not of all, agrees."""
    agreed = np.array([rates.shrunk > MAJORITY for rates in poll.group_rates.agree])
    agreed = agreed[: len(poll.groups)]
    kept = np.asarray(agreed.any(axis=0) & ~agreed.all(axis=0))
    return replace(poll, candidates=poll.candidates[kept[poll.candidates]])


def _verdicts(poll: Poll, approves: np.ndarray, slate: Slate) -> list[CommitteeVerdict]:
    """Justified representation among the statements that can be elected."""
    index = {m: c for c, m in enumerate(poll.candidates.tolist())}
    members = [index[m] for m in slate.statements]
    verdicts = committee_justified(
        approves[:, poll.candidates], members, slate.seats, poll.votes.voters
    )
    return [
        CommitteeVerdict(
            **(vars(one) | {"candidate": int(poll.candidates[one.candidate])})
        ) if one.candidate >= 0 else one
        for one in verdicts
    ]  # fmt: skip


def _of_group(
    poll: Poll,
    slate: Slate,
    name: str,
    members: np.ndarray,
    agreeing: np.ndarray,
    counts: np.ndarray,
) -> GroupService:
    size, voters = int(members.sum()), len(poll.votes.voters)
    return GroupService(
        name=name,
        members=size,
        share=size / voters,
        entitled=slate.seats * size // voters,
        agreed=int((agreeing[slate.statements] > MAJORITY).sum()),
        mean_agreed=float(counts[members].mean()),
        without=float((counts[members] == 0).mean()),
    )
