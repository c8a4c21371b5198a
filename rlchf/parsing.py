"""JSON and TOML as users write them, nested no deeper than may be: every refusal is a ValueError."""

import json
import math
from typing import Any

from rlchf.limits import limit


def json_value(text: str, deepest: int | None = None, **options: Any) -> Any:
    """The value of a JSON text.

    Parameters
    ----------
    deepest
        Levels of lists and objects at most; by default ``RLCHF_MAX_NESTING``.
    options
        What `json.loads` takes.

    Raises
    ------
    ValueError
        If the text is no JSON (a `json.JSONDecodeError`), lists and objects are nested deeper than
        ``RLCHF_MAX_NESTING``, or a number has too many digits.

    Examples
    --------
    >>> json_value('{"a": [1, 2]}')
    {'a': [1, 2]}
    >>> json_value("[" * 101 + "]" * 101)
    Traceback (most recent call last):
    ...
    ValueError: lists and objects are nested more than 100 deep; set RLCHF_MAX_NESTING to allow more
    """
    most = limit("RLCHF_MAX_NESTING") if deepest is None else deepest
    try:
        value = json.loads(text, **options)
    except RecursionError:
        raise ValueError(_too_deep(most)) from None
    except json.JSONDecodeError:
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
