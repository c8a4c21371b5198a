"""Agreement, shares and spells of annotators and groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing._cells import Cells
from rlchf.auditing._tallies import Tallies


@dataclass(frozen=True)
class Agreement:
    """How far the outcome agrees with the ballots of an annotator, or of a group together.

    Attributes
    ----------
    name
        The annotator, the group, or ``"all"``.
    ballots, weight
        Number of ballots, and the share of the weight of all ballots.
    pairs
        Share of the strict pairs on the ballots that the outcome puts in the same order; a pair that
        the outcome ties counts half.
    contested
        The same over contested pairs only: those about which two ballots strictly disagree. NaN when
        there are none.
    top
        Share of the ballots whose best response is the outcome's best (parts of ties in proportion).
    ratio
        Contested pairs agreed, by those deserved: the contested pairs of each prompt times the
        annotator's or group's share of the weight there. At least 1 where nobody is short.
    shortfall
        The largest, over all prefixes of the prompts, of the pairs deserved so far minus those agreed.
    won
        Share of the rounds (prompts with a ballot) whose first response the ballots approve.
    dry_spell
        The longest run of rounds whose first response no ballot approves.
    quota
        Share of the rounds after which the annotator has won at least the perpetual lower quota: the
        sum so far of the largest support among what the ballot approves, rounded down. For a
        group, over its members.
    influence
        Share of all influence: each round's winners share it by weight.
    """

    name: str
    ballots: int
    weight: float
    pairs: float
    contested: float
    top: float
    ratio: float
    shortfall: float
    won: float
    dry_spell: int
    quota: float
    influence: float

    @property
    def due(self) -> float:
        """The share of the weight on the prompts where there was something to win."""
        return self.contested / self.ratio if self.ratio > 0 else self.weight


def agreements(
    names: Sequence[str], owners: np.ndarray, tallies: Tallies, n_prompts: int
) -> list[Agreement]:
    """One row per owner; ``owners`` (A,) gives each annotator's, -1 for none."""
    n, owner = len(names), owners[tallies.annotators]
    mine = owner >= 0
    if not mine.all():
        owner = np.where(mine, owner, n)  # a spare row, cut off below

    def sums(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(owner, values, n + 1)[:n])

    w = tallies.weights
    cells = Cells.of(tallies, owners[tallies.annotators], n, n_prompts)
    kept, rounds = _quotas(tallies, owners, n, n_prompts)
    columns = {
        "weight": share(sums(w), w.sum()),
        "pairs": share(sums(w * tallies.agreed), sums(w * tallies.stated)),
        "contested": share(sums(w * tallies.contested_agreed), sums(w * tallies.contested)),
        "top": share(sums(w * tallies.top), sums(w)),
        "ratio": share(cells.sums(cells.agreed), cells.sums(cells.deserved)),
        "shortfall": cells.shortfalls(),
        "won": share(sums(w * tallies.won), sums(w)),
        "dry_spell": cells.dry_spells(),
        "quota": share(kept, rounds),
        "influence": share(sums(tallies.influence), tallies.influence.sum()),
        "ballots": sums(tallies.counts).astype(np.int64),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [
        Agreement(name=name, **dict(zip(columns, row, strict=True)))
        for name, row in zip(names, rows, strict=True)
    ]


def share(part: np.ndarray, whole: np.ndarray | float) -> np.ndarray:
    """Part by whole, NaN where there is nothing.

    Examples
    --------
    >>> share(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    whole = np.broadcast_to(whole, part.shape)
    out = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _quotas(
    tallies: Tallies, owners: np.ndarray, n: int, n_prompts: int
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) rounds after which members had their quota, and their rounds."""
    cells = Cells.of(tallies, tallies.annotators, len(owners), n_prompts)
    owner = owners[cells.owners]
    mine = owner >= 0
    kept = np.bincount(owner[mine], cells.quota_kept()[mine], n)
    return kept, np.bincount(owner[mine], minlength=n).astype(np.float64)
