"""A project of Potato: a configuration, one file of items for each annotator, and what stands behind them."""

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlchf.io.json import write_jsonl
from rlchf.io.projects import QUESTIONS, Collection, Item, label, write_texts
from rlchf.prompts import Prompt

SCHEME = {"ranking": "place", "pairwise": "preference"}
"""What the question is called in Potato's answers."""

_CARD = "border: 1px solid #c9c9d4; border-radius: 6px; padding: 8px 14px; margin: 10px 0"


def write(folder: Path, collection: Collection) -> None:
    """Write the project into a folder.

    Potato's widget for rankings knows no ties, so a ranking is asked as a place for each response.
    Texts are escaped and shown as HTML, because Potato repeats each item within a script of its page.
    Ids of responses, which may name models, stand in a file of their own, which annotators never get.

    Raises
    ------
    ValueError
        If an annotator's id cannot be a name of Potato's folder for the answers.
    """
    for name in collection.annotators if collection.known else ():
        if "/" in name or "\\" in name or name.startswith("."):
            raise ValueError(
                f"annotator {name!r}: Potato names a folder after each annotator; leave out / and \\, and "
                "begin with another character than a dot"
            )
    (folder / "items").mkdir()
    for seat, items in enumerate(collection.items, 1):
        rows = (_item(f"{seat}-{n}", item, collection) for n, item in enumerate(items, 1))
        write_jsonl(folder / f"items/{seat}.jsonl", rows)
    write_jsonl(
        folder / "orders.jsonl",
        (
            {"id": f"{seat}-{n}", "prompt_id": item.prompt_id, "response_ids": item.responses}
            for seat, items in enumerate(collection.items, 1)
            for n, item in enumerate(items, 1)
        ),
    )
    text = "\n".join(_yaml(_config(collection)))
    (folder / "config.yaml").write_text(text + "\n", encoding="utf-8")
    write_texts(folder, collection)


def _item(name: str, item: Item, collection: Collection) -> dict[str, Any]:
    """What Potato shows of an item."""
    texts = collection.responses[item.prompt_id]
    cards = (_card(index, texts[response]) for index, response in enumerate(item.responses))
    return {
        "id": name,
        "title": f"Task {name}",
        "labels": [label(index) for index in range(len(item.responses))],
        "prompt": _prompt(collection.prompts[item.prompt_id]),
        "responses": "".join(cards),
    }


def _config(collection: Collection) -> dict[str, Any]:
    groups = [
        {
            "name": str(seat),
            **({"annotators": [name]} if collection.known else {"max_annotators": 1}),
            "data_file": f"items/{seat}.jsonl",
        }
        for seat, name in enumerate(collection.annotators, 1)
    ]
    return {
        "annotation_task_name": "Rank the responses"
        if collection.kind == "ranking"
        else "Compare the responses",
        "host": "127.0.0.1",
        "port": 8000,
        "task_dir": ".",
        "data_files": [],
        "item_properties": {"id_key": "id", "text_key": "title"},
        "output_annotation_dir": "annotation_output",
        "require_password": False,
        "user_config": {
            "allow_all_users": not collection.known,
            "users": list(collection.annotators) if collection.known else [],
        },
        "assignment_strategy": "batch",
        "max_annotations_per_user": max(map(len, collection.items)),
        "max_annotations_per_item": -1,
        "batch_assignment": {"auto_assign_annotators": not collection.known, "groups": groups},
        "instance_display": {
            "fields": [
                {"key": "prompt", "type": "html", "label": "Prompt"},
                {"key": "responses", "type": "html", "label": "Responses"},
            ]
        },
        "annotation_schemes": [_scheme(collection)],
    }


def _scheme(collection: Collection) -> dict[str, Any]:
    """The question: places for all responses, or which of two is better."""
    question = {"name": SCHEME[collection.kind], "description": QUESTIONS[collection.kind]}
    if collection.kind == "ranking":
        most = max(len(item.responses) for items in collection.items for item in items)
        places = [str(rank) for rank in range(1, most + 1)]
        return {
            "annotation_type": "multirate", **question, "options_from_data": "labels", "labels": places,
        }  # fmt: skip
    return {
        "annotation_type": "pairwise",
        **question,
        "items_key": "none",  # the page shows the responses already
        "labels": [label(0), label(1)],
        "allow_tie": True,
        "tie_label": "Equally good",
        "label_requirement": {"required": True},
    }


def _prompt(prompt: Prompt) -> str:
    if isinstance(prompt, str):
        return _html(prompt)
    parts = (f"<b>{_html(one['role'])}</b><br>{_html(one['content'])}" for one in prompt)
    return "<br><br>".join(parts)


def _card(index: int, text: str) -> str:
    return f'<div style="{_CARD}"><b>{label(index)}</b><br>{_html(text)}</div>'


def _html(text: str) -> str:
    """Text as HTML that keeps lines and runs of blanks.

    Examples
    --------
    >>> _html("if a < b:\\n    c")
    'if a &lt; b:<br>&nbsp; &nbsp; c'
    """
    escaped = html.escape(text).replace("\t", "    ").replace("  ", "&nbsp; ")
    return "<br>".join(escaped.splitlines())


def _yaml(value: Mapping[str, Any], indent: str = "") -> list[str]:
    """The lines of a YAML mapping; nested mappings and lists of mappings stand in blocks.

    Examples
    --------
    >>> print("\\n".join(_yaml({"port": 1, "groups": [{"name": "1", "users": ["ann"]}]})))
    port: 1
    groups:
    - name: "1"
      users: ["ann"]
    """
    lines = []
    for key, one in value.items():
        if isinstance(one, dict):
            lines += [f"{indent}{key}:", *_yaml(one, indent + "  ")]
        elif isinstance(one, list) and one and isinstance(one[0], dict):
            lines.append(f"{indent}{key}:")
            for part in one:
                first, *rest = _yaml(part, indent + "  ")
                lines += [f"{indent}- {first.lstrip()}", *rest]
        else:
            lines.append(f"{indent}{key}: {_scalar(one)}")
    return lines


def _scalar(value: Any) -> str:
    """A value as JSON, which YAML reads alike if its text is printable."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in text)
    if isinstance(value, list):
        return "[" + ", ".join(map(_scalar, value)) + "]"
    return json.dumps(value)
