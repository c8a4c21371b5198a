"""Justified representation: what groups that agree with each other can demand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing._rounds import Rounds, by_code
from rlchf.auditing._search import Found, Types, grown_groups

EXACT_TYPES = 14
"""Up to so many types of voters all groups are looked at, beyond it some: see `grown_groups`."""

NEARLY = 1e-9
NAMED = 20  # members of a group that are named in a report


@dataclass(frozen=True)
class Verdict:
    """Whether an outcome satisfies an axiom, and the group that is worst off by it.

    Attributes
    ----------
    axiom
        Its name.
    holds
        True or False; None if a search found no violation but did not look at all groups.
    members, group
        How many voters the group has that falls short by most, and up to 20 of their names.
    agreed
        In how many rounds they agree: all of them approve some option (for a committee, how many
        candidates all of them approve).
    deserved, got
        Rounds (or seats) that the axiom gives them, and that they got.
    """

    axiom: str
    holds: bool | None
    members: int = 0
    group: tuple[str, ...] = ()
    agreed: int = 0
    deserved: float = 0.0
    got: float = 0.0


def justified(rounds: Rounds, groups: Sequence[np.ndarray] = (), seed: int = 0) -> list[Verdict]:
    """Check justified representation over rounds, in each of which one option is chosen.

    A group of voters, of weight w(S) out of w, that agrees in k rounds, deserves
    l = floor(k w(S) / w) of them.

    - JR: if l is 1 or more, a member approves the outcome of some round.
    - PJR: at least l rounds have an outcome that some member approves.
    - EJR: some member approves the outcome of at least l rounds.
    - EJR+: the group may change from round to round. For no l do the voters who approve fewer than l
      outcomes have in the rounds options, one in each, whose supports among them add up to l w or more.
      It implies EJR. This is our rendering for rounds of the axiom for committees.
    - weak JR, PJR and EJR: the same for groups only that agree in all rounds.

    An outcome tied between options counts in parts. JR, PJR and EJR are decided exactly for up to 14
    types of voters (those of a type approve the same in all rounds): a group can take in all of a
    type at no loss. Beyond, groups are grown greedily, and ``holds`` is None where none of them
    falls short. EJR+ is always exact.

    Parameters
    ----------
    groups
        Voters, as indices, to look at besides where not all groups are looked at.
    seed
        Of the voters from which groups are grown there.

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
    found = _all_groups(types) if exact else grown_groups(types, groups, seed)
    everything = float(rounds.weights.sum()) or 1.0
    deserved = np.floor(found.agreed * found.weights / everything + NEARLY)
    always = np.where(found.agreed == len(rounds), deserved, 0.0)
    verdicts = []
    for name, due, got in (
        ("JR", np.minimum(deserved, 1.0), found.won),
        ("PJR", deserved, found.won),
        ("EJR", deserved, found.best),
        ("EJR+", None, None),
        ("weak JR", np.minimum(always, 1.0), found.won),
        ("weak PJR", always, found.won),
        ("weak EJR", always, found.best),
    ):
        if due is None or got is None:
            verdicts.append(_robust(rounds, everything))
            continue
        verdicts.append(_worst(name, due, got, found, types, exact))
    return verdicts


def _worst(
    name: str, due: np.ndarray, got: np.ndarray, found: Found, types: Types, exact: bool
) -> Verdict:
    missing = due - got
    worst = int(np.argmax(missing)) if len(missing) else -1
    if worst < 0 or missing[worst] <= NEARLY:
        return Verdict(name, True if exact else None)
    members = types.members(found.group(worst))
    return Verdict(
        axiom=name,
        holds=False,
        members=len(members),
        group=tuple(types.names[v] for v in members[:NAMED]),
        agreed=int(found.agreed[worst]),
        deserved=float(due[worst]),
        got=float(got[worst]),
    )


def _robust(rounds: Rounds, everything: float) -> Verdict:
    """EJR+, for every number of wins that a voter may have."""
    wins = np.bincount(rounds.voters, rounds.chances[rounds.options], len(rounds.weights))
    whole = np.floor(wins + NEARLY).astype(np.int64)
    heavy = rounds.weights > 0
    order = by_code(whole[rounds.voters])
    voters, options = rounds.voters[order], rounds.options[order]
    levels = np.unique(whole[heavy])  # those with up to so many wins have fewer than one more
    ends = np.searchsorted(whole[voters], levels, side="right")
    support, start, worst = np.zeros(len(rounds.chances)), 0, Verdict("EJR+", True)
    for level, end in zip(levels.tolist(), ends.tolist(), strict=True):
        new = slice(start, end)
        np.add.at(support, options[new], rounds.weights[voters[new]])
        start = end
        total = float(np.maximum.reduceat(support, rounds.starts[:-1]).sum()) / everything
        deserved = float(np.floor(total + NEARLY))
        short = heavy & (whole <= level)
        got = float(wins[short].max())
        if deserved > level and deserved - got > worst.deserved - worst.got:
            members = np.flatnonzero(short)
            named = tuple(rounds.names[v] for v in members[:NAMED])
            worst = Verdict("EJR+", False, len(members), named, len(rounds), deserved, got)
    return worst


