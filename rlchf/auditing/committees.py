"""Justified representation of one committee: what groups of voters who agree on a member deserve."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlchf.auditing.justified import NAMED, NEARLY, Verdict


@dataclass(frozen=True)
class CommitteeVerdict(Verdict):
    """Whether a committee satisfies an axiom, and the group that violates it most.

    Attributes
    ----------
    candidate
        The candidate who is not elected and whom all of the group approve; -1 for none.
    """

    candidate: int = -1


def committee_justified(
    approves: np.ndarray, members: Sequence[int], seats: int, names: Sequence[str]
) -> list[CommitteeVerdict]:
    """Check justified representation of a committee.

    A group of voters, l/k of all or more, deserves l of the k seats if it agrees on l candidates.

    - JR: if all of a group that deserves a seat approve the same candidate, one of them approves a member.
    - PJR: at least l members are approved by somebody in the group.
    - EJR: somebody in the group approves at least l members.
    - EJR+: the same for groups that agree on one candidate who is not elected, whatever l is.

    JR and EJR+ are decided exactly, in time that grows with voters times candidates. EJR+ implies EJR, EJR
    implies PJR, and PJR implies JR; where that does not decide PJR or EJR, which are hard to check,
    ``holds`` is None.

    Parameters
    ----------
    approves
        (V, M) bool.
    members
        The elected candidates.
    seats
        k; the committee may have fewer members.
    names
        (V,) the voters' names.

    Returns
    -------
    The verdicts on JR, PJR, EJR and EJR+, with the group that lacks most.

    References
    ----------
    H. Aziz, M. Brill, V. Conitzer, E. Elkind, R. Freeman, T. Walsh, "Justified representation in
    approval-based committee voting", 2017; L. Sánchez-Fernández et al., "Proportional justified
    representation", 2017; M. Brill, J. Peters, "Robust and verifiable proportionality axioms for multiwinner
    voting", 2023.

    Examples
    --------
    Two of four voters approve c, and get none of two seats:

    >>> approves = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 1]]) == 1
    >>> [(v.axiom, v.holds, v.members) for v in committee_justified(approves, [0, 1], 2, "wxyz")]
    [('JR', False, 2), ('PJR', False, 2), ('EJR', False, 2), ('EJR+', False, 2)]
    >>> [v.holds for v in committee_justified(approves, [0, 2], 2, "wxyz")]
    [True, True, True, True]
    """
    won = approves[:, list(members)].sum(axis=1)
    outside = np.setdiff1d(np.arange(approves.shape[1]), members)
    jr = _worst("JR", approves, won, outside, [1], seats, names)
    plus = _worst("EJR+", approves, won, outside, range(1, seats + 1), seats, names)
    if not jr.holds:
        between = [replace(jr, axiom=axiom) for axiom in ("PJR", "EJR")]
    else:
        holds = True if plus.holds else None
        between = [CommitteeVerdict(axiom, holds) for axiom in ("PJR", "EJR")]
    return [jr, *between, plus]


def _worst(
    axiom: str,
    approves: np.ndarray,
    won: np.ndarray,
    outside: np.ndarray,
    levels: Sequence[int],
    seats: int,
    names: Sequence[str],
) -> CommitteeVerdict:
    """The group that lacks most seats: supporters of one candidate who approve fewer than l members."""
    worst, quota = CommitteeVerdict(axiom, True), len(approves) / seats
    for level in levels:
        short = won < level
        support = approves[short][:, outside].sum(axis=0)
        if len(support) == 0 or support.max() < level * quota - NEARLY:
            continue
        candidate = int(outside[np.argmax(support)])
        group = np.flatnonzero(short & approves[:, candidate])
        received = float(won[group].max())
        if level - received > worst.deserved - worst.received:
            worst = CommitteeVerdict(
                axiom, False, len(group), tuple(names[v] for v in group[:NAMED].tolist()),
                agreed=1, deserved=float(level), received=received, candidate=candidate,
            )  # fmt: skip
    return worst
