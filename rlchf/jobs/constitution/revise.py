"""Critiques and revisions from files to a file: the job of `rlchf constitution revise`."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.constitution.revising import Example, examples_from
from rlchf.display import counted
from rlchf.io import read_prompts, read_responses
from rlchf.io.constitutions import SHIPPED as FOLDER
from rlchf.io.constitutions import read_constitution
from rlchf.io.revisions import write_as_responses, write_revisions
from rlchf.jobs.constitution.supervised_settings import NONE, SHIPPED, ReviseJob
from rlchf.jobs.draws import draw_log, load_sampler
from rlchf.jobs.inputs import check_paths, read_toml
from rlchf.jobs.partial import check_out, partial_file, read_settings
from rlchf.prompts import Prompt
from rlchf.train.constitution.revise_config import ReviseConfig

if TYPE_CHECKING:
    from rlchf.train.constitution.revising import Revised

MAY_CHANGE = ("batch_size",)
"""Settings that a run that goes on may be given anew."""
EXAMPLES = FOLDER / "examples" / "revising.toml"
"""The worked examples that come with the package."""


@dataclass(frozen=True)
class Revisions:
    """Critiques and revisions, and the file that holds them."""

    out: str
    rounds: int
    revised: "Revised"

    @property
    def prompts(self) -> int:
        """Number of prompts that were answered."""
        return sum(step.round == 0 for step in self.revised.steps)

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        one = self.revised
        return {
            "out": self.out,
            "prompts": self.prompts,
            "rounds": self.rounds,
            "dropped": one.dropped,
            **dict(one.counts),
            "principles": dict(one.principles.most_common()),
        }


def read_job(out: str | Path) -> tuple[ReviseJob, ReviseConfig]:
    """The settings of a run that was stopped.

    Raises
    ------
    ValueError
        If there is none.
    """
    job, config = read_settings(out, job=ReviseJob, config=ReviseConfig)
    return job, config


def read_examples(path: str, *, critique: bool = True) -> list[Example]:
    """The worked examples of a TOML file, those that come with the package, or none.

    Parameters
    ----------
    critique
        Whether each must have a critique.

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such file, or it holds no examples; the message names the example.

    Examples
    --------
    >>> len(read_examples("default")), read_examples("none")
    (5, [])
    """
    if path == NONE:
        return []
    file = str(EXAMPLES) if path == SHIPPED else path
    records = read_toml(file).get("examples")
    if not isinstance(records, list) or not records:
        raise ValueError(
            f"{file} has no examples; begin each with [[examples]], or give {NONE} for none"
        )
    return examples_from(records, file, critique=critique)


def run_revise(
    job: ReviseJob, config: ReviseConfig, out: str, *, resume: bool = False
) -> Revisions:
    """Answer prompts, criticise and revise the answers, and write all of it, complete or not at all.

    What is drawn is kept beside the file meanwhile, in ``<out>.partial``.

    Parameters
    ----------
    resume
        Go on with the run that was stopped; the file is then that of a run that was not.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, the output is there already, no principle has a revision request, or
        there is no run to go on with.
    """
    check_out(out, resume)
    inputs = [job.constitution, job.prompts, job.responses, job.examples]
    check_paths(inputs, [out, job.responses_out])
    principles = read_constitution(job.constitution).revisers
    examples = read_examples(job.examples, critique=config.critique)
    prompts = read_prompts(job.prompts)
    responses = _first_responses(job, prompts) if job.responses else None
    policy, tokenizer, accelerator = load_sampler(job.policy, job.loading, prompts, config.seed)
    from rlchf.train.constitution.revising import revise

    revisions = counted(config.rounds, "revision")
    what = f"{revisions} of responses to {counted(len(prompts), 'prompt')}"
    with draw_log(what, job, config, out, resume=resume) as log:
        revised = revise(
            policy, tokenizer, prompts, principles, config, examples=examples, responses=responses,
            source=job.prompts, recorder=log, precision=accelerator.autocast,
        )  # fmt: skip
    if job.responses_out:
        write_as_responses(job.responses_out, revised.steps)
    write_revisions(out, revised.steps)
    partial_file(out).unlink()
    written = Revisions(out, config.rounds, revised)
    _warn(written, config, prompts)
    return written


def _first_responses(job: ReviseJob, prompts: Mapping[str, Prompt]) -> dict[str, str]:
    """The one given response to each prompt."""
    by_prompt = read_responses(job.responses)
    without = [prompt_id for prompt_id in prompts if prompt_id not in by_prompt]
    if without:
        raise ValueError(
            f"{job.responses} has no response to {len(without)} of {counted(len(prompts), 'prompt')}, such "
            f"as {without[0]!r}; give one to each, or leave --responses out"
        )
    several = [prompt_id for prompt_id in prompts if len(by_prompt[prompt_id]) > 1]
    if several:
        raise ValueError(
            f"{job.responses} has {len(by_prompt[several[0]])} responses to prompt {several[0]!r}; give one "
            "to each prompt"
        )
    return {prompt_id: next(iter(by_prompt[prompt_id].values())) for prompt_id in prompts}


def _warn(revisions: Revisions, config: ReviseConfig, prompts: Mapping[str, Prompt]) -> None:
    """Warn of what a reader of the file would not see."""
    revised, counts = revisions.revised, revisions.revised.counts
    problems = []
    if revised.dropped:
        problems.append(
            f"{len(revised.dropped)} of {counted(len(prompts), 'prompt')} are too long for the context, and "
            f"are left out: {', '.join(map(repr, revised.dropped[:10]))}"
        )
    for name, total in (
        ("answers", revisions.prompts), ("critiques", counts["critiques"]),
        ("revisions", counts["revisions"]),
    ):  # fmt: skip
        empty, unfinished = counts[f"empty_{name}"], counts[f"unfinished_{name}"]
        if empty:
            after = "; the next round goes on from the response before" * (name == "revisions")
            problems.append(f"{empty} of {total} {name} are empty{after}")
        if unfinished:
            problems.append(
                f"{unfinished} of {total} {name} are cut off after {config.max_new_tokens} tokens; raise "
                "--max-new-tokens"
            )
    if counts["unchanged_revisions"]:
        problems.append(
            f"{counts['unchanged_revisions']} of {counts['revisions']} revisions equal the response that "
            "they revise"
        )
    if counts["with_fewer_examples"]:
        problems.append(
            f"{counts['with_fewer_examples']} requests were too long for the context and were made without "
            "the first examples"
        )
    for problem in problems:
        warnings.warn(problem, stacklevel=3)
