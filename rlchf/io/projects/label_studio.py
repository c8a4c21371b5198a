"""A project of Label Studio: a labelling configuration, and the tasks to import."""

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from rlchf.io.json import write_json
from rlchf.io.projects import QUESTIONS, Collection, Item, label, plain, write_texts

EQUAL = "equal"
"""The tag of the choice that two responses are equally good, because Label Studio's Pairwise has no tie."""

_HOW = {"ranking": " Drag it there.", "pairwise": " Click on it."}
"""What an annotator does."""
_STYLE = """\
  <Style>
    .htx-ranker-item { white-space: pre-wrap; }
  </Style>"""


def write(folder: Path, collection: Collection) -> None:
    """Write the project into a folder."""
    lines = _ranking(collection) if collection.kind == "ranking" else _pairwise()
    text = "\n".join(["<View>", *lines, "</View>"])
    (folder / "config.xml").write_text(text + "\n", encoding="utf-8")
    tasks = [
        {"data": _data(item, name, collection)}
        for name, items in zip(collection.annotators, collection.items, strict=True)
        for item in items
    ]
    write_json(folder / "tasks.json", tasks)
    write_texts(folder, collection)


def _data(item: Item, annotator: str, collection: Collection) -> dict[str, Any]:
    """A task, and whose it is.

    The page shows the ids of items, and sorts those that are numbers; so the responses' own ids stand apart.
    """
    prompt = plain(collection.prompts[item.prompt_id])
    texts = [collection.responses[item.prompt_id][response] for response in item.responses]
    data: dict[str, Any] = {"prompt_id": item.prompt_id, "seat": annotator, "prompt": prompt}
    if collection.kind == "pairwise":
        first, second = texts
        return {**data, "response_ids": list(item.responses), "first": first, "second": second}
    shown = zip(item.responses, texts, strict=True)
    data["items"] = [
        {"id": f"shown-{index + 1}", "response_id": response, "title": label(index), "body": text}
        for index, (response, text) in enumerate(shown)
    ]
    return data


def _ranking(collection: Collection) -> list[str]:
    """A list, and one bucket for each place; the responses of a bucket are tied."""
    most = max(len(item.responses) for items in collection.items for item in items)
    buckets = [
        f'    <Bucket name="place-{rank}" title="Place {rank}{" (best)" if rank == 1 else ""}" />'
        for rank in range(1, most + 1)
    ]
    return [
        _STYLE,
        *_question("ranking"),
        '  <List name="responses" value="$items" title="Not placed" />',
        '  <Ranker name="ranking" toName="responses">',
        *buckets,
        "  </Ranker>",
    ]


def _pairwise() -> list[str]:
    return [
        *_question("pairwise"),
        '  <Pairwise name="preference" toName="first,second" />',
        '  <View style="display: flex; gap: 1em;">',
        *_side("first", label(0)),
        *_side("second", label(1)),
        "  </View>",
        f'  <Choices name="{EQUAL}" toName="prompt"><Choice value="Equally good" /></Choices>',
    ]


def _side(name: str, title: str) -> list[str]:
    return [
        '    <View style="flex: 1;">',
        f'      <Header value="{title}" />',
        f'      <Text name="{name}" value="${name}" />',
        "    </View>",
    ]


def _question(kind: str) -> list[str]:
    return [
        '  <Text name="prompt" value="$prompt" />',
        f'  <Header value="{escape(QUESTIONS[kind] + _HOW[kind])}" />',
    ]
