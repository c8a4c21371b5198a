"""Who got their way: how far the collective rankings agree with each annotator's ballots."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Agreement:
    """How far the outcome agrees with the ballots of an annotator, or of a group together.

    Attributes
    ----------
    name
        The annotator, the group, or ``"all"``.
    ballots, weight
        Number of ballots, and the share of the weight of all ballots.
    pairs
        Share of the strict pairs on the ballots that the outcome puts in the same order; a pair that
        the outcome ties counts half.
    contested
        The same over contested pairs only: those about which two ballots strictly disagree. NaN when
        there are none.
    top
        Share of the ballots whose best response is the outcome's best (parts of ties in proportion).
    """

    name: str
    ballots: int
    weight: float
    pairs: float
    contested: float
    top: float


@dataclass(frozen=True)
class Audit:
    """Agreement of an aggregation with everybody, with each annotator, and with each group."""

    rule: str
    overall: Agreement
    annotators: list[Agreement]
    groups: list[Agreement]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to ``audit.json``; a NaN becomes None."""
        plain = asdict(self)
        for row in [plain["overall"], *plain["annotators"], *plain["groups"]]:
            row.update({k: None for k, v in row.items() if isinstance(v, float) and np.isnan(v)})
        return plain

    def to_frame(self) -> "pd.DataFrame":
        """One row for all, one per group, one per annotator."""
        import pandas as pd

        rows = [("all", self.overall), *(("group", row) for row in self.groups)]
        rows += [("annotator", row) for row in self.annotators]
        return pd.DataFrame([{"kind": kind, **asdict(row)} for kind, row in rows])


def audit(
    rankings: Rankings, result: Aggregation, groups: Mapping[str, str] | None = None
) -> Audit:
    """Measure how far collective rankings agree with the ballots behind them.

    Parameters
    ----------
    rankings
        The ballots.
    result
        Collective rankings of the same prompts.
    groups
        Group of each annotator id (a dictionary or a pandas Series); those not named are left out of
        the groups' figures.

    Raises
    ------
    ValueError
        If ``result`` is not about the same prompts and responses.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [("p", "ann", [["a"], ["b"]]), ("p", "bob", [["a"], ["b"]]), ("p", "eve", [["b"], ["a"]])]
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> report = audit(rankings, rlchf.aggregate(rankings, "borda"))
    >>> [(row.name, row.contested) for row in report.annotators]
    [('ann', 1.0), ('bob', 1.0), ('eve', 0.0)]
    """
    if (rankings.prompt_ids, rankings.response_ids) != (result.prompt_ids, result.response_ids):
        raise ValueError("the rankings and the aggregation are not about the same responses")
    tallies = _tally(rankings, result)  # (N, 6)
    weights = rankings.ballot_weights
    who = rankings.ballot_annotators
    summary = _Summary(tallies, weights, rankings.ballot_counts)
    everybody = np.ones(len(who), dtype=bool)
    annotators = [summary.of(name, who == a) for a, name in enumerate(rankings.annotator_ids)]
    by_group: list[Agreement] = []
    if groups is not None:
        of = {str(annotator): str(group) for annotator, group in groups.items()}
        if not any(name in of for name in rankings.annotator_ids):
            raise ValueError(
                "the groups name none of the annotators; give a dictionary from annotator id to group, "
                "or a Series whose index is the annotator ids"
            )
        group = np.array([of.get(name, "") for name in rankings.annotator_ids])[who]
        by_group = [summary.of(name, group == name) for name in sorted({*of.values()})]
    return Audit(result.rule, summary.of("all", everybody), annotators, by_group)


@dataclass(frozen=True)
class _Summary:
    tallies: np.ndarray
    weights: np.ndarray
    counts: np.ndarray

    def of(self, name: str, chosen: np.ndarray) -> Agreement:
        total = self.weights[chosen] @ self.tallies[chosen]
        agreed, pairs, contested_agreed, contested, top, ballots = total.tolist()
        everybody = self.weights.sum()
        return Agreement(
            name=name,
            ballots=int(self.counts[chosen].sum()),
            weight=float(self.weights[chosen].sum() / everybody) if everybody else float("nan"),
            pairs=agreed / pairs if pairs else float("nan"),
            contested=contested_agreed / contested if contested else float("nan"),
            top=top / ballots if ballots else float("nan"),
        )


def _tally(rankings: Rankings, result: Aggregation) -> np.ndarray:
    """Per ballot: pairs agreed, pairs, contested pairs agreed, contested pairs, top agreed, 1."""
    tallies = np.zeros((rankings.n_ballots, 6))
    for prompts, profiles in rankings.profiles():
        counts = np.diff(profiles.starts)
        prompt_of = np.repeat(np.arange(len(prompts)), counts)  # (K,)
        ballots = np.repeat(rankings.ballot_starts[prompts] - profiles.starts[:-1], counts)
        ballots = ballots + np.arange(len(prompt_of))
        M, ranks = profiles.n_responses, profiles.ranks
        at = rankings.response_starts[prompts][:, None] + np.arange(M)
        places = result.response_ranks[at].T[:, prompt_of]  # (M, K) the outcome's
        contested = (profiles.wins > 0) & (profiles.wins.transpose(0, 2, 1) > 0)  # (B, M, M)
        for i in range(M):
            for j in range(i + 1, M):
                opinion = np.sign(ranks[j] - ranks[i]) * ((ranks[i] > 0) & (ranks[j] > 0))
                outcome = np.sign(places[j] - places[i])
                stated = opinion != 0
                agreed = stated * (1 + opinion * outcome) / 2
                fought = contested[prompt_of, i, j]
                tallies[ballots, 0] += agreed
                tallies[ballots, 1] += stated
                tallies[ballots, 2] += agreed * fought
                tallies[ballots, 3] += stated & fought
        best = ranks == 1
        winners = places == 1
        tallies[ballots, 4] = (best & winners).sum(0) / winners.sum(0)
        tallies[ballots, 5] = 1
    return tallies
