"""The texts and people behind the ids: prompts, responses and annotators."""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlchf.io.columns import cell_text
from rlchf.io.files import display_name, file_kind, read_bytes, shown
from rlchf.io.jsonl import json_records
from rlchf.io.tables import read_table
from rlchf.prompts import Prompt


@dataclass(frozen=True)
class Annotators:
    """Who the annotators are.

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
                f"choose from {', '.join(self.features)}"
            )
        pairs = zip(self.ids, self.features[column], strict=True)
        return {annotator: value for annotator, value in pairs if value.strip()}

    def divisions(
        self, columns: Sequence[str], voters: Sequence[str], source: str, rankings: str
    ) -> dict[str, dict[str, str]]:
        """The groups by each column, for those who vote; a warning names who has none.

        Parameters
        ----------
        voters
            Ids of the annotators in the rankings.
        source, rankings
            Names of the two files, for messages.

        Raises
        ------
        ValueError
            If there is no such column, or it has no group for any who votes.
        """
        divisions = {column: self.group(column) for column in columns}
        for column, groups in divisions.items():
            left = [who for who in voters if who not in groups]
            if len(left) == len(voters):
                raise ValueError(
                    f"{source} names a {column} for none of the annotators in {rankings}"
                )
            if left:
                warnings.warn(
                    f"{len(left)} of {len(voters)} annotators, such as {left[0]!r}, have no "
                    f"{column} in {source}, and so are in no group",
                    stacklevel=3,
                )
        return divisions

    def __getitem__(self, column: str) -> dict[str, str]:
        return self.group(column)


def read_prompts(path: str | Path) -> dict[str, Prompt]:
    """Read ``{"prompt_id", "prompt"}`` lines: the prompt of each id; further keys are ignored.

    Raises
    ------
    ValueError
        If a key is missing, a prompt is neither text nor chat messages, or an id comes twice.
    """
    prompts: dict[str, Prompt] = {}
    first: dict[str, int] = {}
    for place, number, record in _lines(path, "prompt_id", "prompt"):
        prompt_id = _id(record, "prompt_id", place)
        if prompt_id in first:
            raise ValueError(
                f"{place}: prompt {prompt_id!r} is on line {first[prompt_id]} too; keep one of them"
            )
        first[prompt_id] = number
        prompts[prompt_id] = _prompt(record["prompt"], place)
    return prompts


def read_responses(path: str | Path) -> dict[str, dict[str, str]]:
    """Read ``{"prompt_id", "response_id", "text"}`` lines: for each prompt, text by response id.

    Raises
    ------
    ValueError
        If a key is missing, a text is no text, or a response of a prompt comes twice.
    """
    responses: dict[str, dict[str, str]] = {}
    first: dict[tuple[str, str], int] = {}
    for place, number, record in _lines(path, "prompt_id", "response_id", "text"):
        key = _id(record, "prompt_id", place), _id(record, "response_id", place)
        if key in first:
            raise ValueError(
                f"{place}: response {key[1]!r} of prompt {key[0]!r} is on line {first[key]} too; "
                "keep one of them"
            )
        first[key] = number
        responses.setdefault(key[0], {})[key[1]] = _text(record["text"], place)
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
    asked: list[Prompt] = []
    answers: list[str] = []
    hint = "; lines with prompt_id need --prompts" if prompts is None else ""
    for place, _, record in _lines(path, *keys, hint=hint):
        if prompts is None:
            asked.append(_prompt(record["prompt"], place))
        else:
            prompt_id = _id(record, "prompt_id", place)
            if prompt_id not in prompts:
                raise ValueError(f"{place}: the prompts file has no prompt {prompt_id!r}")
            asked.append(prompts[prompt_id])
        answers.append(_text(record[keys[1]], place))
        rows.append(record)
    return rows, asked, answers


def read_annotators(path: str | Path) -> Annotators:
    """Read a table with a column ``annotator_id``, optionally ``weight``, and any features.

    Raises
    ------
    ValueError
        If an annotator comes twice or a weight is not a number that is 0 or more.
    """
    table = read_table(path)
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
        features={n: table.texts(n) for n in table.columns if n not in ("annotator_id", "weight")},
    )


def _lines(
    path: str | Path, *keys: str, hint: str = ""
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Lines of a jsonl file that has certain keys, each with its place for messages."""
    source, data = display_name(path), read_bytes(path)
    needed = f"one JSON object per line with the keys {', '.join(keys)}"
    if data.strip() and file_kind(path, data) != "jsonl":
        raise ValueError(f"{source}: give a jsonl file, {needed}")
    number = 0
    for number, record in json_records(data, source):
        place = f"{source}, line {number}"
        for key in keys:
            if key not in record:
                raise ValueError(
                    f"{place}: there is no key {key!r} among {', '.join(record)}{hint}"
                )
        yield place, number, record
    if number == 0:
        raise ValueError(f"{source}: the file is empty; give {needed}")


def _id(record: dict[str, Any], key: str, place: str) -> str:
    value = record[key]
    text = "" if isinstance(value, list | dict) else cell_text(value)
    if not text.strip():
        raise ValueError(f"{place}: the {key} is {shown(value)}; give text or a whole number")
    return text


def _text(text: Any, place: str) -> str:
    """A response such as ``True`` or ``42`` easily loses its quotes on the way; it is text all the same."""
    if isinstance(text, str):
        return text
    if isinstance(text, bool | int | float):
        return json.dumps(text)
    raise ValueError(f"{place}: the text is {shown(text)}; give text")


def _prompt(prompt: Any, place: str) -> Prompt:
    if isinstance(prompt, str):
        return prompt
    messages = prompt if isinstance(prompt, list) else []
    for message in messages:
        texts = [message.get(k) for k in ("role", "content")] if isinstance(message, dict) else []
        if not texts or not all(isinstance(text, str) for text in texts):
            raise ValueError(
                f'{place}: a chat message is {shown(message)}; give {{"role": ..., "content": ...}}'
            )
    if not messages:
        raise ValueError(f"{place}: the prompt is {shown(prompt)}; give text or chat messages")
    return messages
