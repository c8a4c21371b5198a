"""Which option a judge's text names, if it names one.

An answer counts only if the text settles it by its form: an option that stands alone, opens or closes the
answer, or follows words such as "the answer is". A text that mentions options in another way is nonsense.
"""

import re
import unicodedata
from collections.abc import Sequence

from rlchf.constitution.questions import Answer

_OPEN, _CLOSE = r"(?:\\boxed)?[\s(\[{\"'`*_]{0,16}", r"[\s)\]}\"'`*_]{0,16}"  # linear in time
_CLOSED = r"(?![A-Za-z0-9'])[)\]}\"'`*_]*"
_NOUN = r"(?:(?:the )?(?:option|response|choice|answer|assistant) )?"
_SETTLED = r"(?=$|[.;:!\n]|,(?!\s*[(\[]?[A-Z]\b)|\s[-–—]|\s(?:because|since|as it|for)\b)"
"""What may follow an option that is an answer: an end, or a reason."""
_FINAL = r"answer(?: to [^.:\n]{1,80})? is:?"
_LEADS = (
    r"answer\s*[\"'*_]*\s*[:=]",
    r"(?:choice|verdict|decision|pick|preference)\s*[\"'*_]*\s*(?::|=|is:?)",
    r"\b(?:i|i'd|i would|i'll|i will)\s+(?:say|choose|pick|select|prefer|go with)",
    r"\\boxed",
)
"""Words whose object is the answer."""
_REASONING = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL | re.IGNORECASE)


def chosen_option(text: str, options: Sequence[str] = ("A", "B")) -> str | None:
    """The option that a text chooses; None if it names none, or more than one.

    Parameters
    ----------
    text
        What a judge wrote. Where "the answer is" occurs, what follows its last occurrence decides.
    options
        The letters on offer; C stands for "cannot tell".

    Examples
    --------
    >>> [chosen_option(text) for text in ("A", "(B).", "**B**", "I'd say A because B is rude")]
    ['A', 'B', 'B', 'A']
    >>> chosen_option("At first (A) looks better. The answer is: (B)")
    'B'
    >>> [chosen_option(text) for text in ("Both", "A or B", "(A) is rude", "The answer is: (C)")]
    [None, None, None, None]
    >>> chosen_option("The answer is: (C)", ["A", "B", "C"])
    'C'
    """
    text = _REASONING.sub("", unicodedata.normalize("NFKC", text)).replace("’", "'").strip()
    letters = "".join(options)
    alone = re.fullmatch(rf"{_OPEN}{_NOUN}{_OPEN}([{letters}]){_CLOSE}[.!:,;]?{_CLOSE}", text, re.I)
    if alone:
        return alone[1].upper()
    if "C" in options and re.fullmatch(
        r"\W*(?:\(c\)\s*)?(?:i )?(?:cannot|can't|can not) tell\W*", text, re.I
    ):
        return "C"
    finals = list(re.finditer(_FINAL, text, re.I))
    if finals:
        last = text[finals[-1].end() :]
        return _follows(last, letters) or _opening(last, letters)
    chosen = {_opening(text, letters), *_lines_alone(text, letters)}
    for lead in _LEADS:
        for found in re.finditer(lead, text, re.I):
            chosen.add(_follows(text[found.end() :], letters) or "none")
    chosen.discard(None)
    return chosen.pop() if len(chosen) == 1 and chosen <= set(options) else None


def _follows(text: str, letters: str) -> str | None:
    """The option that a text begins with, if an end or a reason comes behind it."""
    found = re.match(rf"{_OPEN}(?i:{_NOUN}){_OPEN}([{letters}]){_CLOSED}{_SETTLED}", text)
    return found[1] if found else None


def _lines_alone(text: str, letters: str) -> set[str]:
    """The options that lines consist of, if the last line does."""
    lines = [
        re.fullmatch(rf"{_OPEN}(?i:{_NOUN}){_OPEN}([{letters}]){_CLOSED}\.?{_CLOSE}", line)
        for line in text.splitlines()
    ]
    return {line[1] for line in lines if line} if lines and lines[-1] else set()


def _opening(text: str, letters: str) -> str | None:
    """The option that an answer opens with, which may be followed by a sentence or the option's text."""
    found = re.match(
        rf"({_OPEN}(?i:{_NOUN}){_OPEN})([{letters}]){_CLOSED}(?:([.:,;!-])|(?=\s|$))\s*(.*)",
        text,
        re.DOTALL,
    )
    if not found:
        return None
    before, letter, mark, rest = found.groups()
    others = re.search(rf"[(\[*]+[{letters.replace(letter, '')}][)\]*]+", rest)
    if re.match(rf"(?:[,/&]\s*)?[(\[*]*[{letters}]\b", rest) or (others and mark == ":"):
        return None  # a list of the options
    settled = mark or not rest or re.match(r"(?:because|since)\b|[-–—]\s", rest)
    repeats = bool(re.search(r"[(\[*]", before)) and rest[:1].isupper() and not others
    return letter if settled or repeats else None


def counted_answers(chosen: Sequence[str | None]) -> Answer:
    """The answer that several samples give together: shares of those that name an option.

    Parameters
    ----------
    chosen
        What `chosen_option` found in each.

    Examples
    --------
    >>> counted_answers(["A", "A", "B", None])
    Answer(first=0.6666666666666666, cannot_tell=0.0, nonsense=1, samples=3)
    >>> counted_answers([None])
    Answer(first=nan, cannot_tell=0.0, nonsense=1, samples=0)
    """
    named = [one for one in chosen if one is not None]
    nonsense = len(chosen) - len(named)
    if not named:
        return Answer(float("nan"), nonsense=nonsense)
    shares = [named.count(letter) / len(named) for letter in ("A", "C")]
    return Answer(shares[0], shares[1], nonsense=nonsense, samples=len(named))
