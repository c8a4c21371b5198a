"""Statistical cultures, one per file: models that random ballots are drawn from.

A culture of name ``x`` is the function ``x`` in the file ``x.py`` of this folder; the file is its own
registration. It takes a `Poll`, who votes on what, and returns `Votes`.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from rlchf.options import checked, meant
from rlchf.simulate.polls import Poll, Votes

Culture = Callable[..., Votes]


@cache
def culture_names() -> list[str]:
    """The names of all cultures, sorted.

    Examples
    --------
    >>> culture_names()[:3]
    ['euclidean', 'groups', 'impartial']
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get_culture(name: str) -> Culture:
    """The function of a culture.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> get_culture("malows")
    Traceback (most recent call last):
    ...
    ValueError: unknown culture 'malows'; did you mean mallows?
    """
    if name not in culture_names():
        hint = meant(name, culture_names()) or f"choose from {', '.join(culture_names())}"
        raise ValueError(f"unknown culture {name!r}; {hint}")
    function: Culture = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    return function


def culture_options(name: str) -> dict[str, inspect.Parameter]:
    """The options of a culture by name, with their annotations and defaults."""
    parameters = inspect.signature(get_culture(name), eval_str=True).parameters
    return {
        option: one for option, one in parameters.items() if one.kind is one.KEYWORD_ONLY
    }  # fmt: skip


def votes(name: str, poll: Poll, options: Mapping[str, Any]) -> Votes:
    """What a culture draws for a poll.

    Raises
    ------
    ValueError
        If there is no such culture or option, or a value does not fit; the message names both.

    Examples
    --------
    >>> import numpy as np
    >>> votes("urn", Poll.drawn(1, 5, 3, 5, np.random.default_rng(0)), {"beta": 1})
    Traceback (most recent call last):
    ...
    ValueError: culture 'urn' has no option 'beta'; it has alpha
    """
    known, fitted = culture_options(name), {}
    for option, value in options.items():
        if option not in known:
            hint = meant(option, known) or f"it has {', '.join(known) or 'none'}"
            raise ValueError(f"culture {name!r} has no option {option!r}; {hint}")
        what = f"culture {name!r}: option {option}"
        fitted[option] = checked(known[option].annotation, value, what)
    try:
        return get_culture(name)(poll, **fitted)
    except ValueError as error:
        raise ValueError(f"culture {name!r}: {error}") from None
