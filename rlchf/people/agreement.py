"""Agreement among annotators on pairs of responses: overall, by prompt, by group and between groups."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from rlchf.auditing.estimates import NONE, Estimate
from rlchf.auditing.groups import Grouping, Groups
from rlchf.installing import pip_install
from rlchf.numeric.ratios import ratio
from rlchf.people._cells import CellSums, Table, agreement_and_alpha, clustered, table
from rlchf.people.concordance import kendalls_w, tau_sums
from rlchf.people.votes import PairVotes
from rlchf.rankings import Rankings

LISTED = 12
"""Groups that are compared with one another, at most: the largest by weight."""

UNITS = 2**20
"""Pairs up to which Krippendorff's alpha is taken from the package krippendorff."""


@dataclass(frozen=True)
class PairAgreement:
    """How far people agree with one another.

    Intervals are for other annotators and other prompts like these.

    Attributes
    ----------
    name
        The group, or ``"all"``.
    annotators, prompts
        Number of annotators who share a pair with another one of them, and of prompts with such pairs.
    weight
        Share of the weight of all ballots.
    same
        Share of the votes of two people on a pair that are the same: above, below, or tied.
    chance
        What this share would be if votes were drawn from all.
    alpha
        Krippendorff's alpha for nominal values: 1 minus the disagreement divided by that of votes drawn from
        all. Each pair counts in both orders, so that alpha does not depend on which response comes first; 0
        is chance, 1 is agreement throughout. NaN if everything is tied.
    tau_b
        Mean of Kendall's tau-b over every two annotators on a prompt.
    ties
        Share of the votes that are ties.
    kendalls_w, w_prompts
        Mean over the prompts of Kendall's W, and the number of prompts on which it is defined: those with two
        ballots that rank all responses. Missing where there are more than 48 groups.
    """

    name: str
    annotators: int
    prompts: int
    weight: float
    same: Estimate
    chance: float
    alpha: Estimate
    tau_b: Estimate
    ties: float
    kendalls_w: float
    w_prompts: int


@dataclass(frozen=True)
class GroupAgreement:
    """How far the members of a group agree with one another and with everybody else.

    Attributes
    ----------
    within
        The agreement among its members.
    outside
        Share of the votes of others that are the same as a member's.
    """

    within: PairAgreement
    outside: Estimate


@dataclass(frozen=True, eq=False)
class GroupMatrix:
    """Agreement between groups.

    Attributes
    ----------
    division
        The name of the division into groups; empty if it has none.
    names
        (G,) the groups, the largest if there are many.
    n_groups
        Number of groups of the division.
    alpha, low, high
        (G, G) chance-corrected agreement with its interval: within a group Krippendorff's alpha, between two
        groups the cross-replication reliability, which is 1 minus the disagreement of their members divided
        by that of votes drawn from each. NaN where two groups share no pair.

    References
    ----------
    K. Wong, P. Paritosh, L. Aroyo, "Cross-replication reliability", 2021.
    """

    division: str
    names: list[str]
    n_groups: int
    alpha: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class PromptAgreement:
    """Agreement on each prompt, as columns (P,); NaN where fewer than two people rank the same responses.

    Attributes
    ----------
    ballots
        Number of annotators.
    same, alpha, tau_b, kendalls_w
        As for `PairAgreement`. Alpha has the expected disagreement of all prompts, so that the alpha of the
        dataset is the mean of these by the weight of votes.
    """

    ballots: np.ndarray
    same: np.ndarray
    alpha: np.ndarray
    tau_b: np.ndarray
    kendalls_w: np.ndarray


