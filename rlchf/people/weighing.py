"""Weighting annotators to a population: what is raked, and what the weights cost."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rlchf.display import counted, listing
from rlchf.options import listed
from rlchf.people.design import design_effect, effective_sample_size
from rlchf.people.raking import Margin, column_of, rake

if TYPE_CHECKING:
    import pandas as pd

Missing = Literal["keep", "zero", "refuse"]
"""What becomes of annotators without a value in a column.

``keep``: together they keep the share of the weight that they have before. ``zero``: they weigh 0.
"""
Empty = Literal["refuse", "leave_out"]
"""What becomes of a population's category that no annotator has.

``leave_out``: the others' shares are made larger in proportion.
"""


@dataclass(frozen=True)
class Category:
    """A category of a population before and after weighting.

    Attributes
    ----------
    column, category
        Its names; the category is empty for annotators without a value.
    people
        Number of annotators with a base weight.
    before, target, after
        Share of the base weights, of the population, and of the weights.
    """

    column: str
    category: str
    people: int
    before: float
    target: float
    after: float


@dataclass(frozen=True, eq=False)
class Weighting:
    """Weights of annotators under which they have the shares of a population.

    Attributes
    ----------
    ids
        (A,) the annotators, in the order of the input.
    base, weights
        (A,) weights before and after, with the same sum.
    categories
        All categories of all columns, before and after.
    rounds
        Rounds through the columns until all shares fit.
    trim
        The largest weight allowed, as a multiple of the mean; None without a limit.
    """

    ids: list[str]
    base: np.ndarray
    weights: np.ndarray
    categories: list[Category]
    rounds: int
    trim: float | None = None

    def __repr__(self) -> str:
        return (
            f"<Weighting of {counted(len(self.ids), 'annotator')}: design effect "
            f"{self.design_effect:.3f}, effective sample size {self.effective_sample_size:.1f}>"
        )

    @property
    def design_effect(self) -> float:
        """Kish's design effect of the weights; see `rlchf.people.design.design_effect`."""
        return design_effect(self.weights)

    @property
    def effective_sample_size(self) -> float:
        """Kish's effective sample size of the weights."""
        return effective_sample_size(self.weights)

    @property
    def people(self) -> int:
        """Number of annotators who weigh anything."""
        return int(np.count_nonzero(self.weights))

    @property
    def ratios(self) -> tuple[float, float]:
        """The smallest and the largest weight above 0, as multiples of their mean."""
        w = self.weights[self.weights > 0]
        return float(w.min() / w.mean()), float(w.max() / w.mean())

    def to_dict(self) -> dict[str, Any]:
        """All figures, and the weight of each annotator."""
        return {
            "annotators": len(self.ids),
            "people": self.people,
            "design_effect_before": design_effect(self.base),
            "design_effect": self.design_effect,
            "effective_sample_size_before": effective_sample_size(self.base),
            "effective_sample_size": self.effective_sample_size,
            "smallest_weight": self.ratios[0],
            "largest_weight": self.ratios[1],
            "trim": self.trim,
            "rounds": self.rounds,
            "categories": [asdict(one) for one in self.categories],
            "weights": dict(zip(self.ids, self.weights.tolist(), strict=True)),
        }

    def to_frame(self) -> "pd.DataFrame":
        """A row for each annotator: annotator_id, base_weight and weight."""
        import pandas as pd

        return pd.DataFrame(
            {"annotator_id": self.ids, "base_weight": self.base, "weight": self.weights}
        )


