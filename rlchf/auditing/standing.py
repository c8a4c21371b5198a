"""Where a group stands between a random order and its own ranking; whether it is opposed to others."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._left_out import COLUMNS, FOLDS, leave_out
from rlchf.auditing.groups import Grouping
from rlchf.numeric.ratios import ratio
from rlchf.rankings import Rankings

NEARLY = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; NaN where there is none.

    The interval is about other annotators and other prompts like these.
    """

    value: float
    low: float
    high: float

    @classmethod
    def share(cls, value: float, low: float, high: float) -> "Estimate":
        """A share, whose interval ends at 0 and 1.

        Examples
        --------
        >>> Estimate.share(0.5, -0.2, 1.2)
        Estimate(value=0.5, low=0.0, high=1.0)
        """
        return cls(value, *np.clip([low, high], 0.0, 1.0).tolist())


NONE = Estimate(*[float("nan")] * 3)


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
        pairs on their ballots that would no longer agree.
    opposed
        Whether the group is opposed to the others: the upper end of ``others`` is below 1/2 and below the
        group's share of the weight. The ranking of the others then gives it less than a random order, and
        less than in proportion. Only then is its representation ratio defined: any other group gets its
        proportional share even if nobody listens to it.
    again
        Whether the outcome could be made again without the members; else ``agreed`` is about the outcome as
        it is given, such as a reward model's scores.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "g" else "b > a") for p in range(5) for name in "abcdefghij"]
    >>> groups = {name: "many" if name < "g" else "few" for name in "abcdefghij"}
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> report = rlchf.audit(rankings, rlchf.aggregate(rankings), groups, baselines=True)
    >>> [(s.name, s.agreed.value, s.others.value, s.position.value, s.cost) for s in report.standings]
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
    cost: float
    opposed: bool
    again: bool

    @property
    def losing(self) -> bool:
        """Whether the outcome agrees with the group less than a random order does, by the interval."""
        return self.agreed.high < self.random - NEARLY


def standings(
    rankings: Rankings, result: Aggregation, grouping: Grouping, folds: int = FOLDS
) -> list[Standing]:
    """Measure where each group stands.

    Parameters
    ----------
    folds
        Parts of the annotators, without each of which the outcome is made again; 0 takes it as it is given.

    Raises
    ------
    ValueError
        If there is one part, without which there would be nobody.
    """
    if folds < 0 or folds == 1:
        raise ValueError(f"folds is {folds}; give 2 or more, or 0 for the outcome as it is given")
    left_out = leave_out(rankings, result, grouping, folds)
    owners = grouping.owners[rankings.ballot_annotators]
    weights = np.bincount(owners + 1, rankings.ballot_weights, len(grouping.names) + 1)
    costs = ratio(left_out.lost, left_out.others)
    rows = []
    for g, name in enumerate(grouping.names):
        ballots = np.flatnonzero((owners == g) & (left_out.pairs[:, 0] > 0))
        people, prompts = rankings.ballot_annotators[ballots], rankings.ballot_prompts[ballots]
        columns = dict(zip(COLUMNS, left_out.pairs[ballots].T, strict=True))
        estimate = partial(_ratio, annotators=people, prompts=prompts)
        stated, random = columns["stated"], columns["random"]
        shares = {
            "agreed": estimate(columns["agreed"], stated),
            "best": estimate(columns["best"], stated),
            "others": estimate(columns["others"], columns["others_stated"]),
        }
        usual = estimate(random, stated).value
        agree = shares["best"].low > usual + NEARLY
        position = estimate(columns["agreed"] - random, columns["best"] - random)
        rows.append(
            Standing(
                name=name,
                annotators=len(np.unique(people)),
                random=usual,
                **{key: Estimate.share(*vars(share).values()) for key, share in shares.items()},
                position=position if agree else NONE,
                cost=float(costs[g]),
                opposed=shares["others"].high < min(0.5, float(weights[g + 1] / weights.sum())),
                again=left_out.again,
            )
        )
    return rows


def _ratio(
    part: np.ndarray, whole: np.ndarray, annotators: np.ndarray, prompts: np.ndarray
) -> Estimate:
    """The ratio of two sums over ballots, with its interval if annotators and prompts are samples.

    References
    ----------
    A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust inference with multiway clustering", 2011;
    F. E. Satterthwaite, "An approximate distribution of estimates of variance components", 1946, for
    the degrees of freedom.
    """
    total = float(whole.sum())
    if not total > 0:
        return NONE
    value = float(part.sum()) / total
    influence = (part - value * whole) / total
    of_annotators, n = _variance(influence, annotators)
    of_prompts, p = _variance(influence, prompts)
    of_both, _ = _variance(influence, annotators * (prompts.max() + 1) + prompts)
    if n < 2:
        return Estimate(value, float("nan"), float("nan"))
    from scipy.stats import t

    variance = max(of_annotators + of_prompts - of_both, of_annotators, of_prompts)
    spread = of_annotators**2 / (n - 1) + of_prompts**2 / max(p - 1, 1)
    freedom = (of_annotators + of_prompts) ** 2 / spread if spread > 0 else n - 1
    half = float(t.ppf(0.975, freedom)) * variance**0.5
    return Estimate(value, value - half, value + half)


def _variance(influence: np.ndarray, owners: np.ndarray) -> tuple[float, int]:
    """The variance of the sum if owners are drawn, and their number."""
    n = len(np.unique(owners))
    sums = np.bincount(owners, influence)
    return float(sums @ sums) * n / max(n - 1, 1), n


def opposed_groups(rankings: Rankings, grouping: Grouping) -> set[str]:
    """The names of the groups that are opposed to the others, whatever the outcome; see `Standing`."""
    nothing = Aggregation.from_scores(rankings, np.zeros(len(rankings.response_ids)), "none", {})
    return {row.name for row in standings(rankings, nothing, grouping, 0) if row.opposed}


def by_position(rows: Sequence[Standing]) -> list[Standing]:
    """The groups, lowest position first, those without one last."""
    return sorted(rows, key=lambda row: (np.isnan(row.position.value), row.position.value))
