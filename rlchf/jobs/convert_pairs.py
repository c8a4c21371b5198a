"""Rankings with their texts as annotated pairs: the part of `rlchf convert` that writes them."""

from collections.abc import Mapping
from pathlib import Path

from rlchf.io import read_aggregation, read_annotators, read_prompts, read_responses
from rlchf.io.annotated_pairs import NAME, annotated_pairs
from rlchf.io.constitutions import read_constitution
from rlchf.io.files import bare_name
from rlchf.io.json import read_jsonl, write_json
from rlchf.io.sources import Converted
from rlchf.jobs.settings import ConvertJob
from rlchf.rankings import Rankings

NO_COLLECTIVE = (
    "Feedback Forensics compares all with one annotator: give --aggregated, or choose one there"
)
Features = dict[str, dict[str, str]]
TEXTS = ("prompts", "responses", "annotators", "constitution", "aggregated")
"""Files that the pairs are made from, besides the rankings."""


def check_texts(job: ConvertJob, kind: str, *, is_source: bool) -> None:
    """Refuse texts that are not used, and rankings without the texts that pairs need.

    Raises
    ------
    ValueError
        If one is given or missing.
    """
    given = [name for name in TEXTS if getattr(job, name)]
    if kind != NAME and given:
        raise ValueError(f"--{given[0]} is for --to {NAME}; leave it out")
    if is_source and (unused := [name for name in given if name in TEXTS[:3]]):
        raise ValueError(f"these files have texts and annotators; leave --{unused[0]} out")
    missing = [name for name in ("prompts", "responses") if not getattr(job, name)]
    if kind == NAME and not is_source and missing:
        raise ValueError(
            f"{NAME} hold the texts, and rankings have ids only; give --{missing[0]} too"
        )


def write_pairs(
    job: ConvertJob, rankings: Rankings, converted: Converted | None = None
) -> dict[str, int]:
    """Write annotated pairs of rankings and files of texts, or of what a source holds; what is lost.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or a text is missing.
    """
    if converted is None:
        prompts, responses = read_prompts(job.prompts), read_responses(job.responses)
        features, models = _features(job.annotators), _models(job.responses)
    else:
        prompts, responses = converted.prompts, converted.responses
        features = {name: dict(one) for name, one in converted.annotators.items()}
        models = {key: one["model"] for key, one in converted.labels.items() if "model" in one}
    if job.constitution:
        for principle in read_constitution(job.constitution):
            known = features.setdefault(principle.name, {})
            known.setdefault("type", "principle")
            known.setdefault("description", principle.question)
    title = Path(bare_name(job.files[0])[0]).name
    collective = read_aggregation(job.aggregated, rankings) if job.aggregated else None
    value, lost = annotated_pairs(
        rankings, prompts, responses, features=features, models=models, collective=collective,
        title=title,
    )  # fmt: skip
    write_json(job.out, value)
    return lost


def _features(path: str) -> Features:
    """Each annotator's features."""
    if not path:
        return {}
    people = read_annotators(path)
    return {
        annotator: {name: column[i] for name, column in people.features.items() if column[i]}
        for i, annotator in enumerate(people.ids)
    }


def _models(path: str) -> Mapping[tuple[str, str], str]:
    """Who wrote each response, where the file says so."""
    inside = Path(path) / "responses.jsonl"
    return {
        (str(row["prompt_id"]), str(row["response_id"])): str(row["model"])
        for row in read_jsonl(inside if inside.is_file() else path)
        if row.get("model")
    }