def weigh(
    annotators: object,
    population: object,
    *,
    columns: Sequence[str] = (),
    trim: float | None = None,
    missing: Missing = "keep",
    empty: Empty = "refuse",
) -> Weighting:
    """Weigh annotators so that they have a population's shares in several columns at once, by raking.

    Parameters
    ----------
    annotators
        A DataFrame, or another table, with annotator_id, an optional weight (the base weight) and the
        columns of the population.
    population
        A table with column, category and share or count; or a dictionary of shares by column.
    columns
        Which of the population's columns are used; by default all.
    trim
        The largest weight, as a multiple of the mean; None for no limit.
    missing
        What becomes of annotators without a value in a column; see `Missing`.
    empty
        What becomes of categories that no annotator has; see `Empty`.

    Raises
    ------
    ValueError
        If a category of one side is not on the other, or no weights have the shares; the message says which.

    Examples
    --------
    >>> people = [{"annotator_id": who, "sex": "f" if who in "abc" else "m"} for who in "abcd"]
    >>> weighting = weigh(people, {"sex": {"f": 0.5, "m": 0.5}})
    >>> weighting.weights.round(3).tolist(), round(weighting.effective_sample_size, 3)
    ([0.667, 0.667, 0.667, 2.0], 3.0)
    """
    from rlchf.io.frames import table_of
    from rlchf.io.populations import population_of
    from rlchf.io.texts import annotators_of

    people = annotators_of(table_of(annotators, "annotators"))
    if isinstance(population, Mapping) and all(
        isinstance(one, Mapping) for one in population.values()
    ):
        rows = [
            {"column": column, "category": str(category), "share": share}
            for column, shares in population.items()
            for category, share in shares.items()
        ]
        population = rows
    return weigh_features(
        people.ids, people.features, people.listed_weights, population_of(table_of(population, "population")),
        columns=columns, trim=trim, missing=missing, empty=empty,
    )  # fmt: skip


def weigh_features(
    ids: list[str],
    features: Mapping[str, Sequence[str]],
    base: np.ndarray,
    population: Mapping[str, Mapping[str, float]],
    *,
    columns: Sequence[str] = (),
    trim: float | None = None,
    missing: Missing = "keep",
    empty: Empty = "refuse",
    names: tuple[str, str] = ("the annotators file", "the population"),
) -> Weighting:
    """As `weigh`, from columns of text.

    Parameters
    ----------
    ids, features, base
        (A,) ids, columns by name, and base weights.
    population
        For each column, the share of each category; the shares add up to 1.
    names
        What the two inputs are called in messages.
    """
    if trim is not None and not trim >= 1:
        raise ValueError(
            f"trim is {trim}; give the largest weight as a multiple of the mean, 1 or more"
        )
    with np.errstate(over="ignore"):
        total = base.sum()
    if not 0 < total < np.inf:
        raise ValueError(
            f"the weights in {names[0]} add up to {total:g}; give weights whose sum is above 0 and finite, "
            "or leave the column out"
        )
    cells = {
        column: _cells(column, features, population, names) for column in columns or population
    }
    if missing == "zero":
        lacks = np.array(
            [any(not cell for cell in row) for row in zip(*cells.values(), strict=True)]
        )
        base = np.where(lacks, 0.0, base)
    margins = [
        _margin(column, who, base, population[column], missing, empty, names)
        for column, who in cells.items()
    ]
    weights, rounds = rake(base, margins, largest=trim or np.inf)
    _warn_of_zeros(margins, base, names)
    shown = [row for one in margins for row in _categories(one, base, weights)]
    return Weighting(ids, base, weights, shown, rounds, trim)


def _cells(
    column: str,
    features: Mapping[str, Sequence[str]],
    population: Mapping[str, Mapping[str, float]],
    names: tuple[str, str],
) -> Sequence[str]:
    """Each person's category in a column that both inputs have."""
    if column not in population:
        raise ValueError(
            f"{names[1]} has no column {column!r} to weigh by; choose from {listing(population)}"
        )
    cells = column_of(features, column)
    if cells is None:
        raise ValueError(
            f"{names[1]} has the column {column!r}, and {names[0]} has no such column; found "
            f"{listing(features)}; name those to use with --column, or write joint columns as 'age x sex'"
        )
    return cells


