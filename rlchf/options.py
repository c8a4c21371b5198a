"""Values that users write, held against the types that the code declares."""

import types
from typing import Any, Literal, Union, get_args, get_origin

PLAIN = (bool, int, float, str, dict)


def checked(hint: Any, value: Any, what: str) -> Any:
    """Return a value if it fits a plain type, a `Literal` or an optional one; an int may be a float.

    Other annotations accept anything.

    Raises
    ------
    ValueError
        If the value does not fit; the message begins with ``what``.

    Examples
    --------
    >>> checked(float | None, 3, "time_limit")
    3.0
    >>> checked(Literal["keep", "drop"], "kep", "ties")
    Traceback (most recent call last):
    ...
    ValueError: ties is 'kep'; choose from keep, drop
    """
    if get_origin(hint) in (Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return None
        (hint, *others) = (t for t in get_args(hint) if t is not type(None))
        if others:
            return value
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            allowed = ", ".join(map(str, get_args(hint)))
            raise ValueError(f"{what} is {value!r}; choose from {allowed}")
        return value
    plain = get_origin(hint) or hint
    if plain not in PLAIN:
        return value
    if plain is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, plain) or (plain is not bool and isinstance(value, bool)):
        raise ValueError(f"{what} is {value!r}; it must be of type {plain.__name__}")
    return value
