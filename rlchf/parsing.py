"""JSON and TOML as users write them, nested no deeper than may be: every refusal is a ValueError."""

import json
import math
from typing import Any

from rlchf.display import shortened
from rlchf.limits import limit


class RepeatedKeyError(ValueError):
    """An object of a JSON text has a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The dictionary of an object, each key of which comes once."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RepeatedKeyError(
            f"the key {shortened(twice)!r} comes twice in an object; keep one of them"
        )
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_object)
"""One for all texts, since `json.loads` would make one for each."""


def json_value(text: str, deepest: int | None = None) -> Any:
    """The value of a JSON text.

    Parameters
    ----------
    deepest
        Levels of lists and objects at most; by default ``RLCHF_MAX_NESTING``.

    Raises
    ------
    ValueError
        If the text is no JSON (a `json.JSONDecodeError`), an object has a key twice (a
        `RepeatedKeyError`), lists and objects are nested deeper than ``RLCHF_MAX_NESTING``, or a number
        has too many digits.

    Examples
    --------
    >>> json_value('{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> json_value('{"rank": 1, "rank": 2}')
    Traceback (most recent call last):
    ...
    rlchf.parsing.RepeatedKeyError: the key 'rank' comes twice in an object; keep one of them
    >>> json_value("[" * 101 + "]" * 101)
    Traceback (most recent call last):
    ...
    ValueError: lists and objects are nested more than 100 deep; set RLCHF_MAX_NESTING to allow more
    """
    most = limit("RLCHF_MAX_NESTING") if deepest is None else deepest
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(_too_deep(most)) from None
    except (json.JSONDecodeError, RepeatedKeyError):
        raise
    except ValueError as error:
        if "digits" not in str(error):
            raise
        raise ValueError("a number has more than 4,300 digits") from None
    if text.count("[") + text.count("{") > most and is_deeper(value, most):
        raise ValueError(_too_deep(most))
    return value


def toml_table(text: str) -> dict[str, Any]:
    """The table of a TOML text.

    Raises
    ------
    ValueError
        If the text is no TOML, or tables and lists are nested deeper than ``RLCHF_MAX_NESTING``.

    Examples
    --------
    >>> toml_table("[rule]\\nname = 'borda'")
    {'rule': {'name': 'borda'}}
    """
    import tomllib

    most = limit("RLCHF_MAX_NESTING")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise ValueError(_too_deep(most, "tables and lists")) from None
    if is_deeper(table, most):
        raise ValueError(_too_deep(most, "tables and lists"))
    return table


def finite(value: Any) -> float | None:
    """The float of a number that JSON holds; None of another value, of NaN, and of one beyond all floats.

    Examples
    --------
    >>> finite(7), finite(True), finite(10**400), finite(float("nan"))
    (7.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def is_deeper(value: Any, most: int) -> bool:
    """Whether lists and dictionaries are nested deeper than a number of levels; without recursion.

    Examples
    --------
    >>> is_deeper([[1], {"a": []}], 3), is_deeper([[1], {"a": []}], 2)
    (False, True)
    """
    level = [value]
    for _ in range(most + 1):
        parents = [one for one in level if isinstance(one, list | dict)]
        if not parents:
            return False
        level = [
            child
            for one in parents
            for child in (one.values() if isinstance(one, dict) else one)
            if isinstance(child, list | dict)
        ]
    return True


def _too_deep(most: int, what: str = "lists and objects") -> str:
    return f"{what} are nested more than {most} deep; set RLCHF_MAX_NESTING to allow more"
