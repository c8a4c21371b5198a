"""PRISM: people from many countries talk with language models and score their answers."""

from typing import Any, Literal

from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, is_missing

FEATURES = (
    "age",
    "gender",
    "education",
    "employment_status",
    "marital_status",
    "english_proficiency",
    "study_locale",
)
NESTED = {
    "ethnicity": ("simplified",),
    "religion": ("simplified",),
    "location": ("birth_country", "birth_region", "reside_country", "reside_region"),
}
YES = (True, "true", "True", "TRUE", 1, "1")


def read(
    files: Files,
    *,
    ballots: Literal["scores", "choices"] = "scores",
    turns: Literal["all", "first"] = "all",
) -> Converted:
    """Make each turn of a conversation a prompt with one ballot, of the person who talks."""
    converted = Converted(note="each prompt has one ballot, by the person who wrote it")
    conversations: dict[str, dict[int, list[Record]]] = {}
    for record in files.records("conversation_id", "within_turn_id", "score"):
        turn = int(record.number("turn"))
        key = record.text("conversation_id"), turn, record.text("within_turn_id")
        if not converted.is_new("utterances that come twice", key):
            continue
        conversation = conversations.setdefault(record.text("conversation_id"), {})
        conversation.setdefault(turn, []).append(record)
    for name, conversation in conversations.items():
        history: list[dict[str, str]] = []
        for turn in sorted(conversation) if turns == "all" else [min(conversation)]:
            history = _turn(converted, f"{name}-{turn}", conversation[turn], history, ballots)
    if files.holding("user_id", "age"):
        for record in files.records("user_id", "age"):
            converted.annotator(record.text("user_id"), **_features(record))
    return converted


def _turn(
    converted: Converted,
    prompt_id: str,
    records: list[Record],
    history: list[dict[str, str]],
    ballots: str,
) -> list[dict[str, str]]:
    """Add the ballot of a turn; the conversation after it, with the answer that was chosen."""
    user, question = records[0].text("user_id"), records[0].text("user_prompt")
    messages = [*history, {"role": "user", "content": question}]
    kind = records[0].get("conversation_type")
    converted.prompt(prompt_id, messages if history else question, conversation_type=kind)
    converted.annotator(user)
    scores: dict[str, float] = {}
    chosen: dict[str, str] = {}
    for record in records:
        if (record.text("user_id"), record.text("user_prompt")) != (user, question):
            raise record.error("the user or the prompt is not that of the turn's first utterance")
        response = record.text("within_turn_id")
        text = record.get("model_response")
        if text is None or not record.has("score"):
            converted.drop("answers without a text" if text is None else "answers without a score")
            continue
        converted.response(prompt_id, response, str(text), model=record.get("model_name"))
        scores[response] = record.number("score")
        if record.need("if_chosen") in YES:
            chosen[response] = str(text)
    if len(scores) < 2:
        converted.drop("turns with fewer than two scored answers")
    elif ballots == "scores":
        converted.ballot(prompt_id, user, scores=scores)
        below = [one for one in chosen if scores[one] < max(scores.values())]
        converted.drop("choices of an answer that is not scored highest", len(below))
    elif chosen:
        converted.ballot(prompt_id, user, ranks={one: 1 + (one not in chosen) for one in scores})
    else:
        converted.drop("turns without a choice")
    answer = [{"role": "assistant", "content": text} for text in list(chosen.values())[:1]]
    return [*messages, *answer]


def _features(record: Record) -> dict[str, Any]:
    features = {name: record.get(name) for name in FEATURES}
    for name, keys in NESTED.items():
        values = record.get(name)
        if isinstance(values, dict):
            features |= {
                name if key == "simplified" else key: values.get(key)
                for key in keys
                if not is_missing(values.get(key))
            }
    return features


SOURCE = Source(
    name="prism",
    title="PRISM, University of Oxford and others: 8,011 conversations of 1,396 people, with a survey",
    url="https://huggingface.co/datasets/HannahRoseKirk/prism-alignment",
    licence="CC BY 4.0 for texts by people, CC BY-NC 4.0 for answers of models",
    shape="utterances.jsonl with user_id, conversation_id, turn, within_turn_id, user_prompt, "
    "model_response, score, if_chosen, and survey.jsonl with user_id, age, ...",
    ballots="each turn's scores from 1 to 100; one ballot per prompt",
    marks=("user_id", "conversation_id", "within_turn_id", "score"),
    read=read,
    options={
        "ballots": "scores, or choices: the answer with which the conversation went on",
        "turns": "all, or first: four models each; later turns are two answers of one model",
    },
)
