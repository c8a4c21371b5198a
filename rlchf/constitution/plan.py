"""What a judge is to be asked: pairs, principles and orders, all drawn before the first question."""

import hashlib
import json
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import combinations, groupby

import numpy as np

from rlchf.constitution.judge_config import JudgeConfig
from rlchf.constitution.principles import Constitution, Principle
from rlchf.constitution.questions import Question
from rlchf.display import counted, shortened
from rlchf.prompts import Prompt

Key = tuple[str, ...]
"""The ids of the prompt, of the responses shown first and second, and the principle's name."""
BOTH = (0, 1)


@dataclass(frozen=True)
class Comparison:
    """Two responses that one principle compares.

    Attributes
    ----------
    prompt_id, first, second
        Ids; that of ``first`` is smaller than that of ``second``.
    orders
        The orders in which they are shown: 0 is the smaller id first, 1 is the smaller id second.
    weight
        Weight of the judgement.
    """

    prompt_id: str
    first: str
    second: str
    principle: Principle
    orders: tuple[int, ...] = BOTH
    weight: float = 1.0

    def shown(self, order: int) -> tuple[str, str]:
        """The ids of the responses in the order in which they are shown."""
        return (self.first, self.second) if order == 0 else (self.second, self.first)

    def key(self, order: int) -> Key:
        """The key of the question in one order."""
        return (self.prompt_id, *self.shown(order), self.principle.name)


@dataclass(frozen=True)
class Plan:
    """All comparisons, and the texts that they are about.

    Attributes
    ----------
    comparisons
        By prompt, pair and principle.
    """

    comparisons: list[Comparison]
    prompts: Mapping[str, Prompt]
    responses: Mapping[str, Mapping[str, str]]

    @cached_property
    def questions(self) -> list[Question]:
        """The questions by judge; all of one pair in one order stand together, as they begin alike."""
        numbered = [
            (self.judges.index(one.principle.judge), number, order, self._question(one, order))
            for number, (_, pair) in enumerate(groupby(self.comparisons, _pair))
            for one in pair
            for order in one.orders
        ]
        numbered.sort(key=lambda row: row[:3])
        return [row[3] for row in numbered]

    @cached_property
    def judges(self) -> list[str]:
        """Names of the judges, in the order in which they are asked; "" is the judge of all others."""
        return sorted({one.principle.judge for one in self.comparisons})

    @property
    def fingerprint(self) -> int:
        """A checksum of all questions."""
        checksum = 0
        for one in self.questions:
            texts = [one.key, one.prompt, one.first, one.second, asdict(one.principle)]
            checksum = zlib.crc32(json.dumps(texts, default=dict).encode(), checksum)
        return checksum

    def __str__(self) -> str:
        pairs = {_pair(one) for one in self.comparisons}
        prompts = len({one[0] for one in pairs})
        principles = len({one.principle.name for one in self.comparisons})
        prefixes = len({one.key[:3] for one in self.questions})
        orders = len(self.comparisons[0].orders)
        how = f"{counted(len(pairs), 'pair')} of {counted(prompts, 'prompt')}"
        if len(pairs) * principles * orders == len(self.questions):
            how += f" x {counted(principles, 'principle')} x {counted(orders, 'order')}"
        else:
            how += f", {counted(principles, 'principle')}"
        return (
            f"{counted(len(self.questions), 'question')} about {how}, with "
            f"{counted(prefixes, 'distinct beginning')}"
        )

    def _question(self, one: Comparison, order: int) -> Question:
        texts = self.responses[one.prompt_id]
        first, second = (texts[name] for name in one.shown(order))
        prompt = self.prompts[one.prompt_id]
        return Question(prompt, first, second, one.principle, one.key(order))


def planned(
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    constitution: Constitution,
    config: JudgeConfig,
) -> Plan:
    """Plan all comparisons of the responses.

    What is drawn depends on the seed, the ids and the principles, and not on the other prompts.

    Raises
    ------
    ValueError
        If a prompt is missing, or no prompt has two responses.
    """
    missing = [prompt_id for prompt_id in responses if prompt_id not in prompts]
    if missing:
        raise ValueError(
            f"the prompts lack {missing[0]!r}, one of {counted(len(missing), 'prompt')} with responses but "
            "without a text; give the prompts of all responses"
        )
    comparisons = [
        one
        for prompt_id, texts in responses.items()
        for pair in _pairs(prompt_id, sorted(texts), config)
        for one in _of_pair(prompt_id, *pair, constitution.judges, config)
    ]
    if not comparisons:
        raise ValueError("no prompt has two responses to compare; give two or more to a prompt")
    _warn_of_single(prompts, responses)
    return Plan(comparisons, prompts, responses)


def batches(questions: Sequence[Question], size: int) -> Iterator[list[Question]]:
    """Batches of ``size`` questions at most, of one judge each.

    Questions about one pair in one order stay together where they fit.
    """
    batch: list[Question] = []
    for _, group in groupby(questions, lambda one: (one.principle.judge, one.key[:3])):
        alike = list(group)
        other = bool(batch) and batch[0].principle.judge != alike[0].principle.judge
        if batch and (other or len(batch) + len(alike) > size):
            yield batch
            batch = []
        while len(alike) > size:
            yield alike[:size]
            alike = alike[size:]
        batch = batch + alike
    if batch:
        yield batch


def _pair(one: Comparison) -> tuple[str, str, str]:
    return one.prompt_id, one.first, one.second


def _pairs(prompt_id: str, ids: Sequence[str], config: JudgeConfig) -> list[tuple[str, str]]:
    """All pairs of a prompt's responses, or those that are drawn."""
    pairs, n = list(combinations(ids, 2)), config.pairs_per_prompt
    if n is None or n >= len(pairs):
        return pairs
    drawn = _rng(config.seed, "pairs", prompt_id).choice(len(pairs), n, replace=False)
    return [pairs[i] for i in sorted(drawn.tolist())]


def _of_pair(
    prompt_id: str, first: str, second: str, principles: Sequence[Principle], config: JudgeConfig
) -> Iterator[Comparison]:
    """The comparisons of one pair: by every principle, or by one that is drawn by weight."""
    if config.sample_one:
        weights = np.array([one.weight for one in principles])
        rng = _rng(config.seed, "principle", prompt_id, first, second)
        principles = [principles[int(rng.choice(len(weights), p=weights / weights.sum()))]]
    for one in principles:
        orders: tuple[int, ...] = BOTH
        if config.orders == "one":
            rng = _rng(config.seed, "order", prompt_id, first, second, one.name)
            orders = (int(rng.integers(2)),)
        weight = 1.0 if config.sample_one else one.weight  # a drawn one has had its weight
        yield Comparison(prompt_id, first, second, one, orders, weight)


def digest(*parts: str) -> int:
    """A number that stands for some texts, in seeds."""
    text = json.dumps(parts).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def _rng(seed: int, *parts: str) -> np.random.Generator:
    return np.random.default_rng((seed, digest(*parts)))


def _warn_of_single(
    prompts: Mapping[str, Prompt], responses: Mapping[str, Mapping[str, str]]
) -> None:
    single = [one for one in prompts if len(responses.get(one, ())) < 2]
    if single:
        have = "has" if len(single) == 1 else "have"
        warnings.warn(
            f"{len(single)} of {counted(len(prompts), 'prompt')}, such as {shortened(repr(single[0]))}, "
            f"{have} fewer than two responses, and so nothing to compare",
            stacklevel=4,
        )