class Agreements:
    """Agreement of a dataset's annotators, measured from their votes on pairs.

    Parameters
    ----------
    rankings
        The ballots.
    votes
        Their votes on pairs, if they are known.

    Examples
    --------
    >>> ballots = [(p, name, "a > b > c") for p in range(4) for name in ("ann", "bob")]
    >>> ballots += [(p, "eve", "b > a > c") for p in range(4)]
    >>> found = Agreements(Rankings.from_ballots(ballots)).overall()
    >>> round(found.same.value, 3), round(found.tau_b.value, 3), round(found.kendalls_w, 3)
    (0.778, 0.556, 0.778)
    """

    def __init__(self, rankings: Rankings, votes: PairVotes | None = None) -> None:
        self.rankings = rankings
        self.votes = PairVotes.of(rankings) if votes is None else votes
        self._against: dict[int, tuple[Grouping, tuple[CellSums, CellSums]]] = {}

    @cached_property
    def whole(self) -> Table:
        """All votes by pair."""
        return table(self.votes, self.votes.pairs, self.votes.n_pairs)

    @cached_property
    def sums(self) -> CellSums:
        """The sums of all cells, everybody compared with everybody else."""
        return CellSums.within(self.votes, self.whole, self.votes.pairs)

    @cached_property
    def taus(self) -> tuple[np.ndarray, np.ndarray]:
        """The sums behind tau-b."""
        return tau_sums(self.votes)

    @cached_property
    def weights(self) -> np.ndarray:
        """(A,) each annotator's share of the weight of all ballots."""
        sums = np.bincount(
            self.rankings.ballot_annotators, self.rankings.ballot_weights, self.votes.n_annotators
        )
        return ratio(sums, sums.sum())

    def overall(self) -> PairAgreement:
        """The agreement of everybody; alpha through the package krippendorff if all votes weigh the same."""
        everybody = np.arange(len(self.votes.cell_annotators))
        found = self._measure("all", self.sums, self.taus, everybody, None)
        published = self._published()
        return found if published is None else replace(found, alpha=_moved(found.alpha, published))

    def _published(self) -> float | None:
        """Alpha by the package, which takes neither weights nor votes that are split between values."""
        votes = self.votes
        if len(votes.pairs) == 0 or votes.n_pairs > UNITS or not self.sums.expected > 0:
            return None
        if (votes.weights != votes.people * votes.weights[0] / votes.people[0]).any():
            return None
        if (np.sort(votes.values, axis=0)[1] > 0).any():
            return None
        counts = np.stack(
            [np.bincount(votes.pairs, votes.people * q) for q in votes.values], axis=1
        )
        return krippendorffs_alpha(counts)

    def by_prompt(self) -> PromptAgreement:
        """The agreement on each prompt."""
        votes, P = self.votes, self.votes.n_prompts
        disagreed, weight, tau, taus = (
            np.bincount(votes.cell_prompts, column, P)
            for column in (self.sums.disagreed, self.sums.weight, *self.taus)
        )
        d, e = ratio(disagreed, weight), self.sums.expected
        return PromptAgreement(
            np.bincount(votes.cell_prompts, minlength=P), 1 - d, 1 - d / e if e > 0 else d * np.nan,
            ratio(tau, taus), kendalls_w(self.rankings),
        )  # fmt: skip

    def groups(self, grouping: Grouping) -> list[GroupAgreement]:
        """The agreement within each group, and with those outside of it."""
        votes, G = self.votes, len(grouping.names)
        owners = np.where(grouping.owners >= 0, grouping.owners, G)  # a spare group
        within, outside = self.against_groups(grouping)
        taus = tau_sums(votes, grouping.owners)
        cells = np.argsort(owners[votes.cell_annotators], kind="stable")
        ends = np.searchsorted(owners[votes.cell_annotators][cells], np.arange(G + 1))
        found = []
        for g, name in enumerate(grouping.names):
            part = cells[ends[g] : ends[g + 1]]
            own = self._measure(
                name, within.part(part), (taus[0][part], taus[1][part]), part,
                grouping.owners == g if G <= 4 * LISTED else None,
            )  # fmt: skip
            sums = outside.part(part)
            at = votes.cell_annotators[part], votes.cell_prompts[part]
            found.append(GroupAgreement(own, agreement_and_alpha(sums, *at)[0]))
        return found

    def against_groups(self, grouping: Grouping) -> tuple[CellSums, CellSums]:
        """Every vote compared with the others of the annotator's group, and with those outside of it."""
        if id(grouping) not in self._against:
            self._against[id(grouping)] = grouping, self._compare(grouping)
        return self._against[id(grouping)][1]

    def _compare(self, grouping: Grouping) -> tuple[CellSums, CellSums]:
        votes, n = self.votes, len(grouping.names) + 1
        owners = np.where(grouping.owners >= 0, grouping.owners, n - 1)  # a spare group
        codes, code = np.unique(votes.pairs * n + owners[votes.annotators], return_inverse=True)
        own = table(votes, code, len(codes))
        pairs = codes // n
        rest = Table(
            self.whole.weight[pairs] - own.weight, self.whole.values[:, pairs] - own.values,
            self.whole.people[pairs] - own.people,
        )  # fmt: skip
        return CellSums.within(votes, own, code), CellSums.of(votes, rest, code)

    def between(self, grouping: Grouping, division: str = "", most: int = LISTED) -> GroupMatrix:
        """The agreement between the largest groups."""
        votes = self.votes
        weights = np.bincount(grouping.owners + 1, self.weights, len(grouping.names) + 1)[1:]
        chosen = np.sort(np.argsort(-weights, kind="stable")[:most])
        owners = grouping.owners[votes.cell_annotators]  # of cells
        within = self.against_groups(grouping)[0]
        across = [
            CellSums.of(
                votes,
                table(votes, votes.pairs, votes.n_pairs, owners[votes.cells] == h),
                votes.pairs,
            )
            for h in chosen.tolist()
        ]
        figures = np.full((3, len(chosen), len(chosen)), np.nan)
        for x, g in enumerate(chosen.tolist()):
            mine = np.flatnonzero(owners == g)
            at = votes.cell_annotators[mine], votes.cell_prompts[mine]
            figures[:, x, x] = agreement_and_alpha(within.part(mine), *at)[1].figures
            for y in range(x):
                theirs = np.flatnonzero(owners == chosen[y])
                both = _across(votes, (across[y], mine), (across[x], theirs))
                figures[:, x, y] = figures[:, y, x] = both.figures
        names = [grouping.names[g] for g in chosen]
        return GroupMatrix(division, names, len(grouping.names), *figures)

    def _measure(
        self,
        name: str,
        sums: CellSums,
        taus: tuple[np.ndarray, np.ndarray],
        cells: np.ndarray,
        members: np.ndarray | None,
    ) -> PairAgreement:
        """The agreement within some cells."""
        votes = self.votes
        at = votes.cell_annotators[cells], votes.cell_prompts[cells]
        same, alpha = agreement_and_alpha(sums, *at)
        met = sums.weight > 0
        whole = members is None and name == "all"
        w = kendalls_w(self.rankings, members) if whole or members is not None else np.zeros(0)
        defined = ~np.isnan(w)
        return PairAgreement(
            name=name,
            annotators=len(np.unique(at[0][met])),
            prompts=len(np.unique(at[1][met])),
            weight=1.0 if whole else float(self.weights[np.unique(at[0])].sum()),
            same=same,
            chance=1 - sums.expected,
            alpha=alpha,
            tau_b=_mean(*taus, *at),
            ties=float(sums.tied.sum() / sums.weight.sum()) if met.any() else float("nan"),
            kendalls_w=float(w[defined].mean()) if defined.any() else float("nan"),
            w_prompts=int(defined.sum()),
        )


