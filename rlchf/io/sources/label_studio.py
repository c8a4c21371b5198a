"""Label Studio: annotations made with its tags Ranker and Pairwise, exported as JSON or JSON-MIN."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlchf.io.files import shown
from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, text_id

PROMPTS = ("prompt", "question", "instruction", "input", "text")
SIDES = (
    ("first", "second"),
    ("text1", "text2"),
    ("response_a", "response_b"),
    ("answer1", "answer2"),
)
"""Keys of the two texts of a comparison, unless they are named."""
UNPLACED = "_"
"""Label Studio's bucket of the items that nobody has moved."""
EQUAL = "equal"
"""The choice that two responses are equally good in the projects that we write."""


def read(
    files: Files,
    *,
    control: str = "",
    prompt: str = "",
    items: str = "",
    buckets: str = "",
    left: str = "",
    right: str = "",
) -> Converted:
    """Make each annotation a ballot; the items of a bucket are tied, and those left in the list unranked.

    Of several annotations of the same responses by one annotator the last counts.
    """
    converted = Converted()
    keys = _Keys(control, prompt, items, tuple(filter(None, buckets.split(","))), left, right)
    last: dict[tuple[str, str, frozenset[str]], tuple[str, _Judged]] = {}
    for one in _annotations(files, converted):
        judged = _judged(one, keys, converted)
        if judged is None:
            continue
        key = one.annotator, judged.prompt_id, frozenset(judged.texts)
        if key in last:
            converted.drop("annotations of the same responses by the same annotator, but the last")
        if key not in last or one.updated >= last[key][0]:
            last[key] = one.updated, judged
    as_shown = 0
    for (annotator, prompt_id, _), (_, judged) in last.items():
        converted.prompt(prompt_id, judged.prompt)
        for response, text in judged.texts.items():
            converted.response(prompt_id, response, text)
        converted.annotator(annotator)
        converted.ballot(prompt_id, annotator, ranks=judged.ranks)
        as_shown += judged.as_shown
    if as_shown:
        converted.note = (
            f"{as_shown} of {len(last)} rankings have the order that was shown, which Label Studio also "
            "saves when nobody moves an item"
        )
    return converted


@dataclass(frozen=True)
class _Keys:
    """What the user says of the project."""

    control: str
    prompt: str
    items: str
    buckets: tuple[str, ...]
    left: str
    right: str


@dataclass(frozen=True)
class _Annotation:
    """One annotation: results as (name of the tag, its kind, its value)."""

    record: Record
    data: Mapping[str, Any]
    annotator: str
    updated: str
    results: Sequence[tuple[str, str, Mapping[str, Any]]]


@dataclass(frozen=True)
class _Judged:
    prompt_id: str
    prompt: str
    texts: dict[str, str]
    ranks: dict[str, float]
    as_shown: bool = field(default=False)


def _annotations(files: Files, converted: Converted) -> Iterator[_Annotation]:
    """The annotations of tasks (JSON) or of rows with one annotation each (JSON-MIN)."""
    for record in files.records():
        if "annotations" not in record.values:
            record.need("annotation_id")  # says what the shape is
            yield _flat(record)
            continue
        data = record.part("data").values
        if record.values.get("predictions"):
            converted.drop("predictions of models", len(record.items("predictions")))
        for one in record.parts("annotations") if record.values["annotations"] else ():
            if one.values.get("was_cancelled"):
                converted.drop("annotations that were cancelled")
            elif one.values.get("ground_truth"):
                converted.drop("annotations that are ground truth")
            else:
                results = [
                    (str(r.get("from_name")), str(r.get("type")).lower(), r.part("value").values)
                    for r in (one.parts("result") if one.values.get("result") else ())
                    if r.has("value")
                ]
                yield _Annotation(one, data, _annotator(one), _time(one), results)


def _flat(record: Record) -> _Annotation:
    """A row of JSON-MIN, whose results stand under the names of their tags, without their kinds."""
    results = [
        (name, kind, part)
        for name, value in record.values.items()
        if isinstance(value, list)
        for part in value
        for key, kind in (("ranker", "ranker"), ("selected", "pairwise"))
        if isinstance(part, dict) and key in part
    ]
    equal = record.values.get(EQUAL)
    if isinstance(equal, str):
        results.append((EQUAL, "choices", {"choices": [equal]}))
    return _Annotation(record, record.values, record.text("annotator"), _time(record), results)


def _annotator(one: Record) -> str:
    """The id of who completed an annotation."""
    person = one.need("completed_by")
    return (
        one.part("completed_by").text("id")
        if isinstance(person, dict)
        else one.text("completed_by")
    )


def _time(one: Record) -> str:
    return str(one.get("updated_at") or one.get("created_at") or "")


def _judged(one: _Annotation, keys: _Keys, converted: Converted) -> _Judged | None:
    """What an annotation says of responses; None, and counted, if that is no preference."""
    rankings = {
        name: (kind, value) for name, kind, value in one.results if kind in ("ranker", "pairwise")
    }
    if keys.control:
        rankings = {name: result for name, result in rankings.items() if name == keys.control}
    if len(rankings) > 1:
        raise one.record.error(
            f"several tags rank: {', '.join(rankings)}; choose one with -o control=..."
        )
    equal = any(name == EQUAL and value.get("choices") for name, _, value in one.results)
    if not rankings and not equal:
        converted.drop("annotations without a ranking or a comparison")
        return None
    others = len({name for name, _, _ in one.results} - set(rankings) - {EQUAL})
    if others:
        converted.drop("results of other tags", others)
    name, (kind, value) = next(iter(rankings.items()), (EQUAL, ("pairwise", {})))
    if kind == "pairwise":
        return _compared(one, keys, converted, value.get("selected"), equal)
    return _ranked(one, keys, converted, name, value.get("ranker"))


