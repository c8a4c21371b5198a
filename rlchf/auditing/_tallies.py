"""What the outcome does to every ballot, counted once; all measures are sums of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings


@dataclass(frozen=True, eq=False)
class Tallies:
    """Figures per ballot, and the approvals read off the ballots.

    A round is a prompt: its outcome is the first response, and a ballot approves its better half (its
    first place, and all that have fewer ranked responses above than below). Where the outcome ties
    several responses for the first place, each has its part.

    Attributes
    ----------
    prompts, annotators, weights, counts
        (N,) where, whose, and how heavy the ballot is, and how many it stands for.
    agreed, stated
        (N,) strict pairs of the ballot in the outcome's order (half for a pair that the outcome
        ties), and strict pairs.
    contested_agreed, contested
        (N,) the same over contested pairs: those about which two ballots strictly disagree.
    top
        (N,) whether the ballot's first response is the outcome's (parts of ties in proportion).
    won
        (N,) whether the ballot approves the outcome of the round.
    quota
        (N,) the largest share of the round's weight that approves what this ballot approves.
    influence
        (N,) the ballot's part of the round: its weight by that of all who approve the outcome.
    approvers, approved
        (E,) ballot, and index into ``response_ids``, of every approval.
    chances, places
        (R,) the part of the round's outcome that each response has, and its place.
    above
        For each prompt an M x M table at ``cells``: whether a ballot (of some weight) ranks i above j.
    cells
        (P,) where each prompt's table begins.
    """

    prompts: np.ndarray
    annotators: np.ndarray
    weights: np.ndarray
    counts: np.ndarray
    agreed: np.ndarray
    stated: np.ndarray
    contested_agreed: np.ndarray
    contested: np.ndarray
    top: np.ndarray
    won: np.ndarray
    quota: np.ndarray
    influence: np.ndarray
    approvers: np.ndarray
    approved: np.ndarray
    chances: np.ndarray
    places: np.ndarray
    above: np.ndarray
    cells: np.ndarray

    def totals(self, n_prompts: int) -> np.ndarray:
        """(P,) the weight of all ballots of each prompt."""
        return np.bincount(self.prompts, self.weights, n_prompts)


@dataclass(frozen=True, eq=False)
class Sheets:
    """Ballots that rank equally many responses, best first.

    Attributes
    ----------
    ballots
        (K,) which ballots these are.
    responses, ranks
        (n, K) the responses, as indices into ``response_ids``, and their places, which never fall.
    """

    ballots: np.ndarray
    responses: np.ndarray
    ranks: np.ndarray


def sheets(rankings: Rankings) -> Iterator[Sheets]:
    """The ballots by the number of responses that they rank.

    Examples
    --------
    >>> for sheet in sheets(Rankings.from_ballots([("p", "ann", "b > a"), ("p", "bob", "c")])):
    ...     print(sheet.ballots, sheet.responses.T, sheet.ranks.T)
    [1] [[2]] [[1]]
    [0] [[1 0]] [[1 2]]
    """
    counts = np.diff(rankings.ballot_starts)
    if rankings.unranked == "last":
        for prompts, profiles in rankings.profiles():
            here = rankings.ballot_starts[prompts] - profiles.starts[:-1]
            ballots = np.repeat(here, counts[prompts]) + np.arange(profiles.ranks.shape[1])
            order = np.argsort(profiles.ranks, axis=0, kind="stable")
            begin = np.repeat(rankings.response_starts[prompts], counts[prompts])
            yield Sheets(ballots, order + begin, np.take_along_axis(profiles.ranks, order, axis=0))
        return
    begin = np.repeat(rankings.response_starts[:-1], counts)  # (N,)
    named = np.diff(rankings.entry_starts)
    for n in np.unique(named).tolist():
        ballots = np.flatnonzero(named == n)
        at = rankings.entry_starts[ballots] + np.arange(n)[:, None]  # (n, K)
        responses = rankings.entry_responses[at] + begin[ballots]
        yield Sheets(ballots, responses, rankings.entry_ranks[at])


def tally(rankings: Rankings, result: Aggregation) -> Tallies:
    """Count what an outcome of the same prompts and responses does to every ballot."""
    N, R = rankings.n_ballots, len(rankings.response_ids)
    sizes = np.diff(rankings.response_starts)
    prompts = np.repeat(np.arange(rankings.n_prompts), np.diff(rankings.ballot_starts))
    weights = rankings.ballot_weights
    prompt_of = np.repeat(np.arange(rankings.n_prompts), sizes)  # (R,)
    first = result.response_ranks == 1
    chances = first / np.bincount(prompt_of, first)[prompt_of]
    cells, above = above_table(rankings, prompts, sizes)

    counted = np.zeros((4, N))  # agreed and stated, then both over contested pairs
    top, approvers, approved = np.zeros(N), [], []
    for sheet in sheets(rankings):
        approves = _count_pairs(sheet, rankings, result, prompts, cells, above, counted)
        winners = chances[sheet.responses]  # (n, K)
        top[sheet.ballots] = (winners * (sheet.ranks == 1)).sum(axis=0)
        place, column = np.nonzero(approves)
        approvers.append(sheet.ballots[column])
        approved.append(sheet.responses[place, column])
    who, what = np.concatenate(approvers), np.concatenate(approved)

    support = np.bincount(what, weights[who], R)
    totals = np.bincount(prompts, weights, rankings.n_prompts)[prompt_of]
    quota, part = np.zeros(N), np.zeros(R)
    shares = np.divide(support, totals, out=np.zeros(R), where=totals > 0)
    np.maximum.at(quota, who, shares[what])
    np.divide(chances, support, out=part, where=support > 0)
    return Tallies(
        prompts=prompts,
        annotators=rankings.ballot_annotators,
        weights=weights,
        counts=rankings.ballot_counts,
        agreed=counted[0],
        stated=counted[1],
        contested_agreed=counted[2],
        contested=counted[3],
        top=top,
        won=np.bincount(who, chances[what], N),
        quota=quota,
        influence=np.bincount(who, part[what], N) * weights,
        approvers=who,
        approved=what,
        chances=chances,
        places=result.response_ranks,
        above=above,
        cells=cells,
    )


def above_table(
    rankings: Rankings, prompts: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where each prompt's table begins, and the tables: some ballot with a weight ranks i above j."""
    cells = np.cumsum(sizes**2) - sizes**2
    above = np.zeros(int((sizes**2).sum()), dtype=bool)
    for sheet in sheets(rankings):
        heavy = rankings.ballot_weights[sheet.ballots] > 0
        places = Places.of(sheet, rankings, prompts, cells)
        for a, b in pairs(len(sheet.ranks)):
            strict = heavy & (sheet.ranks[a] < sheet.ranks[b])
            above[places.pair(a, b)[strict]] = True
    return cells, above


