"""Decisions to which everybody approves or not: what justified representation is about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from rlchf.auditing._tallies import Places, Tallies, pairs, sheets
from rlchf.rankings import Rankings, ranges

Unit = Literal["rounds", "contested rounds", "contested pairs"]
"""What counts as a decision: each prompt, each prompt on which no response is approved by all
ballots, or each pair of responses about which two ballots disagree."""

MOST_APPROVALS = 10_000_000


@dataclass(frozen=True, eq=False)
class Rounds:
    """Rounds in each of which one of several options is chosen.

    Attributes
    ----------
    starts
        (T + 1,) the options of round t are ``starts[t]`` to ``starts[t + 1]``.
    chances
        (O,) the part that each option has in the outcome of its round; 1 and 0 if it has no ties.
    voters, options
        (E,) who approves which option; no approval comes twice.
    weights
        (V,) of the voters.
    names
        (V,) theirs.
    """

    starts: np.ndarray
    chances: np.ndarray
    voters: np.ndarray
    options: np.ndarray
    weights: np.ndarray
    names: list[str]

    @classmethod
    def from_approvals(
        cls, rounds: Sequence[dict[str, list[str]]], winners: Sequence[str]
    ) -> "Rounds":
        """Build from each round's approvals, a dictionary from voters to options, and its winner.

        Examples
        --------
        >>> rounds = Rounds.from_approvals([{"ann": ["a"], "bob": ["b"]}, {"ann": ["c"]}], ["a", "c"])
        >>> rounds.starts, rounds.chances
        (array([0, 2, 3]), array([1., 0., 1.]))
        """
        names = list(dict.fromkeys(voter for ballots in rounds for voter in ballots))
        index = {name: v for v, name in enumerate(names)}
        starts, chances, entries = [0], [], []
        for ballots, winner in zip(rounds, winners, strict=True):
            options = sorted({winner}.union(*ballots.values()))
            at = {option: starts[-1] + o for o, option in enumerate(options)}
            entries += [(index[v], at[o]) for v, mine in ballots.items() for o in set(mine)]
            chances += [float(option == winner) for option in options]
            starts.append(starts[-1] + len(options))
        voters, approved = np.array(entries, dtype=np.int64).reshape(-1, 2).T
        weights = np.ones(len(names))
        return cls(np.array(starts), np.array(chances), voters, approved, weights, names)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def owners(self) -> np.ndarray:
        """(O,) the round of each option."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def of(self, chosen: np.ndarray) -> "Rounds":
        """Some of the rounds, given as a mask (T,)."""
        keep = chosen[self.owners]
        new = np.cumsum(keep) - 1
        kept = keep[self.options]
        sizes = np.diff(self.starts)[chosen]
        return replace(
            self,
            starts=np.concatenate([[0], np.cumsum(sizes)]),
            chances=self.chances[keep],
            voters=self.voters[kept],
            options=new[self.options[kept]],
        )


def by_code(codes: np.ndarray) -> np.ndarray:
    """The stable order of codes that are at least 0; quick if they are below 65536.

    Examples
    --------
    >>> by_code(np.array([1, 0, 1, 0]))
    array([1, 3, 0, 2])
    """
    small = codes.max(initial=0) < 2**16
    return np.argsort(codes.astype(np.uint16) if small else codes, kind="stable")


def rounds_of(rankings: Rankings, tallies: Tallies, unit: Unit) -> Rounds | None:
    """The rounds of a dataset; None for more than ten million approvals.

    An annotator approves what one of their ballots approves, and weighs as much as their ballots do on
    average; who has no ballot in a round approves nothing there.
    """
    if unit not in get_args(Unit):
        raise ValueError(f"unit is {unit!r}; choose from {', '.join(get_args(Unit))}")
    A = len(rankings.annotator_ids)
    ballots = np.bincount(tallies.annotators, minlength=A)
    total = np.bincount(tallies.annotators, tallies.weights, A)
    weights = np.divide(total, ballots, out=np.zeros(A), where=ballots > 0)
    if unit == "contested pairs":
        found = _pairs(rankings, tallies)
        if found is None:
            return None
        starts, chances, ballot, option = found
    else:
        starts, chances = rankings.response_starts, tallies.chances
        ballot, option = tallies.approvers, tallies.approved
    if len(ballot) > MOST_APPROVALS:
        return None
    heavy = tallies.weights[ballot] > 0
    voters, options = tallies.annotators[ballot[heavy]], option[heavy]
    ballot_keys = np.sort(tallies.prompts * A + tallies.annotators)
    if (np.diff(ballot_keys) == 0).any():  # somebody has several ballots on a prompt
        keys = np.sort(voters * max(len(chances), 1) + options)
        voters, options = np.divmod(keys[np.diff(keys, prepend=-1) > 0], max(len(chances), 1))
    rounds = Rounds(starts, chances, voters, options, weights, rankings.annotator_ids)
    return rounds.of(_contested(rankings, tallies)) if unit == "contested rounds" else rounds


def _contested(rankings: Rankings, tallies: Tallies) -> np.ndarray:
    """(P,) bool: no response is approved by all ballots that have a weight."""
    heavy = tallies.weights > 0
    present = np.bincount(tallies.prompts, heavy, rankings.n_prompts)
    by = heavy[tallies.approvers]
    approvals = np.bincount(tallies.approved, by, len(rankings.response_ids))
    return np.asarray(np.maximum.reduceat(approvals, rankings.response_starts[:-1]) < present)


def _pairs(
    rankings: Rankings, tallies: Tallies
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Contested pairs as rounds of two options: starts, chances, and approvals by ballot."""
    if tallies.contested.sum() > MOST_APPROVALS:
        return None
    sizes = np.diff(rankings.response_starts)
    cells = sizes**2
    size = np.repeat(sizes, cells)  # of each cell's table
    inside = ranges(np.zeros(len(cells), np.int64), cells)
    row, column = np.divmod(inside, size)
    back = np.arange(len(size)) - inside + column * size + row
    up = np.flatnonzero(tallies.above & tallies.above[back] & (row < column))
    option = np.full(len(size), -1)
    option[up], option[back[up]] = 2 * np.arange(len(up)), 2 * np.arange(len(up)) + 1

    begin = np.repeat(rankings.response_starts[:-1], cells)[up]
    first, second = begin + row[up], begin + column[up]
    chances = np.empty(2 * len(up))
    chances[::2] = (1 + np.sign(tallies.places[second] - tallies.places[first])) / 2
    chances[1::2] = 1 - chances[::2]
    ballots, options = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for sheet in sheets(rankings):
        places = Places.of(sheet, rankings, tallies.prompts, tallies.cells)
        for a, b in pairs(len(sheet.ranks)):
            at = option[places.pair(a, b)]
            keep = (sheet.ranks[a] < sheet.ranks[b]) & (at >= 0)
            ballots.append(sheet.ballots[keep])
            options.append(at[keep])
    starts = np.arange(0, 2 * len(up) + 1, 2)
    return starts, chances, np.concatenate(ballots), np.concatenate(options)