def _mean(
    sums: np.ndarray, weights: np.ndarray, annotators: np.ndarray, prompts: np.ndarray
) -> Estimate:
    """A mean over every two annotators on a prompt, with its interval."""
    n = float(weights.sum())
    if not n > 0:
        return NONE
    value = float(sums.sum()) / n
    z = (sums - value * weights) / n
    # Without an annotator the mean is over fewer pairs of people (the jackknife).
    of_each = np.bincount(annotators, weights)
    A = int((of_each > 0).sum())
    left = np.maximum(1 - 2 * of_each / n, 1 / max(A, 1))
    factor = ((A - 1) / A / left)[annotators]
    on = ratio(np.bincount(prompts, z), np.bincount(prompts, weights > 0), 0.0)[prompts]
    return clustered(value, 2 * (z - on) * factor + on, z, annotators, prompts, weights > 0)


def _across(
    votes: PairVotes, one: tuple[CellSums, np.ndarray], other: tuple[CellSums, np.ndarray]
) -> Estimate:
    """The cross-replication reliability of two groups, from the sums of each one's cells."""
    parts = [sums.part(cells) for sums, cells in (one, other)]
    n = [float(part.weight.sum()) for part in parts]
    if not min(n) > 0:
        return NONE
    d = sum(float(part.disagreed.sum()) for part in parts) / sum(n)
    t = [float(part.tied.sum()) / m for part, m in zip(parts, n, strict=True)]
    e = 1 - (1 - t[0]) * (1 - t[1]) / 2 - t[0] * t[1]
    if not e > 0:
        return NONE
    z = [part.disagreed - d * part.weight for part in parts]
    of_annotators = -np.concatenate([z[0] / n[0], z[1] / n[1]]) / e
    of_prompts = -np.concatenate(z) / sum(n) / e
    cells = np.concatenate([one[1], other[1]])
    return clustered(
        1 - d / e, of_annotators, of_prompts, votes.cell_annotators[cells],
        votes.cell_prompts[cells], np.concatenate([part.weight for part in parts]) > 0,
    )  # fmt: skip


