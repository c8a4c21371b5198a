"""What axioms are made of: a case is elections with their results, and an axiom judges it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from rlchf.axioms.elections import Elections

Places = np.ndarray
"""(B, M) int: how many responses are ranked above, 0 for the winners."""
Decide = Callable[[Elections], Places]
"""A rule: elections to places."""
About = Mapping[str, np.ndarray]
"""What a change was, such as the response that was raised, (B,), or the new names, (B, M)."""


class Choices:
    """Choices that a change of elections leaves open, drawn at random."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size = rng, size

    def below(self, n: int, *shape: int) -> np.ndarray:
        """(B, *shape) whole numbers from 0 to n - 1."""
        return self.rng.integers(n, size=(self.size, *shape))

    def order(self, n: int, *shape: int) -> np.ndarray:
        """(B, *shape, n) orders of 0, 1, ..., n - 1."""
        return self.rng.random((self.size, *shape, n)).argsort(axis=-1)


class Listed(Choices):
    """The choices of one number among all: its digits, the same for every election."""

    def __init__(self, number: int, size: int) -> None:
        self.number, self.size, self.total = number, size, 1

    def below(self, n: int, *shape: int) -> np.ndarray:
        """(B, *shape) whole numbers from 0 to n - 1."""
        digits = []
        for _ in range(math.prod(shape)):
            self.number, digit = divmod(self.number, n)
            digits.append(digit)
            self.total *= n
        row = np.array(digits, dtype=np.int64).reshape(shape)
        return np.broadcast_to(row, (self.size, *shape))

    def order(self, n: int, *shape: int) -> np.ndarray:
        """(B, *shape, n) orders of 0, 1, ..., n - 1."""
        orders = []
        for _ in range(math.prod(shape)):
            left = list(range(n))
            orders.append([left.pop(int(self.below(m)[0])) for m in range(n, 0, -1)])
        row = np.array(orders, dtype=np.int64).reshape(*shape, n)
        return np.broadcast_to(row, (self.size, *shape, n))


@dataclass(frozen=True)
class Change:
    """The elections that an axiom compares, and what the change was.

    The first are the elections themselves unless the axiom makes others.
    """

    elections: tuple[Elections, ...]
    about: About = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Elections that an axiom compares, with their results."""

    elections: tuple[Elections, ...]
    places: tuple[Places, ...]
    about: About = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """On which cases (B,) an axiom's condition holds, and on which of these it is broken."""

    held: np.ndarray
    broken: np.ndarray


@dataclass(frozen=True)
class Check:
    """How an axiom is checked.

    Attributes
    ----------
    name
        The axiom, a name in `rlchf.rules.AXIOMS`.
    judge
        What the axiom says of a case.
    change
        ``(elections, places, choices)`` to the elections that are compared; None for an axiom about one
        election.
    draw
        The same for a random search, in which elections may be made to meet the axiom's condition; None to
        use ``change``.
    titles
        What each election of a case is, in words.
    approvals
        Whether the axiom is about stated approvals.
    """

    name: str
    judge: Callable[[Case], Judgement]
    change: Callable[[Elections, Places, Choices], Change] | None = None
    draw: Callable[[Elections, Places, np.random.Generator], Change] | None = None
    titles: tuple[str, ...] = ("ballots",)
    approvals: bool = False

    def options(self, elections: Elections, places: Places) -> int:
        """In how many ways elections of this size can be changed; 1 for an axiom about one election."""
        if self.change is None:
            return 1
        listed = Listed(0, len(elections))
        self.change(elections, places, listed)
        return listed.total

    def case(self, decide: Decide, elections: Elections, places: Places, choices: Choices) -> Case:
        """The elections after a change, with their results."""
        if self.change is None:
            return Case((elections,), (places,))
        return decided(decide, self.change(elections, places, choices), elections, places)

    def drawn(
        self, decide: Decide, elections: Elections, places: Places, rng: np.random.Generator
    ) -> Case:
        """A random change of each election, with the results."""
        if self.draw is None:
            return self.case(decide, elections, places, Choices(rng, len(elections)))
        return decided(decide, self.draw(elections, places, rng), elections, places)


def decided(decide: Decide, change: Change, elections: Elections, places: Places) -> Case:
    """The results of the elections that a change compares; those of ``elections`` are known."""
    results = tuple(places if e is elections else decide(e) for e in change.elections)
    return Case(change.elections, results, change.about)


def winners(places: Places) -> np.ndarray:
    """(B, M) bool: the responses that none is ranked above."""
    return np.asarray(places == 0)
