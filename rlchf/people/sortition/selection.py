"""A panel by lot: who is drawn, with what probability, and which quotas the panel keeps."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from rlchf.display import counted, listing
from rlchf.options import renaming
from rlchf.people.sortition.lottery import Lottery, Tick, leximin, maximin, relaxed_probabilities
from rlchf.people.sortition.pool import Pool
from rlchf.people.sortition.quotas import Quota
from rlchf.people.sortition.systematic import systematic_seats

Method = Literal["leximin", "maximin", "systematic"]
"""How inclusion probabilities are chosen."""


@dataclass(frozen=True)
class Seats:
    """The seats of a category.

    Attributes
    ----------
    column, category, least, most
        The quota.
    pool
        Number of people in the pool.
    expected
        Mean number of seats.
    drawn
        Seats on the first panel that was drawn.
    """

    column: str
    category: str
    least: int
    most: int
    pool: int
    expected: float
    drawn: int

    @property
    def kept(self) -> bool:
        """Whether the panel keeps the quota."""
        return self.least <= self.drawn <= self.most


@dataclass(frozen=True, eq=False)
class Selection:
    """Panels drawn by lot.

    Attributes
    ----------
    method, size
        The method, and the number of seats.
    selected
        (N, A) bool: who is on each panel.
    inclusion
        (A,) the probability with which each person is drawn.
    present
        (A,) bool: who was in the pool.
    seats
        The categories with quotas.
    lottery
        The lottery over panels; None for systematic sampling.
    """

    method: Method
    size: int
    selected: np.ndarray
    inclusion: np.ndarray
    present: np.ndarray
    seats: list[Seats]
    lottery: Lottery | None = None

    def __repr__(self) -> str:
        return (
            f"<Selection of {self.size} of {counted(int(self.present.sum()), 'annotator')} by {self.method}: "
            f"inclusion probability {self.least:.3f} at least>"
        )

    @property
    def least(self) -> float:
        """The least inclusion probability of those who can be drawn."""
        probabilities = self.inclusion[self.inclusion > 0]
        return float(probabilities.min())

    @property
    def excluded(self) -> int:
        """Number of people of the pool who are on no panel."""
        return int(np.count_nonzero(self.present & (self.inclusion <= 0)))

    def to_dict(self) -> dict[str, Any]:
        """All figures but those of single people."""
        return {
            "method": self.method,
            "size": self.size,
            "pool": int(self.present.sum()),
            "panels_drawn": len(self.selected),
            "least_inclusion_probability": self.least,
            "largest_possible_least": None if self.lottery is None else self.lottery.bound,
            "mean_inclusion_probability": self.size / int(self.present.sum()),
            "on_no_panel": self.excluded,
            "compositions": None if self.lottery is None else len(self.lottery.panels),
            "quotas": [{**asdict(one), "kept": one.kept} for one in self.seats],
        }


def draw_panel(
    features: Mapping[str, Sequence[str]],
    quotas: Sequence[Quota],
    size: int,
    *,
    method: Method = "leximin",
    present: np.ndarray | None = None,
    household: str = "",
    panels: int = 1,
    seed: int = 0,
    name: str = "the annotators file",
    tick: Tick | None = None,
) -> Selection:
    """Draw panels by lot from people, under quotas.

    Parameters
    ----------
    features
        (A,) texts by column.
    quotas
        The fewest and the most seats of each category.
    size
        Number of seats.
    method
        ``leximin`` and ``maximin`` keep all quotas and make the least inclusion probabilities as large as
        possible. ``systematic`` is a simple and fast method that keeps quotas in expectation only.
    present
        (A,) bool: who is in the pool; by default everybody.
    household
        Column whose people share a household; a panel has one of them at most.
    panels
        Number of panels to draw, independently of each other.
    seed
        Random seed of the draw; the probabilities do not depend on it.
    name
        What the people's file is called in messages.

    Raises
    ------
    ValueError
        If a column is missing, or no panel keeps the quotas; the message has the smallest change that helps.

    Examples
    --------
    >>> people = {"sex": ["f"] * 2 + ["m"] * 6}
    >>> selection = draw_panel(people, [Quota("sex", "f", 1, 2), Quota("sex", "m", 1, 2)], 3)
    >>> selection.inclusion.round(3).tolist()
    [0.5, 0.5, 0.333, 0.333, 0.333, 0.333, 0.333, 0.333]
    """
    _check_columns(features, quotas, household, name)
    people = len(next(iter(features.values())))
    present = np.ones(people, bool) if present is None else present
    if not 1 <= size <= present.sum():
        raise ValueError(
            f"size is {size}, and {counted(int(present.sum()), 'annotator')} in {name} can be drawn; give a "
            "number of seats from 1 to that"
        )
    _warn_of_unnamed(features, quotas, present, name)
    rng = np.random.default_rng([seed, 2])
    if method == "systematic":
        if household:
            raise ValueError(
                "systematic sampling knows no households; choose --method leximin or maximin"
            )
        pool, lottery = Pool.of(features, quotas, size, present), None
        by_type = relaxed_probabilities(pool, np.zeros(len(pool.counts), bool))
        inclusion = np.where(present, by_type[pool.types], 0.0)
        columns = [features[one] for one in dict.fromkeys(q.column for q in quotas)]
        strata = list(zip(*columns, strict=True))
        selected = [systematic_seats(inclusion, size, strata, rng) > 0 for _ in range(panels)]
    else:
        pool = Pool.of(features, quotas, size, present, features[household] if household else None)
        lottery = (leximin if method == "leximin" else maximin)(pool, tick)
        inclusion = lottery.inclusion
        selected = [lottery.draw(rng) for _ in range(panels)]
    seats = [_seats_of(q, features, present, inclusion, selected[0]) for q in quotas]
    selection = Selection(method, size, np.array(selected), inclusion, present, seats, lottery)
    if selection.excluded:
        warnings.warn(
            f"{counted(selection.excluded, 'annotator')} of {name} can be on no panel under these quotas; "
            "their inclusion probability is 0",
            stacklevel=2,
        )
    return selection


def _seats_of(
    quota: Quota,
    features: Mapping[str, Sequence[str]],
    present: np.ndarray,
    inclusion: np.ndarray,
    selected: np.ndarray,
) -> Seats:
    has = np.array([cell == quota.category for cell in features[quota.column]]) & present
    expected, drawn = float(inclusion[has].sum()), int(selected[has].sum())
    return Seats(**asdict(quota), pool=int(has.sum()), expected=expected, drawn=drawn)


def _check_columns(
    features: Mapping[str, Sequence[str]], quotas: Sequence[Quota], household: str, name: str
) -> None:
    for column in [*(q.column for q in quotas), *filter(None, [household])]:
        if column not in features:
            raise ValueError(
                f"there is no column {column!r} in {name}; found {listing(features)}"
                f"{renaming(column, features)}"
            )


def _warn_of_unnamed(
    features: Mapping[str, Sequence[str]], quotas: Sequence[Quota], present: np.ndarray, name: str
) -> None:
    """Warn of people whose category has no quota, in columns that have quotas."""
    for column in dict.fromkeys(q.column for q in quotas):
        named = {q.category for q in quotas if q.column == column}
        cells = [cell for cell, here in zip(features[column], present, strict=True) if here]
        unnamed = [cell for cell in cells if cell not in named]
        if unnamed:
            which = listing([repr(one) if one else "empty" for one in sorted(set(unnamed))], 5)
            warnings.warn(
                f"the {column} of {counted(len(unnamed), 'annotator')} in {name} has no quota ({which}), so "
                "any number of them may be drawn",
                stacklevel=3,
            )
