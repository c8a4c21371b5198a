"""What is done to one part of a dataset, and what it leaves for the end: here and on other machines."""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rlchf.absent import without_absent
from rlchf.aggregation import aggregate
from rlchf.io.large.parts import Counting, Range, read_parts
from rlchf.io.large.stored import StoredRows
from rlchf.jobs.settings import AggregateJob
from rlchf.parts import Figures, OfEveryPartWarning, Part
from rlchf.rankings import Rankings
from rlchf.skipped import LeftOutWarning, NothingLeftError, Skipped

Spoken = list[tuple[str, str]]
"""Warnings: the kind of each, and its text."""


@dataclass
class Notes:
    """What a part leaves for the end, beside its result.

    Attributes
    ----------
    prompts
        The number of its prompts that have a ballot left.
    annotators
        Who has a ballot left, if that is asked for at the end.
    figures
        What the warnings about the rule rest on.
    reading, deciding
        Warnings while its rankings were read, and while the rule was applied.
    of_every
        Texts of warnings that are told only if every part has them.
    left_out, skipped
        What was left out, as `LeftOutWarning` takes it, and the rows.
    """

    prompts: int = 0
    annotators: list[str] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)
    reading: Spoken = field(default_factory=list)
    deciding: Spoken = field(default_factory=list)
    of_every: list[str] = field(default_factory=list)
    left_out: list[Any] = field(default_factory=list)
    skipped: list[Any] = field(default_factory=list)

    def as_json(self) -> str:
        """The notes as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Notes":
        """Notes that `as_json` wrote."""
        values = json.loads(text)
        return cls(**{**values, "figures": Figures(**values["figures"])})


@dataclass(frozen=True)
class Work:
    """What is done to every part.

    Attributes
    ----------
    weights
        Weights of the annotators, if the job has any.
    names_annotators
        Whether the annotators of each part are asked for at the end.
    """

    job: AggregateJob
    rows: StoredRows
    counting: Counting
    source: str
    weights: Mapping[str, float] | None = None
    names_annotators: bool = False

    def parts(self, parts: list[Range]) -> Iterator[tuple[Range, Rankings | None, Notes]]:
        """The rankings of parts that follow each other; None where no ballot counts."""
        read = read_parts(self.rows, parts, self.counting, self.source)
        for part in parts:
            notes = Notes()
            rankings: Rankings | None = None
            with _spoken(notes.reading, notes):
                try:
                    rankings = next(read)[1]
                except NothingLeftError as error:
                    notes.left_out, notes.skipped = _as_list(error.left_out), error.skipped
                    rest = parts[parts.index(part) + 1 :]
                    read = read_parts(self.rows, rest, self.counting, self.source)
                except ValueError as error:
                    if len(parts) > 1:
                        error.add_note(
                            f"it was found in one of {len(parts):,} parts, and others may have more of it"
                        )
                    raise
            if rankings is not None:
                notes.prompts, notes.skipped = rankings.n_prompts, list(rankings.skipped)
                notes.annotators = rankings.annotator_ids if self.names_annotators else []
                if self.weights is not None:
                    rankings = without_absent(rankings.weighted(dict(self.weights)))
            yield part, rankings, notes

    def decide(self, rankings: Rankings, place: Part, notes: Notes, out: Path) -> None:
        """Aggregate a part and write its result."""
        job = self.job
        rankings = replace(rankings, part=place)
        with _spoken(notes.deciding):
            result = aggregate(
                rankings, job.rule, ties=job.ties or None, seed=job.seed,
                threads=job.threads or None, **job.option,
            )  # fmt: skip
        result.write(out)
        notes.figures = place.figures


@contextmanager
def _spoken(texts: Spoken, notes: Notes | None = None) -> Iterator[None]:
    """Keep the warnings of a block as texts; those that depend on other parts go into the notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", FutureWarning)
        yield
    for one in caught:
        if isinstance(one.message, LeftOutWarning) and notes is not None:
            notes.left_out = _as_list(one.message)
        elif isinstance(one.message, OfEveryPartWarning) and notes is not None:
            notes.of_every.append(str(one.message))
        else:
            texts.append((_kind(str(one.message)), str(one.message)))


def _kind(text: str) -> str:
    """A warning without its numbers and names."""
    return re.sub(r"'[^']*'|[\d.,]+", "", text)


def _as_list(left_out: LeftOutWarning) -> list[Any]:
    return [left_out.faults, left_out.prompts, left_out.annotators]


LIKE = 3
"""Number of warnings of one kind that are told."""


def tell(texts: Spoken) -> None:
    """Warn as the parts did: once of the same, and of a few where only numbers and names differ.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     tell([("the rank  is odd", f"the rank {i} is odd") for i in (9, 9, 8, 7, 6)])
    >>> [str(one.message) for one in caught]
    ['the rank 9 is odd', 'the rank 8 is odd', 'the rank 7 is odd (and 1 more like this)']
    """
    by_kind: dict[str, dict[str, None]] = {}
    for kind, text in texts:
        by_kind.setdefault(kind, {})[text] = None
    for distinct in by_kind.values():
        first, others = list(distinct)[:LIKE], len(distinct) - LIKE
        more = f" (and {others:,} more like this)" if others > 0 else ""
        for text in [*first[:-1], first[-1] + more]:
            warnings.warn(text, stacklevel=3)


def tell_of_every(parts: list[list[str]]) -> None:
    """Warn of what is said of every part."""
    for text in dict.fromkeys(parts[0] if parts else []):
        if all(text in said for said in parts):
            warnings.warn(text, stacklevel=3)


def tell_left_out(source: str, parts: list[list[Any]], voters: set[str]) -> None:
    """Warn of what was left out of all parts; ``voters`` have a ballot left."""
    if not parts:
        return
    faults: dict[str, tuple[int, list[str]]] = {}
    prompts, without = 0, {}
    for found, lost, annotators in parts:
        for reason, (n, first) in found.items():
            count, firsts = faults.get(reason, (0, []))
            faults[reason] = (count + n, [*firsts, *first][:3])
        prompts += lost
        without.update(dict.fromkeys(annotators))
    gone = [annotator for annotator in without if annotator not in voters]
    faults = dict(sorted(faults.items(), key=lambda item: _place_of_reason(item[0])))
    warnings.warn(LeftOutWarning(source, faults, prompts, gone), stacklevel=3)


def in_order(rows: list[Any]) -> list[Skipped]:
    """Rows that were left out of the parts, one reason after the other, as those of a whole dataset are."""
    skipped = [Skipped(*row) for row in rows]
    return sorted(skipped, key=lambda row: _place_of_reason(row.reason))


def _place_of_reason(reason: str) -> int:
    order = ("blank", "empty", "prompt", "repeated row", "repeated ballot")
    return next(i for i, start in enumerate(order) if reason.startswith(start))
