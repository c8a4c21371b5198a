"""Argilla: answers to a ranking question, of a server, of the SDK or of a dataset on the Hub."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlchf.io.files import shown
from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, is_missing, text_id

PROMPTS = ("prompt", "instruction", "question", "input", "context")
"""Fields that are taken for the prompt, unless it is named."""

Ranking = list[tuple[str, float | None]]
"""The options of a question with their ranks; None where there is none."""


def read(files: Files, *, question: str = "", prompt: str = "", responses: str = "") -> Converted:
    """Make each annotator's submitted answer to a ranking question a ballot; equal ranks are ties.

    Argilla 2's SDK writes the names of the options without their ranks, in the order of the form, which
    says nothing; such answers are refused.
    """
    converted = Converted()
    records = [(record, list(_answers(record))) for record in files.records()]
    chosen = _question(files, [one for _, answers in records for one in answers], question)
    for record, answers in records:
        for answer in answers:
            if answer.question == chosen:
                _ballot(converted, record, answer, prompt, responses)
            else:
                converted.drop("answers to other questions")
    return converted


@dataclass(frozen=True)
class _Answer:
    question: str
    annotator: str | None
    status: str
    value: Any


def _answers(record: Record) -> Iterator[_Answer]:
    """The answers of a record, in any of the shapes that Argilla writes."""
    given = record.values.get("responses")
    if isinstance(given, list):  # a server's records, and those of Argilla 1
        for one in record.parts("responses"):
            values = one.part("values").values if one.has("values") else {}
            for name, value in values.items():
                inner = value.get("value") if isinstance(value, dict) else value
                yield _Answer(name, *_person(one.values), inner)
    elif isinstance(given, dict):  # the SDK's of Argilla 2
        status = str(record.get("status") or "submitted")
        inside = record.part("responses")
        for name in given:
            for one in inside.parts(name) if inside.has(name) else ():
                person, state = _person({"status": status, **one.values})
                state = "submitted" if state == "completed" else state
                yield _Answer(name, person, state, one.values.get("value"))
    for key, value in record.values.items():
        if key.endswith(".responses") and isinstance(value, list):  # the Hub's of Argilla 2
            users = record.values.get(f"{key}.users") or [None] * len(value)
            states = record.values.get(f"{key}.status") or ["submitted"] * len(value)
            for one, user, status in zip(value, users, states, strict=True):
                yield _Answer(
                    key.removesuffix(".responses"),
                    *_person({"user_id": user, "status": status}),
                    one,
                )
        elif key != "responses" and _is_answers(value):  # the Hub's of Argilla 1
            for one in value:
                yield _Answer(key, *_person(one), one["value"])


def _is_answers(value: Any) -> bool:
    """Whether a column of the Hub holds answers: objects with a person and a value."""
    return isinstance(value, list) and bool(value) and all(
        isinstance(one, dict) and {"user_id", "value"} <= one.keys() for one in value
    )  # fmt: skip


def _person(one: Mapping[str, Any]) -> tuple[str | None, str]:
    user, status = one.get("user_id"), one.get("status")
    return None if is_missing(user) else str(user), str(status or "submitted")


def _question(files: Files, answers: list[_Answer], question: str) -> str:
    """The question that is read: the one that asks for a ranking, unless it is named.

    Raises
    ------
    ValueError
        If there is none, or several.
    """
    names = dict.fromkeys(one.question for one in answers)
    rankings = dict.fromkeys(one.question for one in answers if isinstance(one.value, list | dict))
    if question or len(rankings) == 1:
        chosen = question or next(iter(rankings))
        if chosen in names:
            return chosen
    if question:
        problem = f"nobody answered {question!r}; the questions are {', '.join(names) or 'none'}"
    elif rankings:
        problem = (
            f"several questions may ask for a ranking, {', '.join(rankings)}; say -o question=..."
        )
    else:
        problem = f"no question asks for a ranking; the questions are {', '.join(names) or 'none'}"
    raise ValueError(f"{files}: {problem}; the shape is {files.shape}")


def _ranking(record: Record, answer: _Answer) -> Ranking:
    """The options with their ranks: objects of value and rank, or lists of both."""
    value = answer.value
    if isinstance(value, dict) and isinstance(value.get("value"), list):
        ranks = value.get("rank") or [None] * len(value["value"])
        value = [{"value": v, "rank": r} for v, r in zip(value["value"], ranks, strict=True)]
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        raise record.error(
            f"{answer.question} has the names of its options without their ranks, as Argilla 2's SDK writes "
            "them, in the order of the form; take the server's records, whose answers have value and rank"
        )
    if not isinstance(value, list) or not all(
        isinstance(one, dict) and "value" in one for one in value
    ):
        raise record.error(
            f"{answer.question} is {shown(value)}; there should be a list of objects of value and rank"
        )
    return [(str(one["value"]), _rank(record, one)) for one in value]


def _rank(record: Record, option: Mapping[str, Any]) -> float | None:
    if is_missing(option.get("rank")):
        return None
    return Record(option, f"{record.place}, option {option['value']!r}").number("rank")


def _ballot(
    converted: Converted, record: Record, answer: _Answer, prompt: str, responses: str
) -> None:
    if answer.status != "submitted":
        converted.drop(f"answers that are {answer.status}, not submitted")
        return
    if is_missing(answer.value) or answer.value == []:
        converted.drop("answers without a ranking")
        return
    ranking = _ranking(record, answer)
    ranks = {name: rank for name, rank in ranking if rank is not None}
    if len(ranks) < 2:
        converted.drop("answers that rank fewer than two responses")
        return
    fields = record.part("fields").values if record.has("fields") else record.values
    texts = _texts(record, fields, [name for name, _ in ranking], responses)
    text = _prompt(record, fields, set(texts.values()), prompt)
    given = next(
        (record.get(key) for key in ("id", "external_id", "_server_id") if record.has(key)), None
    )
    prompt_id = str(given) if given is not None else text_id(text)
    converted.prompt(prompt_id, text)
    for name, field in texts.items():
        converted.response(prompt_id, name, str(fields[field]))
    if answer.annotator is not None:
        converted.annotator(answer.annotator)
    converted.ballot(prompt_id, answer.annotator, ranks=ranks)


def _texts(
    record: Record, fields: Mapping[str, Any], options: list[str], responses: str
) -> dict[str, str]:
    """The field of each option: as the user says, of the same name, or with the same number at the end.

    Raises
    ------
    ValueError
        If an option has none, or there are several.
    """
    if responses:
        named = [one.strip() for one in responses.split(",")]
        absent = [one for one in named if one not in fields]
        if absent or len(named) != len(options):
            raise record.error(
                f"-o responses names {len(named)} fields, {', '.join(named)}; the record has the options "
                f"{', '.join(options)} and the fields {', '.join(map(str, fields))}"
            )
        return dict(zip(sorted(options, key=_number), named, strict=True))
    behind = {}
    texts = [name for name, value in fields.items() if isinstance(value, str)]
    for option in options:
        same = [name for name in texts if name == option]
        same = same or [name for name in texts if _plain(name) == _plain(option)]
        same = same or [name for name in texts if _number(name) == _number(option) != (0, "")]
        if len(same) != 1:
            raise record.error(
                f"it is not clear which field holds option {option!r}; name the fields of the options "
                f"{', '.join(sorted(options, key=_number))} in this order with -o responses=FIELD,FIELD; the "
                f"fields are {', '.join(texts)}"
            )
        behind[option] = same[0]
    return behind


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _number(name: str) -> tuple[int, str]:
    """The number at the end of a name; (0, "") without one.

    Examples
    --------
    >>> _number("reply-12"), _number("reply")
    ((12, ''), (0, ''))
    """
    digits = re.search(r"(\d+)$", name)
    return (int(digits[1]) if digits else 0, "")


def _prompt(record: Record, fields: Mapping[str, Any], taken: set[str], prompt: str) -> str:
    names = (
        [prompt] if prompt else [name for name in PROMPTS if name in fields and name not in taken]
    )
    if len(names) != 1 or not isinstance(fields.get(names[0]), str):
        rest = [name for name in fields if name not in taken]
        raise record.error(
            f"it is not clear which field is the prompt; name it with -o prompt=..., of {', '.join(rest)}"
        )
    return str(fields[names[0]])


SOURCE = Source(
    name="argilla",
    title="Argilla: records with a ranking question",
    url="https://docs.argilla.io",
    licence="that of the data",
    shape="records of fields and responses[] of {user_id, status, values {question: {value: [{value, "
    "rank}]}}}; or a dataset of the Hub, whose column of the question has {user_id, status, value}",
    ballots="each submitted answer to a ranking question; equal ranks are ties",
    marks=("fields", "responses"),
    read=read,
    options={
        "question": "the question to read, if several ask for a ranking",
        "prompt": "the field that is the prompt",
        "responses": "the fields of the responses, in the order of the options, as FIELD,FIELD",
    },
)
