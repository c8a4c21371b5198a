"""Preference pairs from files to the files of a trainer."""

from rlchf.io import read_aggregation, read_prompts, read_responses
from rlchf.io.datasets import dataset_files
from rlchf.io.preference_pairs import check_destination, is_folder, write_pairs
from rlchf.io.trainer_rows import PairRows, check_fit
from rlchf.jobs.inputs import check_paths, list_skipped, read_people, skipped_file
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import PairsJob
from rlchf.pairs import PairConfig
from rlchf.preferences import check_texts, examples, split


def write_pair_files(job: PairsJob, config: PairConfig) -> PairRows:
    """Read collective rankings and texts, and write the pairs in the shape that a trainer reads.

    Returns
    -------
    The rows, with what they leave out.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or the settings do not fit the trainer; nothing has been written
        then.
    """
    check_fit(job.to, config)
    if config.needs_ballots and not job.rankings:
        name, value = config.needs_ballots.split()
        raise ValueError(
            f"{name} is '{value}', which is taken from the ballots; give them with --rankings"
        )
    check_destination(job.out, job.to, job.held_out > 0)
    inputs = [job.aggregated, job.annotators, job.prompts, job.responses, job.candidates]
    ballots = dataset_files(job.rankings) if job.rankings else []
    check_paths([*ballots, *inputs], [] if is_folder(job.out) else [job.out])
    people = read_people(job, weigh=True).rankings if job.rankings else None
    result = read_aggregation(job.aggregated, people)
    prompts, responses = read_prompts(job.prompts), read_responses(job.responses)
    check_texts(result, prompts, responses, job.prompts, job.responses)
    if config.margins == "strengths" and people is not None and people.ballot_strengths is None:
        raise ValueError(
            f"{people.source} states no strengths, and margins is 'strengths'; choose none, scores or shares"
        )
    joined = examples(result, prompts, responses, ballots_of=people)
    train, test = split(joined, job.held_out, job.seed)
    if not train or (job.held_out > 0 and not test):
        raise ValueError(
            f"held_out is {job.held_out}, which leaves none of the {len(joined)} prompts "
            f"{'to hold out' if train else 'to learn from'}; make it {'larger' if train else 'smaller'}"
        )
    with stage(f"preference pairs of {len(joined)} prompts", quiet=True):
        rows = write_pairs(train, job.out, job.to, config, held_out=test, rule=result.rule)
    if people is not None:
        list_skipped(job, people, skipped_file(job.out))
    return rows
