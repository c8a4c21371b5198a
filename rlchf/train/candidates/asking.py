"""How a policy is asked for candidates that differ: system prompts, and one prompt for several answers.

References
----------
L. H. Zhang et al., "Cultivating pluralism in algorithmic monoculture: the Community Alignment dataset",
2025: candidates that are sampled independently are too alike for different tastes to show;
negatively correlated ones, asked for together, are not.
"""

import re

from rlchf.prompts import Prompt

SYSTEM_PROMPTS = {
    "concise": "Answer briefly, in one or two short sentences.",
    "detailed": "Answer thoroughly: explain the reasons, give an example and name an exception.",
    "warm": "Answer warmly, like a good friend: show that you understand how the person may feel.",
    "blunt": "Answer bluntly: say what you think without softening it.",
    "formal": "Answer formally and precisely, as a professional does in writing.",
    "playful": "Answer playfully, with humour and a few emojis.",
    "cautious": "Answer cautiously: name the risks, and say what is uncertain.",
    "practical": "Answer practically: give concrete steps that can be taken today.",
    "factual": "Answer by facts and evidence, and leave customs and feelings aside.",
    "traditional": "Answer with respect for tradition, family and community: prefer what has lasted.",
    "free": "Answer with respect for personal freedom and new ideas: let people go their own way.",
    "thrifty": "Answer with security in mind: prefer what is safe, simple and cheap.",
}
"""Our own system prompts, by name: manners of answering, and values that people weigh differently."""

TEMPLATE = """\
Write {n} different answers to the message below. The people who will read them differ in what they value \
and in how they like to be spoken to, so the answers should differ as much as possible: in what they \
recommend, in what they put first, in tone and in length. Each answer must be complete without the others. \
Begin each answer with its number, like this: Answer 1:, then Answer 2:, up to Answer {n}:. \
Write nothing else.

The message:
{prompt}"""
"""The one prompt for n answers."""

BEGINNING = "Answer 1:"
"""What the policy's turn begins with, so that it takes up the form."""

_PLACE = re.compile(r"\{(prompt|n)\}")
_HEADING = re.compile(
    r"^[^\w\n]*answer[ \t#]*(\d+)(?!\.\d)(?:[ \t]*[:.)>\]*–—-]+[ \t]*|[ \t]*$)", re.I | re.M
)


def check_template(template: str, source: str) -> None:
    """Refuse a template that lacks a placeholder.

    Raises
    ------
    ValueError
        If it does; the message begins with ``source``.
    """
    missing = [name for name in ("{prompt}", "{n}") if name not in template]
    if missing:
        raise ValueError(
            f"{source} has no {' and no '.join(missing)}; a template needs {{prompt}} for the prompt and "
            "{n} for the number of answers"
        )


def in_template(prompt: Prompt, n: int, template: str = TEMPLATE) -> Prompt:
    """A prompt that asks for n answers; in a conversation the last message asks.

    Examples
    --------
    >>> in_template("What is {n}?", 3, "Give {n} answers: {prompt}")
    'Give 3 answers: What is {n}?'
    """
    if not isinstance(prompt, str):
        last = prompt[-1]
        asking = str(in_template(last["content"], n, template))
        return [*prompt[:-1], {**last, "content": asking}]
    values = {"prompt": prompt, "n": str(n)}
    return _PLACE.sub(lambda match: values[match[1]], template)


def listed_answers(text: str, finished: bool = True) -> list[str]:
    """The answers in a text that has them under ``Answer 1:``, ``Answer 2:`` and so on.

    They are read as long as the numbers count up by one. Text before the first is left out, and so are
    answers that are empty, and the last one if the text is not finished. Other numbering is not read,
    because the steps within a single answer look the same.

    Examples
    --------
    >>> listed_answers("Sure! Answer 1: no\\nAnswer 1: Boil it.\\n**Answer 2:** Fry it. 🍳")
    ['Boil it.', 'Fry it. 🍳']
    >>> listed_answers("Answer 1: Boil it. Answer 2 is", finished=False)
    []
    """
    headings = list(_HEADING.finditer(text))
    bounds = [heading.start() for heading in headings] + [len(text)]
    answers: list[str] = []
    for number, (heading, end) in enumerate(zip(headings, bounds[1:], strict=True), start=1):
        if int(heading[1]) != number:
            finished = True  # the answer before it is complete
            break
        answers.append(re.sub(r"</?answer[^>]*>", "", text[heading.end() : end], flags=re.I))
    kept = answers if finished else answers[:-1]
    return [answer.strip() for answer in kept if answer.strip()]
