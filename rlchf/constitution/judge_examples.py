"""Examples of questions with their answers, which a judge is shown before a question, and its reasoning."""

from collections.abc import Sequence
from dataclasses import dataclass

from rlchf.constitution.principles import Principle
from rlchf.constitution.questions import ANSWER, Question, asked, shown
from rlchf.prompts import Prompt

LETTERS = ("A", "B", "C")
"""The options: the first response, the second, and "cannot tell" where it is offered."""
REASONING = "Let's think step by step:"
"""What the judge's turn begins with where it reasons before it answers."""


@dataclass(frozen=True)
class JudgeExample:
    """A question with its answer.

    Attributes
    ----------
    question
        The question, with a principle of its own.
    letter
        The answer: A, B, or C for "cannot tell".
    """

    question: Question
    letter: str

    @classmethod
    def of(
        cls, prompt: Prompt, responses: Sequence[str], question: str, letter: str
    ) -> "JudgeExample":
        """An example of two responses and the text of a question.

        Examples
        --------
        >>> JudgeExample.of("Hi", ["Hello!", "Go away."], "Which is kinder?", "A").letter
        'A'
        """
        first, second = responses
        return cls(Question(prompt, first, second, Principle("example", question=question)), letter)


def letters(cannot_tell: bool) -> tuple[str, ...]:
    """The letters of the options that are offered."""
    return LETTERS if cannot_tell else LETTERS[:2]


def check_examples(examples: Sequence[JudgeExample], cannot_tell: bool) -> None:
    """Refuse an example whose answer is not on offer.

    Raises
    ------
    ValueError
        If there is one.
    """
    for number, one in enumerate(examples, start=1):
        if one.letter not in letters(cannot_tell):
            more = "" if cannot_tell else "; C needs the option cannot tell (--cannot-tell)"
            raise ValueError(
                f"example {number} has the answer {one.letter!r}; give one of "
                f"{', '.join(letters(cannot_tell))}{more}"
            )


def conversation(
    question: Question,
    examples: Sequence[JudgeExample] = (),
    *,
    cannot_tell: bool = False,
    reason: bool = False,
) -> list[dict[str, str]]:
    """The chat messages that put a question to a judge, up to its answer.

    Examples
    --------
    >>> brief = Principle("brief", question="Which is shorter?")
    >>> example = JudgeExample.of("Hi", ["Hello!", "Go away."], "Which is kinder?", "A")
    >>> messages = conversation(Question("Hi", "Hello!", "Hi!", brief), [example])
    >>> [message["role"] for message in messages], messages[1]["content"]
    (['user', 'assistant', 'user'], 'The answer is: (A)')
    """
    messages = []
    for one in examples:
        text = _text(one.question, cannot_tell, False)
        messages.append({"role": "user", "content": text})
        messages.append({"role": "assistant", "content": f"{ANSWER}{one.letter})"})
    return [*messages, {"role": "user", "content": _text(question, cannot_tell, reason)}]


def plain_text(messages: Sequence[dict[str, str]]) -> str:
    """The same as one text, for a model without a chat template; the judge's turn begins behind it."""
    return "".join(f"{message['content']}\n\n" for message in messages)


def _text(question: Question, cannot_tell: bool, reason: bool) -> str:
    before = shown(question, cannot_tell=cannot_tell)
    if not reason:
        return before + asked(question, cannot_tell=cannot_tell)
    offered = [f"({letter})" for letter in letters(cannot_tell)]
    choice = f"{', '.join(offered[:-1])} or {offered[-1]}"
    return (
        f"{before}{question.principle.question}\nThink step by step, and then answer with {choice}."
    )
