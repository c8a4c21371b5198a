"""The command `rlchf simulate`."""

from rlchf.cli.console import error_console, print_json
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.simulate_settings import SimulateJob


@with_settings(SimulateJob)
def command(given: Given, as_json: Json = False) -> None:
    """Draw rankings from a statistical culture.

    The features from which the ballots were drawn, such as groups and qualities, can be written too.
    """
    job = chosen(SimulateJob, given)
    from rlchf.jobs.simulate import simulate_files

    dataset = simulate_files(job)
    rankings = dataset.rankings
    if as_json:
        print_json({
            "culture": job.culture,
            "options": job.option,
            "prompts": rankings.n_prompts,
            "annotators": len(rankings.annotator_ids),
            "responses": len(rankings.response_ids),
            "ballots": rankings.n_ballots,
            "features": [name for name in dataset.annotators if name != "annotator_id"],
        })  # fmt: skip
        return
    from rlchf.long_table import title

    error_console().print(f"{job.out}: {title(rankings)}")
