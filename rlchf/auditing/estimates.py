"""Shares with 95 % intervals for other annotators and other prompts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rlchf.auditing.shares import wilson
from rlchf.numeric.ratios import ratio

NEARLY = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; NaN where there is none.

    The interval is about other annotators and other prompts like these.
    """

    value: float
    low: float
    high: float

    @property
    def figures(self) -> tuple[float, float, float]:
        """The figure and the ends of its interval."""
        return self.value, self.low, self.high


NONE = Estimate(*[float("nan")] * 3)


def interval(one: Estimate, digits: int = 2) -> str:
    """An estimate in words; the figure alone where it has no interval.

    Examples
    --------
    >>> interval(Estimate(0.725, 0.71, 0.74)), interval(Estimate(0.5, float("nan"), float("nan")))
    ('0.72 (0.71 to 0.74)', '0.50')
    """
    text = f"{one.value:.{digits}f}"
    if not np.isfinite(one.low):
        return text
    return f"{text} ({one.low:.{digits}f} to {one.high:.{digits}f})"


@dataclass(eq=False)
class ClusteredSums:
    """Sums over ballots of the two terms of a ratio, by group, and what the ratio's variance needs.

    Clusters are the parts of the annotators that are left out in turn, or the annotators themselves. The
    terms are kept apart by group, so the columns are the part of every group and then its whole.

    Attributes
    ----------
    n_groups, n_clusters
        Numbers G and F.
    n_blocks
        Number of blocks of prompts that count as independent; 0 if every prompt does.
    own, effects
        (F, 2G) sums over the ballots of a cluster, and what leaving out the cluster changes for the ballots
        of all the others, negated and centred.
    of_prompts, of_cells
        (2G, 2G) sums over the prompts of the products of their columns, and over the ballots of a cluster on
        a prompt, effects included.
    blocks
        (2, blocks, F, 2G) the same sums without and with effects, by block of prompts.
    n_prompts
        (G,) prompts with ballots of each group.
    """

    n_groups: int
    n_clusters: int
    n_blocks: int = 0
    own: np.ndarray = field(init=False)
    effects: np.ndarray = field(init=False)
    of_prompts: np.ndarray = field(init=False)
    of_cells: np.ndarray = field(init=False)
    blocks: np.ndarray = field(init=False)
    n_prompts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        columns = 2 * self.n_groups
        self.own, self.effects = np.zeros((2, self.n_clusters, columns))
        self.of_prompts, self.of_cells = np.zeros((2, columns, columns))
        self.blocks = np.zeros((2, self.n_blocks, self.n_clusters, columns))
        self.n_prompts = np.zeros(self.n_groups, np.int64)

    def add(
        self,
        part: np.ndarray,
        whole: np.ndarray,
        *effects: np.ndarray,
        blocks: np.ndarray | None = None,
    ) -> None:
        """Add prompts.

        Parameters
        ----------
        part, whole
            (B, F, G) the two terms of the ballots of each prompt, cluster and group.
        effects
            (B, F, G) on part and, if there is a second one, on whole.
        blocks
            (B,) the block of each prompt, if there are blocks.
        """
        terms = np.concatenate([part, whole], axis=2)  # (B, F, 2G)
        changes = np.zeros_like(terms)
        for n, effect in enumerate(effects):
            changes[:, :, n * self.n_groups : (n + 1) * self.n_groups] = effect
        self.own += terms.sum(axis=0)
        self.effects += changes.sum(axis=0)
        by_prompt = terms.sum(axis=1)
        self.n_prompts += (by_prompt[:, self.n_groups :] != 0).sum(axis=0)
        if blocks is None:
            self._add_products(by_prompt, terms + changes)
        else:
            np.add.at(self.blocks[0], blocks, terms)
            np.add.at(self.blocks[1], blocks, terms + changes)

    def _add_products(self, by_prompt: np.ndarray, by_cell: np.ndarray) -> None:
        """Add prompts, (B, 2G), and cells, (B, F, 2G), that count as independent."""
        by_cell = by_cell.reshape(-1, by_cell.shape[2])
        self.of_prompts += by_prompt.T @ by_prompt
        self.of_cells += by_cell.T @ by_cell

    def close_blocks(self) -> None:
        """Count the blocks as independent, once all prompts are added."""
        if self.n_blocks:
            self._add_products(self.blocks[0].sum(axis=1), self.blocks[1])
            self.n_prompts = np.minimum(self.n_prompts, self.n_blocks)

    def estimate(self, groups: Sequence[int], share: bool = False) -> Estimate:
        """The ratio over the ballots of some groups, the sizes of which are taken as given.

        The variance is that of prompts, plus that of clusters beyond that of clusters within prompts. The
        interval of a share is Wilson's for as many independent trials as have this variance; of a share of 0
        or 1, for as many as there are prompts.

        References
        ----------
        A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust inference with multiway clustering", 2011;
        P. S. Kott, "The delete-a-group jackknife", 2001; F. E. Satterthwaite, "An approximate
        distribution of estimates of variance components", 1946, for the degrees of freedom.
        """
        G, chosen = self.n_groups, np.zeros(self.n_groups, dtype=bool)
        chosen[list(groups)] = True
        parts, wholes = self.own.sum(axis=0).reshape(2, G)
        total = float(wholes[chosen].sum())
        if not total > 0:
            return NONE
        value = float(parts[chosen].sum()) / total
        members = (self.own[:, G:] != 0).sum(axis=0)  # clusters with ballots of each group
        overall = np.concatenate([chosen, np.where(chosen, -value, 0.0)])
        by_group = np.concatenate([chosen, np.where(chosen, -ratio(parts, wholes, 0.0), 0.0)])
        clusters = self._of_clusters(by_group, members)
        within = float(by_group @ self.of_cells @ by_group)
        n, p = (
            min((members[chosen & (members > 0)] - 1).sum(), self.n_clusters - 1),
            self._prompts(chosen),
        )
        prompts = float(overall @ self.of_prompts @ overall) * p / max(p - 1, 1)
        return combined(value, clusters, int(n), prompts, p, within, scale=total, share=share)

    def _of_clusters(self, direction: np.ndarray, members: np.ndarray) -> float:
        """The variance of the sum if clusters are drawn, those of each group for themselves."""
        F, G = self.own.shape[0], self.n_groups
        own = (self.own * direction).reshape(F, 2, G).sum(axis=1)  # (F, G)
        own = (own * np.sqrt(members / np.maximum(members - 1, 1))).sum(axis=1)
        effects = self.effects @ direction * np.sqrt(F / max(F - 1, 1))
        return float((own + effects) @ (own + effects))

    def _prompts(self, chosen: np.ndarray) -> int:
        """The number of prompts: at least those of the group that has most."""
        return int(self.n_prompts[chosen].max())


