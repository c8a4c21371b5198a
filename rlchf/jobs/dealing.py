"""Who sees which tasks, in which order: random, and as even as the numbers allow."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np


def deal(sizes: Sequence[int], tasks: int, rng: np.random.Generator) -> list[list[int]]:
    """Deal tasks to annotators, none twice to the same one, and all tasks equally often, give or take one.

    Parameters
    ----------
    sizes
        (A,) how many each annotator gets; at most as many as there are.

    Examples
    --------
    >>> dealt = deal([2, 2, 2], 3, np.random.default_rng(0))
    >>> sorted(task for one in dealt for task in one)
    [0, 0, 1, 1, 2, 2]
    """
    dealt: list[list[int]] = []
    deck: list[int] = []
    for size in sizes:
        hand = deck[:size]
        deck = deck[size:]
        if len(hand) < size:
            new = rng.permutation(tasks).tolist()
            fresh = [task for task in new if task not in set(hand)]
            wanted = size - len(hand)
            deck = [task for task in new if task not in set(fresh[:wanted])]
            hand += fresh[:wanted]
        dealt.append([hand[i] for i in rng.permutation(size).tolist()])
    return dealt


def orders(responses: int, views: int, rng: np.random.Generator) -> list[list[int]]:
    """Orders of the responses of a prompt, one for each view.

    Of as many views as there are responses each response stands once in each place, and of twice as many
    each stands as often before another as after it.

    Examples
    --------
    >>> shown = orders(3, 6, np.random.default_rng(0))
    >>> [sorted(order[place] for order in shown) for place in range(3)]
    [[0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2]]
    """
    shown: list[list[int]] = []
    base: list[int] = []
    while len(shown) < views:
        base = (
            base[::-1]
            if base and len(shown) % (2 * responses)
            else rng.permutation(responses).tolist()
        )
        starts = rng.permutation(responses).tolist()
        shown += [base[start:] + base[:start] for start in starts]
    return shown[:views]


def pairs(responses: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of a prompt's responses.

    Examples
    --------
    >>> pairs("abc")
    [('a', 'b'), ('a', 'c'), ('b', 'c')]
    """
    return list(combinations(responses, 2))
