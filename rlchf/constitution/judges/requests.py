"""The requests that a question becomes, each with a key by which its reply is kept."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rlchf.constitution.judge_examples import JudgeExample, conversation
from rlchf.constitution.questions import Question, asked, shown

Method = Literal["logprobs", "samples", "answer"]

SHORT = 16
"""Most tokens of an answer without reasons."""
TOP = 20
"""Alternatives to each token that are asked for; what an endpoint may list at most."""


@dataclass(frozen=True)
class Request:
    """A chat completion that is asked for.

    Attributes
    ----------
    text
        What the user says.
    parameters
        Everything else but the model, as the endpoint takes it.
    before
        Messages that stand before it: examples of questions with their answers.
    """

    text: str
    parameters: dict[str, Any]
    before: Sequence[dict[str, str]] = ()

    @property
    def messages(self) -> list[dict[str, str]]:
        """The conversation, whose last message is the text."""
        return [*self.before, {"role": "user", "content": self.text}]

    @property
    def size(self) -> int:
        """Number of bytes of all messages."""
        return sum(len(one["content"].encode(errors="replace")) for one in self.messages)

    def key(self, model: str, url: str) -> str:
        """A hash of all that the reply depends on."""
        parts = [url, model, self.messages, self.parameters]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def question_text(question: Question, *, chain_of_thought: bool, cannot_tell: bool) -> str:
    """What a judge is asked, with the principle last.

    Examples
    --------
    >>> from rlchf.constitution.principles import Principle
    >>> question = Question("Hi", "Hello!", "Hi!", Principle("brief", question="Which is shorter?"))
    >>> text = question_text(question, chain_of_thought=True, cannot_tell=False)
    >>> print(text[text.index("Which"):])
    Which is shorter?
    Think step by step. Then end with one line: "The answer is: (A)" or "The answer is: (B)".
    """
    before = shown(question, cannot_tell=cannot_tell)
    if not chain_of_thought:
        return before + asked(question, cannot_tell=cannot_tell)
    lines = [f'"The answer is: ({letter})"' for letter in ("ABC" if cannot_tell else "AB")]
    choice = ", ".join(lines[:-1]) + f" or {lines[-1]}"
    return f"{before}{question.principle.question}\nThink step by step. Then end with one line: {choice}."


def requests_of(
    question: Question,
    method: Method,
    *,
    samples: int,
    chain_of_thought: bool,
    cannot_tell: bool,
    temperature: float,
    seed: int,
    max_tokens: int,
    examples: Sequence[JudgeExample] = (),
) -> list[Request]:
    """The requests that answer a question: one, or one per sample, each with a seed of its own.

    The seed depends on the text and the number of the sample, so that equal questions have equal replies.
    """
    text = question_text(question, chain_of_thought=chain_of_thought, cannot_tell=cannot_tell)
    before = conversation(question, examples, cannot_tell=cannot_tell)[:-1]
    parameters: dict[str, Any] = {"max_tokens": max_tokens if chain_of_thought else SHORT}
    if method == "logprobs":
        parameters |= {"logprobs": True, "top_logprobs": TOP}
        if not chain_of_thought:  # the tokens' own probabilities do not depend on a draw
            return [Request(text, parameters | {"temperature": 0.0}, before)]
    count = 1 if method == "answer" else samples
    parameters["temperature"] = temperature
    return [
        Request(text, parameters | {"seed": _sample_seed(seed, text, number)}, before)
        for number in range(count)
    ]


def _sample_seed(seed: int, text: str, number: int) -> int:
    """A seed of 31 bits."""
    digest = hashlib.sha256(f"{seed}\0{number}\0{text}".encode(errors="replace")).digest()
    return int.from_bytes(digest[:4], "big") >> 1
