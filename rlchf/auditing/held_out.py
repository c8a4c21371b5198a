"""Agreement of an outcome with annotators who did not take part in it, with 95 % intervals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rlchf.auditing._left_out import SHARES, LeftOut
from rlchf.auditing.agreement import Agreement
from rlchf.auditing.groups import Grouping
from rlchf.auditing.welfare import Welfare, welfare
from rlchf.numeric.ratios import ratio

WELFARE = ("pairs", "contested", "first_place")


@dataclass(frozen=True)
class Interval:
    """A figure held out, with its 95 % interval for other annotators and other prompts like these.

    Each ballot is compared with an outcome that was made again without its annotator, while the rest of the
    annotator's group has the weight of the whole group. The sizes and weights of the groups are taken as
    given. NaN stands for an interval of less than two annotators.

    Attributes
    ----------
    name
        The group, or ``"all"``.
    measure
        A field of `Agreement`: pairs, contested, first_place or representation_ratio. Contested are the pairs
        about which two ballots of other annotators disagree.
    value
        The estimate.
    low, high
        The ends of the interval.
    """

    name: str
    measure: str
    value: float
    low: float
    high: float


def intervals_of(left_out: LeftOut, name: str, *groups: int) -> list[Interval]:
    """The figures of a group, or of everybody if none is given."""
    measures = SHARES if groups else SHARES[:-1]  # all have all of the weight
    rows = [(measure, left_out.estimate(measure, *groups)) for measure in measures]
    return [Interval(name, measure, *figure.figures) for measure, figure in rows]


def group_intervals(left_out: LeftOut, grouping: Grouping) -> list[Interval]:
    """The figures of every group."""
    return [one for g, name in enumerate(grouping.names) for one in intervals_of(left_out, name, g)]


@dataclass(frozen=True)
class Shares:
    """An annotator's shares held out, as in `Agreement`: of all pairs, contested pairs, first places.

    ``groups`` names the annotator's groups, one for each division.
    """

    name: str
    pairs: float
    contested: float
    first_place: float
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeldOut:
    """What is known of annotators who did not take part in the outcome.

    Attributes
    ----------
    again
        Whether the outcome was made again without each part of the annotators; else it is the outcome as
        given, which may have been made from the same ballots.
    folds
        Number of parts of the annotators.
    prompts, left_out
        Number of prompts, and of those that have too many ballots and responses to be measured.
    ballots_per_prompt
        Mean number of ballots on a prompt. Where they are few, agreement on contested pairs says little: of
        two other annotators who disagree neither wins.
    annotators
        The annotators' shares.
    welfare
        Welfare over the annotators' shares.
    """

    again: bool
    folds: int
    prompts: int
    left_out: int
    ballots_per_prompt: float
    annotators: list[Shares]
    welfare: dict[str, Welfare]

    @classmethod
    def of(
        cls,
        left_out: LeftOut,
        names: list[str],
        weights: np.ndarray,
        groupings: Sequence[Grouping] = (),
    ) -> "HeldOut":
        """From sums, the annotators' names and weights, and divisions into groups."""
        sums = left_out.annotators.T
        shares = [ratio(sums[2 * n], sums[2 * n + 1]) for n in range(len(WELFARE))]
        groups = [
            tuple(g.names[g.owners[a]] for g in groupings if g.owners[a] >= 0)
            for a in range(len(names))
        ]
        rows = zip(names, *(share.tolist() for share in shares), groups, strict=True)
        return cls(
            left_out.again,
            left_out.sums["pairs"].n_clusters,
            left_out.prompts,
            left_out.left_out,
            left_out.ballots_per_prompt,
            [Shares(*row) for row in rows],
            {name: welfare(u, weights) for name, u in zip(WELFARE, shares, strict=True)},
        )


Row = TypeVar("Row", bound=Shares | Agreement)


def low_outliers(rows: Sequence[Row]) -> list[Row]:
    """Those who agree on far fewer contested pairs than most, lowest first.

    They are more than three interquartile ranges below the lower quartile: "far out", as Tukey calls it. Of
    fewer than 20 there are none, since their quartiles mean little.

    References
    ----------
    J. W. Tukey, "Exploratory data analysis", 1977.

    Examples
    --------
    >>> rows = [Shares(f"v{n}", 0.7, 0.1 if n == 2 else 0.7 + n / 1000, 0.5) for n in range(20)]
    >>> [row.name for row in low_outliers(rows)]
    ['v2']
    """
    known = [row for row in rows if not np.isnan(row.contested)]
    if len(known) < 20:
        return []
    lower, upper = np.quantile([row.contested for row in known], [0.25, 0.75])
    fence = lower - 3 * (upper - lower)
    return sorted((row for row in known if row.contested < fence), key=lambda row: row.contested)


def count_members(chosen: Sequence[Shares], rows: Sequence[Shares]) -> dict[str, tuple[int, int]]:
    """How many members of each group are among those chosen, and how many it has; most of them first.

    Examples
    --------
    >>> rows = [Shares(f"v{n}", 0.7, 0.6, 0.5, ("north" if n < 2 else "south",)) for n in range(5)]
    >>> count_members(rows[:3], rows)
    {'north': (2, 2), 'south': (1, 3)}
    """
    sizes = Counter(name for row in rows for name in row.groups)
    members = Counter(name for row in chosen for name in row.groups)
    return {name: (n, sizes[name]) for name, n in members.most_common()}
