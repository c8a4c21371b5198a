"""A language model on this machine as a judge."""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rlchf.constitution.answers import counted_answers
from rlchf.constitution.judge_config import JudgeConfig
from rlchf.constitution.judge_examples import (
    REASONING,
    JudgeExample,
    check_examples,
    conversation,
    letters,
    plain_text,
)
from rlchf.constitution.judging import answer_of_logprobs
from rlchf.constitution.plan import digest
from rlchf.constitution.questions import ANSWER, Answer, Question
from rlchf.train.constitution.options import OptionTokens
from rlchf.train.constitution.reading import PrefixReader
from rlchf.train.models.checksums import weights_checksum
from rlchf.train.models.ends import ends_of
from rlchf.train.models.padding import own_pad_id
from rlchf.train.models.text import front_ids, prompt_ids
from rlchf.train.ppo.checks import check_vocabulary
from rlchf.train.ppo.sampling import sample, uniforms

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOLERANCE = 1e-3
"""Largest difference of probabilities, in float32, that continuing from keys and values may make."""
COARSE = 0.05
"""The same in lower precision."""
DRAWS, REASONINGS = 1, 2
"""What numbers in keys of draws stand for."""


class LocalJudge:
    """A causal language model that answers questions by the probabilities of their options.

    The model reads the question, and its turn begins with "The answer is: (". The log-probabilities of the
    options there, normalised, are its answer; or answers are drawn from all that it may say there, where
    what begins no option is nonsense.

    Parameters
    ----------
    model, tokenizer
        The model, on its device, and its tokenizer. With a chat template a question is a user's message.
    config
        How it answers.
    examples
        Questions with their answers, put before each question.
    precision
        A context in which the model computes, such as ``Accelerator.autocast``.

    Raises
    ------
    ValueError
        If an example's answer is not on offer.

    Attributes
    ----------
    method
        How its answers are got, for the judgements.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        config: JudgeConfig | None = None,
        examples: Sequence[JudgeExample] = (),
        precision: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.config = config or JudgeConfig()
        check_examples(examples, self.config.cannot_tell)
        self.model, self.tokenizer, self.examples = model, tokenizer, list(examples)
        self.precision, self.method = precision, self.config.label
        self.front = front_ids(tokenizer)
        self.option_tokens = OptionTokens.of(tokenizer, letters(self.config.cannot_tell))
        self.ends = ends_of(tokenizer, model, [ANSWER.rstrip(" (:")])
        pad_id = own_pad_id(tokenizer, model, self.ends.tokens[0])
        self.read = PrefixReader(model, pad_id, self.config.share_prefix)
        self.checked = not self.read.share

    @property
    def fingerprint(self) -> int:
        """A checksum of the weights."""
        return weights_checksum(self.model)

    def check(self, questions: Sequence[Question]) -> None:
        """Refuse questions that are longer than the model can read.

        Of all questions about a pair, the longest is measured.

        Raises
        ------
        ValueError
            If there is one, or the tokenizer has tokens that the model lacks.
        """
        for _, alike in groupby(questions, lambda one: one.key[:3]):
            self._row(max(alike, key=lambda one: len(one.principle.question)))

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        """An answer to each question."""
        config = self.config
        n = config.samples if config.method == "samples" else 1
        with self.precision():
            if not config.chain_of_thought:
                logprobs = self._logprobs(questions)
                if config.method == "logprobs":
                    return [answer_of_logprobs(row) for row in logprobs]
                both = zip(questions, logprobs, strict=True)
                return [counted_answers(self._letters(one, row, n)) for one, row in both]
            reasoned = [self._logprobs(questions, self._reasoning(questions, i)) for i in range(n)]
        if config.method == "logprobs":
            return [answer_of_logprobs(row) for row in reasoned[0]]
        return [
            counted_answers([self._letters(one, rows[i], 1, i)[0] for i in range(n)])
            for one, rows in zip(questions, zip(*reasoned, strict=True), strict=True)
        ]

    def _key(self, question: Question, kind: int, number: int) -> tuple[int, ...]:
        return self.config.seed, kind, digest(*question.key), number

    def _letters(
        self, question: Question, logprobs: Sequence[float], n: int, number: int = 0
    ) -> list[str | None]:
        """Letters of answers that are drawn; None is one that names no option."""
        (numbers,) = uniforms([self._key(question, DRAWS, number)], n).tolist()
        bounds = list(accumulate(math.exp(one) for one in logprobs))
        offered = list(zip(letters(self.config.cannot_tell), bounds, strict=True))
        return [next((letter for letter, bound in offered if u < bound), None) for u in numbers]

    def _reasoning(self, questions: Sequence[Question], number: int) -> list[str]:
        """What the judge writes before it answers, up to where it would."""
        rollout = sample(
            self.model, self.tokenizer, [self._row(one) for one in questions],
            [self._key(one, REASONINGS, number) for one in questions],
            max_new_tokens=self.config.max_new_tokens, temperature=self.config.temperature,
            ends=self.ends.tokens, stop_texts=self.ends.texts,
        )  # fmt: skip
        return [text.strip() for text in rollout.texts(self.tokenizer, self.ends.texts)]

    def _logprobs(
        self, questions: Sequence[Question], reasoning: Sequence[str] = ()
    ) -> list[list[float]]:
        """The log-probabilities of each question's options."""
        rows = [self._row(one) for one in questions]
        if reasoning:
            texts = [f" {text}\n\n" for text in reasoning]
            more = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
            rows = [row + list(ids) for row, ids in zip(rows, more, strict=True)]
            rows = [row + self.option_tokens.begin for row in rows]
        groups = list(_groups(questions))
        if not self.checked:
            self._check_sharing(rows, groups)
        return self._option_logprobs(rows, groups)

    def _option_logprobs(
        self, rows: Sequence[list[int]], groups: Sequence[int]
    ) -> list[list[float]]:
        tails = self.option_tokens.tails
        read = self.read(
            [[*row, *tail] for row in rows for tail in tails],
            [group for group in groups for _ in tails],
            [len(tail) + 1 for _ in rows for tail in tails],
        )
        sampled = self.config.method != "logprobs"
        temperature = self.config.temperature if sampled else 1.0
        per_row: list[Sequence[Tensor]] = [
            read[i : i + len(tails)] for i in range(0, len(read), len(tails))
        ]
        return [self.option_tokens.logprobs(one, temperature) for one in per_row]

    def _check_sharing(self, rows: Sequence[list[int]], groups: Sequence[int]) -> None:
        """Compare both ways of reading where they first differ, and share nothing if they disagree."""
        alike = [n for n, group in enumerate(groups) if groups.count(group) > 1][:2]
        if len(alike) < 2:
            return
        self.checked = True
        some, of_one = [rows[n] for n in alike], [0, 0]
        tolerance = TOLERANCE if self.model.dtype == torch.float32 else COARSE
        try:
            shared = self._option_logprobs(some, of_one)
            problem = ""
        except (AttributeError, IndexError, NotImplementedError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
        self.read.share = False
        if not problem:
            alone = self._option_logprobs(some, of_one)
            largest = max(
                abs(math.exp(a) - math.exp(b))
                for one, other in zip(shared, alone, strict=True)
                for a, b in zip(one, other, strict=True)
            )
            self.read.share = largest <= tolerance
            problem = f"probabilities differ by {largest:.2g}"
        if not self.read.share:
            warnings.warn(
                f"the judge, a {type(self.model).__name__}, does not continue from keys and values "
                f"({problem}); each question is read as a whole, which takes longer",
                stacklevel=2,
            )

    def _row(self, question: Question) -> list[int]:
        """Token ids of a question, up to where the judge reasons or names an option."""
        config = self.config
        messages = conversation(
            question, self.examples, cannot_tell=config.cannot_tell, reason=config.chain_of_thought
        )
        chat = bool(self.tokenizer.chat_template)
        ids = prompt_ids(self.tokenizer, messages if chat else plain_text(messages), self.front)
        if config.chain_of_thought:
            ids = ids + list(self.tokenizer(REASONING, add_special_tokens=False)["input_ids"])
            room = config.max_new_tokens + len(self.option_tokens.begin) + 4
        else:
            ids, room = ids + self.option_tokens.begin, 0
        self._check_row(question, ids, room + max(map(len, self.option_tokens.options)))
        return ids

    def _check_row(self, question: Question, ids: Sequence[int], room: int) -> None:
        check_vocabulary(self.model, [ids], [])
        limit = self.read.limit
        if limit is not None and len(ids) + room > limit:
            about = f"prompt {question.key[0]!r}" if question.key else "a prompt"
            raise ValueError(
                f"a question about {about} has {len(ids)} tokens"
                + (f" and {room} for the answer" if room > 2 else "")
                + f", and the judge reads {limit}; give shorter responses or fewer examples, or leave the "
                "prompt out"
            )


def _groups(questions: Sequence[Question]) -> Iterator[int]:
    """Numbers of runs of questions that begin alike, about one pair in one order."""
    runs = groupby(questions, lambda one: (one.key[:3], one.prompt, one.first, one.second))
    for number, (_, run) in enumerate(runs):
        yield from (number for _ in run)
