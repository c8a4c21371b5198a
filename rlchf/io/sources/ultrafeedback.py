"""UltraFeedback: a language model rates four answers by four aspects."""

from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, text_id

ASPECTS = ("helpfulness", "honesty", "instruction_following", "truthfulness")


def read(files: Files) -> Converted:
    """Make each aspect an annotator who scores the answers."""
    converted = Converted(note="annotators are aspects that a language model rates, not people")
    for aspect in ASPECTS:
        converted.annotator(aspect, kind="aspect")
    for record in files.records("instruction", "completions"):
        prompt_id = text_id(record.text("instruction"))
        converted.prompt(prompt_id, record.text("instruction"), source=record.get("source"))
        scores: dict[str, dict[str, float]] = {aspect: {} for aspect in ASPECTS}
        for completion in record.parts("completions"):
            if not completion.has("response"):
                converted.drop("answers without a text")
                continue
            text = completion.text("response")
            converted.response(prompt_id, text_id(text), text, model=completion.get("model"))
            for aspect, rating in _ratings(converted, completion).items():
                if text_id(text) in scores[aspect]:
                    converted.drop("ratings of a text that is rated already")
                else:
                    scores[aspect][text_id(text)] = rating
        for aspect, of_aspect in scores.items():
            if of_aspect:
                converted.ballot(prompt_id, aspect, scores=of_aspect)
    return converted


def _ratings(converted: Converted, completion: Record) -> dict[str, float]:
    annotations = completion.part("annotations")
    ratings = {}
    for aspect in ASPECTS:
        annotation = annotations.part(aspect)
        if str(annotation.get("Rating") or "N/A").strip().upper() == "N/A":
            converted.drop("ratings that are not available")
        else:
            ratings[aspect] = annotation.number("Rating")
    return ratings


SOURCE = Source(
    name="ultrafeedback",
    title="UltraFeedback, OpenBMB: 64,000 prompts, four answers each, rated by GPT-4",
    url="https://huggingface.co/datasets/openbmb/UltraFeedback",
    licence="MIT",
    shape="instruction, completions[].{model, response, annotations.{helpfulness, honesty, "
    "instruction_following, truthfulness}.Rating}",
    ballots="each aspect's ratings from 1 to 5; aspects stand for annotators",
    marks=("instruction", "completions"),
    read=read,
)
