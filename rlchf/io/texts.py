"""Prompts, responses and annotators: the texts and the people behind the ids."""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.display import listing
from rlchf.ids import cell_text, clean_id
from rlchf.io.chats import check_prompt, shape_hint, warn_of_prompts
from rlchf.io.columns import Table
from rlchf.io.files import display_name, file_kind, read_bytes, reading, shown
from rlchf.io.formats import known_names
from rlchf.io.headers import Columns, header, parsed_columns
from rlchf.io.jsonl import json_records
from rlchf.io.tables import read_table
from rlchf.prompts import Prompt


@dataclass(frozen=True)
class Annotators:
    """The annotators with their weights and features.

    Attributes
    ----------
    ids
        (A,) ids, in the order of the file.
    weights
        Each annotator's weight, or None when the file has no such column.
    features
        Each further column as text, (A,).
    """

    ids: list[str]
    weights: dict[str, float] | None
    features: dict[str, list[str]]

    @property
    def listed_weights(self) -> np.ndarray:
        """(A,) the weights in the order of the ids; 1 without such a column."""
        return np.array([1.0 if self.weights is None else self.weights[one] for one in self.ids])

    def group(self, column: str) -> dict[str, str]:
        """Each annotator's group by a feature; annotators whose cell is empty have none.

        Examples
        --------
        >>> people = Annotators(["ann", "bob"], None, {"country": ["Peru", ""]})
        >>> people.group("country")
        {'ann': 'Peru'}
        """
        if column not in self.features:
            raise ValueError(
                f"the annotators file has no column {column!r}; "
                f"choose from {listing(self.features)}"
            )
        pairs = zip(self.ids, self.features[column], strict=True)
        return {annotator: value for annotator, value in pairs if value}

    def divisions(
        self, columns: Sequence[str], voters: Sequence[str], source: str, rankings: str
    ) -> dict[str, dict[str, str]]:
        """The groups by each column; a warning names an annotator with a row who has none.

        Parameters
        ----------
        voters
            Ids of the annotators in the rankings.
        source, rankings
            Names of the two files, for messages.

        Raises
        ------
        ValueError
            If there is no such column, or no annotator of the rankings has a group by it.
        """
        divisions = {column: self.group(column) for column in columns}
        for column, groups in divisions.items():
            _warn_of_similar(list(groups.values()), column, source)
            if not any(annotator in groups for annotator in voters):
                raise ValueError(
                    f"{source} names a {column} for none of the annotators in {rankings}"
                )
            known = set(self.ids)
            ungrouped = [one for one in voters if one in known and one not in groups]
            if ungrouped:
                has, are = ("has", "is") if len(ungrouped) == 1 else ("have", "are")
                warnings.warn(
                    f"{len(ungrouped)} of {len(voters)} annotators, such as {ungrouped[0]!r}, {has} no "
                    f"{column} in {source}, and so {are} in no group",
                    stacklevel=3,
                )
        return divisions

    def __getitem__(self, column: str) -> dict[str, str]:
        return self.group(column)


def _warn_of_similar(names: Sequence[str], column: str, source: str) -> None:
    """Warn of two groups whose names differ in capitals or in the blanks between words only."""
    spellings: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = spellings.setdefault(" ".join(name.casefold().split()), name)
        if other != name:
            warnings.warn(
                f"{source}: the column {column} has {other!r} and {name!r}, which count as two groups; "
                "write them alike if they are one",
                stacklevel=4,
            )
            return


def read_prompts(path: str | Path) -> dict[str, Prompt]:
    """Read ``{"prompt_id", "prompt"}`` lines: the prompt of each id; further keys are ignored.

    Raises
    ------
    ValueError
        If a key is missing, a prompt is neither text nor chat messages, a message has an unknown role, or an
        id comes twice.

    Warns
    -----
    UserWarning
        If prompts are blank, or end with a message of the assistant; it counts them.
    """
    return {one: record["prompt"] for one, record in read_prompt_records(path).items()}


def read_prompt_records(path: str | Path) -> dict[str, dict[str, Any]]:
    """As `read_prompts`, but each line with all of its keys."""
    prompts: dict[str, dict[str, Any]] = {}
    first: dict[str, int] = {}
    for line, number, record in keyed_lines(path, "prompt_id", "prompt"):
        prompt_id = id_in(record, "prompt_id", line)
        if prompt_id in first:
            raise ValueError(
                f"{line}: prompt {prompt_id!r} is on line {first[prompt_id]} too; keep one of them"
            )
        first[prompt_id] = number
        check_prompt(record["prompt"], line)
        prompts[prompt_id] = record
    named = {repr(one): record["prompt"] for one, record in prompts.items()}
    warn_of_prompts(named, display_name(path))
    return prompts


def read_responses(path: str | Path) -> dict[str, dict[str, str]]:
    """Read ``{"prompt_id", "response_id", "text"}`` lines: for each prompt, text by response id.

    Raises
    ------
    ValueError
        If a key is missing, a text is no text, or a response of a prompt comes twice.
    """
    return {
        prompt: {one: record["text"] for one, record in records.items()}
        for prompt, records in read_response_records(path).items()
    }


def read_response_records(path: str | Path) -> dict[str, dict[str, dict[str, Any]]]:
    """As `read_responses`, but each line with all of its keys."""
    responses: dict[str, dict[str, dict[str, Any]]] = {}
    first: dict[tuple[str, str], int] = {}
    hint = "; the texts are needed here, and labels of responses are for rlchf audit --responses"
    for line, number, record in keyed_lines(path, "prompt_id", "response_id", "text", hint=hint):
        key = id_in(record, "prompt_id", line), id_in(record, "response_id", line)
        if key in first:
            raise ValueError(
                f"{line}: response {key[1]!r} of prompt {key[0]!r} is on line {first[key]} too; "
                "keep one of them"
            )
        first[key] = number
        text = text_in(record["text"], line)
        responses.setdefault(key[0], {})[key[1]] = {**record, "text": text}
    return responses


