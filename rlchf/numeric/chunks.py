"""Splitting a large batch into chunks that are worked on one after the other."""

from collections.abc import Iterator

CACHE = 2**18
"""Numbers in the arrays of one chunk, so that they fit into the processor's cache."""

TABLE = 2**21
"""Numbers in a table of all subsets or orders: it exceeds the cache even for a single prompt, and
larger chunks save Python's overhead."""


def chunks(total: int, cost_per_item: float, budget: int = CACHE) -> Iterator[slice]:
    """Split ``range(total)`` into slices of as many items as the budget allows, at least one.

    Parameters
    ----------
    cost_per_item
        How many numbers the work on one item looks at.
    budget
        How many numbers the work on one chunk may look at.

    Examples
    --------
    >>> list(chunks(5, cost_per_item=10, budget=25))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, int(budget / max(cost_per_item, 1)))
    for start in range(0, total, step):
        yield slice(start, min(start + step, total))