def _margin(
    column: str,
    cells: Sequence[str],
    base: np.ndarray,
    shares: Mapping[str, float],
    missing: Missing,
    empty: Empty,
    names: tuple[str, str],
) -> Margin:
    """The margin of one column, in which people without a value are a category that keeps its share."""
    here = {cell for cell, weight in zip(cells, base, strict=True) if weight > 0}
    unknown = sorted(here - set(shares) - {""})
    if unknown:
        people = sum(cell == unknown[0] for cell in cells)
        raise ValueError(
            f"{column} {unknown[0]!r} of {counted(people, 'annotator')} in {names[0]} is not in {names[1]} "
            f"({listed(list(shares), unknown[0])}); give its share, or empty these cells"
        )
    lacking = [name for name, share in shares.items() if share > 0 and name not in here]
    if lacking and empty == "refuse":
        which = listing([f"{name!r} ({100 * shares[name]:.3g} %)" for name in lacking])
        raise ValueError(
            f"nobody in {names[0]} has the {column} {which} of {names[1]}; merge it with another category in "
            "both files, or leave it out with --empty leave_out, which weighs the others only"
        )
    if lacking:
        part = sum(shares[name] for name in lacking)
        warnings.warn(
            f"{listing([f'{column} {name!r}' for name in lacking])}, {100 * part:.3g} % of {names[1]}, is "
            "left out: nobody has it, and no weights speak for these people",
            stacklevel=4,
        )
    known = {name: share for name, share in shares.items() if name not in lacking}
    is_missing = np.array([not cell for cell in cells]) & (base > 0)
    kept = float(base[is_missing].sum() / base.sum())
    if is_missing.any():
        _tell_missing(column, int(is_missing.sum()), kept, missing, names)
    whole = sum(known.values())
    if not whole > 0 or kept == 1:
        raise ValueError(f"nobody in {names[0]} has a {column} of {names[1]}; leave the column out")
    categories = [*known, ""]
    targets = np.array([*((1 - kept) * share / whole for share in known.values()), kept])
    index = {name: c for c, name in enumerate(categories)}
    return Margin(column, categories, np.array([index.get(c, len(known)) for c in cells]), targets)


def _tell_missing(
    column: str, people: int, kept: float, missing: Missing, names: tuple[str, str]
) -> None:
    """Refuse or warn of people without a value in a column."""
    have, keep, their = ("has", "keeps", "its") if people == 1 else ("have", "keep", "their")
    who = f"{counted(people, 'annotator')} in {names[0]} {have} no {column}"
    if missing == "refuse":
        raise ValueError(f"{who}; fill these cells, or choose --missing keep or --missing zero")
    warnings.warn(f"{who} and {keep} {their} {100 * kept:.3g} % of the weight in it", stacklevel=5)


def _warn_of_zeros(margins: Sequence[Margin], base: np.ndarray, names: tuple[str, str]) -> None:
    """Warn of people whose category is said to be no part of the population."""
    for one in margins:
        nobody = [c for c in range(len(one.shares)) if one.categories[c] and one.shares[c] == 0]
        people = int(np.count_nonzero(np.isin(one.codes, nobody) & (base > 0)))
        if people:
            which = listing([f"{one.column} {one.categories[c]!r}" for c in nobody])
            warnings.warn(
                f"{counted(people, 'annotator')} weigh{'s' * (people == 1)} 0, since {names[1]} gives "
                f"{which} the share 0",
                stacklevel=4,
            )


def _categories(margin: Margin, base: np.ndarray, weights: np.ndarray) -> list[Category]:
    people = margin.sums((base > 0).astype(float)).astype(int)
    figures = np.stack(
        [margin.sums(base) / base.sum(), margin.shares, margin.sums(weights) / weights.sum()]
    )
    return [
        Category(margin.column, name, int(people[c]), *figures[:, c].tolist())
        for c, name in enumerate(margin.categories)
        if name or people[c]
    ]
