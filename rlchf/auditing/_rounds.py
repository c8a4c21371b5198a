"""Rounds with approvals: the decisions over which justified representation is checked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rlchf.auditing._tallies import PairIndex, Tallies, ballots_by_length, pairs
from rlchf.auditing.welfare import mean_weights
from rlchf.numeric.segments import offsets, ranges
from rlchf.options import checked
from rlchf.rankings import Rankings

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
    outcome_shares
        (O,) each option's share of the outcome of its round; 1 and 0 if the outcome has no ties.
    voters, options
        (E,) voter and option of each approval; no approval comes twice.
    weights, names
        (V,) the voters' weights and names.
    """

    starts: np.ndarray
    outcome_shares: np.ndarray
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
        >>> rounds.starts, rounds.outcome_shares
        (array([0, 2, 3]), array([1., 0., 1.]))
        """
        names = list(dict.fromkeys(voter for ballots in rounds for voter in ballots))
        index = {name: v for v, name in enumerate(names)}
        starts, outcome_shares, entries = [0], [], []
        for ballots, winner in zip(rounds, winners, strict=True):
            options = sorted({winner}.union(*ballots.values()))
            codes = {option: starts[-1] + o for o, option in enumerate(options)}
            entries += [(index[v], codes[o]) for v, named in ballots.items() for o in set(named)]
            outcome_shares += [float(option == winner) for option in options]
            starts.append(starts[-1] + len(options))
        voters, approved = np.array(entries, dtype=np.int64).reshape(-1, 2).T
        weights = np.ones(len(names))
        return cls(np.array(starts), np.array(outcome_shares), voters, approved, weights, names)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def owners(self) -> np.ndarray:
        """(O,) the round of each option."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def wins(self) -> np.ndarray:
        """(V,) the rounds whose outcome each voter approves; an outcome with ties counts in parts."""
        return np.bincount(self.voters, self.outcome_shares[self.options], len(self.weights))

    def subset(self, chosen: np.ndarray) -> "Rounds":
        """Some of the rounds, given as a mask (T,)."""
        keep = chosen[self.owners]
        new = np.cumsum(keep) - 1
        kept = keep[self.options]
        return replace(
            self,
            starts=offsets(np.diff(self.starts)[chosen]),
            outcome_shares=self.outcome_shares[keep],
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

    An annotator approves what any of their ballots approves (of a comparison with a probability, the likelier
    order), and has the mean weight of their ballots; an
    annotator without a ballot in a round approves nothing there.
    """
    checked(Unit, unit, "unit")
    A = len(rankings.annotator_ids)
    if unit == "contested pairs":
        pair_rounds = _pairs(rankings, tallies)
        if pair_rounds is None:
            return None
        starts, outcome_shares, ballot, option = pair_rounds
    else:
        starts, outcome_shares = rankings.response_starts, tallies.outcome_shares
        ballot, option = tallies.approvers, tallies.approved
    if len(ballot) > MOST_APPROVALS:
        return None
    weighted = (tallies.weights[ballot] > 0) & (tallies.counts[ballot] > 0)
    voters, options = tallies.annotators[ballot[weighted]], option[weighted]
    ballot_keys = np.sort(tallies.prompts * A + tallies.annotators)
    if (np.diff(ballot_keys) == 0).any():  # somebody has several ballots on a prompt
        n_options = max(len(outcome_shares), 1)
        voters, options = np.divmod(np.unique(voters * n_options + options), n_options)
    names, weights = rankings.annotator_ids, mean_weights(rankings)
    rounds = Rounds(starts, outcome_shares, voters, options, weights, names)
    return rounds.subset(_contested(rankings, tallies)) if unit == "contested rounds" else rounds


def _contested(rankings: Rankings, tallies: Tallies) -> np.ndarray:
    """(P,) bool: no response is approved by all ballots that have a weight."""
    weighted = tallies.weights > 0
    present = np.bincount(tallies.prompts, weighted, rankings.n_prompts)
    R = len(rankings.response_ids)
    approvals = np.bincount(tallies.approved, weighted[tallies.approvers], R)
    return np.asarray(np.maximum.reduceat(approvals, rankings.response_starts[:-1]) < present)


def _pairs(
    rankings: Rankings, tallies: Tallies
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Contested pairs as rounds of two options: starts, outcome_shares, and approvals by ballot."""
    if tallies.contested.sum() > MOST_APPROVALS:
        return None
    sizes = np.diff(rankings.response_starts)
    table_sizes = sizes**2
    size = np.repeat(sizes, table_sizes)  # of each cell's table
    inside = ranges(np.zeros(len(sizes), np.int64), table_sizes)
    row, column = np.divmod(inside, size)
    mirrored = np.arange(len(size)) - inside + column * size + row
    up = np.flatnonzero(tallies.contested_pairs & (row < column))
    option = np.full(len(size), -1)
    option[up], option[mirrored[up]] = 2 * np.arange(len(up)), 2 * np.arange(len(up)) + 1

    begin = np.repeat(rankings.response_starts[:-1], table_sizes)[up]
    first, second = begin + row[up], begin + column[up]
    outcome_shares = np.empty(2 * len(up))
    outcome_shares[::2] = (1 + np.sign(tallies.ranks[second] - tallies.ranks[first])) / 2
    outcome_shares[1::2] = 1 - outcome_shares[::2]
    ballots, options = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for batch in ballots_by_length(rankings):
        index = PairIndex.of(batch, rankings, tallies.prompts, tallies.table_starts)
        for a, b in pairs(len(batch.ranks)):
            preferred = option[index.pair(a, b)]
            keep = (batch.ranks[a] < batch.ranks[b]) & (preferred >= 0)
            ballots.append(batch.ballots[keep])
            options.append(preferred[keep])
    starts = np.arange(0, 2 * len(up) + 1, 2)
    return starts, outcome_shares, np.concatenate(ballots), np.concatenate(options)
