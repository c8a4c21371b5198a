"""MultiPref: four people compare two answers, overall and by three aspects."""

from typing import Literal

from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, text_id

KINDS = ("normal", "expert")
WORDS = {
    "a-is-clearly-better": 2,
    "a-is-slightly-better": 1,
    "tie": 0,
    "b-is-slightly-better": -1,
    "b-is-clearly-better": -2,
}


def read(
    files: Files, *, aspect: Literal["overall", "helpful", "truthful", "harmless"] = "overall"
) -> Converted:
    """Make each annotation a ballot; clearly better has strength 2, slightly better 1, a tie 0."""
    converted = Converted()
    for record in files.records("completion_a", "completion_b"):
        if not converted.is_new("comparisons that come twice", record.get("comparison_id")):
            continue
        annotations = [
            (kind, one) for kind in KINDS for one in record.parts(f"{kind}_worker_annotations")
        ]
        texts = record.text("completion_a"), record.text("completion_b")
        if texts[0] == texts[1]:
            converted.drop("preferences between two equal texts", len(annotations))
            continue
        prompt_id, ids = record.text("prompt_id"), (text_id(texts[0]), text_id(texts[1]))
        converted.prompt(
            prompt_id,
            record.text("text"),
            source=record.get("source"),
            category=record.get("category"),
        )
        for response, text, letter in zip(ids, texts, "ab", strict=True):
            converted.response(prompt_id, response, text, model=record.get(f"model_{letter}"))
        for kind, annotation in annotations:
            _annotate(converted, prompt_id, ids, kind, annotation, aspect)
    return converted


def _annotate(
    converted: Converted,
    prompt_id: str,
    ids: tuple[str, str],
    kind: str,
    annotation: Record,
    aspect: str,
) -> None:
    key = f"{aspect}_pref"
    annotator = annotation.text("evaluator")
    converted.annotator(annotator, kind=kind)
    if annotation.has(f"{aspect}_confidence"):
        converted.drop("statements of confidence")
    if not annotation.has(key):
        converted.drop(f"annotations without {key}")
        return
    better = WORDS[annotation.one_of(key, WORDS)]
    ranks = {ids[0]: 1 + (better < 0), ids[1]: 1 + (better > 0)}
    converted.ballot(prompt_id, annotator, ranks=ranks, strength=abs(better))


SOURCE = Source(
    name="multipref",
    title="MultiPref, Allen Institute for AI: 10,461 comparisons by two crowd workers and two experts "
    "each",
    url="https://huggingface.co/datasets/allenai/multipref",
    licence="ODC-By",
    shape="prompt_id, text, completion_a, completion_b, normal_worker_annotations[] and "
    "expert_worker_annotations[] of {evaluator, overall_pref, helpful_pref, ...}",
    ballots="each annotation; clearly better has strength 2, slightly better 1, a tie 0",
    marks=("completion_a", "completion_b", "normal_worker_annotations"),
    read=read,
    options={"aspect": "overall, helpful, truthful or harmless"},
)