def _compared(
    one: _Annotation, keys: _Keys, converted: Converted, selected: Any, equal: bool
) -> _Judged | None:
    if equal and selected is not None:
        converted.drop("comparisons that prefer one response and call both equal")
        return None
    if not equal and selected not in ("left", "right"):
        raise one.record.error(f"selected is {shown(selected)}; there should be left or right")
    both = [(keys.left, keys.right)] if keys.left or keys.right else list(SIDES)
    sides = [pair for pair in both if pair[0] in one.data and pair[1] in one.data]
    if len(sides) != 1:
        raise one.record.error(
            "it is not clear which keys of the data are the two sides; name them with -o left=... and -o "
            f"right=..., of {', '.join(one.data)}"
        )
    texts = [str(one.data[key]) for key in sides[0]]
    ids = [str(name) for name in one.data.get("response_ids") or map(text_id, texts)]
    if ids[0] == ids[1]:
        converted.drop("comparisons of two equal texts")
        return None
    ranks = {ids[0]: 1.0 + (selected == "right"), ids[1]: 1.0 + (selected == "left")}
    prompt_id, prompt = _prompt(one, keys)
    return _Judged(prompt_id, prompt, dict(zip(ids, texts, strict=True)), ranks)


def _ranked(
    one: _Annotation, keys: _Keys, converted: Converted, name: str, value: Any
) -> _Judged | None:
    """Ranks from a list of ids, best first, or from buckets of ids."""
    items = _items(one, keys)
    if isinstance(value, dict) and list(value) == [name]:
        value = value[name]
    if isinstance(value, list):
        levels, placed = [[item] for item in value], False
    elif isinstance(value, dict):
        levels, placed = [value[bucket] for bucket in _order(one, keys, value)], True
    else:
        levels, placed = [value], False
    ranks: dict[str, float] = {}
    for rank, level in enumerate(filter(None, levels), 1):
        if not isinstance(level, list):
            raise one.record.error(f"the ranker has {shown(level)}; there should be ids")
        for item in level:
            if str(item) not in items:
                raise one.record.error(f"item {item!r} is not among {', '.join(items)}")
            response = items[str(item)][0]
            if response in ranks:
                raise one.record.error(f"item {item!r} is placed twice")
            ranks[response] = rank
    if len(ranks) < 2:
        converted.drop("annotations that place fewer than two responses")
        return None
    texts = dict(items.values())
    prompt_id, prompt = _prompt(one, keys)
    return _Judged(prompt_id, prompt, texts, ranks, not placed and list(ranks) == list(texts))


def _order(one: _Annotation, keys: _Keys, value: Mapping[str, Any]) -> list[str]:
    """The buckets, best first: as the user says, or by the numbers at the ends of their names."""
    names = [name for name in value if name != UNPLACED]
    if keys.buckets:
        unknown = [name for name in names if name not in keys.buckets]
        if unknown:
            raise one.record.error(
                f"bucket {unknown[0]!r} is not among -o buckets={','.join(keys.buckets)}"
            )
        return [name for name in keys.buckets if name in value]
    parts = [re.fullmatch(r"(.*?)(\d+)", name) for name in names]
    if not all(parts) or len({part[1] for part in parts if part}) > 1:
        raise one.record.error(
            f"it is not clear which of the buckets {', '.join(names)} is better; name them, best first, with "
            "-o buckets=BEST,...,WORST"
        )
    return sorted(names, key=lambda name: int(re.fullmatch(r".*?(\d+)", name)[1]))  # type: ignore[index]


def _items(one: _Annotation, keys: _Keys) -> dict[str, tuple[str, str]]:
    """By the id on the page: the response's own id and its text."""
    lists = {
        key: value
        for key, value in one.data.items()
        if isinstance(value, list)
        and value
        and all(isinstance(x, dict) and "id" in x for x in value)
    }
    if keys.items:
        lists = {key: value for key, value in lists.items() if key == keys.items}
    if len(lists) != 1:
        raise one.record.error(
            f"it is not clear which key of the data has the ranked items; name it with -o items=..., of "
            f"{', '.join(one.data)}"
        )
    by_id = {}
    for item in next(iter(lists.values())):
        text = next((item[key] for key in ("body", "html", "text", "title") if item.get(key)), "")
        by_id[str(item["id"])] = str(item.get("response_id", item["id"])), str(text)
    return by_id


def _prompt(one: _Annotation, keys: _Keys) -> tuple[str, str]:
    """The prompt's id and text; without an id the text is its id."""
    names = [keys.prompt] if keys.prompt else [name for name in PROMPTS if name in one.data]
    if len(names) != 1 or names[0] not in one.data:
        raise one.record.error(
            f"it is not clear which key of the data is the prompt; name it with -o prompt=..., of "
            f"{', '.join(one.data)}"
        )
    text = str(one.data[names[0]])
    return str(one.data.get("prompt_id") or text_id(text)), text


SOURCE = Source(
    name="label_studio",
    title="Label Studio: annotations with Ranker or Pairwise",
    url="https://labelstud.io",
    licence="that of the data",
    shape="tasks of data and annotations[] of {completed_by, was_cancelled, result[] of {from_name, type, "
    "value.ranker or value.selected}}, as JSON; or rows of JSON-MIN",
    ballots="each annotation by Ranker (the items of a bucket are tied) or Pairwise",
    marks=("annotations", "data"),
    read=read,
    options={
        "control": "the name of the tag to read, if several rank",
        "prompt": "the key of the data that is the prompt",
        "items": "the key of the data with the ranked items",
        "buckets": "the names of the buckets, best first, as BEST,...,WORST",
        "left": "the key of the data of the left side of a comparison",
        "right": "the key of the data of the right side",
    },
)
