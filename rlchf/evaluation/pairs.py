"""The pairs that ballots compare, with the differences of their scores."""

from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.evaluation.intervals import Sums
from rlchf.evaluation.scores import Scores, flat, scored
from rlchf.numeric.chunks import chunks
from rlchf.numeric.ratios import ratio
from rlchf.numeric.segments import offsets, ranges
from rlchf.rankings import Rankings

MARGINS = ["0.5-0.6", "0.6-0.7", "0.7-0.8", "0.8-0.9", "0.9-1", "unanimous"]
"""Bins of the share of a pair's strict votes that its winner has; each without its upper end."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of responses that a counted ballot compares, each once.

    Attributes
    ----------
    prompts
        (Q,) the prompt of each pair.
    gaps
        (Q,) score of the first response minus score of the second.
    wins, losses, ties
        (Q,) weight of the counted ballots that put the first above the second, below it, and tie the
        two.
    contested
        (Q,) whether two ballots, counted or not, strictly disagree about it.
    margins
        (Q,) index into ``MARGINS`` by all ballots; 0 where all votes are ties.
    """

    prompts: np.ndarray
    gaps: np.ndarray
    wins: np.ndarray
    losses: np.ndarray
    ties: np.ndarray
    contested: np.ndarray
    margins: np.ndarray

    @classmethod
    def of(cls, rankings: Rankings, scores: np.ndarray, counted: np.ndarray) -> "Pairs":
        """Compare the scores, (R,) in the order of the responses, with the counted ballots, (N,) bool.

        Examples
        --------
        >>> ballots = [("p", name, "a > b" if name < "d" else "b > a") for name in "abcde"]
        >>> pairs = Pairs.of(Rankings.from_ballots(ballots), np.array([1.0, 3.0]), np.ones(5, bool))
        >>> pairs.gaps, pairs.wins, pairs.losses, MARGINS[pairs.margins[0]]
        (array([-2.]), array([3.]), array([2.]), '0.6-0.7')
        """
        columns = []
        counts = np.diff(rankings.ballot_starts)
        for prompts, all_ballots in rankings.profiles(small=True):
            profiles = all_ballots
            if not counted.all():
                ballots = ranges(rankings.ballot_starts[prompts], counts[prompts])
                profiles = profiles.reweighted(profiles.weights * counted[ballots])
            first, second = np.triu_indices(profiles.n_responses, 1)
            b, q = np.nonzero(profiles.compared[:, first, second])
            i, j, begin = first[q], second[q], rankings.response_starts[prompts[b]]
            wins, losses = profiles.wins[b, i, j], profiles.wins[b, j, i]
            ties = profiles.compared[b, i, j] - wins - losses
            votes = (votes / profiles.scale[b] for votes in (wins, losses, ties))
            gaps = scores[begin + i] - scores[begin + j]
            margins = _margins(all_ballots.wins[b, i, j], all_ballots.wins[b, j, i])
            contested = all_ballots.contested[b, i, j]
            columns.append((prompts[b], gaps, *votes, contested, margins))
        return cls(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))

    @property
    def weights(self) -> np.ndarray:
        """(Q,) weight of the ballots that compare the pair."""
        return np.asarray(self.wins + self.losses + self.ties)

    @property
    def shares(self) -> np.ndarray:
        """(Q,) share of that weight which prefers the first; a tie is half a vote for each."""
        return np.asarray((self.wins + self.ties / 2) / self.weights)

    def by_margin(self) -> Sums:
        """The sums of pair accuracy by margin."""
        credit = (1 + np.sign(self.gaps)) / 2
        right = self.wins * credit + self.losses * (1 - credit)
        return Sums(MARGINS, self.margins, self.prompts, right, self.wins + self.losses)

    def attainable(self, contested: bool = False) -> float:
        """The accuracy of the majority of the counted ballots on each pair: no scores do better."""
        kept = self.contested if contested else np.ones(len(self.gaps), dtype=bool)
        votes = (self.wins + self.losses)[kept].sum()
        most = np.maximum(self.wins, self.losses)[kept].sum()
        return float(most / votes) if votes > 0 else float("nan")


def _margins(wins: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The bin of each winner's share, from integer votes, so that 3 of 5 is exactly 0.6."""
    total = np.maximum(wins + losses, 1)
    tenths = np.floor_divide(10 * np.maximum(wins, losses), total)
    return np.asarray(np.maximum(tenths, 5) - 5, dtype=np.int64)


def collective_order(result: Aggregation, scores: Scores) -> tuple[list[Sums], int]:
    """Agreement of the scores with collective rankings: pair accuracy and Kendall's tau-b.

    Pair accuracy is over the strict pairs of the rankings, where equal scores count half. Tau is the mean
    over prompts: a prompt whose responses are all tied by the rule has no tau, and a prompt whose
    responses are all tied by the scores has a tau of 0.

    Returns
    -------
    The sums of the two figures, and the number of prompts.

    References
    ----------
    M. G. Kendall, "The treatment of ties in ranking problems", 1945.
    """
    prompts = scored(result.prompt_ids, scores)
    values = flat(result, prompts, scores)
    sizes = np.diff(result.response_starts)[prompts]
    starts = offsets(sizes)  # of each prompt's scores
    agreed, strict, untied = np.zeros((3, len(prompts)))
    for size in np.unique(sizes).tolist():
        same = np.flatnonzero(sizes == size)
        first, second = np.triu_indices(size, 1)
        for chunk in chunks(len(same), size**2):
            rows, inside = same[chunk], np.arange(size)
            chunk_scores = values[starts[rows][:, None] + inside]
            ranks = result.response_ranks[result.response_starts[prompts[rows]][:, None] + inside]
            by_ranks = np.sign(ranks[:, second] - ranks[:, first])  # (B, pairs)
            by_scores = np.sign(chunk_scores[:, first] - chunk_scores[:, second])
            agreed[rows] = (by_ranks * by_scores).sum(axis=1)
            strict[rows] = (by_ranks != 0).sum(axis=1)
            untied[rows] = (by_scores != 0).sum(axis=1)
    tau = ratio(agreed, np.sqrt(strict * untied), 0.0)
    units = np.arange(len(prompts))
    return [
        Sums.one("collective pairs", units, (strict + agreed) / 2, strict),
        Sums.one("Kendall's tau", units, tau, (strict > 0).astype(float)),
    ], len(prompts)
