"""HelpSteer3-Preference: up to three people compare two answers, on a scale from -3 to 3."""

from rlchf.io.chats import check_prompt
from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, text_id

SCALE = 3


def read(files: Files) -> Converted:
    """Make each individual preference a ballot; its strength is the distance from 0, which is a tie."""
    converted = Converted(note="annotators are positions in a list, not people")
    for record in files.records("individual_preference"):
        context = check_prompt(record.need("context"), record.place, any_role=True)
        texts = record.text("response1"), record.text("response2")
        if not record.has("individual_preference"):
            converted.drop("comparisons without individual preferences")
            continue
        judgements = record.parts("individual_preference")
        if texts[0] == texts[1]:
            converted.drop("preferences between two equal texts", len(judgements))
            continue
        prompt_id, (first, second) = text_id(repr(context)), map(text_id, texts)
        converted.prompt(
            prompt_id, context, domain=record.get("domain"), language=record.get("language")
        )
        converted.response(prompt_id, first, texts[0])
        converted.response(prompt_id, second, texts[1])
        for judgement in judgements:
            if not judgement.has("score"):
                converted.drop("individual preferences without a score")
                continue
            score = _score(judgement)
            ranks = {first: 1 + (score > 0), second: 1 + (score < 0)}
            converted.ballot(prompt_id, None, ranks=ranks, strength=abs(score))
    return converted


def _score(judgement: Record) -> float:
    score = judgement.number("score")
    if abs(score) > SCALE:
        raise judgement.error(f"the score is {score:g}; there should be a number from -3 to 3")
    return score


SOURCE = Source(
    name="helpsteer3",
    title="HelpSteer3-Preference, NVIDIA: 40,000 comparisons by up to three people each",
    url="https://huggingface.co/datasets/nvidia/HelpSteer3",
    licence="CC BY 4.0",
    shape="context, response1, response2, individual_preference[].score from -3 (the first is much "
    "better) to 3",
    ballots="each individual preference; 0 is a tie; the strength is the score's distance from 0",
    marks=("context", "response1", "response2", "individual_preference"),
    read=read,
    anonymous=True,
)
