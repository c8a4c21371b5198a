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
    """Places that each of N orders of responses gives to K categories of texts.

    Attributes
    ----------
    firsts, weights
        (N, K) weight of the first places of each category (parts of ties in proportion), and (N,) of
        the order.
    above, mixed
        (N, K) weight of the pairs of a response of each category and one of another category in which the
        first is above (half for a tie), and of all such pairs.
    """

    firsts: np.ndarray
    weights: np.ndarray
    above: np.ndarray
    mixed: np.ndarray

    @classmethod
    def of(
        cls,
        orders: Iterable[BallotsOfLength],
        categories: np.ndarray,
        K: int,
        weights: np.ndarray,
    ) -> "CategoryCounts":
        """Count orders.

        Parameters
        ----------
        categories
            (R,) the category of each response, from 0 to K - 1.
        weights
            (N,) the weight of each order.
        """
        N = len(weights)
        firsts, above, mixed = np.zeros((3, N, K))
        for batch in orders:
            codes, ballots = categories[batch.responses], batch.ballots
            w = weights[ballots]
            first = batch.ranks == 1
            part = first / np.maximum(first.sum(axis=0), 1) * w
            for row, of_category in zip(codes, part, strict=True):
                firsts[ballots, row] += of_category
            for a, b in pairs(len(batch.ranks)):
                apart = w * (codes[a] != codes[b])
                won = np.where(batch.ranks[a] < batch.ranks[b], 1.0, 0.5) * apart
                above[ballots, codes[a]] += won
                above[ballots, codes[b]] += apart - won
                mixed[ballots, codes[a]] += apart
                mixed[ballots, codes[b]] += apart
        return cls(firsts, weights, above, mixed)

    def first_places(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, K) first places of each category, and those of all."""
        return self.firsts, np.repeat(self.weights[:, None], self.firsts.shape[1], axis=1)

    def mixed_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, K) mixed pairs in which each category is above, and those of it."""
        return self.above, self.mixed


def of_ballots(rankings: Rankings, categories: np.ndarray, K: int) -> CategoryCounts:
    """Count all ballots, by their weights.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "c > a = b")])
    >>> counts = of_ballots(rankings, np.array([0, 1, 1]), 2)
    >>> counts.firsts, counts.above.sum(axis=0) / counts.mixed.sum(axis=0)
    (array([[1., 0.],
           [0., 1.]]), array([0.625, 0.375]))
    """
    return CategoryCounts.of(ballots_by_length(rankings), categories, K, rankings.ballot_weights)


def of_orders(
    result: Aggregation, categories: np.ndarray, K: int, ranks: np.ndarray | None = None
) -> CategoryCounts:
    """Count collective rankings, or other ranks, (R,): one order per prompt, all of the same weight."""
    ranks = result.response_ranks if ranks is None else ranks
    orders = _orders_by_length(result.response_starts, ranks)
    return CategoryCounts.of(orders, categories, K, np.ones(len(result)))


def _orders_by_length(starts: np.ndarray, of_responses: np.ndarray) -> Iterator[BallotsOfLength]:
    sizes = np.diff(starts)
    for size in np.unique(sizes).tolist():
        prompts = np.flatnonzero(sizes == size)
        responses = starts[prompts] + np.arange(size)[:, None]  # (M, prompts)
        ranks = of_responses[responses]
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
