"""Candidate responses from files to a file: the job of `rlchf sample`."""

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlchf.display import counted
from rlchf.io import read_prompts
from rlchf.io.json import write_jsonl
from rlchf.io.system_prompts import read_system_prompts, read_text
from rlchf.jobs.draws import draw_log, load_sampler
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.partial import check_out, partial_file, read_settings
from rlchf.jobs.settings import SampleJob
from rlchf.train.candidates.asking import SYSTEM_PROMPTS, TEMPLATE, check_template
from rlchf.train.candidates.config import CandidateConfig
from rlchf.train.candidates.sampling import ATTEMPTS, Candidates, sample_candidates

MAY_CHANGE = ("batch_size",)
"""Settings that a run that goes on may be given anew."""


@dataclass(frozen=True)
class Sampled:
    """Candidates, and the file that holds them."""

    out: str
    method: str
    candidates: Candidates

    @property
    def alone(self) -> list[str]:
        """Prompts with fewer than two distinct candidates."""
        return [p for p, listed in self.candidates.by_prompt.items() if len(listed) < 2]

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        one = self.candidates
        return {
            "out": self.out,
            "method": self.method,
            "prompts": len(one.by_prompt),
            "responses": one.drawn - one.merged,
            "drawn": one.drawn,
            "merged": one.merged,
            "merged_share": one.merged / one.drawn,
            "diversity": one.diversity,
            "baseline": asdict(one.baseline) if one.baseline else None,
            "unlisted": one.unlisted,
            "filled": one.filled,
            "unfinished": _unfinished(one),
            "alone": self.alone,
        }


def read_job(out: str | Path) -> tuple[SampleJob, CandidateConfig]:
    """The settings of a run that was stopped.

    Raises
    ------
    ValueError
        If there is none.
    """
    job, config = read_settings(out, job=SampleJob, config=CandidateConfig)
    return job, config


def run_sample(
    job: SampleJob, config: CandidateConfig, out: str, *, resume: bool = False
) -> Sampled:
    """Sample candidates and write them, complete or not at all.

    What is drawn is kept beside the file meanwhile, in ``<out>.partial``.

    Parameters
    ----------
    resume
        Go on with the run that was stopped; the file is then that of a run that was not.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, the output is there already, or there is no run to go on with.
    """
    check_out(out, resume, "rankings may refer to its responses")
    check_paths([job.prompts, job.system_prompts, job.template], [out])
    for name, method in (("system_prompts", "system_prompts"), ("template", "one_prompt")):
        if getattr(job, name) and config.method != method:
            raise ValueError(
                f"{name} is for --method {method}, and method is {config.method!r}; choose {method}, or "
                f"leave {name} out"
            )
    prompts = read_prompts(job.prompts)
    system_prompts, template = SYSTEM_PROMPTS, TEMPLATE
    if job.system_prompts:
        system_prompts = read_system_prompts(job.system_prompts)
    if job.template:
        template = read_text(job.template)
        check_template(template, job.template)
    policy, tokenizer, accelerator = load_sampler(job.policy, job.loading, prompts, config.seed)
    what = f"sampling responses to {counted(len(prompts), 'prompt')}"
    with draw_log(what, job, config, out, resume=resume) as log:
        candidates = sample_candidates(
            policy, tokenizer, prompts, config, system_prompts=system_prompts, template=template,
            source=job.prompts, recorder=log, precision=accelerator.autocast,
        )  # fmt: skip
    write_jsonl(out, _rows(candidates))
    partial_file(out).unlink()
    sampled = Sampled(out, config.method, candidates)
    _warn(sampled, config)
    return sampled


def _rows(candidates: Candidates) -> Iterator[dict[str, str]]:
    for prompt_id, listed in candidates.by_prompt.items():
        for number, one in enumerate(listed, start=1):
            asked = {"asked": one.asked} if one.asked else {}
            yield {
                "prompt_id": prompt_id, "response_id": f"r{number}", "text": one.text,
                "method": one.method, **asked,
            }  # fmt: skip


def _unfinished(candidates: Candidates) -> int:
    return sum(not one.finished for listed in candidates.by_prompt.values() for one in listed)


def _warn(sampled: Sampled, config: CandidateConfig) -> None:
    """Warn of what a reader of the file would not see."""
    candidates, alone = sampled.candidates, sampled.alone
    prompts, responses = len(candidates.by_prompt), candidates.drawn - candidates.merged
    n = config.responses_per_prompt
    empty = sum(not one.text.strip() for row in candidates.by_prompt.values() for one in row)
    unfinished = _unfinished(candidates)
    problems = []
    if candidates.unlisted:
        problems.append(
            f"the policy did not give {n} different answers to {len(candidates.unlisted)} of {prompts} "
            f"prompts in {ATTEMPTS} attempts, and {candidates.filled} independent draws stand in for "
            "those that lack; a larger policy follows the template more often, or choose --method "
            "system_prompts"
        )
    if unfinished:
        problems.append(
            f"{unfinished} of {responses} responses are cut off after {config.max_new_tokens} tokens; raise "
            "--max-new-tokens or ask for shorter answers"
        )
    if empty:
        problems.append(f"{empty} of {responses} responses are empty")
    if alone:
        named = ", ".join(map(repr, alone[:10])) + ", ..." * (len(alone) > 10)
        problems.append(
            f"{len(alone)} of {prompts} prompts have fewer than two distinct responses, so that nobody can "
            f"rank them: {named}; give --distinct, a higher --temperature or another --method"
        )
    for problem in problems:
        warnings.warn(problem, stacklevel=3)