def read_texts(
    path: str | Path, prompts: dict[str, Prompt] | None = None
) -> tuple[list[dict[str, Any]], list[Prompt], list[str]]:
    """Read lines of responses to be scored, in the order of the file.

    Parameters
    ----------
    prompts
        The prompts by id, for lines ``{"prompt_id", "text"}``; without them lines are
        ``{"prompt", "response"}``.

    Returns
    -------
    The lines as they are, and the prompt and the response of each.

    Raises
    ------
    ValueError
        If a key is missing, a text is no text, or a prompt's id is not among the prompts.
    """
    keys = ("prompt", "response") if prompts is None else ("prompt_id", "text")
    rows: list[dict[str, Any]] = []
    row_prompts: list[Prompt] = []
    responses: list[str] = []
    hint = "; lines with prompt_id need --prompts" if prompts is None else ""
    given: dict[str, Prompt] = {}
    for line, number, record in keyed_lines(path, *keys, hint=hint):
        if prompts is None:
            row_prompts.append(check_prompt(record["prompt"], line))
            given[f"that on line {number}"] = row_prompts[-1]
        else:
            prompt_id = id_in(record, "prompt_id", line)
            if prompt_id not in prompts:
                raise ValueError(f"{line}: the prompts file has no prompt {prompt_id!r}")
            row_prompts.append(prompts[prompt_id])
        responses.append(text_in(record[keys[1]], line))
        rows.append(record)
    warn_of_prompts(given, display_name(path))
    return rows, row_prompts, responses


def read_annotators(path: str | Path, columns: Columns | None = None) -> Annotators:
    """Read a table with a column ``annotator_id``, optionally ``weight``, and any features.

    Parameters
    ----------
    columns
        The rankings' names of our columns, as for `rlchf.read_rankings`: the file may use them too.

    Raises
    ------
    ValueError
        If an annotator comes twice or a weight is not a number that is 0 or more.
    """
    with reading(display_name(path)):
        return annotators_of(with_our_names(read_table(path), columns))


def annotators_of(table: Table) -> Annotators:
    """The annotators of a table; see `read_annotators`."""
    ids, codes = table.ids("annotator_id")
    if len(ids) < len(codes):
        first: dict[int, int] = {}
        i = next(i for i, code in enumerate(codes.tolist()) if first.setdefault(code, i) != i)
        raise table.error(
            i,
            f"annotator {ids[codes[i]]!r} is in {table.row(first[int(codes[i])])} too; "
            "give each annotator one row",
        )
    weights = table.weights()
    return Annotators(
        ids=ids,
        weights=None if weights is None else dict(zip(ids, weights.tolist(), strict=True)),
        features={n: table.groups(n) for n in table.columns if n not in ("annotator_id", "weight")},
    )


def with_our_names(table: Table, columns: Columns | None) -> Table:
    """The table with our names of ids and weights, where it uses those of the rankings or another case."""
    ours = ("annotator_id", "weight")
    theirs = parsed_columns(columns, known_names())
    given = {
        name: theirs[name]
        for name in ours
        if name not in table.names and theirs.get(name) in table.names
    }
    renamed = header(table.names, ours, given, {}, table.source).renamed
    names = [renamed.get(name, name) for name in table.names]
    columns_read = {renamed.get(name, name): column for name, column in table.columns.items()}
    return replace(table, columns=columns_read, names=names)


def _in_folder(path: str | Path, name: str) -> str | Path:
    """The file of that name, if the path is a folder that has it, as rlchf convert writes one."""
    inside = Path(path) / f"{name}.jsonl"
    return inside if Path(path).is_dir() and inside.is_file() else path


def keyed_lines(
    path: str | Path, *keys: str, hint: str = ""
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Lines of a jsonl file that has certain keys: the line's name for messages, its number, the object."""
    path = _in_folder(path, "responses" if "response_id" in keys else "prompts")
    source, data = display_name(path), read_bytes(path)
    needed = f"one JSON object per line with the keys {', '.join(keys)}"
    if data.strip() and file_kind(path, data) != "jsonl":
        raise ValueError(f"{source}: give a jsonl file, {needed}{hint}")
    number = 0
    for number, record in json_records(data, source):
        line = f"{source}, line {number}"
        for key in keys:
            if key not in record:
                shape = shape_hint(record) if "prompt" in keys and "prompt" not in record else ""
                raise ValueError(
                    f"{line}: there is no key {key!r} among {listing(record)}{shape or hint}"
                )
        yield line, number, record
    if number == 0:
        raise ValueError(f"{source}: the file is empty; give {needed}")


def id_in(record: dict[str, Any], key: str, line: str) -> str:
    """The id under a key of a line's object; messages begin with ``line``."""
    value = record[key]
    text = "" if isinstance(value, list | dict) else clean_id(cell_text(value))
    if not text:
        raise ValueError(f"{line}: the {key} is {shown(value)}; give text or a whole number")
    return text


def text_in(text: Any, line: str) -> str:
    """A text; a number or a truth value becomes text, since its quotes may have been lost in writing."""
    if isinstance(text, str):
        return text
    if isinstance(text, bool | int | float):
        return json.dumps(text)
    raise ValueError(f"{line}: the text is {shown(text)}; give text")
