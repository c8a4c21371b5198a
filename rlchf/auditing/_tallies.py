"""Agreement of the outcome with every ballot, counted once; all measures are sums of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.limits import check_memory
from rlchf.numeric.ratios import ratio
from rlchf.numeric.segments import offsets, ranges
from rlchf.rankings import Rankings
from rlchf.rules._parts.committees.ballots import approvals


@dataclass(frozen=True, eq=False)
class Tallies:
    """Figures per ballot, and the approvals of the ballots.

    A round is a prompt: its outcome is the first response. A ballot approves what it says it does; one that
    states no approvals approves its better half (its first place, and all that have fewer ranked responses
    above than below). Where the outcome ties several responses for the first place, each has an equal share
    of the outcome.

    Attributes
    ----------
    prompts, annotators, weights, counts
        (N,) each ballot's prompt, annotator and weight, and the number of ballots that it stands for.
    agreed, stated
        (N,) strict pairs of the ballot that the outcome puts in the same order (half for a pair that
        the outcome ties), and strict pairs.
    contested_agreed, contested
        (N,) the same over contested pairs: those about which two ballots with a weight strictly disagree.
    first_place
        (N,) whether the ballot's first response is the outcome's (parts of ties in proportion).
    won
        (N,) whether the ballot approves the outcome of the round.
    quota
        (N,) the largest share of the round's weight that approves what this ballot approves.
    influence
        (N,) the ballot's weight divided by the weight of all that approve the outcome of the round.
    approvers, approved
        (E,) ballot, and index into ``response_ids``, of every approval.
    outcome_shares, ranks
        (R,) each response's share of the round's outcome, and its rank in the outcome.
    contested_pairs
        For each prompt an M x M table: whether the pair i, j is contested.
    table_starts
        (P + 1,) where each prompt's table begins.
    """

    prompts: np.ndarray
    annotators: np.ndarray
    weights: np.ndarray
    counts: np.ndarray
    agreed: np.ndarray
    stated: np.ndarray
    contested_agreed: np.ndarray
    contested: np.ndarray
    first_place: np.ndarray
    won: np.ndarray
    quota: np.ndarray
    influence: np.ndarray
    approvers: np.ndarray
    approved: np.ndarray
    outcome_shares: np.ndarray
    ranks: np.ndarray
    contested_pairs: np.ndarray
    table_starts: np.ndarray

    @property
    def n_prompts(self) -> int:
        """Number of prompts, ``P``."""
        return len(self.table_starts) - 1

    def totals(self) -> np.ndarray:
        """(P,) the weight of all ballots of each prompt."""
        return np.bincount(self.prompts, self.weights, self.n_prompts)


@dataclass(frozen=True, eq=False)
class BallotsOfLength:
    """Ballots that rank equally many responses, best first.

    Attributes
    ----------
    ballots
        (K,) the ballots, as indices.
    responses, ranks
        (n, K) the responses, as indices into ``response_ids``, and their ranks, in ascending order.
    """

    ballots: np.ndarray
    responses: np.ndarray
    ranks: np.ndarray


def ballots_by_length(rankings: Rankings) -> Iterator[BallotsOfLength]:
    """Group the ballots by the number of responses that they rank.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "b > a"), ("p", "bob", "c")])
    >>> for batch in ballots_by_length(rankings):
    ...     print(batch.ballots, batch.responses.T, batch.ranks.T)
    [1] [[2]] [[1]]
    [0] [[1 0]] [[1 2]]
    """
    counts = np.diff(rankings.ballot_starts)
    if rankings.unranked == "last":
        for prompts, profiles in rankings.profiles():
            ballots = ranges(rankings.ballot_starts[prompts], counts[prompts])
            order = np.argsort(profiles.ranks, axis=0, kind="stable")
            responses = order + rankings.response_starts[prompts][profiles.owners]
            ranks = np.take_along_axis(profiles.ranks, order, axis=0)
            yield BallotsOfLength(ballots, responses, ranks)
        return
    begin = np.repeat(rankings.response_starts[:-1], counts)  # (N,)
    lengths = np.diff(rankings.entry_starts)
    for n in np.unique(lengths).tolist():
        ballots = np.flatnonzero(lengths == n)
        entries = rankings.entry_starts[ballots] + np.arange(n)[:, None]  # (n, K)
        responses = rankings.entry_responses[entries] + begin[ballots]
        yield BallotsOfLength(ballots, responses, rankings.entry_ranks[entries])


def tally(rankings: Rankings, result: Aggregation) -> Tallies:
    """Count how far an outcome agrees with every ballot.

    Raises
    ------
    ValueError
        If the outcome is not about the same prompts and responses.
    """
    result.check_same_responses(rankings)
    N, P, R = rankings.n_ballots, rankings.n_prompts, len(rankings.response_ids)
    prompts, weights = rankings.ballot_prompts, rankings.ballot_weights
    prompt_of = np.repeat(np.arange(P), np.diff(rankings.response_starts))  # (R,)
    first = result.response_ranks == 1
    outcome_shares = first / np.bincount(prompt_of, first)[prompt_of]
    table_starts, contested_pairs = _contested_pairs(rankings)

    counted = np.zeros((4, N))  # agreed and stated, then both over contested pairs
    first_place, states = np.zeros(N), np.zeros(N, dtype=bool)
    approvers, approved = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    if rankings.entry_approvals is not None:
        states = rankings.states_approvals
        approving = np.flatnonzero(rankings.entry_approvals == 1)
        approvers = [np.repeat(np.arange(N), np.diff(rankings.entry_starts))[approving]]
        begin = rankings.response_starts[prompts[approvers[0]]]
        approved = [rankings.entry_responses[approving] + begin]
    for batch in ballots_by_length(rankings):
        index = PairIndex.of(batch, rankings, prompts, table_starts)
        counted[:, batch.ballots] = _counts(batch, result, contested_pairs, index)
        winners = outcome_shares[batch.responses]  # (n, K)
        first_place[batch.ballots] = (winners * (batch.ranks == 1)).sum(axis=0)
        row, column = np.nonzero(approvals(batch.ranks) & ~states[batch.ballots])
        approvers.append(batch.ballots[column])
        approved.append(batch.responses[row, column])
    ballots, responses = np.concatenate(approvers), np.concatenate(approved)
    # A ballot that says of all its responses that it approves none has no first place.
    first_place[states & (counted[1] == 0) & (np.bincount(ballots, minlength=N) == 0)] = 0.0

    support = np.bincount(responses, weights[ballots], R)
    shares = ratio(support, np.bincount(prompts, weights, P)[prompt_of], 0.0)
    quota, influence = np.zeros(N), ratio(outcome_shares, support, 0.0)
    np.maximum.at(quota, ballots, shares[responses])
    return Tallies(
        prompts=prompts,
        annotators=rankings.ballot_annotators,
        weights=weights,
        counts=rankings.ballot_counts,
        agreed=counted[0],
        stated=counted[1],
        contested_agreed=counted[2],
        contested=counted[3],
        first_place=first_place,
        won=np.bincount(ballots, outcome_shares[responses], N),
        quota=quota,
        influence=np.bincount(ballots, influence[responses], N) * weights,
        approvers=ballots,
        approved=responses,
        outcome_shares=outcome_shares,
        ranks=result.response_ranks,
        contested_pairs=contested_pairs,
        table_starts=table_starts,
    )


def _contested_pairs(rankings: Rankings) -> tuple[np.ndarray, np.ndarray]:
    """Where each prompt's table begins, and the tables, end to end."""
    starts = offsets(np.diff(rankings.response_starts) ** 2)
    largest = int(np.diff(starts).max())  # a prompt's pairs are worked on together
    check_memory(
        float(starts[-1]) + 32.0 * largest,
        f"an audit of {starts[-1]:,} pairs of responses",
        "give fewer responses on a prompt, or fewer prompts",
    )
    contested = np.zeros(starts[-1], dtype=bool)
    for prompts, profiles in rankings.profiles(small=True):
        cells = starts[prompts][:, None] + np.arange(profiles.n_responses**2)
        contested[cells] = profiles.contested.reshape(cells.shape)
    return starts, contested


