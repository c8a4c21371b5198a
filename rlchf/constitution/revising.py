"""What a policy is asked when it criticises and revises its own responses, and what of its text counts.

A conversation in which a critique is asked for is: an instruction, worked examples, the prompt, the last
response, the principle's critique request. A revision is asked for behind the critique. The next round
starts again from the prompt and the revision, so that a conversation does not grow with the rounds.

References
----------
Y. Bai et al., "Constitutional AI: harmlessness from AI feedback", 2022, section 3.1.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from rlchf.constitution.principles import Principle
from rlchf.ids import id_number
from rlchf.prompts import Prompt, with_system, with_text_before
from rlchf.settings import Settings, built, setting

INSTRUCTION = (
    "You review your own responses. When you are asked for a critique, say what is right and wrong with "
    "your last response; do not answer the message again. When you are asked for a revision, write the new "
    "response alone, in the words in which the person who wrote the message will read it."
)
"""The system prompt of critiques and revisions."""

PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ 'Human:\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Assistant:\n' }}{% endif %}"
    "{{ message['content'] + '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:\n' }}{% endif %}"
)
"""The chat template of a model that comes without one: Human and Assistant in turn, as plain text."""
PLAIN_STOP = "\nHuman:"
"""Where the text of such a model ends, because the other side's turn begins."""
_OTHER_SIDE = re.compile(r"^[ \t]*Human:", re.MULTILINE)


CRITIQUE = ("critique_request", "critique")
"""The texts that an example need not have where no critiques are asked for."""


@dataclass(frozen=True)
class Example(Settings):
    """A worked revision, with or without a critique before it."""

    prompt: str = setting("", "Message of a person.")
    response: str = setting("", "Response that is to be revised.")
    critique_request: str = setting(
        "", "Request for a critique; not needed where no critiques are asked for."
    )
    critique: str = setting("", "Critique of the response; not needed either.")
    revision_request: str = setting("", "Request for a revision.")
    revision: str = setting("", "Response as it should be.")

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """What an example cannot lack."""
        missing = [one.name for one in fields(self) if not getattr(self, one.name).strip()]
        if set(missing) == set(CRITIQUE):
            missing = []
        yield bool(missing), f"{', '.join(missing)} is missing; an example has all of its texts"

    @property
    def has_critique(self) -> bool:
        """Whether there is a critique before the revision."""
        return bool(self.critique.strip())

    def turns(self, critique: bool = True) -> list[dict[str, str]]:
        """The example as a conversation, with its critique, or without.

        Examples
        --------
        >>> example = Example("Hi", "Go away.", "Is it polite?", "No.", "Be polite.", "Hello!")
        >>> [turn["content"] for turn in example.turns(critique=False)]
        ['Hi', 'Go away.', 'Be polite.', 'Hello!']
        """
        said = [self.prompt, self.response]
        if critique:
            said += [self.critique_request, self.critique]
        said += [self.revision_request, self.revision]
        return [_turn(n, text) for n, text in enumerate(said)]


def examples_from(
    records: Sequence[Any], where: str = "", *, critique: bool = True
) -> list[Example]:
    """Worked examples from one mapping each, such as a TOML file holds.

    Parameters
    ----------
    critique
        Whether each must have a critique.

    Raises
    ------
    ValueError
        If one is no mapping, lacks a text or has an unknown key; the message begins with ``where``.

    Examples
    --------
    >>> examples_from([{"prompt": "Hi", "reply": "Hello"}], "my.toml")
    Traceback (most recent call last):
    ...
    ValueError: my.toml, example 1: there is no setting 'reply'; ...
    """
    begin = f"{where}, " if where else ""
    examples = []
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            keys = ", ".join(one.name for one in fields(Example))
            raise ValueError(f"{begin}example {number} is {record!r}; give a table with {keys}")
        examples.append(built(Example, record, f"{begin}example {number}: "))
    if critique:
        check_critiques(examples, begin)
    return examples


def check_critiques(examples: Sequence[Example], begin: str = "") -> None:
    """Refuse examples without a critique, where critiques are asked for.

    Raises
    ------
    ValueError
        If there is one; the message starts with ``begin``.
    """
    for number, one in enumerate(examples, start=1):
        if not one.has_critique:
            raise ValueError(
                f"{begin}example {number}: {', '.join(CRITIQUE)} is missing; give both, or ask for no "
                "critiques (--no-critique)"
            )


