"""Candidate responses from files to a file: the job of `rlchf sample`."""

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlchf.display import counted
from rlchf.io import read_prompts
from rlchf.io.atomic import atomic_write
from rlchf.io.files import bare_name
from rlchf.io.json import write_jsonl
from rlchf.io.system_prompts import read_system_prompts, read_text
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.progress import Tick, stage
from rlchf.jobs.settings import TINY, SampleJob
from rlchf.prompts import Prompt
from rlchf.settings import built
from rlchf.train.candidates.asking import SYSTEM_PROMPTS, TEMPLATE, check_template
from rlchf.train.candidates.config import CandidateConfig
from rlchf.train.candidates.draws import Draw, Recorder, Text, Texts
from rlchf.train.candidates.sampling import ATTEMPTS, Candidates, sample_candidates
from rlchf.train.models.loading import check_four_bits

MAY_CHANGE = ("batch_size",)
"""Settings that a run that goes on may be given anew."""
TINY_POSITIONS = 1 << 16
"""Positions of a tiny model, whose tokens are short: room for the template."""


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


def partial_file(out: str | Path) -> Path:
    """The file of what is drawn, while the responses are not complete."""
    return Path(out).with_name(Path(out).name + ".partial")


def read_job(out: str | Path) -> tuple[SampleJob, CandidateConfig]:
    """The settings of a run that was stopped.

    Raises
    ------
    ValueError
        If there is none.
    """
    path = partial_file(out)
    if not path.exists():
        raise ValueError(
            f"there is no {path}, and so no run to go on with; give the --out of one that was stopped"
        )
    head, source = _head(path), f"{path}: "
    return built(SampleJob, head["job"], source), built(CandidateConfig, head["config"], source)


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
    _check_out(out, resume)
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
    policy, tokenizer, accelerator = _load(job, prompts, config.seed)
    head = {"job": asdict(job), "config": asdict(config)}
    with (
        stage(f"sampling responses to {counted(len(prompts), 'prompt')}") as tick,
        closing(DrawLog(partial_file(out), head, tick, resume)) as log,
    ):
        candidates = sample_candidates(
            policy, tokenizer, prompts, config, system_prompts=system_prompts, template=template,
            source=job.prompts, recorder=log, precision=accelerator.autocast,
        )  # fmt: skip
    write_jsonl(out, _rows(candidates))
    partial_file(out).unlink()
    sampled = Sampled(out, config.method, candidates)
    _warn(sampled, config)
    return sampled


class DrawLog(Recorder):
    """A file with the settings and the fingerprint on its first line, and a batch on each further one."""

    def __init__(self, path: Path, head: dict[str, Any], tick: Tick, resume: bool) -> None:
        self.path, self.head, self.resume, self.tick = path, head, resume, tick
        self.file: Any = None

    def begin(self, fingerprint: Mapping[str, int]) -> Texts:
        """Write the first line or, if the run goes on, read what was drawn."""
        batches: list[str] = []
        if self.resume:
            before, batches = _head(self.path)["fingerprint"], _whole_lines(self.path)[1:]
            names = {"prompts": "prompts or what is asked of them", "policy": "policy's weights"}
            for what, name in names.items():
                if before[what] != fingerprint[what]:
                    raise ValueError(
                        f"the {name} are not those with which the run began; give those, or remove "
                        f"{self.path} and begin anew"
                    )
        head = self.head | {"fingerprint": dict(fingerprint)}
        with atomic_write(self.path) as file:  # without a line that was cut off
            for line in [json.dumps(head, ensure_ascii=False), *batches]:
                file.write(line.encode() + b"\n")
        self.file = self.path.open("a", encoding="utf-8")
        draws = [draw for line in batches for draw in json.loads(line)]
        return {Draw(*draw): Text(*text) for draw, text in draws}

    def record(self, texts: Texts) -> None:
        """Append a batch."""
        self.file.write(json.dumps(list(texts.items()), ensure_ascii=False) + "\n")
        self.file.flush()

    def progress(self, done: int, total: int) -> None:
        """Show the progress."""
        self.tick(done, total)

    def close(self) -> None:
        """Close the file."""
        if self.file:
            self.file.close()


def _whole_lines(path: Path) -> list[str]:
    """The lines that were written completely; the last may not have been."""
    return path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]


def _head(path: Path) -> dict[str, Any]:
    """The first line of a log of draws."""
    try:
        head = json.loads(_whole_lines(path)[0])
        return {name: head[name] for name in ("job", "config", "fingerprint")}
    except (IndexError, KeyError, TypeError, json.JSONDecodeError):
        raise ValueError(f"{path} holds no run to go on with; remove it and begin anew") from None


def _check_out(out: str, resume: bool) -> None:
    if bare_name(out)[1] != "jsonl":
        raise ValueError(f"--out is {out!r}; give a file that ends in .jsonl")
    path, partial = Path(out), partial_file(out)
    if resume and not partial.exists():
        raise ValueError(
            f"there is no {partial}, and so no run to go on with; give the --out of one that was stopped"
        )
    if not resume and path.exists():
        raise ValueError(
            f"{out} is there already, and rankings may refer to its responses; choose another file for --out"
        )
    if not resume and partial.exists():
        raise ValueError(
            f"{partial} holds a run that was stopped; go on with --resume {out}, or remove that file"
        )


def _load(job: SampleJob, prompts: Mapping[str, Prompt], seed: int) -> tuple[Any, Any, Any]:
    """The policy on its device, its tokenizer, and what knows the device and the precision."""
    from rlchf.train.models.arguments import in_precision
    from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
    from rlchf.train.models.tiny import tiny_llama
    from rlchf.train.ppo.trackers import make_accelerator

    quieten_transformers()
    accelerator = make_accelerator("none", Path())
    if accelerator.num_processes > 1:
        raise ValueError(
            f"sampling works in one process, not in {accelerator.num_processes}; start it without torchrun"
        )
    if job.policy == TINY:
        check_four_bits(job, 1, made=True)
        texts = [str(prompt) for prompt in prompts.values()]
        policy, tokenizer = tiny_llama(texts, seed=seed, max_length=TINY_POSITIONS)
        policy = in_precision(policy, job)
    else:
        policy = load_policy(job.policy, job.loading)
        tokenizer = load_tokenizer(job.policy, trust_remote_code=job.trust_remote_code)
    return policy.to(accelerator.device), tokenizer, accelerator


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
