"""Lotteries over panels that are as fair as quotas allow: maximin and leximin, by column generation."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rlchf.people.sortition.pool import Pool
from rlchf.people.sortition.programs import Lotteries, Panels, Relaxed
from rlchf.people.sortition.repair import explain_no_panel

Tick = Callable[..., None]
"""``tick(done, total, **facts)``."""

SHORT = 2e-5
"""How far below their upper bounds leximin probabilities may be; to reach these takes many more panels."""
GAP = 1e-6
"""How far a least probability may be from its bound."""


@dataclass(frozen=True, eq=False)
class Lottery:
    """A lottery over panels.

    Attributes
    ----------
    pool
        The pool.
    panels
        (C, T) seats by type of each panel.
    probabilities
        (C,) the probability of each.
    bound
        No lottery under the quotas gives those with the least probability more than this.
    """

    pool: Pool
    panels: np.ndarray
    probabilities: np.ndarray
    bound: float

    @property
    def by_type(self) -> np.ndarray:
        """(T,) the probability with which a person of each type is drawn."""
        return np.asarray(np.minimum(self.probabilities @ self.panels / self.pool.counts, 1.0))

    @property
    def inclusion(self) -> np.ndarray:
        """(A,) the probability with which each person is drawn; 0 for those outside of the pool."""
        return np.where(self.pool.types >= 0, self.by_type[self.pool.types], 0.0)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """(A,) bool: one panel drawn from the lottery."""
        return self.pool.draw(self.panels[rng.choice(len(self.panels), p=self.probabilities)], rng)


def maximin(pool: Pool, tick: Tick | None = None) -> Lottery:
    """A lottery whose least inclusion probability is as large as any lottery's under the quotas.

    People who are on no panel under the quotas are left out of that minimum.

    Raises
    ------
    ValueError
        If there is no panel under the quotas; the message has the smallest repair.

    References
    ----------
    B. Flanigan, P. Gölz, A. Gupta, B. Hennig and A. D. Procaccia, "Fair algorithms for selecting citizens'
    assemblies", Nature, 2021.
    """
    search = _Search(pool, tick)
    target = search.relaxed
    search.approach(min(len(target), 200))
    lotteries = search.lotteries(
        np.zeros(len(target)), ~search.absent, float(target[~search.absent].min())
    )
    bound, _ = search.generate(lotteries)
    return search.lottery(lotteries, bound)


def leximin(pool: Pool, tick: Tick | None = None) -> Lottery:
    """A maximin lottery that then makes the second least probability as large as it can be, and so on.

    The probabilities of panels with parts of seats are an upper bound in this order, and quick to compute.
    If a lottery has them, to 2e-5, it is the answer; otherwise the least probabilities are fixed one after
    the other, as in the reference.

    Raises
    ------
    ValueError
        If there is no panel under the quotas; the message has the smallest repair.

    References
    ----------
    B. Flanigan, P. Gölz, A. Gupta, B. Hennig and A. D. Procaccia, "Fair algorithms for selecting citizens'
    assemblies", Nature, 2021.
    """
    search = _Search(pool, tick)
    present = ~search.absent
    search.approach(min(len(present), 1000))
    lotteries = search.lotteries(search.relaxed, present, 0.0)
    short, _ = search.generate(lotteries, enough=-SHORT)
    if short >= -SHORT:
        return search.lottery(lotteries, float(search.relaxed[present].min()))
    lotteries = search.lotteries(np.zeros(len(present)), present, 1.0)
    fixed, bound = search.absent.copy(), np.nan
    while not fixed.all():
        value, worth = search.generate(lotteries)
        bound = value if np.isnan(bound) else bound
        binding = ~fixed & (worth * pool.counts > GAP / 10)
        for t in np.flatnonzero(binding if binding.any() else ~fixed):
            lotteries.fix(int(t), value)
            fixed[t] = True
        if tick is not None:
            tick(int(fixed.sum()), len(fixed), least=value)
    return search.lottery(lotteries, bound)


def relaxed_probabilities(pool: Pool, absent: np.ndarray) -> np.ndarray:
    """(T,) leximin probabilities of panels with parts of seats, by a linear program.

    Quotas hold in expectation. ``absent`` (T,) bool are on no panel.

    Raises
    ------
    ValueError
        If there is no panel under the quotas.
    """
    probabilities = Relaxed(pool).leximin(absent)
    if probabilities is None:
        raise ValueError(explain_no_panel(pool))
    return probabilities


class _Search:
    """The panels of a pool that were found, and who is on none.

    Attributes
    ----------
    absent
        (T,) bool: types that are on no panel.
    relaxed
        (T,) leximin probabilities of panels with parts of seats.
    """

    def __init__(self, pool: Pool, tick: Tick | None) -> None:
        self.pool, self.tick = pool, tick
        self.panels, self.found = Panels(pool), dict[bytes, np.ndarray]()
        T = len(pool.counts)
        first = self.panels.best(np.zeros(T))
        if first is None:
            raise ValueError(explain_no_panel(pool))
        self.keep(first)
        self.absent = np.zeros(T, bool)
        self.cover()
        self.relaxed = relaxed_probabilities(pool, self.absent)

    def keep(self, panel: np.ndarray) -> bool:
        """Keep a panel; whether it is a new one."""
        key = panel.astype(np.int32).tobytes()
        new = key not in self.found
        self.found.setdefault(key, panel)
        return new

    def cover(self) -> None:
        """Find a panel for every type, and the types that are on none."""
        covered = next(iter(self.found.values())) > 0
        while not covered.all():
            panel = self.panels.best((~covered).astype(float))
            assert panel is not None
            if not (panel[~covered] > 0).any():
                self.absent = ~covered
                return
            self.keep(panel)
            covered |= panel > 0

    def approach(self, panels: int) -> None:
        """Find panels whose mean comes near to the relaxed ones: each has what those before it lack."""
        due = self.relaxed * self.pool.counts
        had = np.zeros(len(due))
        for n in range(1, panels + 1):
            panel = self.panels.best((n * due - had) / self.pool.counts, enough=-np.inf)
            assert panel is not None
            had += panel
            self.keep(panel)
            if self.tick is not None:
                self.tick(n, panels)

    def lotteries(self, floor: np.ndarray, counted: np.ndarray, at_most: float) -> Lotteries:
        """Lotteries over the panels found so far; see `Lotteries`."""
        lotteries = Lotteries(self.pool, np.where(counted, floor, 0.0), counted, at_most)
        for panel in self.found.values():
            lotteries.add(panel)
        return lotteries

    def generate(self, lotteries: Lotteries, enough: float = np.inf) -> tuple[float, np.ndarray]:
        """Add panels until no other makes z larger: z, and the worth of a seat of each type.

        It ends before that where z is ``enough``, or cannot be.
        """
        while True:
            z, worth, price = lotteries.solve()
            if z >= enough:
                return z, worth
            panel = self.panels.best(worth, enough=price + GAP / 10)
            assert panel is not None
            hopeless = z + self.panels.bound - price < enough < np.inf
            if worth @ panel <= price + GAP / 100 or hopeless:
                return z, worth
            if not self.keep(panel):
                return z, worth
            lotteries.add(panel)
            if self.tick is not None:
                self.tick(len(self.found), len(self.found), least=z)

    def lottery(self, lotteries: Lotteries, bound: float) -> Lottery:
        """The lottery of the last solution, without panels that it does not draw."""
        lotteries.solve()
        chances = lotteries.probabilities
        drawn = chances > 1e-12
        chances = chances[drawn] / chances[drawn].sum()
        panels = np.array(lotteries.panels)[drawn]
        return Lottery(self.pool, panels, chances, bound)
