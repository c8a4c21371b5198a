"""Justified representation: what groups of voters that agree with each other deserve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing._rounds import Rounds, by_code
from rlchf.auditing._search import Types, VoterGroups, grown_groups

EXACT_TYPES = 14
"""With up to so many types of voters all groups are examined, with more only some: see `grown_groups`."""

NEARLY = 1e-9
NAMED = 20  # members of a group that are named in a report


@dataclass(frozen=True)
class Verdict:
    """Whether an outcome satisfies an axiom, and the group that violates it most.

    Attributes
    ----------
    axiom
        The name of the axiom.
    holds
        True or False; None if a search found no violation but did not examine all groups.
    members, group
        The size of the group that violates the axiom most, and up to 20 of its members' names.
    agreed
        The number of rounds in which the group agrees: all of its members approve some option.
    deserved, received
        The number of rounds that the group deserves by the axiom, and that it received.
    """

    axiom: str
    holds: bool | None
    members: int = 0
    group: tuple[str, ...] = ()
    agreed: int = 0
    deserved: float = 0.0
    received: float = 0.0


def justified(rounds: Rounds, groups: Sequence[np.ndarray] = (), seed: int = 0) -> list[Verdict]:
    """Check justified representation over rounds, in each of which one option is chosen.

    A group of voters, of weight w(S) out of w, that agrees in k rounds, deserves
    l = floor(k w(S) / w) of them.

    - JR: if l is 1 or more, a member approves the outcome of some round.
    - PJR: at least l rounds have an outcome that some member approves.
    - EJR: some member approves the outcome of at least l rounds.
    - EJR+: the group may change from round to round. The axiom is violated if, for some l, there are
      options, one in each round, whose support among the voters who approve fewer than l outcomes adds
      up to l w or more. It implies EJR. This is our version for rounds of the axiom for committees.
    - weak JR, PJR and EJR: the same for groups only that agree in all rounds.

    An outcome tied between options counts in parts. JR, PJR and EJR are decided exactly for up to 14
    types of voters (voters of one type approve the same in all rounds): it is enough to examine groups
    that contain all voters of a type. With more types, groups are grown greedily, and ``holds`` is None
    if none of them violates the axiom. EJR+ is always exact; where it holds, so do all the others.

    Parameters
    ----------
    groups
        Groups of voters, as indices, to examine in addition if there are more than 14 types.
    seed
        Random seed for the voters from which groups are grown.

    References
    ----------
    N. Chandak, S. Goel, D. Peters, "Proportional aggregation of preferences for sequential decision
    making", 2024; M. Brill, J. Peters, "Robust and verifiable proportionality axioms for multiwinner
    voting", 2023, for EJR+ of committees.

    Examples
    --------
    >>> same = [{"ann": ["a"], "bob": ["a"], "eve": ["b"]}] * 3
    >>> {v.axiom: v.holds for v in justified(Rounds.from_approvals(same, "aaa"))}["EJR"]
    False
    >>> {v.axiom: v.holds for v in justified(Rounds.from_approvals(same, "aab"))}["EJR"]
    True
    """
    types = Types.of(rounds)
    exact = len(types.weights) <= EXACT_TYPES
    examined = _all_groups(types) if exact else grown_groups(types, groups, seed)
    total = float(rounds.weights.sum()) or 1.0
    deserved = np.floor(examined.agreed * examined.weights / total + NEARLY)
    always = np.where(examined.agreed == len(rounds), deserved, 0.0)

    def verdict(axiom: str, deserved: np.ndarray, received: np.ndarray) -> Verdict:
        return _worst(axiom, deserved, received, examined, types, exact)

    ejr_plus = _ejr_plus(rounds, total)
    exact = exact or ejr_plus.holds is True  # which implies the others
    return [
        verdict("JR", np.minimum(deserved, 1.0), examined.won),
        verdict("PJR", deserved, examined.won),
        verdict("EJR", deserved, examined.best),
        ejr_plus,
        verdict("weak JR", np.minimum(always, 1.0), examined.won),
        verdict("weak PJR", always, examined.won),
        verdict("weak EJR", always, examined.best),
    ]


def _worst(
    axiom: str,
    deserved: np.ndarray,
    received: np.ndarray,
    groups: VoterGroups,
    types: Types,
    exact: bool,
) -> Verdict:
    """The verdict of the group that lacks most of what it deserves."""
    missing = deserved - received
    worst = int(np.argmax(missing)) if len(missing) else -1
    if worst < 0 or missing[worst] <= NEARLY:
        return Verdict(axiom, True if exact else None)
    members = types.members(groups.group(worst))
    return Verdict(
        axiom=axiom,
        holds=False,
        members=len(members),
        group=tuple(types.names[v] for v in members[:NAMED]),
        agreed=int(groups.agreed[worst]),
        deserved=float(deserved[worst]),
        received=float(received[worst]),
    )


def _ejr_plus(rounds: Rounds, total: float) -> Verdict:
    """Check EJR+ for every number of wins that a voter may have."""
    wins = rounds.wins()
    whole = np.floor(wins + NEARLY).astype(np.int64)
    weighted = rounds.weights > 0
    order = by_code(whole[rounds.voters])
    voters, options = rounds.voters[order], rounds.options[order]
    levels = np.unique(whole[weighted])  # those with up to so many wins have fewer than one more
    ends = np.searchsorted(whole[voters], levels, side="right")
    support, start, worst = np.zeros(len(rounds.outcome_shares)), 0, Verdict("EJR+", True)
    for level, end in zip(levels.tolist(), ends.tolist(), strict=True):
        new = slice(start, end)
        np.add.at(support, options[new], rounds.weights[voters[new]])
        start = end
        best_support = float(np.maximum.reduceat(support, rounds.starts[:-1]).sum())
        deserved = float(np.floor(best_support / total + NEARLY))
        short = weighted & (whole <= level)
        received = float(wins[short].max())
        if deserved > level and deserved - received > worst.deserved - worst.received:
            members = np.flatnonzero(short)
            named = tuple(rounds.names[v] for v in members[:NAMED])
            worst = Verdict("EJR+", False, len(members), named, len(rounds), deserved, received)
    return worst


def _all_groups(types: Types) -> VoterGroups:
    """All non-empty groups of types: group S is the one whose types are the bits of S."""
    G = len(types.weights)
    size = 2**G
    masks = np.zeros(len(types.outcome_shares), dtype=np.int64)
    np.add.at(masks, types.options, np.left_shift(1, types.voters))
    inside = np.bincount(masks, types.outcome_shares, size)  # outcome by the set of its approvers
    weights, best, wins = np.zeros(size), np.zeros(size), types.wins()
    for g in range(G):
        bit = 1 << g
        inside.reshape(-1, 2, bit)[:, 1] += inside.reshape(-1, 2, bit)[:, 0]
        weights[bit : 2 * bit] = weights[:bit] + types.weights[g]
        best[bit : 2 * bit] = np.maximum(best[:bit], wins[g])
    won = types.outcome_shares.sum() - inside[::-1]  # those approved by others only
    agreed = _agreements(masks, types.starts, G)
    bits = np.arange(G)
    columns = agreed[1:], weights[1:], won[1:], best[1:]
    return VoterGroups(*columns, lambda s: np.flatnonzero(((s + 1) >> bits) & 1))


def _agreements(masks: np.ndarray, starts: np.ndarray, G: int) -> np.ndarray:
    """(2^G,) in how many rounds some option is approved by all of a group."""
    agreed = np.zeros(2**G, dtype=np.int64)
    sizes = np.diff(starts)
    none = np.zeros(0, dtype=np.int64)
    tables, counts, lengths = [none], [none], [none]
    for size in np.unique(sizes).tolist():  # rounds with the same options count as one
        options = starts[:-1][sizes == size][:, None] + np.arange(size)
        table, count = np.unique(np.sort(masks[options], axis=1), axis=0, return_counts=True)
        tables.append(table.ravel())
        counts.append(np.repeat(count, size))
        lengths.append(np.full(len(table), size))
    every, count = np.concatenate(tables).astype(np.int16), np.concatenate(counts)
    length = np.concatenate(lengths)
    round_of = np.repeat(np.arange(len(length), dtype=np.int32), length)

    def visit(group: int, first: int, alive: np.ndarray, where: np.ndarray, n: np.ndarray) -> None:
        """Count a group, all of whose members approve the options alive, and all that extend it."""
        new = np.ones(len(where), dtype=bool)
        np.not_equal(where[1:], where[:-1], out=new[1:])
        agreed[group] = n[new].sum()
        for g in range(first, G):
            kept = (alive & (1 << g)) > 0
            if kept.any():
                visit(group | 1 << g, g + 1, alive[kept], where[kept], n[kept])

    visit(0, 0, every, round_of, count)
    return agreed
