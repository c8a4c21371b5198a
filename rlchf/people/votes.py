"""Votes on pairs: what each annotator says about each two responses to a prompt."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rlchf.numeric.segments import offsets
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

MOST = 2**22
"""Votes that are looked at; of more, pairs are drawn at random."""


@dataclass(frozen=True, eq=False)
class PairVotes:
    """The votes of a dataset: one for each annotator and each pair of responses that the annotator compares.

    Several ballots of an annotator on a prompt are one vote on a pair, with the mean of what they say. The
    responses of a pair are in the order of the prompt's responses.

    Attributes
    ----------
    n_prompts, n_annotators, n_pairs
        Numbers P, A and U, those without votes included.
    pairs, cells
        (K,) the pair of each vote, and its annotator and prompt together: votes of a cell are not
        independent. Sorted by cell.
    sides, ties
        (K,) from 1 (the first response is above) to -1 (it is below), and the share of the vote that ties
        the two.
    weights, people
        (K,) weight of each vote, of which the largest ballot has 1, and number of people for whom it stands.
    cell_annotators, cell_prompts
        (C,) those of each cell.
    drawn
        Share of the pairs that were drawn; 1 if they are all there.
    """

    n_prompts: int
    n_annotators: int
    n_pairs: int
    pairs: np.ndarray
    cells: np.ndarray
    sides: np.ndarray
    ties: np.ndarray
    weights: np.ndarray
    people: np.ndarray
    cell_annotators: np.ndarray
    cell_prompts: np.ndarray
    drawn: float = 1.0

    @classmethod
    def of(cls, rankings: Rankings, most: int = MOST, seed: int = 0) -> "PairVotes":
        """The votes of all ballots that have a weight.

        Parameters
        ----------
        most
            The number of votes above which pairs are drawn, at random from the seed.

        Examples
        --------
        >>> ballots = [("p", "ann", "a > b = c"), ("p", "bob", "c > a")]
        >>> votes = PairVotes.of(Rankings.from_ballots(ballots))
        >>> votes.pairs, votes.sides, votes.annotators
        (array([0, 1, 2, 1]), array([ 1.,  1.,  0., -1.]), array([0, 0, 0, 1]))
        """
        pairs, ballots, sides, share = ballot_votes(rankings, most, seed)
        weighted = rankings.ballot_weights[ballots] > 0
        n_pairs = int(pair_starts(rankings)[-1])
        return cls._joined(
            rankings, n_pairs, pairs[weighted], ballots[weighted], sides[weighted], share
        )

    @classmethod
    def _joined(
        cls,
        rankings: Rankings,
        n_pairs: int,
        pairs: np.ndarray,
        ballots: np.ndarray,
        sides: np.ndarray,
        share: float,
    ) -> "PairVotes":
        """The votes of ballots, those of an annotator on a pair as one."""
        A = len(rankings.annotator_ids)
        keys = rankings.ballot_prompts * A + rankings.ballot_annotators
        distinct, cell_of = np.unique(keys, return_inverse=True)
        weights = rankings.ballot_weights[ballots]
        weights = (
            weights / weights.max(initial=0.0) if len(weights) else weights
        )  # squares stay finite
        people = np.maximum(rankings.ballot_counts, 1)[ballots].astype(float)
        cells, sides = cell_of[ballots], sides.astype(float)
        ties = (sides == 0).astype(float)
        if len(distinct) < len(keys):
            votes, place = np.unique(cells * n_pairs + pairs, return_inverse=True)
            whole = np.bincount(place, weights)
            sides = np.bincount(place, weights * sides) / whole
            ties = np.bincount(place, weights * ties) / whole
            most = np.zeros(len(votes))
            np.maximum.at(most, place, people)
            cells, pairs = np.divmod(votes, n_pairs)
            weights, people = whole, most
        elif (np.diff(cells) < 0).any():
            order = np.argsort(cells, kind="stable")
            pairs, cells, sides, ties = pairs[order], cells[order], sides[order], ties[order]
            weights, people = weights[order], people[order]
        prompts, annotators = np.divmod(distinct, A)
        return cls(
            rankings.n_prompts, A, n_pairs, pairs, cells, sides, ties, weights, people,
            annotators, prompts, share,
        )  # fmt: skip

    @property
    def annotators(self) -> np.ndarray:
        """(K,) the annotator of each vote."""
        return np.asarray(self.cell_annotators[self.cells])

    @property
    def prompts(self) -> np.ndarray:
        """(K,) the prompt of each vote."""
        return np.asarray(self.cell_prompts[self.cells])

    @cached_property
    def values(self) -> np.ndarray:
        """(3, K) the shares of each vote for above, below and tied."""
        strict = 1 - self.ties
        return np.stack([(strict + self.sides) / 2, (strict - self.sides) / 2, self.ties])


def pair_starts(rankings: Rankings) -> np.ndarray:
    """(P + 1,) the first pair of each prompt; (0, 1), (0, 2), ..., (1, 2), ... are in this order.

    Examples
    --------
    >>> pair_starts(Rankings.from_ballots([("p", "ann", "a > b > c"), ("q", "ann", "a > b")]))
    array([0, 3, 4])
    """
    sizes = np.diff(rankings.response_starts)
    return offsets(sizes * (sizes - 1) // 2)


def pair_responses(rankings: Rankings) -> tuple[np.ndarray, np.ndarray]:
    """(U,) the two responses of each pair, as indices into ``response_ids``.

    Examples
    --------
    >>> pair_responses(Rankings.from_ballots([("p", "ann", "a > b > c"), ("q", "ann", "a > b")]))
    (array([0, 0, 1, 3]), array([1, 2, 2, 4]))
    """
    starts = pair_starts(rankings)
    first, second = np.empty((2, int(starts[-1])), np.int64)
    sizes = np.diff(rankings.response_starts)
    for M in np.unique(sizes).tolist():
        prompts = np.flatnonzero(sizes == M)
        i, j = np.triu_indices(M, 1)
        at = starts[prompts][:, None] + np.arange(len(i))
        first[at] = rankings.response_starts[prompts][:, None] + i
        second[at] = rankings.response_starts[prompts][:, None] + j
    return first, second


def ballot_votes(
    rankings: Rankings, most: int = MOST, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The votes on each ballot.

    Returns
    -------
    The pairs, ballots and sides (1, -1, or 0 for tied) of all votes, by ballot; and the share of the pairs
    that were drawn.
    """
    starts = pair_starts(rankings)
    lengths = np.diff(rankings.entry_starts)
    if rankings.unranked == "last":
        lengths = np.diff(rankings.response_starts)[rankings.ballot_prompts]
    share = min(1.0, most / max(1, int((lengths * (lengths - 1) // 2).sum())))
    kept = None if share == 1 else np.random.default_rng(seed).random(int(starts[-1])) < share
    parts = [
        part
        for prompts, profiles in rankings.profiles(small=True)
        for part in _votes(profiles, starts[prompts], rankings.ballot_starts[prompts], kept)
    ]
    pairs, ballots, sides = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(ballots, kind="stable")
    return pairs[order], ballots[order], sides[order], share


def _votes(
    profiles: Profiles, starts: np.ndarray, first: np.ndarray, kept: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The pairs, ballots and sides of a batch, those with one response as the first after the other.

    Parameters
    ----------
    starts, first
        (B,) the first pair and the first ballot of each prompt.
    kept
        (U,) the pairs to look at; None for all.
    """
    ranks, M = profiles.ranks, profiles.n_responses
    counts = np.diff(profiles.starts)
    of_prompt = np.repeat(starts, counts)
    ballots = np.arange(len(of_prompt)) + np.repeat(first - profiles.starts[:-1], counts)
    for i in range(M - 1):
        both = (ranks[i] > 0) & (ranks[i + 1 :] > 0)
        below, k = np.nonzero(both)
        pairs = of_prompt[k] + (i * (2 * M - i - 1) // 2 + below)
        if kept is not None:
            below, k, pairs = (column[kept[pairs]] for column in (below, k, pairs))
        yield pairs, ballots[k], np.sign(ranks[i + 1 + below, k] - ranks[i, k])
