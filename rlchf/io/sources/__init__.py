"""Public corpora and the exports of annotation tools, one file each, as ballots with texts and people.

A module of this folder that defines ``SOURCE`` adds a source: ``rlchf convert --from NAME`` reads it, and
``--from auto`` recognises it by its keys.
"""

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, get_type_hints

from rlchf.io.columns import cell_text
from rlchf.io.sources._records import Files, is_missing
from rlchf.options import checked, listed, meant
from rlchf.prompts import Prompt
from rlchf.rankings import ANONYMOUS

Key = TypeVar("Key")


class ConflictError(ValueError):
    """Two texts of one id; `read_source` adds the file and the row."""


@dataclass(eq=False)
class Converted:
    """What a source holds, in our terms; the source's ``read`` fills it record by record.

    Attributes
    ----------
    prompts
        Text or chat messages by prompt id.
    responses
        For each prompt, text by response id.
    annotators
        Each annotator's features by name.
    topics
        Further keys of each prompt, such as its language, by name.
    labels
        Further keys of each response, such as the model that wrote it, by prompt id and response id.
    dropped
        What was not converted, in words, and how many of it.
    note
        What a reader must know, in one sentence; empty if nothing.

    Examples
    --------
    >>> converted = Converted()
    >>> converted.prompt("p", "Which tea?")
    >>> converted.response("p", "a", "Green.")
    >>> converted.response("p", "b", "Black.")
    >>> converted.ballot("p", "ann", ranks={"a": 2, "b": 1})
    >>> converted.columns()["rank"]
    [2, 1]
    """

    prompts: dict[str, Prompt] = field(default_factory=dict)
    responses: dict[str, dict[str, str]] = field(default_factory=dict)
    annotators: dict[str, dict[str, str]] = field(default_factory=dict)
    topics: dict[str, dict[str, str]] = field(default_factory=dict)
    labels: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    note: str = ""
    _ballots: "list[_Ballot]" = field(default_factory=list, repr=False)
    _anonymous: Counter[str] = field(default_factory=Counter, repr=False)
    _ids: dict[str, set[Any]] = field(default_factory=dict, repr=False)

    def prompt(self, prompt_id: str, prompt: Prompt, **topics: Any) -> None:
        """Add a prompt, with further keys such as its language; adding the same again changes nothing.

        Raises
        ------
        ConflictError
            If there is another prompt of that id.
        """
        if self.prompts.setdefault(prompt_id, prompt) != prompt:
            raise ConflictError(f"prompt {prompt_id!r} comes twice, with different texts")
        _add(self.topics, prompt_id, topics)

    def response(self, prompt_id: str, response_id: str, text: str, **labels: Any) -> None:
        """Add a response, with further keys such as its model; adding the same again changes nothing.

        Raises
        ------
        ConflictError
            If the prompt has another response of that id.
        """
        if self.responses.setdefault(prompt_id, {}).setdefault(response_id, text) != text:
            raise ConflictError(
                f"response {response_id!r} of prompt {prompt_id!r} comes twice, with different texts"
            )
        _add(self.labels, (prompt_id, response_id), labels)

    def annotator(self, annotator_id: str, **features: Any) -> None:
        """Add an annotator, or further features of one; the first value of a feature stays."""
        known = self.annotators.setdefault(annotator_id, {})
        for name, value in features.items():
            text = "" if is_missing(value) else feature_text(value)
            if text and known.setdefault(name, text) != text:
                self.drop(f"values of {name} that differ from an annotator's earlier one")

    def ballot(
        self,
        prompt_id: str,
        annotator_id: str | None,
        *,
        ranks: Mapping[str, float] | None = None,
        scores: Mapping[str, float] | None = None,
        approvals: Mapping[str, int] | None = None,
        weight: float | None = None,
        strength: float | None = None,
    ) -> None:
        """Add a ballot: numbers by response id.

        Parameters
        ----------
        annotator_id
            Without one the ballot is the prompt's next anonymous one: ``anonymous:1``, ``anonymous:2``, ...
        ranks, scores
            At most one of the two, the same for all ballots of a source: 1 is the best rank, a higher score
            is better.
        approvals
            1 approves, 0 is neutral, -1 disapproves; of the responses that are ranked or scored, if any are.
        """
        if annotator_id is None:
            self._anonymous[prompt_id] += 1
            annotator_id = f"{ANONYMOUS}{self._anonymous[prompt_id]}"
        values = ranks if ranks is not None else scores
        kind = "rank" if ranks is not None else "score" if scores is not None else ""
        if (ranks is not None and scores is not None) or not (values or approvals):
            raise ValueError(f"a ballot on {prompt_id!r} needs ranks, scores or approvals")
        if self._ballots and self._ballots[0].kind != kind:
            raise ValueError("all ballots of a source have ranks, or all have scores, or none")
        self._ballots.append(
            _Ballot(prompt_id, annotator_id, kind, values, approvals, weight, strength)
        )

    def is_new(self, what: str, record_id: Any) -> bool:
        """Whether a record's id is new; one that comes again is counted as ``what``, and is to be left out.

        So that a corpus whose files overlap, or are given twice, does not count its ballots twice. A record
        without an id is always new.
        """
        if is_missing(record_id):
            return True
        known = self._ids.setdefault(what, set())
        if record_id in known:
            self.drop(what)
            return False
        known.add(record_id)
        return True

    def drop(self, what: str, count: int = 1) -> None:
        """Count something that cannot be held; ``what`` is a plural noun phrase, "empty rankings"."""
        if count:
            self.dropped[what] += count

    @property
    def n_ballots(self) -> int:
        """Number of ballots."""
        return len(self._ballots)

    def columns(self) -> dict[str, list[Any]]:
        """The ballots as a long table, without those on prompts of which only one response is named."""
        named: dict[str, set[str]] = {}
        for ballot in self._ballots:
            named.setdefault(ballot.prompt_id, set()).update(ballot.responses)
        kept = [ballot for ballot in self._ballots if len(named[ballot.prompt_id]) > 1]
        if alone := len(self._ballots) - len(kept):
            self.drop("ballots on prompts of which one response only is judged", alone)
            self._ballots = kept
        if not kept:
            raise ValueError("no record judges two responses or more, so there is no ballot")
        return _long(kept)


