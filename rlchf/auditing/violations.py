"""Pairs on which a reward model contradicts all ballots (Pareto) or a majority of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Violation:
    """A pair that a majority of the ballots' weight puts in one order and the rewards in the other order.

    Attributes
    ----------
    prompt_id, preferred, other
        The majority puts ``preferred`` above ``other``.
    weight_for, weight_against
        The weight of the ballots for and against it; ballots that tie the two count for neither.
    unanimous
        Whether all ballots that compare the two agree, so that the rewards violate Pareto.
    gap
        Reward of ``preferred`` minus that of ``other``.
    """

    prompt_id: str
    preferred: str
    other: str
    weight_for: float
    weight_against: float
    unanimous: bool
    gap: float


@dataclass(frozen=True)
class Violations:
    """Pairs with a majority, and those that a reward model violates.

    Attributes
    ----------
    unanimous, unanimous_violated, unanimous_tied
        Number of pairs that all ballots comparing them put in the same order, of those among them that
        the rewards put in the other order (Pareto violations), and of those with equal rewards.
    majority, majority_violated, majority_tied
        The same for pairs with a strict majority of the weight, which include the unanimous pairs.
    consistent, consistent_kept
        Number of prompts whose majorities form a strict order of all responses, and of those among them
        that the rewards rank in this order (pairwise majority consistency, PMC).
    rows
        The violated pairs, prompt by prompt.
    """

    unanimous: int
    unanimous_violated: int
    unanimous_tied: int
    majority: int
    majority_violated: int
    majority_tied: int
    consistent: int
    consistent_kept: int
    rows: list[Violation] = field(repr=False)

    def to_frame(self) -> "pd.DataFrame":
        """The violated pairs as a table, one row each."""
        import pandas as pd

        columns = [field.name for field in fields(Violation)]
        return pd.DataFrame([vars(row) for row in self.rows], columns=columns)


def violations(
    rankings: Rankings, rewards: Aggregation | Mapping[str, Mapping[str, float]]
) -> Violations:
    """List the pairs on which rewards contradict all ballots (Pareto) or a majority of them.

    Parameters
    ----------
    rankings
        The ballots.
    rewards
        The reward of each response of each prompt, higher is better; or collective rankings.

    Raises
    ------
    ValueError
        If a response has no reward, or one that is not a finite number.

    References
    ----------
    L. Ge, D. Halpern, E. Micha, A. D. Procaccia, I. Shapira, Y. Vorobeychik, J. Wu, "Axioms for AI
    alignment from human feedback", 2024, definitions 2.1 and 2.2.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b > c"), ("p", "bob", "a > c > b"), ("p", "eve", "a > b > c")]
    >>> result = violations(Rankings.from_ballots(ballots), {"p": {"a": 1.0, "b": 1.5, "c": 0.5}})
    >>> result.unanimous, result.unanimous_violated, result.majority, result.majority_violated
    (2, 1, 3, 1)
    >>> result.rows[0].preferred, result.rows[0].other, result.rows[0].gap
    ('a', 'b', -0.5)
    """
    scores, order = _columns(rankings, rewards)
    counts: Counter[str] = Counter()
    rows: list[tuple[int, Violation]] = []
    for prompts, profiles in rankings.profiles(small=True):
        begins = rankings.response_starts[prompts]
        responses = begins[:, None] + np.arange(profiles.n_responses)  # (B, M)
        ahead = np.sign(order[responses][:, :, None] - order[responses][:, None, :])
        counts.update(_counts(profiles, ahead))
        unanimous = profiles.unanimous
        for b, i, j in np.argwhere((profiles.margins > 0) & (ahead < 0)).tolist():
            preferred, other = int(responses[b, i]), int(responses[b, j])
            violation = Violation(
                prompt_id=rankings.prompt_ids[prompts[b]],
                preferred=rankings.response_ids[preferred],
                other=rankings.response_ids[other],
                weight_for=float(profiles.wins[b, i, j] / profiles.scale[b]),
                weight_against=float(profiles.wins[b, j, i] / profiles.scale[b]),
                unanimous=bool(unanimous[b, i, j]),
                gap=float(scores[preferred] - scores[other]),
            )
            rows.append((int(prompts[b]), violation))
    rows.sort(key=lambda row: row[0])
    return Violations(**counts, rows=[violation for _, violation in rows])


def _counts(profiles: Profiles, ahead: np.ndarray) -> dict[str, int]:
    """The numbers of pairs and prompts in `Violations`; ``ahead`` (B, M, M) is 1 if i is above j."""
    unanimous, majority = profiles.unanimous, profiles.margins > 0
    wins = np.sort(majority.sum(axis=2), axis=1)
    strict = (wins == np.arange(profiles.n_responses)).all(axis=1)  # wins are 0, 1, ..., M - 1
    tables = {
        "unanimous": unanimous,
        "unanimous_violated": unanimous & (ahead < 0),
        "unanimous_tied": unanimous & (ahead == 0),
        "majority": majority,
        "majority_violated": majority & (ahead < 0),
        "majority_tied": majority & (ahead == 0),
        "consistent": strict,
        "consistent_kept": strict & ((ahead > 0) == majority).all(axis=(1, 2)),
    }
    return {name: int(table.sum()) for name, table in tables.items()}


def _columns(
    rankings: Rankings, rewards: Aggregation | Mapping[str, Mapping[str, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """(R,) the rewards, and (R,) the values that order the responses: the rewards, or minus the ranks."""
    if isinstance(rewards, Aggregation):
        rewards.check_same_responses(rankings)
        return rewards.response_scores, -rewards.response_ranks
    scores = np.empty(len(rankings.response_ids))
    for p, prompt in enumerate(rankings.prompt_ids):
        given = rewards.get(prompt, {})
        for r, response in enumerate(rankings.responses(prompt), int(rankings.response_starts[p])):
            name = f"rewards: response {response!r} of prompt {prompt!r}"
            if response not in given:
                raise ValueError(f"{name} has none; score it, or leave its ballots out")
            scores[r] = given[response]
            if not np.isfinite(scores[r]):
                raise ValueError(f"{name} has {scores[r]}; give a finite number")
    return scores, scores
