"""Rows of a batch brought into the order in which rewards compare them."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def grouped_order(keys: Sequence[Hashable]) -> list[int]:
    """The indices of the rows, those with equal keys together, in the order of their first appearance.

    Examples
    --------
    >>> grouped_order(["p", "q", "p", "r", "q"])
    [0, 2, 1, 4, 3]
    """
    rows: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    return [row for members in rows.values() for row in members]


def restored(values: Sequence[Item], order: Sequence[int]) -> list[Item]:
    """The values of the rows in their first order.

    Examples
    --------
    >>> restored(["a", "c", "b"], [0, 2, 1])
    ['a', 'b', 'c']
    """
    by_row = dict(zip(order, values, strict=True))
    return [by_row[row] for row in range(len(by_row))]
