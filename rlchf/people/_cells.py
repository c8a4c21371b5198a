"""Disagreement of each annotator on each prompt, summed over pairs; estimates from such sums."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rlchf.auditing.estimates import NONE, Estimate, combined
from rlchf.people.votes import PairVotes


class Table(NamedTuple):
    """Votes by pair: (U,) their weight, (3, U) that of each value, and (U,) the number of people."""

    weight: np.ndarray
    values: np.ndarray
    people: np.ndarray


def table(
    votes: PairVotes, codes: np.ndarray, n: int, chosen: np.ndarray | slice = slice(None)
) -> Table:
    """The votes by pair, or by another code (K,) below n; some of them or all."""
    w, codes = votes.weights[chosen], codes[chosen]
    values = np.stack([np.bincount(codes, w * q, n) for q in votes.values[:, chosen]])
    return Table(np.bincount(codes, w, n), values, np.bincount(codes, votes.people[chosen], n))


@dataclass(frozen=True, eq=False)
class CellSums:
    """Sums over the votes of each cell (an annotator on a prompt) that are compared with others.

    Attributes
    ----------
    disagreed
        (C,) weight of the votes, times the share of the others who vote otherwise.
    weight, tied
        (C,) weight of the votes, and of ties among them.
    own, own_same
        (C,) squared weight of a person, and that times the probability that two draws of one vote agree.
    lost, lost_weight
        (C,) how much less the disagreement and the weight of all cells would add up to without this one.
    """

    disagreed: np.ndarray
    weight: np.ndarray
    tied: np.ndarray
    own: np.ndarray
    own_same: np.ndarray
    lost: np.ndarray
    lost_weight: np.ndarray

    @classmethod
    def of(cls, votes: PairVotes, others: Table, codes: np.ndarray) -> "CellSums":
        """Compare every vote with others, where there are any.

        Parameters
        ----------
        others
            The votes to compare with, by code.
        codes
            (K,) the code of each vote.
        """
        same, met = _others(votes, others, codes, 0.0)
        w = np.where(met, votes.weights, 0.0)
        return cls._sums(votes, same, met, 2 * w * (1 - same), 2 * w)

    @classmethod
    def within(cls, votes: PairVotes, whole: Table, codes: np.ndarray) -> "CellSums":
        """Compare every vote with the others in a table to which it belongs itself."""
        same, met = _others(votes, whole, codes, 1.0)
        w = np.where(met, votes.weights, 0.0)
        return cls._sums(votes, same, met, *lost_without(w, 1 - same, whole.people[codes], codes))

    @classmethod
    def _sums(
        cls,
        votes: PairVotes,
        same: np.ndarray,
        met: np.ndarray,
        lost: np.ndarray,
        lost_weight: np.ndarray,
    ) -> "CellSums":
        w = np.where(met, votes.weights, 0.0)
        squares = np.where(met, votes.weights**2 / votes.people, 0.0)
        C = len(votes.cell_annotators)
        columns = (
            w * (1 - same), w, w * votes.ties, squares, squares * (votes.values**2).sum(axis=0),
            lost, lost_weight,
        )  # fmt: skip
        return cls(*(np.bincount(votes.cells, column, C) for column in columns))

    def part(self, cells: np.ndarray) -> "CellSums":
        """The sums of some cells."""
        return CellSums(
            self.disagreed[cells], self.weight[cells], self.tied[cells], self.own[cells],
            self.own_same[cells], self.lost[cells], self.lost_weight[cells],
        )  # fmt: skip

    @property
    def expected(self) -> float:
        """The probability that two votes disagree that are drawn from all, each pair in both orders.

        Krippendorff's expected disagreement for nominal values; his n (n - 1) is the square of the sum of the
        weights minus the sum of their squares, where votes have weights.
        """
        n, t = float(self.weight.sum()), float(self.tied.sum())
        same = 2 * (n - t) ** 2 + 4 * t**2 - 2 * float(self.own_same.sum())
        drawn = 4 * n**2 - 2 * float(self.own.sum())
        return 1 - same / drawn if drawn > 0 else float("nan")


def _others(
    votes: PairVotes, others: Table, codes: np.ndarray, itself: float
) -> tuple[np.ndarray, np.ndarray]:
    """(K,) the share of the others who vote as each vote does, and whether there are others.

    ``itself`` is 1 if the table counts the vote itself, which is then left out.
    """
    q = votes.values
    own = itself * votes.weights / votes.people
    met = others.people[codes] - itself > 0.5
    same = sum(q[v] * others.values[v][codes] for v in range(3)) - own * (q**2).sum(axis=0)
    rest = np.where(met, others.weight[codes] - own, 1.0)
    return np.where(met, np.clip(same / rest, 0, 1), 0.0), met


def lost_without(
    weights: np.ndarray, values: np.ndarray, people: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much less the weighted sum of some values, and the weights, would be without a vote.

    A value is the mean over the m - 1 others on a pair of something about two people, such as disagreement.
    Without a vote with the value d the mean D of the pair becomes (m D - 2 d) / (m - 2); a pair with one vote
    left does not count.

    Parameters
    ----------
    weights, values
        (K,) of each vote, where votes alone on their pair weigh 0.
    people, codes
        (K,) the number of people on the pair, and its code.
    """
    whole = np.bincount(codes, weights)[codes]
    mean = np.bincount(codes, weights * values)[codes] / np.where(whole > 0, whole, 1.0)
    m = np.maximum(people, 3.0)
    several = people > 2.5
    lost = np.where(several, (2 * (m - 1) * values - m * mean) / (m - 2), 2 * values)
    return weights * lost, weights * np.where(several, 1.0, 2.0)


