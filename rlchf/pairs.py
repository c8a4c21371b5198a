"""From collective rankings to the pairs that other trainers learn from."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rlchf.preferences import Example, mean_targets
from rlchf.prompts import Prompt
from rlchf.settings import Settings, setting

ROUNDING = 1e-9
"""Differences of shares and of scores that are rounding errors."""
LEFT_OUT = {
    "tied": ("tied pair", ""),
    "nearly tied": ("nearly tied pair", ""),
    "equal texts": ("pair", " of equal texts"),
    "not compared": ("pair", " that no ballot compares"),
    "repeated": ("response", " with the text of another"),
    "single": ("prompt", " with a single response"),
}
"""Why something is no pair: the thing that is counted, and what is said of it."""


@dataclass(frozen=True)
class PairConfig(Settings):
    """Which pairs are made of a collective ranking, and with what numbers.

    A label is the probability that the chosen response is preferred. It is 1 for pairs of a collective
    ranking, unless the voting rule gives pairs a probability, and the majority's share for pairs of the
    ballots' shares.
    """

    pairs: Literal["all", "adjacent", "top", "ranked"] = setting(
        "all",
        "Pairs of each prompt: all, those of neighbours in the ranking, those of the best with the others; "
        "or one row with all responses in order (ranked).",
        group="Pairs",
    )
    learn_from: Literal["ranking", "shares"] = setting(
        "ranking",
        "Which response of a pair is chosen: that of the collective ranking, or that of the ballots' "
        "majority, with its share as a soft label.",
        group="Pairs",
    )
    near_ties: Literal["drop", "keep", "soft"] = setting(
        "keep",
        "Pairs that are nearly tied: left out, written like the others, or written with the ballots' share "
        "as a soft label; drop leaves out ties, too.",
        group="Pairs",
    )
    tie_width: float = setting(
        0.0,
        "Largest difference of the collective scores that is a near tie; for pairs with soft labels, of "
        "the label from 1/2.",
        at_least=0,
        group="Pairs",
    )
    margins: Literal["none", "scores", "shares", "strengths"] = setting(
        "none",
        "Margin of a pair: none, the difference of the collective scores, that of the ballots' shares, or "
        "the mean strength that the ballots state.",
        group="Pairs",
    )
    weights: Literal["none", "ballots"] = setting(
        "none",
        "Weight of a pair: none, or that of the ballots that compare the two.",
        group="Pairs",
    )
    conversational: bool = setting(
        False, "Chat messages for all prompts; by default as the prompts are.", group="Pairs"
    )

    @property
    def needs_ballots(self) -> str:
        """The setting, with its value, that takes numbers from the ballots; empty if none does."""
        from_ballots = [
            ("learn_from", "shares"), ("near_ties", "soft"), ("margins", "shares"),
            ("margins", "strengths"), ("weights", "ballots"),
        ]  # fmt: skip
        needed = [(name, value) for name, value in from_ballots if getattr(self, name) == value]
        return " ".join(needed[0]) if needed else ""

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        yield (
            self.tie_width > 0 and self.near_ties == "keep",
            f"tie_width is {self.tie_width}, and near_ties is 'keep', which treats near ties like other "
            "pairs; choose near_ties = 'drop' or 'soft'",
        )
        for name, usual in (
            ("learn_from", "ranking"), ("near_ties", "keep"), ("margins", "none"), ("weights", "none"),
        ):  # fmt: skip
            yield (
                self.pairs == "ranked" and getattr(self, name) != usual,
                f"pairs is 'ranked', which writes whole rankings, and {name} is for pairs; leave it at "
                f"'{usual}'",
            )


@dataclass(frozen=True)
class Pair:
    """Two responses to a prompt, and which of them is preferred.

    Attributes
    ----------
    prompt_id, prompt
        The prompt's id, and its text or chat messages.
    chosen, rejected
        The texts of the two responses, the preferred one first.
    probability
        The label: probability that the chosen one is preferred.
    weight
        Weight of the pair in the loss.
    margin
        Margin by which the score of the chosen one should exceed that of the other.
    tied
        Whether neither is preferred; they are in the order of their ids then.
    """

    prompt_id: str
    prompt: Prompt
    chosen: str
    rejected: str
    probability: float = 1.0
    weight: float = 1.0
    margin: float = 0.0
    tied: bool = False


@dataclass(frozen=True)
class RankedResponses:
    """All responses to a prompt, best first.

    Attributes
    ----------
    prompt_id, prompt
        The prompt's id, and its text or chat messages.
    responses
        Their texts.
    ranks
        Their ranks: 1 is best, equal is tied.
    weight
        Weight of the prompt in the loss.
    """

    prompt_id: str
    prompt: Prompt
    responses: list[str]
    ranks: list[int]
    weight: float = 1.0


def preference_pairs(
    examples: Sequence[Example], config: PairConfig | None = None
) -> tuple[list[Pair], Counter[str]]:
    """The pairs of some prompts, ties among them, and how many were left out for each reason.

    Two responses with the same text are no pair, and neither are two that no ballot compares if the label
    is the ballots' share.

    Raises
    ------
    ValueError
        If the settings need ballots or scores that an example does not have.

    Examples
    --------
    >>> example = Example("p", "Hi", ["a", "b", "c"], ["A", "B", "B"], [1, 2, 3])
    >>> pairs, left_out = preference_pairs([example])
    >>> [(pair.chosen, pair.rejected) for pair in pairs], dict(left_out)
    ([('A', 'B'), ('A', 'B')], {'equal texts': 1})
    """
    config = config or PairConfig()
    left_out: Counter[str] = Counter()
    pairs = [pair for example in examples for pair in _pairs_of(example, config, left_out)]
    return pairs, +left_out


def ranked_responses(examples: Sequence[Example]) -> tuple[list[RankedResponses], Counter[str]]:
    """The rankings of some prompts, and how many responses were left out for each reason.

    Of responses with the same text the one that is ranked higher stays.

    Examples
    --------
    >>> example = Example("p", "Hi", ["a", "b", "c"], ["A", "B", "A"], [3, 1, 2])
    >>> rankings, left_out = ranked_responses([example])
    >>> rankings[0].responses, rankings[0].ranks, dict(left_out)
    (['B', 'A'], [1, 2], {'repeated': 1})
    """
    left_out: Counter[str] = Counter()
    rankings = []
    for example in examples:
        first: dict[str, int] = {}
        for k in np.argsort(example.ranks, kind="stable").tolist():
            first.setdefault(example.responses[k], example.ranks[k])
        left_out["repeated"] += len(example.ranks) - len(first)
        if len(first) < 2:
            left_out["single"] += 1
            continue
        ranks = (1 + np.unique(list(first.values()), return_inverse=True)[1]).tolist()
        rankings.append(
            RankedResponses(example.prompt_id, example.prompt, list(first), ranks, example.weight)
        )
    return rankings, +left_out


def _pairs_of(example: Example, config: PairConfig, left_out: Counter[str]) -> Iterator[Pair]:
    """The strict pairs of a prompt, then its ties."""
    labels, strict, tied, leave = _sorted_out(example, config)
    for reason, mask in leave.items():
        left_out[reason] += int(mask.sum()) // 2  # both ways round
    numbers = {"probability": labels} | _numbers(example, config)
    for mask, is_tie in ((strict, False), (np.triu(tied), True)):
        for i, j in np.argwhere(mask).tolist():
            yield Pair(
                example.prompt_id, example.prompt, example.responses[i], example.responses[j], tied=is_tie,
                **{name: float(table[i, j]) for name, table in numbers.items()},
            )  # fmt: skip


def _sorted_out(
    example: Example, config: PairConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """(K, K) tables of a prompt's pairs.

    Returns
    -------
    The labels; whether ``i`` is preferred to ``j``; whether they are tied; and for each reason whether they
    are left out.
    """
    labels = _labels(example, config)
    selected = _selected(np.asarray(example.ranks), config.pairs)
    texts = np.array(example.responses, dtype=object)
    same = selected & (texts[:, None] == texts)
    unknown = selected & ~same & np.isnan(labels)
    tied = selected & ~same & (abs(labels - 0.5) <= ROUNDING)
    strict = selected & ~same & ~unknown & ~tied
    preferred, near = labels > 0.5, strict & _is_near(example, labels, config)
    leave = {"equal texts": same, "not compared": unknown}
    if config.near_ties == "drop":
        leave |= {"tied": tied, "nearly tied": near}
        strict, tied = strict & ~near, np.zeros_like(tied)
    elif config.near_ties == "soft" and _is_hard(labels) and config.learn_from == "ranking":
        labels = np.where(near, _ballots_of(example, config)[0], labels)
        leave["not compared"] = unknown | (strict & np.isnan(labels))
        strict = strict & ~np.isnan(labels)
    return labels, strict & preferred, tied, leave


def _selected(ranks: np.ndarray, pairs: str) -> np.ndarray:
    """(K, K) whether two responses are a pair by their ranks."""
    selected: np.ndarray = ~np.eye(len(ranks), dtype=bool)
    if pairs == "adjacent":
        selected &= abs(ranks[:, None] - ranks) <= 1
    elif pairs == "top":
        selected &= (ranks[:, None] == 1) | (ranks == 1)
    return selected


def _labels(example: Example, config: PairConfig) -> np.ndarray:
    """(K, K) probability that ``i`` is preferred to ``j``; NaN where unknown."""
    if config.learn_from == "ranking":
        return example.pair_targets()
    return _ballots_of(example, config)[0]


def _is_near(example: Example, labels: np.ndarray, config: PairConfig) -> np.ndarray:
    """(K, K) whether two responses are nearly tied."""
    if config.near_ties == "keep":
        return np.zeros_like(labels, dtype=bool)
    if config.learn_from == "shares" or not _is_hard(labels):
        distances = abs(labels - 0.5)
    else:
        distances = abs(_lead(example, f"near_ties is '{config.near_ties}'"))
    return np.asarray(distances <= config.tie_width + ROUNDING)


def _is_hard(labels: np.ndarray) -> bool:
    """Whether all labels that are known say 1, 0, or a tie: no rule gave them probabilities."""
    return bool((np.isnan(labels) | np.isin(labels, (0.0, 0.5, 1.0))).all())


def _numbers(example: Example, config: PairConfig) -> dict[str, np.ndarray]:
    """(K, K) weights and margins of all pairs."""
    weights = np.full((len(example.ranks),) * 2, example.weight)
    if example.pair_weights is not None:
        weights = weights * example.pair_weights
    if config.weights == "ballots":
        weights = weights * _ballots_of(example, config)[1]
    if config.margins == "scores":
        margins = _lead(example, "margins is 'scores'")
    elif config.margins == "shares":
        shares = _ballots_of(example, config)[0]
        margins = np.nan_to_num(shares - shares.T)
    elif config.margins == "strengths":
        _ballots_of(example, config)  # to refuse an example without ballots
        assert example.ballots is not None
        margins = example.ballots.margins()
    else:
        margins = np.zeros_like(weights) if example.margins is None else example.margins
    return {"weight": weights, "margin": margins}


def _lead(example: Example, setting: str) -> np.ndarray:
    """(K, K) the collective score of ``i`` minus that of ``j``."""
    if example.scores is None:
        raise ValueError(
            f"prompt {example.prompt_id!r} comes without its collective scores, and {setting}; make the "
            "examples with rlchf.preferences.examples"
        )
    scores = np.asarray(example.scores, dtype=float)
    lead: np.ndarray = scores[:, None] - scores
    return lead


def _ballots_of(example: Example, config: PairConfig) -> tuple[np.ndarray, np.ndarray]:
    """(K, K) the ballots' share of each pair, and the weight behind it."""
    if example.ballots is None:
        raise ValueError(
            f"prompt {example.prompt_id!r} comes without its ballots, and "
            f"{config.needs_ballots.replace(' ', ' is ')}; make the examples with ballots_of=rankings"
        )
    return mean_targets(example.ballots.targets(), example.ballots.weights)