def _all_groups(types: Types) -> Found:
    """All non-empty groups of types: group S is the one whose types are the bits of S."""
    G = len(types.weights)
    size = 2**G
    masks = np.zeros(len(types.chances), dtype=np.int64)
    np.add.at(masks, types.options, np.left_shift(1, types.voters))
    inside = np.bincount(masks, types.chances, size)  # outcome by who exactly approves it
    weights, best, wins = np.zeros(size), np.zeros(size), types.wins()
    for g in range(G):
        bit = 1 << g
        inside.reshape(-1, 2, bit)[:, 1] += inside.reshape(-1, 2, bit)[:, 0]
        weights[bit : 2 * bit] = weights[:bit] + types.weights[g]
        best[bit : 2 * bit] = np.maximum(best[:bit], wins[g])
    won = types.chances.sum() - inside[::-1]  # those approved by others only
    agreed = _agreements(masks, types.starts, G)
    return Found(agreed[1:], weights[1:], won[1:], best[1:], lambda s: _bits(s + 1, G))


def _bits(s: int, n: int) -> np.ndarray:
    return np.flatnonzero((s >> np.arange(n)) & 1)


def _agreements(masks: np.ndarray, starts: np.ndarray, G: int) -> np.ndarray:
    """(2^G,) in how many rounds some option is approved by all of a group."""
    agreed = np.zeros(2**G, dtype=np.int64)
    sizes = np.diff(starts)
    none = np.zeros(0, dtype=np.int64)
    tables, counts, lengths = [none], [none], [none]
    for size in np.unique(sizes).tolist():  # rounds with the same options count as one
        at = starts[:-1][sizes == size][:, None] + np.arange(size)
        table, count = np.unique(np.sort(masks[at], axis=1), axis=0, return_counts=True)
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


def committee_justified(
    approvals: Mapping[str, Sequence[str]],
    committee: Sequence[str],
    weights: Mapping[str, float] | None = None,
    seats: int | None = None,
) -> list[Verdict]:
    """Check justified representation of a committee elected at once.

    A group of weight w(S) out of w whose members all approve some c candidates deserves
    l = min(c, floor(k w(S) / w)) of the k seats: JR, PJR, EJR as in `justified`. EJR+ is that of Brill
    and Peters: for no l do voters with fewer than l approved members and of weight l w / k
    all approve some candidate outside. Exact for up to 14 types of voters.

    Parameters
    ----------
    approvals, weights
        What each voter approves, and what each weighs, by default 1.
    committee, seats
        Who was elected, and k, by default as many as were elected.

    Raises
    ------
    ValueError
        If there are more types.

    Examples
    --------
    >>> ballots = {"ann": ["a", "b"], "bob": ["a", "b"], "eve": ["c"], "joe": ["c"]}
    >>> [v.holds for v in committee_justified(ballots, ["a", "b"])]
    [False, False, False, False]
    >>> [v.holds for v in committee_justified(ballots, ["a", "c"])]
    [True, True, True, True]
    """
    given = weights or {}
    kinds: dict[frozenset[str], list[str]] = {}
    for voter, approved in approvals.items():
        kinds.setdefault(frozenset(approved), []).append(voter)
    if len(kinds) > EXACT_TYPES:
        raise ValueError(f"there are {len(kinds)} types of voters; give at most {EXACT_TYPES}")
    types, elected = list(kinds), frozenset(committee)
    heavy = [sum(given.get(voter, 1.0) for voter in kinds[t]) for t in types]
    k = len(elected) if seats is None else seats
    seat = (sum(heavy) or 1.0) / max(k, 1)  # the weight of a seat
    worst = {name: Verdict(name, True) for name in ("JR", "PJR", "EJR", "EJR+")}

    def note(name: str, chosen: list[int], agreed: int, due: float, got: float) -> None:
        if due - got > max(NEARLY, worst[name].deserved - worst[name].got):
            members = [voter for g in chosen for voter in kinds[types[g]]]
            worst[name] = Verdict(
                name, False, len(members), tuple(members[:NAMED]), agreed, due, got
            )

    for s in range(1, 2 ** len(types)):
        chosen = _bits(s, len(types)).tolist()
        common = len(frozenset.intersection(*(types[g] for g in chosen)))
        weight = sum(heavy[g] for g in chosen)
        due = float(min(common, np.floor(weight / seat + NEARLY)))
        got = len(elected & frozenset.union(*(types[g] for g in chosen)))
        note("JR", chosen, common, min(due, 1.0), got)
        note("PJR", chosen, common, due, got)
        note("EJR", chosen, common, due, max(len(elected & types[g]) for g in chosen))
    for candidate in sorted(frozenset().union(*types) - elected):
        for due in range(1, k + 1):
            chosen = [g for g, t in enumerate(types) if candidate in t and len(elected & t) < due]
            if sum(heavy[g] for g in chosen) >= due * seat - NEARLY:
                note("EJR+", chosen, 1, due, max(len(elected & types[g]) for g in chosen))
    return list(worst.values())
