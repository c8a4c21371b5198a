"""What a judge is asked, and what it answers.

Two responses to a prompt are shown as (A) and (B), and the principle's question comes last, so that all
principles share what is before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rlchf.constitution.principles import Principle
from rlchf.prompts import Prompt

SPEAKERS = {"user": "Human", "assistant": "Assistant", "system": "System"}


@dataclass(frozen=True)
class Question:
    """A comparison of two responses by one principle, in the order in which they are shown.

    Attributes
    ----------
    prompt
        A text, or the messages of a conversation.
    first, second
        The responses shown as (A) and (B).
    principle
        The principle whose question is asked.
    key
        What tells the question apart from all others of a job, for random draws: ids and the order.
    """

    prompt: Prompt
    first: str
    second: str
    principle: Principle
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A judge's answer to one question.

    Attributes
    ----------
    first
        Probability of option (A), from 0 to 1; not a number if the judge answered nonsense.
    cannot_tell
        Probability of the option "cannot tell", 0 where it was not offered. What is left of 1 is (B)'s.
    nonsense
        Number of answers that named no option; they are left out of the probabilities.
    samples
        Number of answers behind the probabilities; 0 if they are the model's own.
    """

    first: float
    cannot_tell: float = 0.0
    nonsense: int = 0
    samples: int = 0

    @property
    def soft_label(self) -> float:
        """Probability that the first response is preferred; "cannot tell" is half for each.

        Examples
        --------
        >>> Answer(0.6, cannot_tell=0.2).soft_label
        0.7
        """
        return self.first + self.cannot_tell / 2

    @property
    def count(self) -> int:
        """Number of answers to the question, nonsense included.

        Examples
        --------
        >>> Answer(0.5, nonsense=1, samples=2).count, Answer(0.7).count
        (3, 1)
        """
        return self.nonsense + (self.samples or self.first == self.first)


Judge: TypeAlias = Callable[[Sequence[Question]], Sequence[Answer]]
"""A judge: an answer to each of some questions, in their order."""


def shown(question: Question, *, cannot_tell: bool = False) -> str:
    """The part of the text that all principles share: the conversation and the options.

    Examples
    --------
    >>> brief = Principle("brief", question="Which response is shorter?")
    >>> print(shown(Question("Hi", "Hello!", "Hi!", brief)))
    Consider the following conversation between a human and an assistant:
    <BLANKLINE>
    Human: Hi
    <BLANKLINE>
    Two responses of the assistant are proposed:
    <BLANKLINE>
    (A) Hello!
    <BLANKLINE>
    (B) Hi!
    <BLANKLINE>
    """
    messages = question.prompt
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    said = [f"{SPEAKERS.get(one['role'], one['role'])}: {one['content']}" for one in messages]
    options = [f"(A) {question.first}", f"(B) {question.second}"]
    if cannot_tell:
        options.append("(C) I cannot tell.")
    return "\n\n".join(
        [
            "Consider the following conversation between a human and an assistant:", *said,
            "Two responses of the assistant are proposed:", *options, "",
        ]
    )  # fmt: skip


def asked(question: Question, *, cannot_tell: bool = False) -> str:
    """The part of the text that depends on the principle, behind `shown`.

    Examples
    --------
    >>> asked(Question("Hi", "Hello!", "Hi!", Principle("brief", question="Which is shorter?")))
    'Which is shorter?\\nAnswer with (A) or (B) only.'
    """
    choice = "(A), (B) or (C)" if cannot_tell else "(A) or (B)"
    return f"{question.principle.question}\nAnswer with {choice} only."


ANSWER = "The answer is: ("
"""What the judge's turn begins with where its probabilities are read: the letter comes next."""
