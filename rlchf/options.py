"""Check names and values that users write against the known names and the declared types."""

import difflib
import importlib
import json
import math
import sys
import traceback
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from rlchf.parsing import json_value

MATCHED = 1_000
"""Names, and letters of each, that are compared with one that is not known."""

PLAIN = (bool, int, float, str, dict)


def meant(name: str, known: Iterable[str]) -> str:
    """Ask whether similar names were meant, the closest first; empty if there is none.

    Examples
    --------
    >>> meant("Kemny", ["borda", "kemeny"]), meant("coin", ["borda", "kemeny"])
    ('did you mean kemeny?', '')
    """
    written = name[:MATCHED].lower().replace("-", "_")
    names = [one for one in islice(known, MATCHED) if len(one) <= MATCHED]
    close = difflib.get_close_matches(written, names, n=3, cutoff=0.6)
    close = [written] if written in close else close
    return f"did you mean {' or '.join(close)}?" if close else ""


_ORDERS = {
    "score": (
        {"rating", "ratings", "grade", "points", "reward", "stars", "utility", "likert"},
        "higher is better",
    ),
    "rank": ({"place", "position"}, "1 is best"),
}
"""Other names of columns that order responses, and which way round."""


def renaming(wanted: str, names: Iterable[str]) -> str:
    """Advice to rename the column that is most similar to one that is missing; empty if there is none.

    A name that is known for something else is not similar, and neither is one of several numbered ones.

    Examples
    --------
    >>> renaming("rank", ["prompt_id", "Rank", "rank3"])
    "; rename 'Rank' to 'rank'"
    >>> [renaming(wanted, ["rating"]) for wanted in ("rank", "ranking", "score")]
    ['', '', "; rename 'rating' to 'score' if higher is better"]
    """
    by_lower = {name.lower(): name for name in islice(names, MATCHED) if len(name) <= MATCHED}
    for lower, name in by_lower.items():
        if wanted in _ORDERS and lower in _ORDERS[wanted][0]:
            return f"; rename {name!r} to {wanted!r} if {_ORDERS[wanted][1]}"
    others = {name for known, _ in _ORDERS.values() for name in known}
    by_lower = {n: name for n, name in by_lower.items() if n not in others and not n[-1:].isdigit()}
    close = difflib.get_close_matches(wanted, list(by_lower), n=1, cutoff=0.6)
    return f"; rename {by_lower[close[0]]!r} to {wanted!r}" if close else ""


def listed(known: Collection[str], name: str) -> str:
    """List the known names, and ask whether some that are similar to a name were meant.

    Examples
    --------
    >>> listed(["keep", "drop"], "kep")
    'keep, drop; did you mean keep?'
    """
    return "; ".join(filter(None, [", ".join(known), meant(name, known)]))


def checked(hint: Any, value: Any, what: str) -> Any:
    """Return a value if it fits a plain type, a `Literal`, a tuple or an optional one.

    An int may be a float, a list may be a tuple, and one text may be a tuple of texts. Other annotations
    accept anything.

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
    ValueError: ties is 'kep'; choose from keep, drop; did you mean keep?
    >>> checked(tuple[str, ...], "age", "group"), checked(tuple[str, ...], ["age", "region"], "group")
    (('age',), ('age', 'region'))
    """
    if get_origin(hint) in (Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return None
        (hint, *others) = (t for t in get_args(hint) if t is not type(None))
        if others:
            return value
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            allowed = [str(choice) for choice in get_args(hint)]
            raise ValueError(f"{what} is {value!r}; choose from {listed(allowed, str(value))}")
        return value
    plain = get_origin(hint) or hint
    if plain is tuple:
        return _checked_items(hint, value, what)
    if plain not in PLAIN:
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if plain is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, plain) or (plain is not bool and isinstance(value, bool)):
        raise ValueError(f"{what} is {value!r}; it must be of type {plain.__name__}")
    return value


def _checked_items(hint: Any, value: Any, what: str) -> tuple[Any, ...]:
    """A tuple whose items fit the type in ``tuple[type, ...]``."""
    item = get_args(hint)[0]
    if isinstance(value, str) and item is str:
        value = (value,)
    if not isinstance(value, list | tuple):
        items = [str(value) if item is str else value]
        example = json.dumps(items, ensure_ascii=False, default=str)
        raise ValueError(f"{what} is {value!r}; write it as a list, {example}")
    return tuple(checked(item, one, what) for one in value)


