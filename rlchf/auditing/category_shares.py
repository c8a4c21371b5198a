"""The share of each category of texts, and of each group by the categories that its members prefer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing._left_out import FOLDS, blocks_of, folds_of
from rlchf.auditing.categories import preferred_categories
from rlchf.auditing.estimates import ClusteredSums, Estimate, combined
from rlchf.auditing.groups import Grouping
from rlchf.auditing.shares import wilson
from rlchf.numeric.chunks import TABLE, chunks
from rlchf.numeric.ratios import ratio
from rlchf.rankings import Rankings


@dataclass(frozen=True, eq=False)
class CategoryPreferences:
    """The categories that annotators prefer.

    Attributes
    ----------
    names
        The K categories.
    parts
        (A, K) the category that each annotator prefers; see `preferred_categories`.
    weights
        (A,) the weight of all ballots of each annotator.
    """

    names: list[str]
    parts: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, rankings: Rankings, names: list[str], codes: np.ndarray) -> "CategoryPreferences":
        """Read the annotators' preferences off their ballots, given each response's category, (R,)."""
        A = len(rankings.annotator_ids)
        weights = np.bincount(rankings.ballot_annotators, rankings.ballot_weights, A)
        return cls(names, preferred_categories(rankings, codes, len(names)), weights)

    def groups(self, rankings: Rankings) -> dict[str, str]:
        """The annotators who prefer one category, grouped by it."""
        return {
            rankings.annotator_ids[a]: f"prefer {self.names[k]}"
            for a, k in np.argwhere(self.parts == 1).tolist()
        }

    @property
    def known(self) -> np.ndarray:
        """(A,) the weights of the annotators who prefer a category."""
        return np.asarray(self.weights * (self.parts.sum(axis=1) > 0))

    def of_group(self, members: np.ndarray) -> np.ndarray:
        """(K,) the part of the members' weight that prefers each category; NaN if there is none."""
        weights = self.known[members]
        return ratio(weights @ self.parts[members], np.full(len(self.names), weights.sum()))


def text_shares(written: Sequence[str], names: Sequence[str], parts: np.ndarray) -> list[Estimate]:
    """The shares of texts, given their categories, for the parts, (L, K), of each share.

    The intervals are Wilson's for independent texts.
    """
    counts, n = Counter(written), len(written)
    shares = np.array([counts[name] / n for name in names])
    values = (parts @ shares).tolist()
    return [Estimate(value, *wilson(value, n)) for value in values]


def ballot_shares(
    rankings: Rankings, terms: tuple[np.ndarray, np.ndarray], parts: np.ndarray, grouping: Grouping
) -> list[Estimate]:
    """The shares on ballots, with intervals for other annotators of the same groups and other prompts.

    Parameters
    ----------
    terms
        (N, K) what each ballot gives to each category, and what it has to give.
    parts
        (L, K) the parts of the categories in each share.
    """
    folds = folds_of(grouping, FOLDS)
    F, G, P = int(folds.max()) + 1, len(grouping.names) + 1, rankings.n_prompts
    values, influence = _influences(terms, parts)
    owners = grouping.owners[rankings.ballot_annotators]
    groups, fold = np.where(owners >= 0, owners, G - 1), folds[rankings.ballot_annotators]
    every = [ClusteredSums(G, F) for _ in parts]
    for part in chunks(P, 4 * F * G, TABLE):
        begin, end = rankings.ballot_starts[[part.start, part.stop]]
        B = part.stop - part.start
        keys = rankings.ballot_prompts[begin:end] - part.start
        keys = (keys * F + fold[begin:end]) * G + groups[begin:end]
        whole = np.bincount(keys, minlength=B * F * G).reshape(B, F, G) / rankings.n_ballots
        for sums, value, of_ballots_ in zip(every, values, influence.T, strict=True):
            own = np.bincount(keys, of_ballots_[begin:end], B * F * G).reshape(B, F, G)
            sums.add(own + value * whole, whole)
    return [
        sums.estimate(range(G), share=True) if not np.isnan(value) else _none(value)
        for sums, value in zip(every, values, strict=True)
    ]


def order_shares(
    terms: tuple[np.ndarray, np.ndarray],
    parts: np.ndarray,
    changes: np.ndarray,
    across: bool,
) -> list[Estimate]:
    """The shares in orders, one per prompt, with intervals for other annotators and other prompts.

    A rule across prompts makes up on the next prompts for what it denied, so that blocks of consecutive
    prompts count as independent, and not the prompts.

    Parameters
    ----------
    terms
        (P, K) what each order gives to each category, and what it has to give.
    parts
        (L, K) the parts of the categories in each share.
    changes
        (F, P, K) what leaving out each part of the annotators changes, negated and centred; F may be 0.
    across
        Whether a rule across prompts made the orders.
    """
    values, influence = _influences(terms, parts)
    P, F = len(influence), len(changes)
    block = blocks_of(P) if across else np.arange(P)
    n = int(block.max()) + 1
    scale = parts * ratio(np.ones(parts.shape[1]), terms[1].sum(axis=0), 0.0)  # (L, K)
    estimates = []
    for value, of_prompts, row in zip(values, influence.T, scale, strict=True):
        if np.isnan(value):
            estimates.append(_none(value))
            continue
        sums = np.bincount(block, of_prompts, n)
        by_cell = np.array([np.bincount(block, change @ row, n) for change in changes])  # (F, n)
        by_part = by_cell.reshape(F, n).sum(axis=1)
        estimates.append(
            combined(
                value, float(by_part @ by_part) * F / max(F - 1, 1), max(F - 1, 1),
                float(sums @ sums) * n / max(n - 1, 1), n, float((by_cell**2).sum()),
                share=True,
            )
        )  # fmt: skip
    return estimates


def _influences(
    terms: tuple[np.ndarray, np.ndarray], parts: np.ndarray
) -> tuple[list[float], np.ndarray]:
    """The shares, and (N, L) what each order adds to the deviation of each."""
    given, whole = terms
    totals = whole.sum(axis=0)
    shares = ratio(given.sum(axis=0), totals, 0.0)
    known = np.where(totals > 0, parts, 0.0)
    values = np.where(np.isnan(parts).any(axis=1), np.nan, np.nan_to_num(known) @ shares)
    weights = np.nan_to_num(known) * ratio(np.ones(len(totals)), totals, 0.0)
    return values.tolist(), (given - shares * whole) @ weights.T


def _none(value: float) -> Estimate:
    return Estimate(value, float("nan"), float("nan"))
