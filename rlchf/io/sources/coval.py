"""CoVal, first called Collective Alignment 1: people rank four answers to a prompt about values."""

from typing import Literal

from rlchf.io.chats import check_prompt
from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record
from rlchf.notation import parse_ballot

LABELS = ("importance", "representativeness", "subjectivity")
NONE = ("", "none")


def read(files: Files, *, ballots: Literal["personal", "world"] = "personal") -> Converted:
    """Make each assessment a ballot: its ranking, and a disapproval of each unacceptable answer."""
    converted = Converted()
    for record in files.records("prompt_id", "responses", "metadata"):
        prompt_id = record.text("prompt_id")
        messages = record.part("prompt").need("messages")
        converted.prompt(prompt_id, check_prompt(messages, record.place, any_role=True))
        if not converted.is_new("prompts that come twice", prompt_id):
            continue
        names = [_response(converted, prompt_id, one) for one in record.parts("responses")]
        for assessment in record.part("metadata").parts("assessments"):
            _assess(converted, prompt_id, names, assessment, ballots)
    if files.holding("annotator_id", "demographics"):
        for record in files.records("annotator_id", "demographics"):
            features = record.get("demographics")
            features = features if isinstance(features, dict) else {}
            converted.annotator(record.text("annotator_id"), **features)
    return converted


def _response(converted: Converted, prompt_id: str, response: Record) -> str:
    name = response.text("response_index")
    texts = [message.text("content") for message in response.parts("messages")]
    converted.response(prompt_id, name, "\n\n".join(texts))
    return name


def _assess(
    converted: Converted, prompt_id: str, names: list[str], assessment: Record, ballots: str
) -> None:
    blocks = assessment.part("ranking_blocks")
    for label in LABELS:
        if assessment.has(label):
            converted.drop(f"labels of {label}")
    rankings = blocks.parts(ballots) if blocks.get(ballots) else []
    converted.drop("reasons in words", sum(one.has("rationale") for one in rankings))
    rankings = [one for one in rankings if one.has("ranking")]
    if not rankings:
        converted.drop(f"assessments without a {ballots} ranking")
        return
    converted.drop("second rankings of an assessment", len(rankings) - 1)
    ranks = _ranks(rankings[0], names)
    approvals = None
    unacceptable = _unacceptable(assessment, blocks)
    if unacceptable is not None:
        approvals = dict.fromkeys(ranks, 0)
        for name in unacceptable:
            if name in approvals:
                approvals[name] = -1
            elif name.lower() not in NONE:
                converted.drop("unacceptable answers that the ranking does not name")
    annotator = assessment.text("annotator_id")
    converted.annotator(annotator)
    converted.ballot(prompt_id, annotator, ranks=ranks, approvals=approvals)


def _ranks(block: Record, names: list[str]) -> dict[str, float]:
    """The ranks of a ranking such as ``B>A=C=D``."""
    ranking = block.text("ranking")
    try:
        levels = parse_ballot(ranking)
    except ValueError as error:
        raise block.error(f"the ranking is {ranking!r}: {error}") from None
    ranks: dict[str, float] = {}
    for rank, level in enumerate(levels, start=1):
        for name in level:
            if name not in names or name in ranks:
                problem = "twice" if name in ranks else f"which is none of {', '.join(names)}"
                raise block.error(f"the ranking {ranking!r} names {name!r} {problem}")
            ranks[name] = rank
    return ranks


def _unacceptable(assessment: Record, blocks: Record) -> list[str] | None:
    """The answers flagged as unacceptable; None where the assessment does not have the question."""
    for record in (blocks, assessment):
        if isinstance(record.values.get("unacceptable"), list):
            items = record.items("unacceptable")
            named = [one for item in items for one in _flags(item)]
            return [name.strip() for one in named for name in str(one).split(",")]
    return None


def _flags(item: object) -> list[object]:
    rating = item.get("rating") if isinstance(item, dict) else item
    return rating if isinstance(rating, list) else [] if rating is None else [rating]


SOURCE = Source(
    name="coval",
    title="CoVal (Collective Alignment 1), OpenAI: 1,078 prompts on values, four answers each, ranked "
    "by 1,012 people",
    url="https://huggingface.co/datasets/openai/coval",
    licence="CC BY 4.0",
    shape="comparisons.jsonl with prompt_id, prompt.messages, responses[].{response_index, messages}, "
    "metadata.assessments[].{annotator_id, ranking_blocks}, and annotators.jsonl with annotator_id, "
    "demographics",
    ballots="each assessment's ranking; an answer flagged as unacceptable is disapproved",
    marks=("prompt_id", "prompt", "responses", "metadata"),
    read=read,
    options={"ballots": "personal (what the annotator prefers) or world (what is best for all)"},
)