def krippendorffs_alpha(counts: np.ndarray) -> float:
    """Krippendorff's alpha of votes on pairs, through the package krippendorff.

    Parameters
    ----------
    counts
        (U, 3) for each pair the number of people who rank its first response above, below, and tied. Each
        pair counts in both orders.

    Raises
    ------
    ValueError
        If the package is not installed.

    Examples
    --------
    >>> round(krippendorffs_alpha(np.array([[3, 0, 0], [1, 1, 0]])), 4)
    0.28
    """
    try:
        import krippendorff
    except ImportError:
        raise ValueError(
            f"agreement needs krippendorff, which is not installed; run {pip_install('people')}"
        ) from None
    both = np.concatenate([counts, counts[:, [1, 0, 2]]])
    both = both[both.sum(axis=1) > 1.5]
    return float(krippendorff.alpha(value_counts=both, level_of_measurement="nominal"))


def _moved(estimate: Estimate, value: float) -> Estimate:
    """The same interval around another value, from which it differs by rounding."""
    shift = value - estimate.value
    return Estimate(value, estimate.low + shift, estimate.high + shift)


def divisions(rankings: Rankings, groups: Groups | None) -> dict[str, Grouping]:
    """The groupings by the names of their divisions; the name is empty if there is none.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
    >>> found = divisions(rankings, {"age": {"ann": "30"}, "land": {"bob": "Peru"}})
    >>> {title: grouping.names for title, grouping in found.items()}
    {'age': ['30'], 'land': ['Peru']}
    """
    if groups is None:
        return {}
    parts: dict[str, Any] = dict(groups.items())  # a DataFrame's items are its columns
    nested = {
        str(title): part
        for title, part in parts.items()
        if not isinstance(part, str) and hasattr(part, "items")
    }
    if not nested:
        return {"": Grouping.of(rankings, parts)}
    if len(nested) < len(parts):
        raise ValueError("give the group of each annotator, or several such divisions by name")
    return {title: Grouping.of(rankings, part) for title, part in nested.items()}
