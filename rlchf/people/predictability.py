"""How far each annotator's ballots can be predicted from anybody else's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from rlchf.people.directions import expected_votes
from rlchf.people.votes import PairVotes

BLOCKS = 20
"""Parts of the prompts; the votes on each are predicted with what the parts before it have shown."""

PANEL = 500
"""Annotators to whom everybody is compared one by one, at most: those with most votes."""

CELLS = 2**24
"""Annotators times members of that panel, at most."""

ORDERS = 8
"""Random orders of the prompts, over which the statistic is averaged."""

PRIOR = 2.0
"""Ballots for which the expectation counts that an annotator agrees with a predictor as others do."""

NEIGHBOUR = 10.0
"""Votes for which the expectation counts that two annotators do not agree beyond chance."""

DENSE = 0.05
"""Share of a table of annotators and pairs that is filled, from which it is not kept as a sparse one."""


@dataclass(frozen=True, eq=False)
class Predictability:
    """How far ballots are predicted, as columns (A,).

    Attributes
    ----------
    statistic
        The sum over the annotator's ballots of (votes times predicted votes), divided by the root of the sum
        of their squares; predicted from directions of taste and from groups, and averaged over several random
        orders of the prompts. Of an annotator who clicks at random it has mean 0 and a standard deviation of
        at most 1, because each prediction is made without the ballot; what is predicted right on average
        makes it large.
    ballots
        Number n of ballots that were predicted: the statistic grows with its root.
    neighbours
        The same statistic of predictions by the few people who are alike, in one order.
    """

    statistic: np.ndarray
    ballots: np.ndarray
    neighbours: np.ndarray

    @property
    def effect(self) -> np.ndarray:
        """(A,) the statistic divided by the root of the number of ballots; NaN without ballots."""
        found = np.full(len(self.statistic), np.nan)
        np.divide(self.statistic, np.sqrt(self.ballots), out=found, where=self.ballots > 0)
        return found


def predictability(
    votes: PairVotes, owners: Sequence[np.ndarray] = (), seed: int = 0
) -> Predictability:
    """Predict every ballot from the ballots of others, whoever they are.

    The predictors of a vote on a pair are what the directions of taste among all others lead to expect
    (`rlchf.people.directions.expected_votes`), or the mean vote of all others where there are none, and the
    mean of the annotator's group in each division. Each counts by its agreement with the annotator on prompts
    before this one in a random order, which may be negative: one who always contradicts the majority is
    predicted well. A second statistic is that of the few who are alike: the mean vote of all others weighted
    by how far they have agreed with the annotator before. Nobody's weight counts.

    Parameters
    ----------
    owners
        For each division the group (A,) of each annotator; below 0 is none.

    References
    ----------
    A. P. Dawid, "Present position and potential developments: the prequential approach", 1984.

    Examples
    --------
    >>> from rlchf.rankings import Rankings
    >>> ballots = [(p, name, "a > b > c") for p in range(30) for name in ("ann", "bob")]
    >>> ballots += [(p, "eve", "c > b > a") for p in range(30)]
    >>> predictability(PairVotes.of(Rankings.from_ballots(ballots))).statistic > 4
    array([ True,  True,  True])
    """
    rng = np.random.default_rng(seed)
    orders = [
        rng.permutation(votes.n_prompts) * BLOCKS // max(votes.n_prompts, 1) for _ in range(ORDERS)
    ]
    table = _of_ballots(votes, _table(votes, owners, seed))
    statistic = np.mean([_statistic(votes, table, order) for order in orders], axis=0)
    alike = _of_ballots(votes, _neighbours(votes, orders[0])[None])
    a = votes.cell_annotators[(table != 0).any(axis=0)]
    n = np.bincount(a, minlength=votes.n_annotators).astype(float)
    return Predictability(statistic, n, _statistic(votes, alike, orders[0]))


def _statistic(votes: PairVotes, table: np.ndarray, block_of: np.ndarray) -> np.ndarray:
    """(A,) the statistic of (J, C) agreements of ballots with predictors, the prompts in blocks (P,)."""
    A, J = votes.n_annotators, len(table)
    agreed, counted = np.zeros((2, J, A))
    sums, squares = np.zeros((2, A))
    blocks = block_of[votes.cell_prompts]
    order = np.argsort(blocks, kind="stable")
    ends = np.searchsorted(blocks[order], np.arange(BLOCKS + 1))
    for block in range(BLOCKS):
        c = order[ends[block] : ends[block + 1]]
        a, agreements = votes.cell_annotators[c], table[:, c]
        pooled = agreed.sum(axis=1) / np.maximum(counted.sum(axis=1), 1.0)
        weights = (agreed + PRIOR * pooled[:, None]) / (counted + PRIOR)
        products = (weights[:, a] * agreements).sum(axis=0)
        sums += np.bincount(a, products, A)
        squares += np.bincount(a, products**2, A)
        for j in range(J):
            agreed[j] += np.bincount(a, agreements[j], A)
            counted[j] += np.bincount(a, agreements[j] != 0, A)
    statistic = np.zeros(A)
    np.divide(sums, np.sqrt(squares), out=statistic, where=squares > 0)
    return statistic


def _of_ballots(votes: PairVotes, table: np.ndarray) -> np.ndarray:
    """(J, C) sums over each ballot of votes times (J, K) predictions, with a mean square of 1: votes of one
    ballot are not independent."""
    cells = len(votes.cell_annotators)
    found = np.stack([np.bincount(votes.cells, votes.sides * row, cells) for row in table])
    size = np.sqrt((found**2).mean(axis=1, keepdims=True))
    return np.asarray(found / np.maximum(size, 1e-12))


def _neighbours(votes: PairVotes, block_of: np.ndarray) -> np.ndarray:
    """(K,) the mean votes of those who have agreed with each annotator on the blocks before."""
    neighbours, predicted = Neighbours(votes), np.zeros(len(votes.pairs))
    blocks = block_of[votes.prompts]
    order = np.argsort(blocks, kind="stable")
    ends = np.searchsorted(blocks[order], np.arange(BLOCKS + 1))
    for block in range(BLOCKS):
        k = order[ends[block] : ends[block + 1]]
        predicted[k] = neighbours.predict(k)
        neighbours.add(k)
    return predicted


def _table(votes: PairVotes, owners: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """(J, K) the predictions of each vote from directions and groups."""
    found = expected_votes(votes, seed)
    predictors = list(found) if len(found) else [_others_mean(votes, votes.pairs)]
    for owner in owners:
        codes = votes.pairs * (int(owner.max(initial=0)) + 2) + owner[votes.annotators] + 1
        mean = _others_mean(votes, np.unique(codes, return_inverse=True)[1])
        predictors.append(np.where(owner[votes.annotators] >= 0, mean, 0.0))
    return np.vstack(predictors)


def _others_mean(votes: PairVotes, codes: np.ndarray) -> np.ndarray:
    """(K,) the mean side of the others with the same code; 0 where there are none."""
    n = np.bincount(codes, votes.people)[codes] - 1
    total = np.bincount(codes, votes.people * votes.sides)[codes] - votes.sides
    return np.where(n > 0.5, total / np.maximum(n, 1.0), 0.0)


class Neighbours:
    """Predictions by all others, weighted by how far they have agreed with an annotator so far."""

    def __init__(self, votes: PairVotes) -> None:
        self.votes = votes
        A = votes.n_annotators
        n = np.bincount(votes.annotators, minlength=A)
        size = min(A, PANEL, max(50, CELLS // max(A, 1)))
        self.panel = np.sort(np.argsort(-n, kind="stable")[:size])
        self.place = np.full(A, -1)
        self.place[self.panel] = np.arange(size)
        self.agreed, self.counted = np.zeros((2, A, size), np.float32)

    def _tables(self, k: np.ndarray) -> tuple[np.ndarray, Any, Any]:
        """Compressed pairs (K,) of some votes, (A, U) their sides and (U, panel) those of the panel, as
        arrays or sparse."""
        a, x = self.votes.annotators[k], self.votes.sides[k].astype(np.float32)
        units, unit = np.unique(self.votes.pairs[k], return_inverse=True)
        everybody = csr_array((x, (a, unit)), shape=(self.votes.n_annotators, len(units)))
        member = self.place[a]
        on = member >= 0
        panel = csr_array((x[on], (unit[on], member[on])), shape=(len(units), len(self.panel)))
        if len(k) > DENSE * self.votes.n_annotators * len(units):
            return unit, everybody.toarray(), panel.toarray()
        return unit, everybody, panel

    def predict(self, k: np.ndarray) -> np.ndarray:
        """(K,) predictions of some votes, each in units of its standard deviation if nobody agrees."""
        if len(k) == 0:
            return np.zeros(0)
        weights = self.agreed / (self.counted + NEIGHBOUR)
        weights *= np.abs(weights)  # the few who are alike count more than the many who are not
        unit, _, panel = self._tables(k)
        a = self.votes.annotators[k]
        predicted, scale = (
            _products(table, weight, unit, a)
            for table, weight in ((panel, weights), (abs(panel), weights**2))
        )
        return np.where(scale > 0, predicted / np.sqrt(np.where(scale > 0, scale, 1.0)), 0.0)

    def add(self, k: np.ndarray) -> None:
        """Count how far everybody agrees with the panel on some votes."""
        if len(k) == 0:
            return
        _, everybody, panel = self._tables(k)
        for total, products in (
            (self.agreed, everybody @ panel),
            (self.counted, abs(everybody) @ abs(panel)),
        ):
            if isinstance(products, np.ndarray):
                total += products
            else:
                found = products.tocoo()
                total[found.coords[0], found.coords[1]] += found.data
        self.agreed[self.panel, np.arange(len(self.panel))] = 0.0  # nobody predicts oneself


def _products(
    panel: Any, weights: np.ndarray, unit: np.ndarray, annotators: np.ndarray
) -> np.ndarray:
    """(K,) the sums over the panel of its votes on each unit, weighted by those of each annotator."""
    found = np.zeros(len(unit))
    step = max(1, 2**24 // max(len(weights), 1))
    order = np.argsort(unit, kind="stable")
    for start in range(0, panel.shape[0], step):
        end = min(start + step, panel.shape[0])
        k = order[np.searchsorted(unit[order], start) : np.searchsorted(unit[order], end)]
        table = panel[start:end] @ weights.T  # (units, A)
        found[k] = table[unit[k] - start, annotators[k]]
    return found