def parsed_pairs(pairs: Iterable[str]) -> dict[str, Any]:
    """Read ``name=value`` from a command line; a value is read as JSON if it is JSON, else as text.

    Examples
    --------
    >>> parsed_pairs(["k=3", "variant=domination", "max_kl=inf"])
    {'k': 3, 'variant': 'domination', 'max_kl': inf}
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} lacks a value; write it as name=value")
        if name in options:
            raise ValueError(f"{name!r} is given twice; give it once")
        try:
            options[name] = json_value(value)
        except json.JSONDecodeError:
            options[name] = math.inf if value == "inf" else value  # JSON has no infinity
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return options


def fitting(kind: type, settings: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Check settings that a user wrote against the fields of a dataclass and their types.

    Raises
    ------
    ValueError
        If there is no such setting, or a value does not fit; the message begins with ``where``. It lists
        all settings only where no similar one was meant.

    Examples
    --------
    >>> from dataclasses import make_dataclass
    >>> Walk = make_dataclass("Walk", [("steps", int)])
    >>> fitting(Walk, {"step": 3}, "walk.toml: ")
    Traceback (most recent call last):
    ...
    ValueError: walk.toml: there is no setting 'step'; did you mean steps?
    """
    hints = get_type_hints(kind)
    for name in settings:
        if name not in hints:
            hint = meant(name, hints) or f"choose from {', '.join(hints)}"
            raise ValueError(f"{where}there is no setting {name!r}; {hint}")
    return {name: checked(hints[name], value, where + name) for name, value in settings.items()}


def function_named(
    name: str, what: str, example: str = "rlchf.simulate:has_emoji"
) -> Callable[..., Any]:
    """The function that ``module:function`` names; the module may lie in the current folder.

    Raises
    ------
    ValueError
        If there is no such module or function, or the module cannot be imported; the message begins
        with ``what``.

    Examples
    --------
    >>> function_named("math:sqrt", "measure")(4.0)
    2.0
    """
    module, _, attribute = name.partition(":")
    if (
        not attribute
        or not module
        or module.startswith(".")
        or module.endswith(".py")
        or "/" in module
    ):
        raise ValueError(
            f"{what} is {name!r}; write module:function without a path or an ending, such as {example}"
        )
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)  # last, so that no file of the folder hides what is installed
    try:
        function = getattr(_imported(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(
            f"{what} is {name!r}, which names no function ({error}); write module:function, such as "
            f"{example}"
        ) from None
    except _ImportFailedError as failure:
        cause = failure.__cause__
        raise ValueError(
            f"{what} is {name!r}, and {module} cannot be imported: {type(cause).__name__}: {cause}"
        ) from cause
    if not callable(function):
        kind = type(function).__name__
        article = "an" if kind[0] in "aeiou" else "a"
        raise ValueError(f"{what} is {name!r}, {article} {kind}; name a function")
    return cast(Callable[..., Any], function)


def label_test(name: str, what: str) -> Callable[..., Any]:
    """The function of a text that ``module:function`` names, whose errors say that it is a label's.

    Raises
    ------
    ValueError
        As `function_named`.

    Examples
    --------
    >>> label_test("math:sqrt", "label long")("a text")
    Traceback (most recent call last):
    ...
    ValueError: label long, math:sqrt, raised TypeError: must be real number, not str
    """
    return naming_errors(function_named(name, what), f"{what}, {name},")


class _ImportFailedError(Exception):
    """A module is there, and raised an error; its cause is that error."""


def _imported(name: str) -> Any:
    """The module of a name.

    Raises
    ------
    ModuleNotFoundError
        If it is not there.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise
        raise _ImportFailedError from error  # another module, which it imports, is not there
    except (Exception, SystemExit) as error:  # whatever the module raises
        raise _ImportFailedError from error


def naming_errors(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    """A user's function, whose errors say what it is and the line that raised them.

    Raises
    ------
    ValueError
        In place of any error that the function raises; the message begins with ``what``.
    """

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except (Exception, SystemExit) as error:
            frames = traceback.extract_tb(error.__traceback__)[
                1:
            ]  # none in a function written in C
            where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
            raise ValueError(f"{what} raised {type(error).__name__}: {error}{where}") from error

    return call
