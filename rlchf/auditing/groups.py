"""Groups of annotators."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rlchf.rankings import Rankings

Groups = Mapping[str, str] | Mapping[str, Mapping[str, str]]
"""The group of each annotator id, or several such divisions by name, such as region and age."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups of a dataset's annotators.

    Attributes
    ----------
    names
        The groups' names, sorted.
    owners
        (A,) each annotator's group, as an index into the names; -1 for none.
    """

    names: list[str]
    owners: np.ndarray

    @classmethod
    def of(cls, rankings: Rankings, groups: Mapping[str, str]) -> "Grouping":
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
        group_of = {str(annotator): str(group) for annotator, group in groups.items()}
        if not any(name in group_of for name in rankings.annotator_ids):
            raise ValueError(
                "the groups name none of the annotators; give a dictionary from annotator id to group, "
                "or a Series whose index is the annotator ids"
            )
        names = sorted(set(group_of.values()))
        index = {name: g for g, name in enumerate(names)}
        ids = rankings.annotator_ids
        return cls(names, np.array([index[group_of[a]] if a in group_of else -1 for a in ids]))

    @classmethod
    def everybody(cls, rankings: Rankings) -> "Grouping":
        """All annotators in one group, ``"all"``."""
        return cls(["all"], np.zeros(len(rankings.annotator_ids), np.int64))

    @classmethod
    def by_annotator(cls, rankings: Rankings) -> "Grouping":
        """Each annotator as a group."""
        return cls(rankings.annotator_ids, np.arange(len(rankings.annotator_ids)))

    @classmethod
    def each(cls, rankings: Rankings, groups: Groups | None) -> "list[Grouping]":
        """One grouping for each division; with several, a group's name begins with its division's name.

        Examples
        --------
        >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
        >>> [g.names for g in Grouping.each(rankings, {"age": {"ann": "30"}, "land": {"bob": "Peru"}})]
        [['age: 30'], ['land: Peru']]
        """
        if groups is None:
            return []
        parts: dict[str, Any] = dict(groups.items())  # a DataFrame's items are its columns
        divisions: dict[str, Mapping[str, str]] = {
            str(name): part
            for name, part in parts.items()
            if not isinstance(part, str) and hasattr(part, "items")
        }
        if not divisions:
            return [cls.of(rankings, groups)]  # type: ignore[arg-type]
        if len(divisions) < len(parts):
            raise ValueError("give the group of each annotator, or several such divisions by name")
        groupings = {title: cls.of(rankings, division) for title, division in divisions.items()}
        if len(groupings) == 1:
            return list(groupings.values())
        return [
            replace(grouping, names=[f"{title}: {name}" for name in grouping.names])
            for title, grouping in groupings.items()
        ]

    @property
    def members(self) -> list[np.ndarray]:
        """The annotators of each group."""
        return [np.flatnonzero(self.owners == g) for g in range(len(self.names))]
