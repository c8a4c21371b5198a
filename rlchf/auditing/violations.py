"""Where a reward model goes against what all annotators, or most of them, agree on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 2**22  # cells of pairwise tables looked at together


@dataclass(frozen=True)
class Violation:
    """A pair that a majority of the ballots' weight puts in one order and the rewards in the other.

    Attributes
    ----------
    prompt_id, preferred, other
        The majority puts ``preferred`` above ``other``.
    weight_for, weight_against
        The weight of the ballots for and against it; ballots that tie the two count for neither.
    unanimous
        Whether all ballots that compare the two agree: then Pareto is violated.
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
    """What a reward model does with the pairs that have a majority.

    Attributes
    ----------
    unanimous, unanimous_violated, unanimous_tied
        Pairs that all ballots comparing them put in the same order (Pareto), those of them that the
        rewards put in the other order, and those with equal rewards.
    majority, majority_violated, majority_tied
        The same for pairs with a strict majority of the weight, the unanimous ones among them.
    consistent, consistent_kept
        Prompts whose majorities are one strict order of all responses, and those of them that the
        rewards rank in just that order (pairwise majority consistency, PMC).
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

        return pd.DataFrame(
            [vars(row) for row in self.rows], columns=list(Violation.__dataclass_fields__)
        )


def violations(
    rankings: Rankings, rewards: Aggregation | Mapping[str, Mapping[str, float]]
) -> Violations:
    """List the pairs on which rewards go against all annotators (Pareto) or against most of them.

    Parameters
    ----------
    rankings
        The ballots.
    rewards
        What any reward model gives each response of each prompt, higher is better; or a collective
        ranking, whose order counts.

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
    >>> found = violations(Rankings.from_ballots(ballots), {"p": {"a": 1.0, "b": 1.5, "c": 0.5}})
    >>> found.unanimous, found.unanimous_violated, found.majority, found.majority_violated
    (2, 1, 3, 1)
    >>> found.rows[0].preferred, found.rows[0].other, found.rows[0].gap
    ('a', 'b', -0.5)
    """
    scores, order = _columns(rankings, rewards)
    counts: Counter[str] = Counter()
    rows: list[tuple[int, Violation]] = []
    for prompts, whole in rankings.profiles():
        M = whole.n_responses
        step = max(1, CHUNK // M**2)
        for first in range(0, len(prompts), step):
            profiles = whole.part(first, min(first + step, len(prompts)))
            here = prompts[first : first + step]
            at = rankings.response_starts[here][:, None] + np.arange(M)  # (B, M)
            ahead = np.sign(order[at][:, :, None] - order[at][:, None, :])  # (B, M, M): i over j
            agreed, majority = unanimous(profiles), profiles.margins > 0
            strict = _strict(majority)
            kept = strict & ((ahead > 0) == majority).all(axis=(1, 2))
            against = majority & (ahead < 0)
            tied = ahead == 0
            for name, found in (
                ("unanimous", agreed),
                ("unanimous_violated", agreed & against),
                ("unanimous_tied", agreed & tied),
                ("majority", majority),
                ("majority_violated", against),
                ("majority_tied", majority & tied),
                ("consistent", strict),
                ("consistent_kept", kept),
            ):
                counts[name] += int(found.sum())
            for b, i, j in np.argwhere(against).tolist():
                one, other = int(at[b, i]), int(at[b, j])
                violation = Violation(
                    prompt_id=rankings.prompt_ids[here[b]],
                    preferred=rankings.response_ids[one],
                    other=rankings.response_ids[other],
                    weight_for=float(profiles.wins[b, i, j] / profiles.scale[b]),
                    weight_against=float(profiles.wins[b, j, i] / profiles.scale[b]),
                    unanimous=bool(agreed[b, i, j]),
                    gap=float(scores[one] - scores[other]),
                )
                rows.append((int(here[b]), violation))
    rows.sort(key=lambda row: row[0])
    return Violations(**counts, rows=[violation for _, violation in rows])


def unanimous(profiles: Profiles) -> np.ndarray:
    """(B, M, M) whether all ballots that compare i and j put i above j, and there is one.

    A ballot that ties the two compares them, and one without weight does not count.

    Examples
    --------
    >>> unanimous(Profiles.from_ballots([["a > b = c", "a > c"]]))[0]
    array([[False,  True,  True],
           [False, False, False],
           [False, False, False]])
    """
    return np.asarray((profiles.wins > 0) & (profiles.wins == profiles.compared))


def _strict(majority: np.ndarray) -> np.ndarray:
    """(B,) whether the relation is a strict order of all responses: they win 0, 1, ..., M - 1 pairs."""
    wins = np.sort(majority.sum(axis=2), axis=1)
    return np.asarray((wins == np.arange(majority.shape[1])).all(axis=1))


def _columns(
    rankings: Rankings, rewards: Aggregation | Mapping[str, Mapping[str, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """(R,) the rewards, and (R,) what decides the order: the rewards, or a ranking's places."""
    if isinstance(rewards, Aggregation):
        if (rankings.prompt_ids, rankings.response_ids) != (
            rewards.prompt_ids,
            rewards.response_ids,
        ):
            raise ValueError("the rankings and the aggregation are not about the same responses")
        return rewards.response_scores, -rewards.response_ranks
    scores = np.empty(len(rankings.response_ids))
    for p, prompt in enumerate(rankings.prompt_ids):
        given = rewards.get(prompt, {})
        for r, response in enumerate(rankings.responses(prompt), int(rankings.response_starts[p])):
            where = f"rewards: response {response!r} of prompt {prompt!r}"
            if response not in given:
                raise ValueError(f"{where} has none; score it, or leave its ballots out")
            scores[r] = given[response]
            if not np.isfinite(scores[r]):
                raise ValueError(f"{where} has {scores[r]}; give a finite number")
    return scores, scores
