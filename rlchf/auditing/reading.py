"""An audit from the plain values of ``audit.json``."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from rlchf.auditing.report import Audit


def audit_from(values: Mapping[str, Any]) -> Audit:
    """The audit that `Audit.to_dict` gave as plain values.

    Raises
    ------
    ValueError
        If a figure is missing.

    Examples
    --------
    >>> import rlchf
    >>> rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b"), ("p", "eve", "b > a")])
    >>> report = rlchf.audit(rankings, rlchf.aggregate(rankings, "borda"))
    >>> repr(audit_from(report.to_dict()).annotators) == repr(report.annotators)
    True
    """
    report: Audit = _made(Audit, values)
    return report


def _made(kind: Any, value: Any) -> Any:
    """The value as its type, to whatever depth: dataclasses, lists, tuples and dictionaries."""
    if is_dataclass(kind):
        return _made_dataclass(kind, value)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        chosen = [one for one in inner if one is not type(None)]
        return None if value is None else _made(chosen[0], value)
    if origin is list:
        return [_made(inner[0], item) for item in value]
    if origin is tuple:
        return tuple(_made(inner[0], item) for item in value)
    if origin is dict:
        return {inner[0](key): _made(inner[1], item) for key, item in value.items()}
    return float("nan") if kind is float and value is None else value


def _made_dataclass(kind: Any, values: Mapping[str, Any]) -> Any:
    hints, given = get_type_hints(kind), {}
    for one in fields(kind):
        if one.name in values:
            given[one.name] = _made(hints[one.name], values[one.name])
        elif one.default is MISSING and one.default_factory is MISSING:
            raise ValueError(f"the audit lacks {one.name!r} of {kind.__name__}; audit again")
    return kind(**given)
