"""Types of voters, and groups of them found by greedy growth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing._rounds import Rounds, by_code

VISITS = 3e8  # approvals looked at in one search
SEEDS = 50
STEPS = 200


@dataclass(frozen=True, eq=False)
class Types:
    """Voters that approve the same in all rounds taken together; otherwise like `Rounds`.

    Attributes
    ----------
    of_voter
        (V,) the type of each voter, -1 for voters without weight or approvals.
    """

    starts: np.ndarray
    chances: np.ndarray
    voters: np.ndarray
    options: np.ndarray
    weights: np.ndarray
    names: list[str]
    of_voter: np.ndarray

    @classmethod
    def of(cls, rounds: Rounds) -> "Types":
        """Tell types by two random 64-bit sums of what each voter approves.

        Examples
        --------
        >>> ballots = {"ann": ["a"], "bob": ["b"], "eve": ["a"]}
        >>> Types.of(Rounds.from_approvals([ballots, ballots], ["a", "b"])).of_voter
        array([0, 1, 0])
        """
        V = len(rounds.weights)
        order = by_code(rounds.voters)
        voters, options = rounds.voters[order], rounds.options[order]
        heavy = rounds.weights[voters] > 0
        voters, options = voters[heavy], options[heavy]
        firsts = np.flatnonzero(np.diff(voters, prepend=-1))
        rng = np.random.default_rng(0)
        marks = rng.integers(0, 2**63, size=(2, len(rounds.chances)), dtype=np.int64)
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
            chances=rounds.chances,
            voters=of_voter[voters[keep]],
            options=options[keep],
            weights=weights,
            names=rounds.names,
            of_voter=of_voter,
        )

    def wins(self) -> np.ndarray:
        """(G,) rounds whose outcome each type approves."""
        return np.bincount(self.voters, self.chances[self.options], len(self.weights))

    def members(self, types: np.ndarray) -> np.ndarray:
        """The voters of some types."""
        return np.flatnonzero(np.isin(self.of_voter, types))


@dataclass(frozen=True, eq=False)
class Found:
    """Groups that were looked at.

    Attributes
    ----------
    agreed
        (S,) rounds in which all members approve some option.
    weights
        (S,) of all members.
    won, best
        (S,) rounds whose outcome some member approves, and the most that one member approves.
    group
        The types in group s.
    """

    agreed: np.ndarray
    weights: np.ndarray
    won: np.ndarray
    best: np.ndarray
    group: Callable[[int], np.ndarray]


def grown_groups(types: Types, groups: Sequence[np.ndarray] = (), seed: int = 0) -> Found:
    """Look at the given groups, and at groups grown from single types.

    From each of up to 50 types (half of them those that win least, the others random), a group takes in
    the type with which its weight times the options approved by all is largest, while it agrees
    anywhere; once among all types, and once among those that win no more than the first. It stops
    early when 300 million approvals have been looked at.
    """
    from scipy.sparse import csr_array

    G, n_options = len(types.weights), len(types.chances)
    data = np.ones(len(types.voters), dtype=np.float32)
    approves = csr_array((data, (types.voters, types.options)), shape=(G, n_options))
    wins = types.wins()
    rows: list[tuple[float, float, float, float, np.ndarray]] = []

    def options(g: int) -> np.ndarray:
        return np.asarray(approves.indices[approves.indptr[g] : approves.indptr[g + 1]])

    def note(members: list[int], alive: np.ndarray, touched: np.ndarray) -> None:
        agreed = int(np.logical_or.reduceat(alive, types.starts[:-1]).sum())
        chosen = np.array(members)
        weight, best = float(types.weights[chosen].sum()), float(wins[chosen].max())
        rows.append((agreed, weight, float(types.chances[touched].sum()), best, chosen))

    def begin(g: int) -> tuple[np.ndarray, np.ndarray]:
        alive = np.zeros(n_options, dtype=bool)
        alive[options(g)] = True
        return alive, alive.copy()

    def extend(g: int, alive: np.ndarray, touched: np.ndarray) -> np.ndarray:
        mine = options(g)
        touched[mine] = True
        both = np.zeros(n_options, dtype=bool)
        both[mine] = alive[mine]
        return both

    visits = 0.0
    for voters in groups:
        chosen = np.unique(types.of_voter[voters])
        chosen = chosen[chosen >= 0]
        if len(chosen):
            alive, touched = begin(int(chosen[0]))
            for g in chosen[1:].tolist():
                alive = extend(g, alive, touched)
            note(chosen.tolist(), alive, touched)
    for first in _seeds(wins, seed):
        for allowed in (np.ones(G, dtype=bool), wins <= wins[first]):
            alive, touched = begin(first)
            members, weight, free = [first], types.weights[first], allowed.copy()
            free[first] = False
            note(members, alive, touched)
            while free.any() and visits < VISITS and len(members) < STEPS:
                common = approves @ alive.astype(np.float32)
                visits += len(types.voters) + n_options
                worth = np.where(free, common * (weight + types.weights), 0.0)
                g = int(np.argmax(worth))
                if worth[g] <= 0:
                    break
                alive = extend(g, alive, touched)
                members.append(g)
                weight += types.weights[g]
                free[g] = False
                note(members, alive, touched)
    columns = [np.array(column) for column in list(zip(*rows, strict=True))[:4]] if rows else []
    agreed, weights, won, best = columns or [np.zeros(0)] * 4
    return Found(agreed, weights, won, best, lambda s: rows[s][4])


def _seeds(wins: np.ndarray, seed: int) -> list[int]:
    least = np.argsort(wins, kind="stable")[: SEEDS // 2]
    rest = np.setdiff1d(np.arange(len(wins)), least)
    drawn = np.random.default_rng(seed).permutation(rest)[: SEEDS - len(least)]
    return [*least.tolist(), *drawn.tolist()]
