"""Constitutions in JSON, in the shapes that others write: their principles as records of ours.

The shape is recognised by what the file holds, not by its name.
"""

import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from rlchf.display import counted
from rlchf.io.files import shown
from rlchf.options import listed
from rlchf.parsing import RepeatedKeyError, json_value

Table = dict[str, Any]
"""What a TOML file of ours holds: principles, and optionally a title and a source."""

REVISION_KEYS = ("prompt", "edit_request")
"""What each principle has in a file of critique and revision requests."""
SHAPES = (
    'principles [{"name", "critique", "revision", "question", ...}]; '
    '{name: {"prompt": [critique request], "edit_request": revision request}}; '
    "a list of comparison principles; or annotated pairs with annotators and comparisons"
)
_BEFORE = re.compile(r"^\s*(?:Critique|Revision)\s*Request:\s*")
_BEHIND = re.compile(r"\s*(?:Critique|Revision|Options):\s*$")


def parse_json(text: str, name: str) -> tuple[Any, str]:
    """The value of a JSON file, in which no object has a key twice; and why it is not JSON, if it is not.

    Raises
    ------
    ValueError
        If a key comes twice.
    """
    try:
        return json_value(text), ""
    except RepeatedKeyError as error:
        raise RepeatedKeyError(f"{name}: {error}") from None
    except ValueError as error:
        return None, str(error)


def table_of(value: Any, name: str) -> Table:
    """A constitution in JSON as the table that a TOML file of ours would hold.

    Raises
    ------
    ValueError
        If it has none of the shapes, or a principle is wrong; the message names it.

    Examples
    --------
    >>> table_of({"kind": {"prompt": ["CritiqueRequest: Is it rude?"], "edit_request": "Be kind."}}, "x")
    {'principles': [{'name': 'kind', 'critique': 'Is it rude?', 'revision': 'Be kind.'}]}
    >>> table_of([["Which is kinder? Options:"]], "x")
    {'principles': [{'name': 'principle_1', 'question': 'Which is kinder?'}]}
    """
    if isinstance(value, list):
        return {"principles": list(_questions(value, name))}
    if not isinstance(value, dict):
        raise ValueError(f"{name} holds {shown(value)}, and no constitution; give {SHAPES}")
    if "principles" in value:
        return value
    if "annotators" in value and "comparisons" in value:
        return _annotated_pairs(value, name)
    if not value:
        raise ValueError(f"{name}: a constitution has no principles; give one or more")
    if not any(isinstance(one, dict) and set(one) & {*REVISION_KEYS} for one in value.values()):
        raise ValueError(
            f"{name} holds an object with {', '.join(list(value)[:5])}, and no constitution; give {SHAPES}"
        )
    records = []
    for key, one in value.items():
        records += _revision_requests(key, one, f"{name}, principle {key!r}")
    return {"principles": records}


def _questions(values: list[Any], name: str) -> Iterable[Mapping[str, str]]:
    """Comparison principles: texts, or lists of one text; they have numbers for names."""
    digits = len(str(len(values)))
    first: dict[str, int] = {}
    for number, value in enumerate(values, start=1):
        place = f"{name}, principle {number}"
        if isinstance(value, list):
            if len(value) != 1:
                raise ValueError(f"{place}: found a list of {len(value)} texts; give one text")
            value = value[0]
        text = _request(value, place, "the principle")
        if text in first:
            raise ValueError(
                f"{place} is principle {first[text]} again ({shown(text)}); keep one of them"
            )
        first[text] = number
        yield {"name": f"principle_{number:0{digits}d}", "question": text}


def _revision_requests(key: str, value: Any, place: str) -> list[dict[str, str]]:
    """One principle for each critique request, all with the one revision request."""
    if not isinstance(value, dict):
        raise ValueError(f"{place} is {shown(value)}; give an object with prompt and edit_request")
    for unknown in value:
        if unknown not in REVISION_KEYS:
            raise ValueError(
                f"{place}: unknown key {unknown!r}; choose from {listed(REVISION_KEYS, unknown)}"
            )
    for needed in REVISION_KEYS:
        if needed not in value:
            raise ValueError(f"{place} lacks the key {needed!r}; give prompt and edit_request")
    critiques = value["prompt"]
    if isinstance(critiques, str):
        critiques = [critiques]
    if not isinstance(critiques, list) or not critiques:
        raise ValueError(f"{place}: prompt is {shown(critiques)}; give a list of critique requests")
    revision = _request(value["edit_request"], place, "edit_request")
    texts = [_request(one, place, "a critique request") for one in critiques]
    names = [key]
    if len(texts) > 1:
        names = [f"{key}_{number}" for number in range(1, len(texts) + 1)]
        warnings.warn(
            f"{place} has {len(texts)} critique requests, and becomes the principles {names[0]} to "
            f"{names[-1]} with one revision request",
            stacklevel=5,
        )
    return [
        {"name": one, "critique": critique, "revision": revision}
        for one, critique in zip(names, texts, strict=True)
    ]


def _request(value: Any, place: str, what: str) -> str:
    """A request without what frames it in a transcript, such as "CritiqueRequest:" and "Options:"."""
    if not isinstance(value, str):
        raise ValueError(f"{place}: {what} is {shown(value)}; give a text")
    text = _BEHIND.sub("", _BEFORE.sub("", value)).strip()
    if not text:
        raise ValueError(f"{place}: {what} is empty; give a text")
    return text


def _annotated_pairs(value: Mapping[str, Any], name: str) -> Table:
    """The annotators that are principles: their ids are names, their descriptions questions."""
    annotators = value["annotators"]
    if not isinstance(annotators, dict):
        raise ValueError(
            f"{name}: annotators is {shown(annotators)}; give an object of annotators by id"
        )
    kinds: dict[str, int] = {}
    records = []
    for key, one in annotators.items():
        place = f"{name}, annotator {key!r}"
        if not isinstance(one, dict):
            raise ValueError(f"{place} is {shown(one)}; give an object with type and description")
        kind = str(one.get("type") or "unknown")
        kinds[kind] = kinds.get(kind, 0) + 1
        if kind == "principle":
            question = _request(one.get("description", ""), place, "the description of a principle")
            records.append({"name": key, "question": question})
    if not records:
        found = ", ".join(f"{number} {kind}" for kind, number in kinds.items()) or "none"
        raise ValueError(
            f"{name}: none of {counted(len(annotators), 'annotator')} is of type principle (by type: "
            f"{found}); a constitution has no principles without"
        )
    metadata = value.get("metadata")
    title = metadata.get("dataset_name") if isinstance(metadata, dict) else None
    return {"principles": records, "title": title if isinstance(title, str) else ""}