def combined(
    value: float,
    clusters: float,
    n: int,
    prompts: float,
    p: int,
    within: float,
    *,
    scale: float = 1.0,
    share: bool = False,
) -> Estimate:
    """An estimate from the variances of its terms.

    Parameters
    ----------
    clusters, n
        Variance of the sum if clusters are drawn, and its degrees of freedom.
    prompts, p
        Variance of the sum if prompts are drawn, and their number.
    within
        Variance of the sum if clusters within prompts are drawn.
    scale
        What the sum is divided by.
    share
        Whether the interval is Wilson's.
    """
    if n < 1:
        return Estimate(value, float("nan"), float("nan"))
    from scipy.special import stdtrit

    prompts = max(prompts, 0.0)  # where all prompts are alike it is a rounding error
    variance = (prompts + max(clusters - within, 0.0)) / scale**2
    spread = clusters**2 / n + prompts**2 / max(p - 1, 1)
    z = float(stdtrit((clusters + prompts) ** 2 / spread if spread > 0 else n, 0.975))
    if share and -NEARLY < value < 1 + NEARLY:
        value = min(max(value, 0.0), 1.0)
        spread = value * (1 - value)
        if spread < NEARLY:
            return Estimate(value, *wilson(value, p))
        return Estimate(value, *wilson(value, spread / max(variance, NEARLY**2), z))
    return Estimate(value, value - z * variance**0.5, value + z * variance**0.5)