def _add(known: dict[Key, dict[str, str]], key: Key, values: Mapping[str, Any]) -> None:
    """Add values that are there to those of a key; the first value of a name stays."""
    for name, value in values.items():
        if not is_missing(value):
            known.setdefault(key, {}).setdefault(name, feature_text(value))


@dataclass(frozen=True, slots=True)
class _Ballot:
    prompt_id: str
    annotator_id: str
    kind: str
    values: Mapping[str, float] | None
    approvals: Mapping[str, int] | None
    weight: float | None
    strength: float | None

    @property
    def responses(self) -> list[str]:
        return list(self.values if self.values is not None else self.approvals or ())


def _long(ballots: "list[_Ballot]") -> dict[str, list[Any]]:
    """The ballots as columns; optional ones are there if a ballot fills them."""
    rows = [(n, ballot, one) for n, ballot in enumerate(ballots, 1) for one in ballot.responses]
    columns: dict[str, list[Any]] = {
        "prompt_id": [ballot.prompt_id for _, ballot, _ in rows],
        "annotator_id": [ballot.annotator_id for _, ballot, _ in rows],
        "response_id": [response for _, _, response in rows],
    }
    if kind := ballots[0].kind:
        columns[kind] = [ballot.values[response] for _, ballot, response in rows]  # type: ignore[index]
    if any(ballot.approvals is not None for ballot in ballots):
        columns["approval"] = [
            None if ballot.approvals is None else ballot.approvals.get(response, 0)
            for _, ballot, response in rows
        ]
    for name in ("weight", "strength"):
        if any(getattr(ballot, name) is not None for ballot in ballots):
            columns[name] = [getattr(ballot, name) for _, ballot, _ in rows]
    if len({(ballot.prompt_id, ballot.annotator_id) for ballot in ballots}) < len(ballots):
        columns["ballot_id"] = [n for n, _, _ in rows]
    return columns


@dataclass(frozen=True)
class Source:
    """A public corpus or the export of a tool.

    Attributes
    ----------
    name
        The name that users write.
    title
        What it is and whose, in a line.
    url
        Where its card or documentation is.
    licence
        Its licence, as its card states it.
    shape
        The files and keys that it has, in words; error messages quote it.
    ballots
        What becomes a ballot, in a line.
    marks
        The keys by which a record of it is recognised.
    read
        A function from the files that a user names, and options with defaults, to what they hold.
    options
        The help of each option of ``read``, by name.
    anonymous
        Whether it has no annotator ids, or need not have them, so that annotators are named by position.
    """

    name: str
    title: str
    url: str
    licence: str
    shape: str
    ballots: str
    marks: tuple[str, ...]
    read: Callable[..., Converted]
    options: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = False


