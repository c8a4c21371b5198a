"""Judgements of a constitution's principles, as ``rlchf constitution judge`` writes them."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.constitution.judgements import Judgement, Judgements
from rlchf.display import counted, shortened
from rlchf.ids import cell_text, clean_id
from rlchf.io.files import display_name, file_kind, read_bytes, shown
from rlchf.io.jsonl import json_records
from rlchf.parsing import finite

IDS = ("prompt_id", "annotator_id", "chosen", "rejected")


def read_judgements(path: str | Path, principles: Sequence[str] | None = None) -> Judgements:
    """Read comparisons whose annotators are principles.

    Each line has ``prompt_id``, ``annotator_id``, ``chosen`` and ``rejected``; optionally ``tie``,
    ``weight``, ``probability`` that the chosen response is preferred (without it, 1, or 1/2 at a tie),
    ``shown_first`` and ``shown_second`` (the probability that the response whose id comes first in the
    order of text is preferred, where it was shown first and second; null if that order was not asked),
    ``cannot_tell`` and ``nonsense``. A line without an answer that can count has the probability null.

    Parameters
    ----------
    principles
        The principles of the constitution, in its order.

    Raises
    ------
    ValueError
        If a key is missing, a number is out of range, or a principle judges a pair twice or is none of
        the constitution's.
    """
    source, data = display_name(path), read_bytes(path)
    if data.strip() and file_kind(path, data) != "jsonl":
        raise ValueError(
            f"{source}: give a jsonl file of comparisons, as rlchf constitution judge writes it"
        )
    rows = [
        judgement(record, f"{source}, line {number}")
        for number, record in json_records(data, source)
    ]
    judgements = Judgements.of(rows, principles, source)
    missing = [name for name in principles or () if name not in judgements.principles]
    if missing:
        warnings.warn(
            f"{source} has no judgement of {counted(len(missing), 'principle')} of the constitution, such "
            f"as {missing[0]!r}",
            stacklevel=2,
        )
    return judgements


def judgement(record: dict[str, Any], line: str) -> Judgement:
    """The judgement of one line; messages begin with the name of the line."""
    for key in IDS:
        if key not in record:
            raise ValueError(f"{line}: there is no key {key!r} among {', '.join(record)}")
    prompt, principle, chosen, rejected = (clean_id(cell_text(record[key])) for key in IDS)
    if chosen == rejected:
        raise ValueError(f"{line}: {chosen!r} is compared with itself")
    tie = record.get("tie", False)
    if not isinstance(tie, bool):
        raise ValueError(f"{line}: tie is {shown(tie)}; give true or false")
    given = "probability" in record
    probability = _number(record, "probability", line, most=1.0) if given else 0.5 if tie else 1.0
    swapped = chosen > rejected
    return Judgement(
        prompt, principle, min(chosen, rejected), max(chosen, rejected),
        1 - probability if swapped else probability,
        _number(record, "weight", line, default=1.0),
        _number(record, "shown_first", line, most=1.0),
        _number(record, "shown_second", line, most=1.0),
        _number(record, "cannot_tell", line, most=1.0, default=0.0),
        int(_number(record, "nonsense", line, default=0.0)),
    )  # fmt: skip


def _number(
    record: dict[str, Any], key: str, line: str, most: float = math.inf, default: float = np.nan
) -> float:
    """A number from 0 to ``most``; the default where there is none."""
    value = record.get(key)
    if value is None:
        return default
    number = finite(value)
    if number is None or not 0 <= number <= most:
        upto = f"from 0 to {most:g}" if most < math.inf else "of 0 or more"
        raise ValueError(f"{line}: {key} is {_shown(value)}; give a number {upto}")
    return number


def _shown(value: Any) -> str:
    return shortened(repr(value)) if isinstance(value, int | float) else shown(value)
