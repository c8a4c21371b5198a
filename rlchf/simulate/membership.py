"""Who belongs to which group."""

from collections.abc import Sequence

import numpy as np

from rlchf.mixtures import apportion
from rlchf.simulate.polls import Poll


def numbered_names(letter: str, number: int, poll: Poll) -> list[str]:
    """Names of as many groups, of which there are no more than annotators.

    Raises
    ------
    ValueError
        If there are more, or none.

    Examples
    --------
    >>> numbered_names("g", 2, Poll.drawn(1, 5, 3, 5, np.random.default_rng(0)))
    ['g1', 'g2']
    """
    if not 1 <= number <= poll.n_annotators:
        raise ValueError(
            f"there would be {number:,} groups of {poll.n_annotators:,} annotators; give a number from 1 to "
            f"{poll.n_annotators:,}"
        )
    return [f"{letter}{i + 1}" for i in range(number)]


def members(names: Sequence[str], shares: Sequence[float], poll: Poll) -> np.ndarray:
    """(A,) the group of each annotator: the first ones belong to the first group, and so on.

    Parameters
    ----------
    names
        The names of the groups.
    shares
        Their sizes, or numbers in proportion to these; by default they are equal.

    Raises
    ------
    ValueError
        If there are not as many shares as groups, one is no number above 0, or a group would be empty.

    Examples
    --------
    >>> poll = Poll.drawn(1, 5, 3, 5, np.random.default_rng(0))
    >>> members(["north", "south"], [3, 2], poll)
    array([0, 0, 0, 1, 1])
    """
    if not names:
        raise ValueError("there is no group; give 1 or more")
    if len(set(names)) < len(names):
        raise ValueError(f"two groups have the same name: {', '.join(names)}")
    if not shares and len(names) <= poll.n_annotators:
        each, more = divmod(poll.n_annotators, len(names))
        return np.repeat(np.arange(len(names)), each + (np.arange(len(names)) < more))
    shares = list(shares) or [1.0] * len(names)
    if len(shares) != len(names):
        raise ValueError(f"there are {len(shares)} sizes of {len(names)} groups; give one for each")
    if not all(0 < share < np.inf for share in shares):
        raise ValueError(f"the sizes of groups are {list(shares)}; give numbers above 0")
    sizes = apportion(dict(zip(names, shares, strict=True)), poll.n_annotators)
    if empty := [name for name, size in sizes.items() if not size]:
        raise ValueError(
            f"group {empty[0]} would have none of {poll.n_annotators} annotators; give more annotators or "
            "other sizes"
        )
    return np.repeat(np.arange(len(names)), list(sizes.values()))