@cache
def sources() -> dict[str, Source]:
    """The sources by their names.

    Examples
    --------
    >>> sources()["helpsteer3"].marks
    ('context', 'response1', 'response2', 'individual_preference')
    """
    modules = [importlib.import_module(f"{__name__}.{name}") for name in source_names()]
    for module in modules:
        if not isinstance(getattr(module, "SOURCE", None), Source):
            raise ValueError(f"{module.__file__} defines no SOURCE, so it is no source")
    return {module.SOURCE.name: module.SOURCE for module in modules}


def source_names() -> list[str]:
    """The names of the sources, without importing them."""
    modules = pkgutil.iter_modules(__path__)
    return sorted(module.name for module in modules if not module.name.startswith("_"))


def read_function(name: str) -> Callable[..., Converted]:
    """The function that reads a source, whose keyword parameters are its options.

    Raises
    ------
    ValueError
        If there is no such source.
    """
    if name not in source_names():
        choices = listed(["auto", *source_names()], name)
        raise ValueError(f"unknown source {name!r}; choose from {choices}")
    return sources()[name].read


def read_source(
    paths: list[str], name: str = "auto", options: Mapping[str, Any] | None = None
) -> tuple[Source, Converted]:
    """Read files or folders of a source, which "auto" recognises by their keys.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If there is no such source or option, or a record is not in the source's shape; the message names
        the file, the row and the key.
    """
    if name != "auto":
        read_function(name)
    files = Files.of(paths)
    source = recognised(files) if name == "auto" else sources()[name]
    check_options(source, options or {})
    files = files.described(source.shape)
    try:
        converted = source.read(files, **(options or {}))
    except ConflictError as error:
        raise ValueError(f"{files.place}: {error}") from None
    return source, converted


def check_options(source: Source, options: Mapping[str, Any]) -> None:
    """Refuse an option that a source does not have, and a value that does not fit.

    Raises
    ------
    ValueError
        If there is no such option, or the value is not of its type.
    """
    known = list(inspect.signature(source.read).parameters)[1:]
    hints = get_type_hints(source.read)
    for option, value in options.items():
        if option not in known:
            hint = meant(option, known) or f"it has {', '.join(known) or 'none'}"
            raise ValueError(f"source {source.name!r} has no option {option!r}; {hint}")
        checked(hints[option], value, f"source {source.name!r}: option {option}")


def recognised(files: Files) -> Source:
    """The source whose marks are among the keys of one of the files.

    Raises
    ------
    ValueError
        If that is none or several; the message names the closest source, or those that fit.
    """
    keys = [set(names) for names in files.keys().values()]
    fits = [one for one in sources().values() if any(set(one.marks) <= names for names in keys)]
    most = max((len(one.marks) for one in fits), default=0)
    best = [one for one in fits if len(one.marks) == most]
    if len(best) == 1:
        return best[0]
    if best:
        choices = " or ".join(f"--from {one.name}" for one in best)
        raise ValueError(f"{files}: the keys fit several sources; say which is meant, {choices}")

    def overlap(one: Source) -> float:
        return max(len(set(one.marks) & names) / len(one.marks) for names in keys)

    closest = max(sources().values(), key=overlap)
    names = max(keys, key=lambda names: len(set(closest.marks) & names))
    lacking = [mark for mark in closest.marks if mark not in names]
    raise ValueError(
        f"{files}: the keys {', '.join(sorted(names)[:12])} fit no source; the closest is "
        f"{closest.name}, which also has {', '.join(lacking)} ({closest.shape})"
    )


def convert_hint(paths: Sequence[str]) -> str:
    """What to do with files that are no rankings, if they look like those of a source; else an empty text."""
    try:
        files = Files.of(paths)
        source = recognised(files)
    except (ValueError, OSError):
        return ""
    if any({"prompt_id", "annotator_id"} <= set(names) for names in files.keys().values()):
        return ""  # a table of ours in which something else is wrong
    title = source.title.partition(":")[0]
    return (
        f"this looks like {title}; rlchf convert {' '.join(paths)} --from {source.name} --out FOLDER makes "
        "rankings of it"
    )


def feature_text(value: Any) -> str:
    """A feature as text: the items of a list are joined.

    Examples
    --------
    >>> feature_text(["a", "b"]), feature_text(7.0), feature_text(True)
    ('a; b', '7', 'true')
    """
    if isinstance(value, list | tuple):
        return "; ".join(feature_text(one) for one in value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {feature_text(one)}" for key, one in value.items())
    return cell_text(value)
