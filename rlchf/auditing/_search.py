"""Types of voters, and groups of them found by greedy growth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing._rounds import Rounds, by_code

VISITS = 3e8  # approvals examined in one search
SEEDS = 50
STEPS = 200


@dataclass(frozen=True, eq=False)
class Types(Rounds):
    """Rounds in which voters who approve the same in all of them are one voter, with all their weight.

    Attributes
    ----------
    of_voter
        (V,) the type of each voter, -1 for voters without weight or approvals; ``names`` has their names.
    """

    of_voter: np.ndarray

    @classmethod
    def of(cls, rounds: Rounds) -> "Types":
        """Group voters by two random 64-bit sums over what each of them approves.

        Examples
        --------
        >>> ballots = {"ann": ["a"], "bob": ["b"], "eve": ["a"]}
        >>> Types.of(Rounds.from_approvals([ballots, ballots], ["a", "b"])).of_voter
        array([0, 1, 0])
        """
        V = len(rounds.weights)
        order = by_code(rounds.voters)
        voters, options = rounds.voters[order], rounds.options[order]
        weighted = rounds.weights[voters] > 0
        voters, options = voters[weighted], options[weighted]
        firsts = np.flatnonzero(np.diff(voters, prepend=-1))
        rng = np.random.default_rng(0)
        marks = rng.integers(0, 2**63, size=(2, len(rounds.outcome_shares)), dtype=np.int64)
        of_voter = np.full(V, -1)
        weights: np.ndarray = np.zeros(0)
        keep = np.zeros(len(voters), dtype=bool)
        if len(voters):
            sums = np.add.reduceat(marks[:, options], firsts, axis=1)  # wraps around
            _, first, code = np.unique(sums, axis=1, return_index=True, return_inverse=True)
            code = np.argsort(np.argsort(first))[code.ravel()]  # types in order of appearance
            of_voter[voters[firsts]] = code
            weights = np.bincount(code, rounds.weights[voters[firsts]])
            keep = np.isin(voters, voters[firsts][np.sort(first)])
        return cls(
            starts=rounds.starts,
            outcome_shares=rounds.outcome_shares,
            voters=of_voter[voters[keep]],
            options=options[keep],
            weights=weights,
            names=rounds.names,
            of_voter=of_voter,
        )

    def members(self, types: np.ndarray) -> np.ndarray:
        """The voters of some types."""
        return np.flatnonzero(np.isin(self.of_voter, types))


@dataclass(frozen=True, eq=False)
class VoterGroups:
    """The groups of voters that were examined.

    Attributes
    ----------
    agreed
        (S,) rounds in which all members approve some option.
    weights
        (S,) weight of all members.
    won, best
        (S,) rounds whose outcome some member approves, and the most that one member approves.
    group
        A function from a group's number to the types in it.
    """

    agreed: np.ndarray
    weights: np.ndarray
    won: np.ndarray
    best: np.ndarray
    group: Callable[[int], np.ndarray]


def grown_groups(types: Types, groups: Sequence[np.ndarray] = (), seed: int = 0) -> VoterGroups:
    """Examine the given groups, and groups grown from single types.

    Groups grow from up to 50 types (half of them those that win least, the others random). A group adds
    the type that makes its weight times the number of options approved by all largest, as long as the
    group agrees on some option; once among all types, and once among those that win no more than the
    first. The search stops early when 300 million approvals have been examined.
    """
    search = _Search(types)
    for voters in groups:
        members = np.unique(types.of_voter[voters])
        members = members[members >= 0]
        if len(members):
            search.add(search.group(members.tolist()))
    wins = search.wins
    for first in _seeds(wins, seed):
        for allowed in (np.ones(len(wins), dtype=bool), wins <= wins[first]):
            search.grow(first, allowed)
    return search.groups()


@dataclass(frozen=True, eq=False)
class _Group:
    """Types, and (O,) which options all of them approve (common) and some of them approve (covered)."""

    members: list[int]
    common: np.ndarray
    covered: np.ndarray


class _Search:
    """The groups examined so far."""

    def __init__(self, types: Types) -> None:
        from scipy.sparse import csr_array

        data = np.ones(len(types.voters), dtype=np.float32)
        shape = len(types.weights), len(types.outcome_shares)
        self.types, self.wins = types, types.wins()
        self.approves = csr_array((data, (types.voters, types.options)), shape=shape)
        self.visits = 0.0
        self.rows: list[tuple[float, float, float, float, np.ndarray]] = []

    def group(self, members: list[int]) -> _Group:
        """The group of some types."""
        n_options = self.approves.shape[1]
        group = _Group([], np.ones(n_options, dtype=bool), np.zeros(n_options, dtype=bool))
        for member in members:
            group = self.extended(group, member)
        return group

    def extended(self, group: _Group, member: int) -> _Group:
        """The group with one more type."""
        start, end = self.approves.indptr[member : member + 2]
        approved = np.zeros(len(group.common), dtype=bool)
        approved[self.approves.indices[start:end]] = True
        return _Group([*group.members, member], group.common & approved, group.covered | approved)

    def add(self, group: _Group) -> None:
        """Record a group's figures."""
        agreed = int(np.logical_or.reduceat(group.common, self.types.starts[:-1]).sum())
        members = np.array(group.members)
        weight = float(self.types.weights[members].sum())
        won = float(self.types.outcome_shares[group.covered].sum())
        self.rows.append((agreed, weight, won, float(self.wins[members].max()), members))

    def grow(self, first: int, allowed: np.ndarray) -> None:
        """Grow a group from one type among those allowed, and record every group on the way."""
        weights = self.types.weights
        group, weight, free = self.group([first]), weights[first], allowed.copy()
        free[first] = False
        self.add(group)
        while free.any() and self.visits < VISITS and len(group.members) < STEPS:
            n_common = self.approves @ group.common.astype(np.float32)
            self.visits += len(self.types.voters) + len(group.common)
            worth = np.where(free, n_common * (weight + weights), 0.0)
            best = int(np.argmax(worth))
            if worth[best] <= 0:
                break
            group = self.extended(group, best)
            weight += weights[best]
            free[best] = False
            self.add(group)

    def groups(self) -> VoterGroups:
        """All groups that were recorded."""
        columns = [np.array([row[c] for row in self.rows]) for c in range(4)]
        agreed, weights, won, best = columns
        return VoterGroups(agreed, weights, won, best, lambda s: self.rows[s][4])


def _seeds(wins: np.ndarray, seed: int) -> list[int]:
    """The types from which groups grow: those that win least, and random others."""
    least = np.argsort(wins, kind="stable")[: SEEDS // 2]
    rest = np.setdiff1d(np.arange(len(wins)), least)
    drawn = np.random.default_rng(seed).permutation(rest)[: SEEDS - len(least)]
    return [*least.tolist(), *drawn.tolist()]
