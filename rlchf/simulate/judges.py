"""Simulated judges, whose preferences are planted, for examples and tests whose answer is known.

A simulated judge has a utility function of a text for each principle, noise that principles share in
part, position bias, and answers that say nothing. Its answers depend on the question alone: not on the
batch, on what was asked before, or on the number of processes.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rlchf.constitution.questions import Answer, Question
from rlchf.prompts import Prompt

Utility = Callable[[str], float]
"""How well a text suits a principle."""


@dataclass(frozen=True)
class SimulatedJudge:
    """A judge with planted preferences; call it with questions.

    With ``d`` the utility of the response shown as (A) minus that of (B), plus noise, the probability of
    (A) is ``sigmoid(d / temperature)``, with the position bias added to the logit or to the probability.

    Attributes
    ----------
    utilities
        The utility function of each principle, by name.
    temperature
        Temperature of the logistic; small values make labels hard.
    noise
        Standard deviation of the normal noise in ``d``, which is the same for both orders.
    correlation
        Correlation of the noise between two principles, from 0 to 1.
    position_bias
        What is added in favour of the response that is shown first; it may be negative.
    bias_on
        Whether it is added to the "logit", or to the "probability", which is held between ``|bias|`` and
        ``1 - |bias|`` first; then the mean of both orders is free of it exactly.
    nonsense, cannot_tell
        Probabilities of a nonsensical answer, and of "cannot tell", drawn for each question and order.
    samples
        Number of answers that are drawn and counted; 0 for the probabilities themselves.
    seed
        Random seed.
    others
        The utility function of principles that are not among the utilities; by default none.

    Examples
    --------
    >>> from rlchf.constitution import Principle
    >>> judge = SimulatedJudge({"brief": lambda text: -len(text)}, position_bias=0.1)
    >>> brief = Principle("brief", question="Which is shorter?")
    >>> answers = judge([Question("Hi", "Hello!", "Hi!", brief), Question("Hi", "Hi!", "Hello!", brief)])
    >>> [round(answer.first, 3) for answer in answers]
    [0.2, 1.0]
    """

    utilities: Mapping[str, Utility]
    temperature: float = 1.0
    noise: float = 0.0
    correlation: float = 0.0
    position_bias: float = 0.0
    bias_on: Literal["logit", "probability"] = "probability"
    nonsense: float = 0.0
    cannot_tell: float = 0.0
    samples: int = 0
    seed: int = 0
    others: Utility | None = None

    def __post_init__(self) -> None:
        for name, low, high in (
            ("temperature", 0, math.inf),
            ("noise", 0, math.inf),
            ("correlation", 0, 1),
            ("nonsense", 0, 1),
            ("cannot_tell", 0, 1),
            ("samples", 0, math.inf),
        ):
            value = getattr(self, name)
            if not low <= value <= high or (name == "temperature" and value == 0):
                raise ValueError(f"{name} is {value}; give a number from {low} to {high}")
        if self.bias_on not in ("logit", "probability"):
            raise ValueError(f"bias_on is {self.bias_on!r}; choose from logit, probability")
        if self.bias_on == "probability" and not abs(self.position_bias) <= 0.5:
            raise ValueError(
                f"position_bias is {self.position_bias}; on a probability give -0.5 to 0.5"
            )

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer each question."""
        return [self._answer(one) for one in questions]

    def utility(self, principle: str) -> Utility:
        """The utility function of a principle.

        Raises
        ------
        ValueError
            If there is none.
        """
        found = self.utilities.get(principle, self.others)
        if found is None:
            raise ValueError(
                f"the judge has no utility of principle {principle!r}; it has those of "
                f"{', '.join(self.utilities)}"
            )
        return found

    def truth(
        self, responses: Mapping[str, Mapping[str, str]], principles: Sequence[str] = ()
    ) -> Iterator[dict[str, Any]]:
        """The planted utilities as a long table: prompt, principle, response, score.

        Parameters
        ----------
        responses
            For each prompt id the texts of its responses, by response id.
        principles
            The principles; by default all that have a utility of their own.

        Examples
        --------
        >>> judge = SimulatedJudge({"brief": lambda text: -len(text)})
        >>> list(judge.truth({"p": {"a": "Hi!"}}))
        [{'prompt_id': 'p', 'annotator_id': 'brief', 'response_id': 'a', 'score': -3.0}]
        """
        for prompt, texts in responses.items():
            for principle in principles or self.utilities:
                utility = self.utility(principle)
                for response, text in texts.items():
                    yield {
                        "prompt_id": prompt, "annotator_id": principle, "response_id": response,
                        "score": float(utility(text)),
                    }  # fmt: skip

    def _answer(self, one: Question) -> Answer:
        place = self._generator("answer", *one.key, one.first, one.second, one.principle.name)
        nonsense, silent = place.random(2)
        if nonsense < self.nonsense:
            return Answer(math.nan, nonsense=1, samples=self.samples)
        if silent < self.cannot_tell:
            return Answer(0.0, cannot_tell=1.0, samples=self.samples)
        p = self.probability(one)
        if self.samples:
            p = int(place.binomial(self.samples, p)) / self.samples
        return Answer(p, samples=self.samples)

    def probability(self, one: Question) -> float:
        """The probability of (A), before answers are drawn."""
        utility = self.utility(one.principle.name)
        difference = utility(one.first) - utility(one.second) + self._noise(one)
        logit = difference / self.temperature
        if self.bias_on == "logit":
            return _sigmoid(logit + self.position_bias)
        limit = abs(self.position_bias)
        return min(max(_sigmoid(logit), limit), 1 - limit) + self.position_bias

    def _noise(self, one: Question) -> float:
        """The noise in favour of (A): that of the pair, with the sign of the order in which it is shown."""
        if not self.noise:
            return 0.0
        pair = _text(one.prompt), *sorted((one.first, one.second))
        shared = self._generator("shared", *pair).normal()
        single = self._generator("single", *pair, one.principle.name).normal()
        mixed = math.sqrt(self.correlation) * shared + math.sqrt(1 - self.correlation) * single
        return self.noise * mixed * (1 if one.first <= one.second else -1)

    def _generator(self, *key: str) -> np.random.Generator:
        words = hashlib.blake2b(
            "\x1f".join([str(self.seed), *key]).encode("utf-8", "surrogatepass"), digest_size=16
        ).digest()
        return np.random.default_rng(int.from_bytes(words, "little"))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _text(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else "\x1e".join(one["content"] for one in prompt)


def hard_label_correlation(correlation: float) -> float:
    """Correlation of the signs of two normal variables with this correlation, ``2 asin(r) / pi``.

    It is that of two principles' hard labels, where a simulated judge decides by noise alone.

    Examples
    --------
    >>> round(hard_label_correlation(0.5), 6), hard_label_correlation(1.0)
    (0.333333, 1.0)
    """
    return 2 * math.asin(correlation) / math.pi
