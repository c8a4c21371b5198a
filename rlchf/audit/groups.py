"""Which annotator is in which group."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rlchf.rankings import Rankings


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups of a dataset's annotators.

    Attributes
    ----------
    names
        The groups, sorted.
    owners
        (A,) each annotator's, as an index into the names; -1 for none.
    """

    names: list[str]
    owners: np.ndarray

    @classmethod
    def of(cls, rankings: Rankings, groups: Mapping[str, str] | None) -> "Grouping":
        """Look up the annotators.

        Raises
        ------
        ValueError
            If the groups name none of them.

        Examples
        --------
        >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
        >>> Grouping.of(rankings, {"bob": "north"}).owners
        array([-1,  0])
        """
        if groups is None:
            return cls([], np.full(len(rankings.annotator_ids), -1))
        of = {str(annotator): str(group) for annotator, group in groups.items()}
        if not any(name in of for name in rankings.annotator_ids):
            raise ValueError(
                "the groups name none of the annotators; give a dictionary from annotator id to group, "
                "or a Series whose index is the annotator ids"
            )
        names = sorted({*of.values()})
        index = {name: g for g, name in enumerate(names)}
        owners = np.array([index[of[a]] if a in of else -1 for a in rankings.annotator_ids])
        return cls(names, owners)

    @property
    def members(self) -> list[np.ndarray]:
        """The annotators of each group."""
        return [np.flatnonzero(self.owners == g) for g in range(len(self.names))]
