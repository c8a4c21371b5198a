"""Kinds of texts: which kind comes first, which is above which, and which each annotator prefers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._tallies import Sheets, pairs, sheets
from rlchf.auditing.agreement import share
from rlchf.rankings import Rankings

NEARLY = 1e-9


@dataclass(frozen=True, eq=False)
class Counts:
    """What orders of responses do to K kinds of texts.

    Attributes
    ----------
    firsts, first_squares
        (K,) weight of the first places of each kind (parts of ties in proportion), and the sum of the
        squared weights of all orders, the same for each.
    above, squares
        (K, K) weight of the pairs of a response of kind i and one of kind j, i not j, in which i is
        above (half for a tie), and of all such pairs the sum of the squared weights.
    """

    firsts: np.ndarray
    first_squares: np.ndarray
    above: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(
        cls, orders: Iterable[Sheets], kinds: np.ndarray, K: int, weights: np.ndarray, counts: np.ndarray
    ) -> "Counts":  # fmt: skip
        """Count orders, each of which has a weight and stands for one ballot or more.

        Parameters
        ----------
        kinds
            (R,) the kind of each response, from 0 to K - 1.
        """
        firsts, squared = np.zeros(K), 0.0
        above, squares = np.zeros(K * K), np.zeros(K * K)
        for sheet in orders:
            kind, w = kinds[sheet.responses], weights[sheet.ballots]
            w2 = w**2 / counts[sheet.ballots]
            first = sheet.ranks == 1
            part = first / np.maximum(first.sum(axis=0), 1) * w
            firsts += np.bincount(kind.ravel(), part.ravel(), K)
            squared += float(w2.sum())
            for a, b in pairs(len(sheet.ranks)):
                mixed = kind[a] != kind[b]
                won = np.where(sheet.ranks[a] < sheet.ranks[b], 1.0, 0.5) * mixed
                here, back = kind[a] * K + kind[b], kind[b] * K + kind[a]
                above += np.bincount(here, w * won, K * K) + np.bincount(
                    back, w * (mixed - won), K * K
                )
                squares += np.bincount(here, w2 * mixed, K * K) + np.bincount(
                    back, w2 * mixed, K * K
                )
        return cls(firsts, np.full(K, squared), above.reshape(K, K), squares.reshape(K, K))

    def first_places(self) -> tuple[np.ndarray, np.ndarray]:
        """(K,) the share of the first places, and of how many orders, by Kish's effective number."""
        total = np.full(len(self.firsts), self.firsts.sum())
        return share(self.firsts, total), share(total**2, self.first_squares)

    def mixed_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(K,) how often each kind is above in pairs with another, and in how many pairs."""
        total = self.above.sum(axis=1) + self.above.sum(axis=0)
        return share(self.above.sum(axis=1), total), share(total**2, self.squares.sum(axis=1))


def of_ballots(rankings: Rankings, kinds: np.ndarray, K: int) -> Counts:
    """Count everybody's ballots, by their weights.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "c > a = b")])
    >>> found = of_ballots(rankings, np.array([0, 1, 1]), 2)
    >>> found.first_places()[0], found.mixed_pairs()[0]
    (array([0.5, 0.5]), array([0.625, 0.375]))
    """
    return Counts.of(sheets(rankings), kinds, K, rankings.ballot_weights, rankings.ballot_counts)


def of_orders(result: Aggregation, kinds: np.ndarray, K: int) -> Counts:
    """Count collective rankings, or a reward model's orders: one per prompt, all of the same weight."""
    ones = np.ones(len(result))
    return Counts.of(_sheets(result), kinds, K, ones, ones)


def _sheets(result: Aggregation) -> Iterator[Sheets]:
    sizes = np.diff(result.response_starts)
    for size in np.unique(sizes).tolist():
        prompts = np.flatnonzero(sizes == size)
        at = result.response_starts[prompts] + np.arange(size)[:, None]  # (M, prompts)
        ranks = result.response_ranks[at]
        order = np.argsort(ranks, axis=0, kind="stable")
        by_rank = np.take_along_axis(ranks, order, axis=0)
        yield Sheets(prompts, np.take_along_axis(at, order, axis=0), by_rank)


def tastes(rankings: Rankings, kinds: np.ndarray, K: int) -> np.ndarray:
    """(A, K) the kind that each annotator prefers: 1 for it, in parts if several tie, all 0 if unknown.

    It is the kind that is above most often in the annotator's mixed pairs: those of a response of that
    kind and one of another.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b > c"), ("p", "bob", "c > b > a"), ("p", "eve", "c > b")]
    >>> tastes(Rankings.from_ballots(ballots), np.array([0, 1, 1]), 2)
    array([[1., 0.],
           [0., 1.],
           [0., 0.]])
    """
    A = len(rankings.annotator_ids)
    won, met = np.zeros(A * K), np.zeros(A * K)
    for sheet in sheets(rankings):
        row = rankings.ballot_annotators[sheet.ballots] * K
        weight, kind = rankings.ballot_weights[sheet.ballots], kinds[sheet.responses]
        for a, b in pairs(len(sheet.ranks)):
            w = weight * (kind[a] != kind[b])
            above = np.where(sheet.ranks[a] < sheet.ranks[b], 1.0, 0.5)
            for place, part in ((a, above), (b, 1 - above)):
                won += np.bincount(row + kind[place], w * part, A * K)
                met += np.bincount(row + kind[place], w, A * K)
    rates = np.nan_to_num(share(won, met), nan=-1.0).reshape(A, K)
    best = (rates >= rates.max(axis=1, keepdims=True) - NEARLY) & (rates >= 0)
    return np.asarray(best / np.maximum(best.sum(axis=1, keepdims=True), 1))


def coded(
    rankings: Rankings, kinds: Mapping[str, Mapping[str, str]], more: Iterable[str] = ()
) -> tuple[list[str], np.ndarray]:
    """All kinds, sorted, and the kind of each response of the rankings, (R,).

    Parameters
    ----------
    kinds
        For each prompt the kind of each response.
    more
        Further kinds.

    Raises
    ------
    ValueError
        If a response has none.
    """
    of = []
    for prompt in rankings.prompt_ids:
        here = kinds.get(prompt, {})
        for response in rankings.responses(prompt):
            if response not in here:
                raise ValueError(
                    f"response {response!r} of prompt {prompt!r} was not judged; "
                    "give the kind of every response that a ballot names"
                )
            of.append(here[response])
    names = sorted({*of, *more})
    index = {name: k for k, name in enumerate(names)}
    return names, np.array([index[kind] for kind in of], dtype=np.int64)
