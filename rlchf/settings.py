"""Settings classes: a field states its name, type, default, range and help once.

The class checks its values when it is built, its docstring lists its fields, and the command line makes an
option of each.
"""

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar

from rlchf.options import fitting

Made = TypeVar("Made")
LARGEST_COUNT = 2**31 - 1
"""Whole numbers are at most this, unless a setting says otherwise."""
LARGEST_SEED = 2**32 - 1
"""The largest seed that all random generators take."""


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may be."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    finite: bool = True

    def problem(self, value: float) -> str:
        """What the value must be and is not; empty if it is.

        Examples
        --------
        >>> Range(at_least=0, at_most=1).problem(2)
        'it must be 1 at most'
        >>> Range(above=0).problem(0.5)
        ''
        """
        if self.above is not None and not value > self.above:
            return f"it must be above {self.above}"
        if self.at_least is not None and not value >= self.at_least:
            return f"it must be {self.at_least} or more"
        if self.below is not None and not value < self.below:
            return f"it must be below {self.below}"
        at_most = LARGEST_COUNT if self.at_most is None and isinstance(value, int) else self.at_most
        if at_most is not None and not value <= at_most:
            return f"it must be {at_most} at most"
        return "it must be finite" if self.finite and not math.isfinite(value) else ""


def setting(
    default: Any,
    help: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    finite: bool = True,
    group: str = "",
) -> Any:
    """A field of a `Settings` class.

    Parameters
    ----------
    default
        The default value, or MISSING if there is none. A dict is copied for each object.
    help
        A noun phrase that stands alone: "Peak learning rate." The command line and the class's docstring
        show it.
    above, at_least, below, at_most, finite
        The numbers that are allowed; by default all finite numbers.
    group
        The heading under which ``--help`` shows the option.
    """
    allowed = Range(above, at_least, below, at_most, finite)
    metadata = {"help": help, "range": allowed, "group": group}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def seed_setting(help: str = "Random seed.", *, group: str = "") -> Any:
    """The field of a random seed, by default 0."""
    return setting(0, help, at_least=0, at_most=LARGEST_SEED, group=group)


class Settings:
    """Base class of frozen dataclasses whose fields are made by `setting`.

    Raises
    ------
    ValueError
        If a value has the wrong type, is out of range, or contradicts another.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Walk(Settings):
    ...     "A walk."
    ...
    ...     steps: int = setting(10, "Number of steps.", at_least=1)
    >>> Walk(steps=0)
    Traceback (most recent call last):
    ...
    ValueError: steps is 0; it must be 1 or more
    >>> print(Walk.__doc__)
    A walk.
    <BLANKLINE>
    Attributes
    ----------
    steps
        Number of steps.
    """

    def __init_subclass__(cls) -> None:
        inherited = [
            (name, one)
            for base in reversed(cls.__mro__)
            for name, one in getattr(base, "__dataclass_fields__", {}).items()
        ]
        # A field of the class itself takes the place of one that it inherits.
        rows = [
            f"{name}\n    {value.metadata['help']}"
            for name, value in {**dict(inherited), **vars(cls)}.items()
            if isinstance(value, Field) and "help" in value.metadata
        ]
        page = inspect.cleandoc(cls.__doc__ or cls.__name__)
        cls.__doc__ = "\n".join([page, "", "Attributes", "----------", *rows])

    def __post_init__(self) -> None:
        for name, value in fitting(type(self), vars(self)).items():
            object.__setattr__(self, name, value)
        for one in fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            value = getattr(self, one.name)
            allowed = one.metadata.get("range")
            if allowed is None or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            problem = allowed.problem(value)
            if problem:
                raise ValueError(f"{one.name} is {value}; {problem}")
        for wrong, problem in self.contradictions():
            if wrong:
                raise ValueError(problem)

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Pairs of whether something is wrong with the settings together, and what would work."""
        return ()


def is_required(one: "Field[Any]") -> bool:
    """Whether a field has no default."""
    return one.default is MISSING and one.default_factory is MISSING


def built(
    kind: type[Made], values: Mapping[str, Any], where: str = "", *, among: bool = False
) -> Made:
    """A settings object from what a file holds.

    Parameters
    ----------
    among
        Whether the file may hold more than these settings, such as figures.

    Raises
    ------
    ValueError
        If there is no such setting, one is missing, or a value does not fit; the message begins with
        ``where``.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Walk(Settings):
    ...     "A walk."
    ...
    ...     steps: int = setting(MISSING, "Number of steps.", at_least=1)
    >>> built(Walk, {"steps": 3})
    Walk(steps=3)
    >>> built(Walk, {}, "[walk] ")
    Traceback (most recent call last):
    ...
    ValueError: [walk] lacks the key 'steps': Number of steps.
    """
    if among:
        known = {one.name for one in fields(kind)}  # type: ignore[arg-type]  # a dataclass
        values = {name: value for name, value in values.items() if name in known}
    fitted = fitting(kind, values, where)
    for one in fields(kind):  # type: ignore[arg-type]  # a dataclass
        if is_required(one) and one.name not in fitted:
            help = one.metadata.get("help", "")
            raise ValueError(f"{where}lacks the key {one.name!r}" + (f": {help}" if help else ""))
    try:
        return kind(**fitted)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None
