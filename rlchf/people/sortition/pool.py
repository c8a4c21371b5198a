"""The pool that a panel is drawn from: people of the same type are interchangeable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.people.sortition.quotas import Quota


@dataclass(frozen=True, eq=False)
class Pool:
    """The people of a pool by type, and the quotas of a panel.

    A type is what quotas and households distinguish: people of one type are in panels with the same
    probability under any rule that does not look at names, so that programs have a variable for each type.

    Attributes
    ----------
    quotas
        The quotas.
    size
        Number of seats.
    types
        (A,) each person's type; -1 for people who cannot be drawn.
    counts
        (T,) number of people of each type.
    rows
        (Q + H, T) 1 where a type is of a quota's category, then of a household with several people.
    least, most
        (Q + H,) limits of the seats of each row.
    """

    quotas: Sequence[Quota]
    size: int
    types: np.ndarray
    counts: np.ndarray
    rows: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @classmethod
    def of(
        cls,
        features: Mapping[str, Sequence[str]],
        quotas: Sequence[Quota],
        size: int,
        present: np.ndarray,
        household: Sequence[str] | None = None,
    ) -> "Pool":
        """The pool of those who are present, (A,) bool; ``household`` names each person's, or is empty.

        Examples
        --------
        >>> quotas = [Quota("sex", "f", 1, 1), Quota("sex", "m", 1, 2)]
        >>> pool = Pool.of({"sex": ["f", "m", "m", "f"]}, quotas, 2, np.array([True, True, True, False]))
        >>> pool.counts.tolist(), pool.types.tolist()
        ([1, 2], [0, 1, 1, -1])
        """
        among = np.flatnonzero(present)
        columns = [features[one] for one in dict.fromkeys(q.column for q in quotas)]
        homes = _shared_homes(household, among)
        keys = [(*(column[i] for column in columns), homes.get(i, "")) for i in among.tolist()]
        index = {key: t for t, key in enumerate(dict.fromkeys(keys))}
        types = np.full(len(present), -1)
        types[among] = [index[key] for key in keys]
        first = among[np.unique(types[among], return_index=True)[1]]
        rows = [[features[q.column][i] == q.category for i in first] for q in quotas]
        names = dict.fromkeys(homes.values())
        rows += [[homes.get(i, "") == home for i in first.tolist()] for home in names]
        return cls(
            quotas,
            size,
            types,
            np.bincount(types[among], minlength=len(index)),
            np.array(rows, dtype=float).reshape(len(rows), len(index)),
            np.array([q.least for q in quotas] + [0] * len(names)),
            np.array([q.most for q in quotas] + [1] * len(names)),
        )

    def seats(self, panels: np.ndarray) -> np.ndarray:
        """(..., Q) the seats of each quota's category on panels (..., T) of seats by type."""
        return np.asarray(panels @ self.rows[: len(self.quotas)].T)

    def draw(self, panel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(A,) bool: as many people of each type, drawn at random, as a panel (T,) has."""
        selected = np.zeros(len(self.types), bool)
        for t in np.flatnonzero(panel):
            members = np.flatnonzero(self.types == t)
            selected[rng.choice(members, int(panel[t]), replace=False)] = True
        return selected


def _shared_homes(household: Sequence[str] | None, among: np.ndarray) -> dict[int, str]:
    """The household of each person who shares it with others in the pool."""
    if household is None:
        return {}
    homes = {i: household[i] for i in among.tolist() if household[i]}
    numbers: dict[str, int] = {}
    for home in homes.values():
        numbers[home] = numbers.get(home, 0) + 1
    return {i: home for i, home in homes.items() if numbers[home] > 1}
