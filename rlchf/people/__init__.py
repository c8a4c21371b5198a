"""Annotators: agreement, reliability, effective votes, weights and panels."""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.people.report import People, describe_people

__all__ = ["People", "describe_people"]

if not TYPE_CHECKING:  # scipy comes with them
    _REPORT = dict.fromkeys(("People", "describe_people"), "rlchf.people.report")
    __getattr__, __dir__ = lazy_names(__name__, _REPORT)
