"""A simulated dataset, from a statistical culture to files: the job of `rlchf simulate`."""

from pathlib import Path

from rlchf.io.atomic import atomic_folder, check_new_folder, check_writable
from rlchf.io.files import STANDARD_STREAM, bare_name
from rlchf.io.json import write_jsonl
from rlchf.io.tables import table_format, write_table
from rlchf.jobs.progress import stage
from rlchf.jobs.simulate_settings import SimulateJob
from rlchf.simulate.datasets import Simulated, simulated
from rlchf.simulate.texts import prompt_records, response_records


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
        dataset = simulated(
            job.culture,
            prompts=job.prompts,
            annotators=job.annotators,
            responses=job.responses,
            per_prompt=job.per_prompt,
            per_ballot=job.per_ballot,
            tie_probability=job.tie_probability,
            seed=job.seed,
            **job.option,
        )
        if is_folder:
            with atomic_folder(job.out) as folder:
                _write_folder(folder, dataset)
        else:
            write_table(job.out, dataset.rankings.columns())
        if job.annotators_out:
            write_table(job.annotators_out, dataset.annotators)
    return dataset


def _check_files(job: SimulateJob, is_folder: bool) -> None:
    """Refuse files that cannot be written, before anything is drawn."""
    for path in (*([] if is_folder else [job.out]), *filter(None, [job.annotators_out])):
        table_format(path)
        check_writable(path)


def _write_folder(folder: Path, dataset: Simulated) -> None:
    rankings = dataset.rankings
    write_table(folder / "rankings.csv", rankings.columns())
    write_table(folder / "annotators.csv", dataset.annotators)
    write_jsonl(folder / "prompts.jsonl", prompt_records(rankings))
    write_jsonl(folder / "responses.jsonl", response_records(rankings, dataset.quality))
