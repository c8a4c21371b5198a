"""Probabilities of the options from the log-probabilities of an answer's tokens."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_EDGES = " \t\n▁Ġ([{*\"'`)]}.:,"
_ANSWER = r"(?i:answer is:?)[\s(\[*\"'`]*([{letters}])(?![A-Za-z])"
_START = r"^[\s(\[*\"'`]*(?:(?:option|response)\s+)?[\s(\[*\"'`]*([{letters}])(?![A-Za-z])"


def option_probabilities(
    tokens: Sequence[Mapping[str, Any]], options: Sequence[str]
) -> dict[str, float] | None:
    """Probabilities of the options where an answer names one, normalised to sum to 1.

    What the endpoint does not list at that token is less probable than all that it lists, and counts as 0.

    Parameters
    ----------
    tokens
        Each with ``token``, ``logprob`` and ``top_logprobs``, a list of the same two.
    options
        The letters on offer.

    Returns
    -------
    None if the answer names no option.

    Examples
    --------
    >>> top = [{"token": "A", "logprob": -1.0}, {"token": "B", "logprob": -2.0}]
    >>> answer = [{"token": "(", "logprob": 0.0, "top_logprobs": []}, top[0] | {"top_logprobs": top}]
    >>> option_probabilities(answer, ["A", "B"])
    {'A': 0.7310585786300049, 'B': 0.2689414213699951}
    """
    place = _place([str(one["token"]) for one in tokens], "".join(options))
    if place is None:
        return None
    chosen = tokens[place]
    listed = {str(one["token"]): float(one["logprob"]) for one in chosen.get("top_logprobs") or []}
    listed.setdefault(str(chosen["token"]), float(chosen["logprob"]))
    highest = max(listed.values())
    weights = dict.fromkeys(options, 0.0)
    for token, logprob in listed.items():
        letter = token.strip(_EDGES)
        if letter in weights:
            weights[letter] += math.exp(logprob - highest)
    total = math.fsum(weights.values())
    return {letter: weight / total for letter, weight in weights.items()} if total else None


def _place(tokens: Sequence[str], letters: str) -> int | None:
    """The index of the token that names the option: after the last "the answer is", or at the start."""
    text = "".join(tokens)
    found = list(re.finditer(_ANSWER.replace("{letters}", letters), text))
    match = found[-1] if found else re.search(_START.replace("{letters}", letters), text)
    if not match:
        return None
    end = 0
    for index, token in enumerate(tokens):
        end += len(token)
        if end > match.start(1):
            return index
    return None


def lists_alternatives(tokens: Sequence[Mapping[str, Any]], options: Sequence[str]) -> bool:
    """Whether tokens come with as many alternatives as there are options, or more."""
    return any(len(one.get("top_logprobs") or []) >= len(options) for one in tokens)