def pairs(n: int) -> Iterator[tuple[int, int]]:
    """All a < b below n."""
    return ((a, b) for a in range(n) for b in range(a + 1, n))


@dataclass(frozen=True, eq=False)
class PairIndex:
    """Positions of the ballots' pairs in the tables of pairs."""

    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(
        cls,
        batch: BallotsOfLength,
        rankings: Rankings,
        prompts: np.ndarray,
        table_starts: np.ndarray,
    ) -> "PairIndex":
        """Look up the prompts of the ballots."""
        prompt = prompts[batch.ballots]
        begin = rankings.response_starts[prompt]
        size = rankings.response_starts[prompt + 1] - begin
        columns = batch.responses - begin
        return cls(table_starts[prompt] + columns * size, columns)

    def pair(self, a: int, b: int) -> np.ndarray:
        """(K,) the positions of the pairs of the a-th and the b-th response on each ballot."""
        return np.asarray(self.rows[a] + self.columns[b])


def _counts(
    batch: BallotsOfLength, result: Aggregation, contested_pairs: np.ndarray, index: PairIndex
) -> np.ndarray:
    """(4, K) pairs agreed and stated, then both over contested pairs."""
    n, K = batch.ranks.shape
    counts = np.zeros((4, K))
    outcome = result.response_ranks[batch.responses]
    for a, b in pairs(n):
        strict = batch.ranks[a] < batch.ranks[b]
        strict_contested = strict & contested_pairs[index.pair(a, b)]
        credit = (1 + np.sign(outcome[b] - outcome[a])) / 2
        counts += credit * strict, strict, credit * strict_contested, strict_contested
    return counts
