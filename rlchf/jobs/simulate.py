"""A simulated dataset, from a statistical culture to files: the job of `rlchf simulate`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rlchf.io.atomic import atomic_folder, check_new_folder
from rlchf.io.files import STANDARD_STREAM, bare_name
from rlchf.io.json import write_jsonl
from rlchf.io.tables import table_format, write_table
from rlchf.io.texts import read_prompt_records, read_response_records
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.progress import stage
from rlchf.jobs.simulate_settings import SimulateJob
from rlchf.options import checked, meant
from rlchf.simulate.datasets import Simulated, simulated
from rlchf.simulate.tastes import tastes
from rlchf.simulate.texts import prompt_records, response_records

Record = dict[str, Any]
Texts = tuple[Iterable[Record], Iterable[Record]]
"""Lines of a prompts file and of a responses file."""
TASTE_OPTIONS = {"groups": dict, "sizes": tuple[float, ...], "clickers": int}
EXAMPLE = """-o 'groups={"against": {"emoji": -2}, "for": {"emoji": 2}}'"""


def simulate_files(job: SimulateJob) -> Simulated:
    """Draw a dataset and write it.

    A name without an ending is a new folder that other commands read, with made texts as prompts and
    responses.

    Raises
    ------
    ValueError
        If there is no such culture or option, a number does not fit, or a file cannot be written; nothing
        is written then.
    """
    is_folder = job.out != STANDARD_STREAM and not bare_name(job.out)[1]
    if is_folder:
        check_new_folder(job.out)
    _check_files(job, is_folder)
    with stage(f"simulate {job.culture}", quiet=True):
        dataset, texts = _with_tastes(job) if job.responses_from else _of_culture(job)
        if is_folder:
            with atomic_folder(job.out) as folder:
                _write_folder(folder, dataset, *texts)
        else:
            write_table(job.out, dataset.rankings.columns())
        if job.annotators_out:
            write_table(job.annotators_out, dataset.annotators)
    return dataset


def _check_files(job: SimulateJob, is_folder: bool) -> None:
    """Refuse files that cannot be written, before anything is drawn."""
    outputs = [*([] if is_folder else [job.out]), *filter(None, [job.annotators_out])]
    for path in outputs:
        table_format(path)
    check_paths([job.prompts_from, job.responses_from], outputs)


def _of_culture(job: SimulateJob) -> tuple[Simulated, Texts]:
    """A dataset of a culture, with made texts."""
    dataset = simulated(
        job.culture,
        prompts=job.prompts or 100,
        annotators=job.annotators,
        responses=job.responses or 4,
        per_prompt=job.per_prompt,
        per_ballot=job.per_ballot,
        tie_probability=job.tie_probability,
        seed=job.seed,
        **job.option,
    )
    rankings = dataset.rankings
    return dataset, (prompt_records(rankings), response_records(rankings, dataset.quality))


def _with_tastes(job: SimulateJob) -> tuple[Simulated, Texts]:
    """Rankings of texts that exist, by annotators with stated tastes."""
    prompts = read_prompt_records(job.prompts_from)
    responses = read_response_records(job.responses_from)
    if unknown := [name for name in job.option if name not in TASTE_OPTIONS]:
        hint = meant(unknown[0], TASTE_OPTIONS) or f"it has {', '.join(TASTE_OPTIONS)}"
        raise ValueError(f"culture 'tastes' has no option {unknown[0]!r}; {hint}")
    if not isinstance(job.option.get("groups"), dict):
        raise ValueError(f"culture 'tastes' needs the taste of each group, such as {EXAMPLE}")
    settings = {
        name: checked(TASTE_OPTIONS[name], value, f"culture 'tastes': option {name}")
        for name, value in job.option.items()
    }
    dataset = tastes(
        {name: record["prompt"] for name, record in prompts.items()},
        {
            name: {response: record["text"] for response, record in of.items()}
            for name, of in responses.items()
        },
        annotators=job.annotators,
        per_prompt=job.per_prompt,
        per_ballot=job.per_ballot,
        seed=job.seed,
        **settings,
    )
    ranked = dataset.rankings.prompt_ids
    texts = [record for name in ranked for record in responses[name].values()]
    return dataset, ([prompts[name] for name in ranked], texts)


def _write_folder(
    folder: Path, dataset: Simulated, prompts: Iterable[Record], responses: Iterable[Record]
) -> None:
    write_table(folder / "rankings.csv", dataset.rankings.columns())
    write_table(folder / "annotators.csv", dataset.annotators)
    write_jsonl(folder / "prompts.jsonl", prompts)
    write_jsonl(folder / "responses.jsonl", responses)