def pairs(n: int) -> Iterator[tuple[int, int]]:
    """All a < b below n."""
    return ((a, b) for a in range(n) for b in range(a + 1, n))


@dataclass(frozen=True, eq=False)
class Places:
    """Where the tables of pairs have what a sheet's ballots say."""

    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(
        cls, sheet: Sheets, rankings: Rankings, prompts: np.ndarray, cells: np.ndarray
    ) -> "Places":
        """Look up the prompts of the ballots."""
        prompt = prompts[sheet.ballots]
        begin = rankings.response_starts[prompt]
        size = rankings.response_starts[prompt + 1] - begin
        columns = sheet.responses - begin
        return cls(cells[prompt] + columns * size, columns)

    def pair(self, a: int, b: int) -> np.ndarray:
        """(K,) the cell that says whether the response in place a is above that in place b."""
        return np.asarray(self.rows[a] + self.columns[b])


def _count_pairs(
    sheet: Sheets, rankings: Rankings, result: Aggregation, prompts: np.ndarray,
    cells: np.ndarray, above: np.ndarray, counted: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Fill in the pairs of these ballots; (n, K) what they approve."""
    n, K = sheet.ranks.shape
    lead = np.zeros((n, K), dtype=np.int32)  # responses below minus responses above
    agreed, stated = np.zeros(K, np.int64), np.zeros(K, np.int64)  # agreed in halves
    contested_agreed, contested = np.zeros(K, np.int64), np.zeros(K, np.int64)
    outcome = result.response_ranks[sheet.responses]
    places = Places.of(sheet, rankings, prompts, cells)
    for a, b in pairs(n):
        strict = sheet.ranks[a] < sheet.ranks[b]
        lead[a] += strict
        lead[b] -= strict
        fought = strict & above[places.pair(a, b)] & above[places.pair(b, a)]
        halves = 1 + np.sign(outcome[b] - outcome[a])
        agreed += halves * strict
        stated += strict
        contested_agreed += halves * fought
        contested += fought
    counted[:, sheet.ballots] = agreed / 2, stated, contested_agreed / 2, contested
    return np.asarray((sheet.ranks == 1) | (lead > 0))