@dataclass(frozen=True)
class Asking:
    """Puts requests for critiques and revisions into conversations.

    Attributes
    ----------
    examples
        Worked examples, in the order in which they are shown.
    critique
        Whether critiques are asked for at all.
    system
        Whether conversations may have a system prompt; otherwise its text begins the first message.
    """

    examples: Sequence[Example] = ()
    critique: bool = True
    system: bool = True

    def __post_init__(self) -> None:
        if self.critique:
            check_critiques(self.examples)

    def asks_critique(self, principle: Principle) -> bool:
        """Whether a critique comes before the revision by a principle."""
        return self.critique and bool(principle.critique.strip())

    def for_critique(self, prompt: Prompt, response: str, principle: Principle) -> Prompt:
        """The conversation that asks for a critique of a response.

        Examples
        --------
        >>> polite = Principle("polite", critique="Is it polite?", revision="Be polite.")
        >>> for turn in Asking(system=False).for_critique("Hi", "Go away.", polite)[1:]:
        ...     print(turn["role"], turn["content"])
        assistant Go away.
        user Is it polite?
        """
        return self._conversation(prompt, [response, principle.critique])

    def for_revision(
        self, prompt: Prompt, response: str, principle: Principle, critique: str = ""
    ) -> Prompt:
        """The conversation that asks for a revision, behind a critique if there is one."""
        said = [response, principle.revision]
        if self.asks_critique(principle):
            said = [response, principle.critique, critique, principle.revision]
        return self._conversation(prompt, said)

    def _conversation(self, prompt: Prompt, said: Iterable[str]) -> Prompt:
        """The prompt and what was said then, behind the instruction and the examples."""
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        instruction, first = INSTRUCTION, 0
        if messages[0]["role"] == "system":
            instruction, first = f"{messages[0]['content']}\n\n{INSTRUCTION}", 1
        shown = [turn for one in self.examples for turn in one.turns(self.critique)]
        turns = [_turn(n, text) for n, text in enumerate(said, start=1)]
        conversation = [*shown, *map(dict, messages[first:]), *turns]
        return (with_system if self.system else with_text_before)(conversation, instruction)


def _turn(number: int, text: str) -> dict[str, str]:
    return {"role": "assistant" if number % 2 else "user", "content": text}


def drawn_principle(
    principles: Sequence[Principle], seed: int, prompt_id: str, step: int
) -> Principle:
    """The principle of one round for one prompt, drawn by weight, independently of all other draws.

    Examples
    --------
    >>> brief, kind = Principle("brief", revision="Be brief."), Principle("kind", revision="Be kind.")
    >>> [drawn_principle([brief, kind], 0, "p1", step).name for step in (5, 6, 7, 8)]
    ['kind', 'kind', 'brief', 'brief']
    """
    rng = np.random.default_rng((2, seed, id_number(prompt_id), step))
    weights = np.array([one.weight for one in principles])
    return principles[int(rng.choice(len(principles), p=weights / weights.sum()))]


def own_turn(text: str) -> str:
    """The part of a plain text that is the assistant's: up to the next line that begins with ``Human:``.

    Examples
    --------
    >>> own_turn("No.\\n\\nHuman: Why?"), own_turn("Human: Why?"), own_turn("The word Human: is fine.")
    ('No.', '', 'The word Human: is fine.')
    """
    other = _OTHER_SIDE.search(text)
    return (text if other is None else text[: other.start()]).strip()


@dataclass(frozen=True)
class Step:
    """One round for one prompt: a critique and a revision by a principle; in round 0, the first response.

    Attributes
    ----------
    prompt_id, round
        The prompt, and the number of the round.
    principle
        Name of the principle; empty in round 0.
    critique
        The critique; empty in round 0 and where none was asked for.
    revision
        The revision; in round 0 the first response.
    finished
        Whether the revision ended by itself, and was not cut off.
    prompt
        A text, or the messages of a conversation.
    """

    prompt_id: str
    round: int
    principle: str
    critique: str
    revision: str
    finished: bool
    prompt: Prompt

    @property
    def response_id(self) -> str:
        """The id of the revision among the responses to its prompt.

        Examples
        --------
        >>> Step("p1", 2, "polite", "", "Hello!", True, "Hi").response_id
        'round2'
        """
        return f"round{self.round}"
