"""Potato: the answers of each annotator in a project, or its export as csv or jsonl."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from rlchf.io.chats import check_prompt
from rlchf.io.files import shown
from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, is_missing

STATE = "instance_id_to_label_to_value"
ORDER = "instance_id_to_presentation_order"
PLACES = "place"
"""The question of the projects that we write: a place for each response."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Answers = Mapping[str, Any]
"""What an annotator answered to a question, by label."""


def read(
    files: Files,
    *,
    question: str = "",
    places: str = PLACES,
    responses: str = "",
    prompt: str = "",
    order: Literal["shuffled", "fixed"] = "shuffled",
) -> Converted:
    """Make each annotator's answer to a question about an item a ballot.

    A ranking ``B,D=A,C`` is B > D = A > C; ``selection`` says which of two is better, or that they tie; a
    negative ``scale_value`` prefers the first of two, and its size is the strength; a matrix of places
    (1 is best) is a ranking with ties. The exports do not say which of two candidates Potato has shown
    first, so comparisons in them are refused unless the order was fixed.
    """
    converted = Converted()
    project = _Project.of(files, responses, prompt)
    project.order_known = bool(files.holding(STATE)) or order == "fixed"
    answers = [one for one in _answers(files) if not project.skips(one, converted)]
    chosen = _question(files, answers, question, places)
    for one in answers:
        others = [name for name in one.answers if name != chosen]
        if others:
            converted.drop("answers to other questions", len(others))
        if chosen in one.answers:
            _ballot(converted, project, one, chosen, places)
    _features(converted, files)
    return converted


def _features(converted: Converted, files: Files) -> None:
    """Add what an annotators file of the project says of those who answered."""
    for path in files.holding("annotator_id"):
        if path.name != "annotators.csv":
            continue
        for record in replace(files, paths=[path]).records():
            name = record.text("annotator_id")
            if name in converted.annotators:
                others = ("annotator_id", "weight")
                values = {key: one for key, one in record.values.items() if key not in others}
                converted.annotator(name, **values)


@dataclass(frozen=True)
class _Answer:
    """What one annotator answered about one item, by question."""

    record: Record
    annotator: str
    item: str
    answers: dict[str, Answers]
    orders: Any


def _answers(files: Files) -> Iterator[_Answer]:
    """The answers in the folders of the annotators; without any, those of an export."""
    if files.holding(STATE):
        for record in files.records(STATE):
            annotator, state = record.text("user_id"), record.values[STATE]
            orders = record.part(ORDER).values if record.has(ORDER) else {}
            if not isinstance(state, dict):
                raise record.error(f"{STATE} is no object")
            for item, labels in state.items():
                answers = _by_question(record, labels)
                yield _Answer(record, annotator, item, answers, orders.get(item))
        return
    if not files.holding("instance_id", "user_id"):
        raise ValueError(f"{files}: nobody's answers are in the files; the shape is {files.shape}")
    for record in files.records("instance_id", "user_id"):
        yield _Answer(
            record, record.text("user_id"), record.text("instance_id"), _row(record), None
        )


def _by_question(record: Record, labels: Any) -> dict[str, Answers]:
    """Pairs of ``{"schema", "name"}`` and a value, by schema and name; or what has this form already."""
    if isinstance(labels, dict) and all(isinstance(one, dict) for one in labels.values()):
        return dict(labels)
    by_question: dict[str, dict[str, Any]] = {}
    for pair in labels if isinstance(labels, list) else [None]:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], dict)):
            raise record.error(f"{STATE} has an item whose answers are no pairs of label and value")
        by_question.setdefault(str(pair[0].get("schema")), {})[str(pair[0].get("name"))] = pair[1]
    return dict(by_question)


def _row(record: Record) -> dict[str, Answers]:
    """The answers of a row of an export: ``labels`` in jsonl, columns ``question.label`` in csv."""
    if "labels" in record.values:
        labels = record.part("labels").values if record.values["labels"] else {}
        return {name: one for name, one in labels.items() if isinstance(one, dict)}
    by_question: dict[str, dict[str, Any]] = {}
    for column, value in record.values.items():
        name, dot, label = column.partition(".")
        if dot and not is_missing(value) and not label.startswith("_"):
            by_question.setdefault(name, {})[label] = value
    return dict(by_question)


