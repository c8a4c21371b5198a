"""Categories of texts: how often each comes first or above another, and which each annotator prefers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._tallies import BallotsOfLength, ballots_by_length, pairs
from rlchf.numeric.ratios import ratio
from rlchf.rankings import Rankings

NEARLY = 1e-9


@dataclass(frozen=True, eq=False)
class CategoryCounts:
    """Places that orders of responses give to K categories of texts.

    Attributes
    ----------
    firsts, first_squares
        (K,) weight of the first places of each category (parts of ties in proportion), and the sum of
        the squared weights of all orders, the same for each.
    above, squares
        (K, K) weight of the pairs of a response of category i and one of another category j in which i
        is above (half for a tie), and of all such pairs the sum of the squared weights.
    """

    firsts: np.ndarray
    first_squares: np.ndarray
    above: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(
        cls,
        orders: Iterable[BallotsOfLength],
        categories: np.ndarray,
        K: int,
        weights: np.ndarray,
        squared_weights: np.ndarray,
    ) -> "CategoryCounts":
        """Count orders, each of which has a weight and stands for one ballot or more.

        Parameters
        ----------
        categories
            (R,) the category of each response, from 0 to K - 1.
        weights, squared_weights
            (N,) the weight of each order, and the sum of the squared weights of its ballots.
        """
        firsts, squared = np.zeros(K), 0.0
        above, squares = np.zeros(K * K), np.zeros(K * K)
        for batch in orders:
            codes, w = categories[batch.responses], weights[batch.ballots]
            w2 = squared_weights[batch.ballots]
            first = batch.ranks == 1
            part = first / np.maximum(first.sum(axis=0), 1) * w
            firsts += np.bincount(codes.ravel(), part.ravel(), K)
            squared += float(w2.sum())
            for a, b in pairs(len(batch.ranks)):
                mixed = codes[a] != codes[b]
                won = np.where(batch.ranks[a] < batch.ranks[b], 1.0, 0.5) * mixed
                cell, mirrored = codes[a] * K + codes[b], codes[b] * K + codes[a]
                lost = mixed - won
                above += np.bincount(cell, w * won, K * K) + np.bincount(mirrored, w * lost, K * K)
                for cells in (cell, mirrored):
                    squares += np.bincount(cells, w2 * mixed, K * K)
        return cls(firsts, np.full(K, squared), above.reshape(K, K), squares.reshape(K, K))

    def first_places(self) -> tuple[np.ndarray, np.ndarray]:
        """(K,) each category's share of the first places, and Kish's effective number of orders."""
        total = np.full(len(self.firsts), self.firsts.sum())
        return ratio(self.firsts, total), ratio(total**2, self.first_squares)

    def mixed_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(K,) the share of each category's mixed pairs in which it is above, and their effective number."""
        total = self.above.sum(axis=1) + self.above.sum(axis=0)
        return ratio(self.above.sum(axis=1), total), ratio(total**2, self.squares.sum(axis=1))


def of_ballots(rankings: Rankings, categories: np.ndarray, K: int) -> CategoryCounts:
    """Count all ballots, by their weights.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "c > a = b")])
    >>> counts = of_ballots(rankings, np.array([0, 1, 1]), 2)
    >>> counts.first_places()[0], counts.mixed_pairs()[0]
    (array([0.5, 0.5]), array([0.625, 0.375]))
    """
    weights, counts = rankings.ballot_weights, rankings.ballot_counts
    squares = weights**2 / np.maximum(counts, 1)
    reverse = np.flatnonzero(
        counts == 0
    )  # with the ballot before it one comparison of both weights
    crossed = weights[reverse] * weights[reverse - 1]
    squares[reverse] += crossed
    squares[reverse - 1] += crossed
    return CategoryCounts.of(ballots_by_length(rankings), categories, K, weights, squares)


def of_orders(result: Aggregation, categories: np.ndarray, K: int) -> CategoryCounts:
    """Count collective rankings or a reward model's orders: one per prompt, all of the same weight."""
    ones = np.ones(len(result))
    return CategoryCounts.of(_orders_by_length(result), categories, K, ones, ones)


def _orders_by_length(result: Aggregation) -> Iterator[BallotsOfLength]:
    sizes = np.diff(result.response_starts)
    for size in np.unique(sizes).tolist():
        prompts = np.flatnonzero(sizes == size)
        responses = result.response_starts[prompts] + np.arange(size)[:, None]  # (M, prompts)
        ranks = result.response_ranks[responses]
        order = np.argsort(ranks, axis=0, kind="stable")
        by_rank = np.take_along_axis(ranks, order, axis=0)
        yield BallotsOfLength(prompts, np.take_along_axis(responses, order, axis=0), by_rank)


def preferred_categories(rankings: Rankings, categories: np.ndarray, K: int) -> np.ndarray:
    """(A, K) the category that each annotator prefers: 1 for it, in parts if several tie, 0 if unknown.

    An annotator prefers the category that is above most often in the annotator's mixed pairs, which are
    the pairs of a response of that category and one of another category.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b > c"), ("p", "bob", "c > b > a"), ("p", "eve", "c > b")]
    >>> preferred_categories(Rankings.from_ballots(ballots), np.array([0, 1, 1]), 2)
    array([[1., 0.],
           [0., 1.],
           [0., 0.]])
    """
    A = len(rankings.annotator_ids)
    above, compared = np.zeros(A * K), np.zeros(A * K)
    for batch in ballots_by_length(rankings):
        row = rankings.ballot_annotators[batch.ballots] * K
        weight, codes = rankings.ballot_weights[batch.ballots], categories[batch.responses]
        for a, b in pairs(len(batch.ranks)):
            w = weight * (codes[a] != codes[b])
            first_above = np.where(batch.ranks[a] < batch.ranks[b], 1.0, 0.5)
            for code, part in ((codes[a], first_above), (codes[b], 1 - first_above)):
                above += np.bincount(row + code, w * part, A * K)
                compared += np.bincount(row + code, w, A * K)
    rates = ratio(above, compared, -1.0).reshape(A, K)
    best = (rates >= rates.max(axis=1, keepdims=True) - NEARLY) & (rates >= 0)
    return np.asarray(best / np.maximum(best.sum(axis=1, keepdims=True), 1))


def encode_categories(
    rankings: Rankings, categories: Mapping[str, Mapping[str, str]], more: Iterable[str] = ()
) -> tuple[list[str], np.ndarray]:
    """All categories, sorted, and the category of each response of the rankings, (R,).

    Parameters
    ----------
    categories
        For each prompt the category of each response.
    more
        Further categories.

    Raises
    ------
    ValueError
        If a response has no category.
    """
    labels = []
    for prompt in rankings.prompt_ids:
        labels_of_prompt = categories.get(prompt, {})
        for response in rankings.responses(prompt):
            if response not in labels_of_prompt:
                raise ValueError(
                    f"response {response!r} of prompt {prompt!r} has no category; "
                    "give the category of every response that a ballot names"
                )
            labels.append(labels_of_prompt[response])
    names = sorted({*labels, *more})
    index = {name: k for k, name in enumerate(names)}
    return names, np.array([index[label] for label in labels], dtype=np.int64)