def agreement_and_alpha(
    sums: CellSums, annotators: np.ndarray, prompts: np.ndarray
) -> tuple[Estimate, Estimate]:
    """The share of the votes of two people on a pair that are the same, and Krippendorff's alpha.

    Parameters
    ----------
    annotators, prompts
        (C,) those of the cells.
    """
    n = float(sums.weight.sum())
    if not n > 0:
        return NONE, NONE
    d, t, e = float(sums.disagreed.sum()) / n, float(sums.tied.sum()) / n, sums.expected
    z = (sums.disagreed - d * sums.weight) / n  # what a cell adds to the mean disagreement
    lost = (sums.lost - d * sums.lost_weight) / n
    share = clustered(1 - d, lost, z, annotators, prompts, sums.weight > 0, share=True)
    if not e > 0:
        return share, NONE
    # The slope of the expected disagreement, 1 - (1 - t)^2 / 2 - t^2, in the share of ties is 1 - 3 t.
    ties = d / e**2 * (1 - 3 * t) * (sums.tied - t * sums.weight) / n
    alpha = clustered(
        1 - d / e, ties - lost / e, ties - z / e, annotators, prompts, sums.weight > 0
    )
    return share, alpha


def clustered(
    value: float,
    of_annotators: np.ndarray,
    of_prompts: np.ndarray,
    annotators: np.ndarray,
    prompts: np.ndarray,
    counted: np.ndarray,
    *,
    of_cells: np.ndarray | None = None,
    share: bool = False,
) -> Estimate:
    """A figure with a 95 % interval for other annotators and other prompts.

    The variance is that of sums by prompt, plus that of sums by annotator beyond that of single cells
    (two-way clustering).

    Parameters
    ----------
    of_annotators, of_prompts
        (C,) what each cell changes of the figure if annotators or prompts are drawn anew: an annotator
        changes a mean over pairs of annotators twice, as the one and as the other.
    annotators, prompts
        (C,) those of the cells.
    counted
        (C,) whether a cell counts.
    of_cells
        (C,) the same if the people on each prompt are drawn anew; by default as for annotators.
    share
        Whether the figure is a share.

    References
    ----------
    A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust inference with multiway clustering", 2011.
    """
    chosen = np.flatnonzero(counted)
    people, by_annotator = np.unique(annotators[chosen], return_inverse=True)
    on, by_prompt = np.unique(prompts[chosen], return_inverse=True)
    A, P = len(people), len(on)
    a, p = of_annotators[chosen], of_prompts[chosen]
    clusters = float((np.bincount(by_annotator, a) ** 2).sum()) * A / max(A - 1, 1)
    if P == 1:  # about other annotators on this prompt
        return combined(value, clusters, A - 1, 0.0, 1, 0.0, share=share)
    of_prompt = float((np.bincount(by_prompt, p) ** 2).sum()) * P / max(P - 1, 1)
    c = a if of_cells is None else of_cells[chosen]
    return combined(value, clusters, A - 1, of_prompt, P, float((c**2).sum()), share=share)