def _question(files: Files, answers: list[_Answer], question: str, places: str) -> str:
    """The question that is read: the one that asks for a ranking, unless it is named.

    Raises
    ------
    ValueError
        If there is none, or several.
    """
    names = {name: None for one in answers for name in one.answers}
    if question:
        if question not in names:
            raise ValueError(
                f"{files}: nobody answered {question!r}; the questions are {', '.join(names) or 'none'}"
            )
        return question
    kinds = {
        name: None
        for one in answers
        for name, labels in one.answers.items()
        if name == places or {"rank_order", "selection", "scale_value"} & labels.keys()
    }
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds:
        raise ValueError(
            f"{files}: several questions ask for a ranking; choose one with -o question=..., of "
            f"{', '.join(kinds)}"
        )
    raise ValueError(
        f"{files}: no question asks for a ranking or a comparison"
        + (f"; the questions are {', '.join(names)}; name one whose answers are places, 1 for the best, "
           "with -o places=..." if names else ", or nobody answered")
    )  # fmt: skip


@dataclass
class _Project:
    """The items of a project, by id, and the texts of one that we wrote."""

    items: dict[str, dict[str, Any]]
    prompts: dict[str, Any]
    texts: dict[str, dict[str, str]]
    responses: str
    prompt: str
    order_known: bool = True

    @classmethod
    def of(cls, files: Files, responses: str, prompt: str) -> "_Project":
        items: dict[str, dict[str, Any]] = {}
        for record in files.records("id") if files.holding("id") else ():
            items.setdefault(record.text("id"), {}).update(record.values)
        prompts = {}
        if ours := files.holding("prompt_id", "prompt"):
            for record in files.records("prompt_id", "prompt"):
                prompts[record.text("prompt_id")] = check_prompt(
                    record.values["prompt"], record.place
                )
        texts: dict[str, dict[str, str]] = {}
        if ours and files.holding("prompt_id", "response_id", "text"):
            for record in files.records("prompt_id", "response_id", "text"):
                of_prompt = texts.setdefault(record.text("prompt_id"), {})
                of_prompt[record.text("response_id")] = str(record.values["text"])
        return cls(items, prompts, texts, responses, prompt)

    def skips(self, one: _Answer, converted: Converted) -> bool:
        """Whether an item is a test of attention, by Potato's naming, and so is not judged."""
        if one.item.endswith("_testing"):
            converted.drop("answers to test questions")
            return True
        return False

    def ids(self, one: _Answer, labels: list[str]) -> tuple[str, list[str]]:
        """The prompt's id and the ids of the responses behind labels, in their order; adds nothing."""
        item = self.items.get(one.item)
        if item is None:
            raise one.record.error(
                f"item {one.item!r} is in none of the files; give the project's folder, with its items"
            )
        if "response_ids" in item:
            names, ids = item.get("labels") or ["A", "B"], item["response_ids"]
            behind = dict(zip(names, ids, strict=True)) | dict(zip("AB", ids, strict=False))
            unknown = [label for label in labels if label not in behind]
            if unknown:
                raise one.record.error(
                    f"item {one.item!r}: there is no response {unknown[0]!r} among {', '.join(names)}"
                )
            return str(item["prompt_id"]), [str(behind[label]) for label in labels]
        return one.item, labels

    def candidates(self, one: _Answer) -> list[str]:
        """The texts of the responses in an item that we did not write; empty if it has no list of texts."""
        item = self.items[one.item]
        lists = {
            key: value
            for key, value in item.items()
            if isinstance(value, list) and len(value) > 1 and all(isinstance(x, str) for x in value)
        }
        if self.responses:
            if self.responses not in lists:
                raise one.record.error(
                    f"item {one.item!r} has no list of texts {self.responses!r}; it has "
                    f"{', '.join(lists) or 'none'}"
                )
            return list(lists[self.responses])
        if len(lists) > 1:
            raise one.record.error(
                f"item {one.item!r} has several lists of texts, {', '.join(lists)}; say which are the "
                "responses with -o responses=..."
            )
        return list(next(iter(lists.values()), []))

    def add(self, converted: Converted, one: _Answer, prompt_id: str, responses: list[str]) -> None:
        """Add the texts of what was judged, where the project says them."""
        if prompt_id in self.prompts:
            converted.prompt(prompt_id, self.prompts[prompt_id])
            for response in responses:
                if (text := self.texts.get(prompt_id, {}).get(response)) is not None:
                    converted.response(prompt_id, response, text)
            return
        item = self.items[one.item]
        if "response_ids" in item:
            converted.drop(
                "texts that are in prompts.jsonl and responses.jsonl of the project's folder"
            )
            return
        key = self.prompt or next((k for k in ("prompt", "question", "text") if k in item), "")
        if isinstance(item.get(key), str):
            converted.prompt(prompt_id, item[key])
        texts = self.candidates(one)
        behind = dict(zip(_LETTERS, texts, strict=False)) | {text: text for text in texts}
        for response in responses:
            if response in behind:
                converted.response(prompt_id, response, behind[response])
            else:
                converted.drop("texts of responses that the items do not tell by label")


