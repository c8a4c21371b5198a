"""Annotated pairs of Inverse Constitutional AI: people and principles compare two responses."""

from typing import Literal

from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, text_id

VERSION = "2."
"""How the versions of the format begin that are read."""


def read(
    files: Files, *, annotators: Literal["all", "human", "principle", "unknown"] = "all"
) -> Converted:
    """Make each annotation with a preference a ballot; principles are annotators as people are."""
    converted = Converted()
    for record in files.records("annotators", "comparisons"):
        version = record.part("metadata").text("version") if record.has("metadata") else VERSION
        if not version.startswith(VERSION):
            raise record.error(
                f"the version of the format is {version}; there should be 2.0 or later"
            )
        people = record.part("annotators")
        wanted = set()
        for name in people.values:
            one = people.part(name)
            kind = one.get("type") or "unknown"
            if annotators in ("all", kind):
                wanted.add(name)
        for comparison in record.parts("comparisons"):
            _compare(converted, comparison, people, wanted)
    return converted


def _compare(converted: Converted, one: Record, people: Record, wanted: set[str]) -> None:
    """Add the annotations of a comparison; without a prompt it is a prompt of its own."""
    annotations = one.part("annotations") if one.values.get("annotations") else None
    if annotations is None:
        converted.drop("comparisons without an annotation")
        return
    sides = one.part("response_a"), one.part("response_b")
    texts = sides[0].text("text"), sides[1].text("text")
    if texts[0] == texts[1]:
        converted.drop("annotations of two equal texts", len(annotations.values))
        return
    prompt = one.text("prompt") if one.has("prompt") else ""
    prompt_id = text_id(prompt) if prompt else text_id(*sorted(texts))
    ids = text_id(texts[0]), text_id(texts[1])
    ballots = []
    for name in annotations.values:
        if name not in wanted:
            if name in people.values:
                converted.drop("annotations by annotators of another type")
                continue
            raise one.error(f"there is no annotator {name!r} among the annotators")
        ranks = _ranks(converted, annotations.part(name))
        if ranks:
            ballots.append((name, dict(zip(ids, ranks, strict=True))))
    if not ballots:
        return
    converted.prompt(prompt_id, prompt)
    for response, text, side in zip(ids, texts, sides, strict=True):
        converted.response(prompt_id, response, text, model=side.get("model"))
    for name, by_response in ballots:
        person = people.part(name)
        converted.annotator(
            name,
            type=person.get("type"),
            name=person.get("name"),
            description=person.get("description"),
        )
        converted.ballot(prompt_id, name, ranks=by_response)


def _ranks(converted: Converted, annotation: Record) -> tuple[int, int] | None:
    """The ranks of the two responses; None if the annotation prefers neither."""
    if not annotation.has("pref"):
        reason = annotation.get("no_pref_reason") or "no reason given"
        converted.drop(f"annotations without a preference ({str(reason).replace('_', ' ')})")
        return None
    preferred = annotation.one_of("pref", ("a", "b", "tie"))
    return 1 + (preferred == "b"), 1 + (preferred == "a")


SOURCE = Source(
    name="icai",
    title="Annotated pairs 2.0 of Inverse Constitutional AI and Feedback Forensics",
    url="https://github.com/rdnfn/icai",
    licence="that of the data",
    shape="one object of metadata.version 2.0, annotators {id: {name, description, type}}, and "
    "comparisons[] of {prompt, response_a.text, response_b.text, annotations {id: {pref}}}",
    ballots="each annotation whose pref is a, b or tie, of people and of principles",
    marks=("annotators", "comparisons"),
    read=read,
    options={"annotators": "all, or those of one type: human, principle or unknown"},
)
