"""Where a group stands between a random order and its own ranking; whether it is opposed to others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._left_out import FOLDS, LeftOut, Tick, leave_out
from rlchf.auditing.estimates import NONE, Estimate
from rlchf.auditing.groups import Grouping
from rlchf.rankings import Rankings

NEARLY = 1e-9


@dataclass(frozen=True)
class Standing:
    """A group's agreement on contested pairs, between that with a random order and with its own ranking.

    Every figure is about a member's ballots against rankings that were made without that member, so that it
    holds for people like the members and not only for those who were asked. Counted are ballots on prompts
    with up to eight responses that another member of the group ranks too, and on these the pairs that are
    contested among the other annotators.

    Attributes
    ----------
    name
        The group.
    annotators
        Number of members who have such ballots.
    agreed
        Share of the contested pairs on the members' ballots that the outcome puts in the same order. It is
        made again without each member (with more than 20 annotators, without a twentieth of them at a time),
        while the rest of the group has the weight of the whole.
    random
        The same for an order drawn at random, all orders being equally likely.
    others
        The same for the ranking of everybody outside of the group, by Kemeny's rule; means over its orders
        if several are best. NaN if there is nobody.
    best
        The same for the ranking of the group's other members, by Kemeny's rule likewise.
    position
        (agreed - random) / (best - random): 0 is a random order, 1 the group's own ranking. NaN if the
        members do not agree with one another: the lower end of ``best`` is not above ``random``.
    cost
        What those outside would lose if the group's own ranking were the outcome: the share of the contested
        pairs on their ballots that would no longer agree; below 0 if they would gain.
    opposed
        Whether the group is opposed to the others: the upper end of ``others`` is below 1/2 and below the
        group's share of the weight. The ranking of the others then gives it less than a random order, and
        less than in proportion. Only then is its representation ratio defined: any other group gets its
        proportional share even if nobody listens to it.
    again
        Whether the outcome could be made again without the members; else ``agreed`` is about the outcome as
        it is given, such as a reward model's scores.
    prompts, left_out
        Number of prompts counted, and of prompts with more than eight responses, which are not.
    weight
        The group's share of the weight of all ballots.
    far_behind
        Whether the group is far behind most groups: its position is below one half, and the upper end of its
        interval is below the lower end of the median group's (of two in the middle, the higher).

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "g" else "b > a") for p in range(10) for name in "abcdefghij"]
    >>> groups = {name: "many" if name < "g" else "few" for name in "abcdefghij"}
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> report = rlchf.audit(rankings, rlchf.aggregate(rankings), groups, baselines=True)
    >>> [(s.name, s.agreed.value, s.others.value, s.position.value, s.cost.value) for s in report.standings]
    [('few', 0.0, 0.0, -1.0, 1.0), ('many', 1.0, 0.0, 1.0, 0.0)]
    >>> [s.opposed for s in report.standings]
    [True, True]
    """

    name: str
    annotators: int
    agreed: Estimate
    random: float
    others: Estimate
    best: Estimate
    position: Estimate
    cost: Estimate
    opposed: bool
    again: bool
    prompts: int
    left_out: int
    weight: float
    far_behind: bool

    @property
    def stands_low(self) -> bool:
        """Whether the group is far behind most groups, or served less than by a random order."""
        return self.far_behind or self.losing

    @property
    def gain(self) -> float:
        """How much more would agree with the group if its own ranking were the outcome."""
        return self.best.value - self.agreed.value

    @property
    def losing(self) -> bool:
        """Whether the outcome agrees with the group less than a random order does, by the interval."""
        return self.agreed.high < self.random - NEARLY


def standings(
    rankings: Rankings,
    result: Aggregation,
    grouping: Grouping,
    folds: int = FOLDS,
    tick: Tick | None = None,
) -> list[Standing]:
    """Measure where each group stands.

    Parameters
    ----------
    folds
        Parts of the annotators, without each of which the outcome is made again; 0 takes it as it is given.
    tick
        Called with the number of parts that are done and of all.

    Raises
    ------
    ValueError
        If there is one part, without which there would be nobody.
    """
    check_folds(folds)
    return standings_of(rankings, leave_out(rankings, result, grouping, folds, tick), grouping)


def check_folds(folds: int) -> None:
    """Refuse one part, without which there would be nobody."""
    if folds < 0 or folds == 1:
        raise ValueError(f"folds is {folds}; give 2 or more, or 0 for the outcome as it is given")


def standings_of(rankings: Rankings, left_out: LeftOut, grouping: Grouping) -> list[Standing]:
    """Where each group stands, from agreement with rankings that were made without each annotator."""
    weights = np.bincount(
        grouping.owners[rankings.ballot_annotators] + 1,
        rankings.ballot_weights,
        len(grouping.names) + 1,
    )
    rows = []
    for g, name in enumerate(grouping.names):
        shares = {key: left_out.estimate(key, g) for key in ("agreed", "others", "best")}
        usual = 0.5 if shares["agreed"] != NONE else float("nan")
        agree = shares["best"].low > usual + NEARLY
        rows.append(
            Standing(
                name=name,
                annotators=int(left_out.compared[grouping.owners == g].sum()),
                random=usual,
                **shares,
                position=left_out.estimate("position", g) if agree else NONE,
                cost=left_out.estimate("cost", g),
                opposed=shares["others"].high < min(0.5, float(weights[g + 1] / weights.sum())),
                weight=float(weights[g + 1] / weights.sum()),
                far_behind=False,
                again=left_out.again,
                prompts=left_out.prompts - left_out.large,
                left_out=left_out.large,
            )
        )
    placed = [row for row in by_position(rows) if not np.isnan(row.position.low)]
    if not placed:
        return rows
    fence = placed[len(placed) // 2].position.low - NEARLY
    return [
        replace(row, far_behind=row.position.value < 0.5 and row.position.high < fence)
        for row in rows
    ]


def opposed_groups(rankings: Rankings, grouping: Grouping) -> set[str]:
    """The names of the groups that are opposed to the others, whatever the outcome; see `Standing`."""
    nothing = Aggregation.from_scores(rankings, np.zeros(len(rankings.response_ids)), "none", {})
    return {row.name for row in standings(rankings, nothing, grouping, 0) if row.opposed}


def by_position(rows: Sequence[Standing]) -> list[Standing]:
    """The groups, lowest position first.

    Those without a position come last, but first if they are served less than by a random order.
    """

    def key(row: Standing) -> tuple[int, float]:
        if np.isnan(row.position.value):
            return (-1 if row.losing else 1), row.agreed.value
        return 0, row.position.value

    return sorted(rows, key=key)