def _ballot(
    converted: Converted, project: _Project, one: _Answer, question: str, places: str
) -> None:
    answers, record = one.answers[question], one.record
    strength = None
    if "rank_order" in answers:
        ranks = _ranking(record, str(answers["rank_order"]), _known(project, one))
    elif "selection" in answers:
        word = str(answers["selection"]).strip()
        if word not in ("A", "B", "tie"):
            raise record.error(
                f"item {one.item!r}: the selection is {word!r}; there should be A, B or tie"
            )
        ranks = {"A": 1 + (word == "B"), "B": 1 + (word == "A")}
    elif "scale_value" in answers:
        value = _number(record, one.item, answers["scale_value"])
        ranks, strength = {"A": 1 + (value > 0), "B": 1 + (value < 0)}, abs(value)
    elif question == places:
        given = {label: value for label, value in answers.items() if not is_missing(value)}
        ranks = {label: _number(record, one.item, value) for label, value in given.items()}
    else:
        raise record.error(
            f"item {one.item!r}: {question!r} is no ranking and no comparison; if its answers are places, 1 "
            f"for the best, say so with -o places={question}"
        )
    if len(ranks) < 2:
        converted.drop("answers about one response only")
        return
    if "selection" in answers or "scale_value" in answers:
        if not project.order_known and "response_ids" not in project.items.get(one.item, {}):
            raise record.error(
                "the export does not say which candidate was shown first, if Potato shuffled them "
                "(randomize_order); give the project's folder, or say -o order=fixed if it did not"
            )
        ranks = _as_shown(one, question, ranks)
    prompt_id, ids = project.ids(one, list(ranks))
    project.add(converted, one, prompt_id, ids)
    converted.annotator(one.annotator)
    converted.ballot(
        prompt_id,
        one.annotator,
        ranks=dict(zip(ids, ranks.values(), strict=True)),
        strength=strength,
    )


def _as_shown(one: _Answer, question: str, ranks: dict[str, float]) -> dict[str, float]:
    """Ranks of the two responses of the item, where Potato may have shown the second one first."""
    order = one.orders.get(question) if isinstance(one.orders, dict) else one.orders
    if order is None:
        return ranks
    places = list(range(len(order))) if isinstance(order, list) else []
    if len(places) < 2 or sorted(map(str, order)) != sorted(map(str, places)):
        raise one.record.error(
            f"item {one.item!r}: {ORDER} is {shown(order)}; there should be the numbers of the candidates"
        )
    return {
        _LETTERS[int(source)]: rank for source, rank in zip(order, ranks.values(), strict=False)
    }


def _known(project: _Project, one: _Answer) -> list[str]:
    """The labels that an item is known to have."""
    item = project.items.get(one.item, {})
    return [str(label) for label in item.get("labels") or []]


def _ranking(record: Record, order: str, known: list[str]) -> dict[str, float]:
    """Ranks from ``B,D=A,C``; labels that the item lists may hold commas and equals signs themselves."""
    words = sorted(filter(None, known), key=len, reverse=True)
    pattern = "|".join([*(f"{re.escape(word)}(?=[,=]|$)" for word in words), "[^,=]+"])
    parts = re.findall(rf"\s*({pattern})\s*([,=]?)", order)
    ranks: dict[str, float] = {}
    rank = 1.0
    for name, sign in parts:
        if name.strip() in ranks:
            raise record.error(f"the ranking {order!r} names {name.strip()!r} twice")
        ranks[name.strip()] = rank
        rank += sign == ","
    return ranks


def _number(record: Record, item: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if number - number != 0:
        raise record.error(f"item {item!r}: found {value!r}; there should be a number")
    return number


SOURCE = Source(
    name="potato",
    title="Potato, University of Michigan and others: the annotations of a project",
    url="https://potatoannotator.readthedocs.io",
    licence="that of the data",
    shape="a project's folder: annotation_output/USER/user_state.json, and the items; or annotations.csv or "
    "annotations.jsonl of potato's export, and the items",
    ballots="each annotator's answer about an item: a ranking, a comparison, or places for all responses",
    marks=("user_id", STATE),
    read=read,
    options={
        "question": "the question to read, if several ask for a ranking",
        "places": "a question whose answers are places, 1 for the best (default place)",
        "responses": "the key of the items' texts, if there are several lists",
        "prompt": "the key of the items' prompts (default prompt, question or text)",
        "order": "fixed, if Potato did not shuffle candidates whose comparisons were exported (default "
        "shuffled)",
    },
)
