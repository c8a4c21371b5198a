"""Whether the differences between rules survive a reward model: a linear reward per rule on frozen states."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._tallies import Tallies, tally
from rlchf.auditing.estimates import Estimate
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.violations import Violations, violations
from rlchf.comparison.estimates import within_bounds
from rlchf.comparison.paired import Figure, difference, share
from rlchf.linear.fit import Comparisons, fit_comparisons
from rlchf.rankings import Rankings

RIDGE = 0.1
"""The ridge of the fit; the features have variance 1 divided by their number."""
FOLDS = 5
"""Parts of the prompts, each of which is scored by rewards that were fitted to the others."""


@dataclass(frozen=True)
class RewardGroup:
    """A group's agreement on contested pairs with the rule's rankings, and with the reward's.

    Attributes
    ----------
    name
        The group; "all" for everybody.
    rule, reward
        Share of the contested pairs on the members' ballots that the rule, and the reward, put in the same
        order.
    """

    name: str
    rule: Estimate
    reward: Estimate


@dataclass(frozen=True)
class RuleReward:
    """A linear reward that learned from a rule's training pairs, on prompts that it did not see.

    Attributes
    ----------
    rule
        The rule.
    pairs
        Number of the rule's training pairs.
    kept
        Share of the rule's training pairs of prompts held out that the reward puts in the same order.
    groups
        Agreement with the ballots on prompts held out, of everybody and of each group.
    unanimous, unanimous_violated
        Number of pairs on which all ballots agree, and of those that the reward puts in the other order.
    majority, majority_violated
        The same for pairs with a majority.
    """

    rule: str
    pairs: int
    kept: float
    groups: list[RewardGroup]
    unanimous: int
    unanimous_violated: int
    majority: int
    majority_violated: int


@dataclass(frozen=True)
class Embedded:
    """Linear rewards on frozen states.

    Attributes
    ----------
    model
        The name of the language model whose states are the features.
    features
        Number of features.
    folds
        Parts of the prompts.
    rules
        The rewards' figures.
    """

    model: str
    features: int
    folds: int
    rules: list[RuleReward]

    @property
    def sentence(self) -> str:
        """How much of the rules a linear reward keeps, in words."""
        known = [row for row in self.rules if not np.isnan(row.kept)]
        if len(known) < 2:
            return ""
        low, high = (chosen(known, key=lambda row: row.kept) for chosen in (min, max))
        return (
            f"A linear reward on the states of {self.model} keeps {low.kept:.2f} of the training pairs of "
            f"{low.rule} and {high.kept:.2f} of those of {high.rule} on prompts that it did not see; half "
            "would be chance."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def linear_rewards(
    rankings: Rankings,
    results: Mapping[str, Aggregation],
    states: np.ndarray,
    groups: Groups | None = None,
    *,
    model: str = "",
    folds: int = FOLDS,
    ridge: float = RIDGE,
    seed: int = 0,
) -> Embedded:
    """Fit a linear Bradley-Terry reward to each rule's training pairs, and measure it on prompts held out.

    Parameters
    ----------
    results
        The collective rankings of each rule, by its name.
    states
        (R, d) features of the responses, in the order of ``rankings.response_ids``.
    groups
        As in `rlchf.audit`.
    folds
        Parts of the prompts, each of which is scored by a reward that was fitted to the others.
    ridge
        As in `rlchf.linear.fit_linear`; the features are scaled to variance 1 / d.

    Raises
    ------
    ValueError
        If there are fewer than two prompts.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, n, "a > b" if n < "d" else "b > a") for p in range(10) for n in "abcde"]
    >>> rankings = Rankings.from_ballots(ballots)
    >>> states = np.tile([[1.0, 0.0], [0.0, 1.0]], (10, 1))
    >>> embedded = linear_rewards(rankings, {"borda": rlchf.aggregate(rankings, "borda")}, states)
    >>> embedded.rules[0].kept, round(embedded.rules[0].groups[0].reward.value, 2)
    (1.0, 0.6)
    """
    if rankings.n_prompts < 2:
        raise ValueError(
            "there is one prompt, and a reward is measured on prompts that it did not see"
        )
    features = _scaled(states)
    parts = np.random.default_rng(seed).permutation(rankings.n_prompts) % min(
        folds, rankings.n_prompts
    )
    owners = np.repeat(parts, np.diff(rankings.response_starts))
    divisions = [Grouping.everybody(rankings), *Grouping.each(rankings, groups)]
    rows = []
    for rule, result in results.items():
        pairs = training_pairs(result)
        scores = _held_out_scores(features, pairs, owners, ridge)
        reward = Aggregation.from_scores(rankings, scores, rule, {})
        above, below = pairs
        rows.append(
            _rule_reward(
                rankings, result, reward, divisions, len(above),
                float((scores[above] > scores[below]).mean()) if len(above) else float("nan"),
            )
        )  # fmt: skip
    return Embedded(model, states.shape[1], int(parts.max()) + 1, rows)


def training_pairs(result: Aggregation) -> tuple[np.ndarray, np.ndarray]:
    """The responses, by index, of all pairs that a rule does not tie: chosen ones, and rejected ones.

    Examples
    --------
    >>> import rlchf
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b = c")])
    >>> [side.tolist() for side in training_pairs(rlchf.aggregate(rankings, "borda"))]
    [[0, 0], [1, 2]]
    """
    starts, sizes = result.response_starts, np.diff(result.response_starts)
    sides: list[tuple[np.ndarray, np.ndarray]] = []
    for M in np.unique(sizes[sizes > 1]).tolist():
        first = starts[:-1][sizes == M][:, None]
        i, j = np.triu_indices(M, 1)
        one, other = (first + i).ravel(), (first + j).ravel()
        lead = result.response_ranks[other] - result.response_ranks[one]
        swapped = lead < 0
        above, below = np.where(swapped, other, one), np.where(swapped, one, other)
        sides.append((above[lead != 0], below[lead != 0]))
    if not sides:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    above, below = (np.concatenate(side) for side in zip(*sides, strict=True))
    return above, below


def _scaled(states: np.ndarray) -> np.ndarray:
    """Features with mean 0 and, each, variance 1 / d."""
    spread = states.std(axis=0)
    scaled = (states - states.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.asarray(scaled / states.shape[1] ** 0.5)


def _held_out_scores(
    features: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], owners: np.ndarray, ridge: float
) -> np.ndarray:
    """(R,) each response's reward by a fit to the pairs of the other parts."""
    above, below = pairs
    scores = np.zeros(len(features))
    for part in range(int(owners.max()) + 1):
        learned = owners[above] != part
        if learned.any():
            ones = np.ones(int(learned.sum()))
            comparisons = Comparisons(above[learned], below[learned], ones, np.zeros(0))
            theta = fit_comparisons(features, comparisons, ridge)
            scores[owners == part] = features[owners == part] @ theta
    return scores


def _rule_reward(
    rankings: Rankings,
    result: Aggregation,
    reward: Aggregation,
    divisions: Sequence[Grouping],
    pairs: int,
    kept: float,
) -> RuleReward:
    tallies = [tally(rankings, one) for one in (result, reward)]
    contradicted: Violations = violations(rankings, reward)
    strata = divisions[1].owners if len(divisions) > 1 else None
    groups = []
    for grouping in divisions:
        owners = grouping.owners[rankings.ballot_annotators]
        for g, name in enumerate(grouping.names):
            before, after = (_agreement(rankings, one, owners == g, strata) for one in tallies)
            groups.append(RewardGroup(name, before, after))
    return RuleReward(
        result.rule, pairs, kept, groups, contradicted.unanimous, contradicted.unanimous_violated,
        contradicted.majority, contradicted.majority_violated,
    )  # fmt: skip


def _agreement(
    rankings: Rankings, tallies: Tallies, chosen: np.ndarray, strata: np.ndarray | None
) -> Estimate:
    weights = tallies.weights * chosen
    figure = share(tallies.contested_agreed, tallies.contested, weights)
    found = difference(rankings, figure, Figure(0.0, np.zeros(len(weights))), strata)
    return within_bounds(found)
