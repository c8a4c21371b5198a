"""Mixing rankings of several sources, from folders to a folder."""

from collections.abc import Sequence
from pathlib import Path

from rlchf.io.atomic import atomic_folder, check_new_folder
from rlchf.io.datasets import RANKINGS
from rlchf.io.files import bare_name, real_path
from rlchf.io.json import write_jsonl
from rlchf.io.tables import write_table
from rlchf.io.texts import Annotators, read_prompt_records, read_response_records
from rlchf.jobs.inputs import read_people
from rlchf.jobs.mix_settings import MixJob
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import RankingsInput
from rlchf.mixing import Mixture, Record, Source, mix, parse_ratio

TEXTS = {"prompts": "prompts.jsonl", "responses": "responses.jsonl", "annotators": "annotators.csv"}
"""The files of a folder beside its rankings, by the setting that names others."""


def mix_files(job: MixJob) -> Mixture:
    """Read the sources, mix them, and write a folder that other commands read.

    Weights of annotators are multiplied into those of their ballots.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or the sources cannot be mixed so; nothing is written then.
    """
    ratio = parse_ratio(job.ratio)
    check_new_folder(job.out)
    files = {kind: _files(job, kind) for kind in TEXTS}
    names = job.name or [_name(path) for path in job.sources]
    with stage(f"mix {', '.join(names)}", quiet=True):
        sources = [
            _source(name, path, *texts)
            for name, path, *texts in zip(names, job.sources, *files.values(), strict=True)
        ]
        mixture = mix(sources, ratio, job.by, job.seed)
        with atomic_folder(job.out) as folder:
            write_table(folder / f"{RANKINGS}.{job.to}", mixture.columns)
            write_jsonl(folder / TEXTS["prompts"], mixture.prompts)
            write_jsonl(folder / TEXTS["responses"], mixture.responses)
            names_of_columns = mixture.annotators[0]
            columns = {n: [row[n] for row in mixture.annotators] for n in names_of_columns}
            write_table(folder / TEXTS["annotators"], columns)
    return mixture


def _files(job: MixJob, kind: str) -> list[str]:
    """The file of each source that has its prompts, responses or annotators; "" for none.

    Raises
    ------
    ValueError
        If a source has none and needs one, or more or fewer are given than are needed.
    """
    inside = [Path(path) / TEXTS[kind] for path in job.sources]
    files = [str(path) if path.is_file() else "" for path in inside]
    lacking = [i for i, file in enumerate(files) if not file]
    given: Sequence[str] = getattr(job, kind)
    if not given and (not lacking or kind == "annotators"):
        return files
    if not given:
        raise ValueError(
            f"{job.sources[lacking[0]]}: there is no {TEXTS[kind]} in it; give a folder that has one, or the "
            f"file with --{kind}"
        )
    if not lacking or len(given) not in (1, len(lacking)):
        raise ValueError(
            f"--{kind} is given {len(given)} times, and {len(lacking)} of the sources lack {TEXTS[kind]}; "
            "give one file for all of these, or one for each"
        )
    for i, file in zip(lacking, given if len(given) > 1 else [*given] * len(lacking), strict=True):
        files[i] = file
    return files


def _name(path: str) -> str:
    """The name of a source: that of the folder, or of the file if it says more than rankings.

    Examples
    --------
    >>> _name("data/human/"), _name("data/human/rankings.csv"), _name("data/ai.jsonl")
    ('human', 'human', 'ai')
    """
    resolved = real_path(path)
    if resolved.is_dir():
        return resolved.name
    stem = bare_name(path)[0]
    return resolved.parent.name if stem == RANKINGS else stem


def _check_rankings(path: str) -> None:
    """Refuse a folder without rankings, whose texts would be read in their place."""
    folder = Path(path)
    if folder.is_dir() and not any(bare_name(one)[0] == RANKINGS for one in folder.iterdir()):
        raise ValueError(
            f"{path}: there is no file named {RANKINGS} in it, such as {RANKINGS}.csv; give a folder as "
            "rlchf convert writes one, or a file of rankings"
        )


def _source(name: str, path: str, prompts: str, responses: str, annotators: str) -> Source:
    _check_rankings(path)
    people = read_people(RankingsInput(rankings=(path,), annotators=annotators))
    return Source(
        name=name,
        rankings=people.rankings,
        prompts=read_prompt_records(prompts),
        responses=read_response_records(responses),
        annotators=_features(people.annotators),
    )


def _features(annotators: Annotators | None) -> dict[str, Record]:
    """The features of each annotator."""
    if annotators is None:
        return {}
    columns = annotators.features.items()
    return {one: {n: cells[i] for n, cells in columns} for i, one in enumerate(annotators.ids)}
