"""Benchmarks of reward models, from files to a folder: the jobs of `rlchf bench`."""

import json
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.display import counted, listing
from rlchf.evaluation.benchmark_prompts import SUBSETS, TIES, BenchmarkPrompt, subset_named
from rlchf.evaluation.rewardbench2 import (
    RewardBench2,
    best_of_n,
    check_pairs,
    margins,
    rewardbench2,
)
from rlchf.io.atomic import atomic_folder, check_new_folder
from rlchf.io.files import display_name
from rlchf.io.json import write_json, write_jsonl
from rlchf.io.rewardbench2 import read_benchmark_scores, read_rewardbench2
from rlchf.jobs.bench_settings import BenchJob
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.partial import PartialFile, check_resume, partial_file, read_settings
from rlchf.jobs.progress import Tick, stage
from rlchf.jury.conditioning import FILE as CONDITIONING

if TYPE_CHECKING:
    from rlchf.train.reward.model import RewardModel

CHUNK = 16
"""Number of prompts that are scored, and recorded, together."""
MAY_CHANGE = ("batch_size", "bootstrap", "seed")
"""Settings that a run that goes on may be given anew."""
BEGAN_WITH = {"prompts": "prompts or responses", "reward": "reward model's weights"}
"""What a run must go on with."""


@dataclass(frozen=True)
class Benched:
    """The figures of a benchmark, with the scores that they are of.

    Attributes
    ----------
    measured
        The reward model or the file of scores.
    figures
        The figures.
    prompts, scores
        The prompts, and the scores of each one's responses, the chosen ones first.
    """

    measured: str
    figures: RewardBench2
    prompts: list[BenchmarkPrompt]
    scores: list[list[float]]

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        return {
            "benchmark": "RewardBench 2",
            "measured": self.measured,
            "prompts": len(self.prompts),
            "responses": sum(map(len, self.scores)),
            **self.figures.to_dict(),
        }


def read_job(out: str) -> BenchJob:
    """The settings of a run that was stopped.

    Raises
    ------
    ValueError
        If there is none.
    """
    job: BenchJob
    (job,) = read_settings(out, job=BenchJob)
    return job


def run_rewardbench2(job: BenchJob, out: str = "", *, resume: bool = False) -> Benched:
    """Measure a reward model, or scores made elsewhere, on RewardBench 2.

    Parameters
    ----------
    out
        New folder for ``scores.jsonl`` and ``figures.json``; empty writes nothing. Scores of a reward model
        are kept beside it meanwhile, in ``<out>.partial``.
    resume
        Go on with the run that was stopped; its scores are then those of a run that was not.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, the output is there already, or there is no run to go on with.
    """
    check_paths([job.file, job.scores])
    if out:
        check_new_folder(out)
        check_resume(out, resume)
    prompts = _chosen(read_rewardbench2(job.file), job)
    _check(prompts, job)
    scores = _read_scores(job, prompts) if job.scores else _score(job, prompts, out, resume)
    figures = rewardbench2(prompts, scores, job.bootstrap, job.seed)
    benched = Benched(job.scores or job.reward, figures, prompts, scores)
    if out:
        with atomic_folder(out) as folder:
            write_jsonl(folder / "scores.jsonl", _rows(benched))
            write_json(folder / "figures.json", benched.to_dict())
        partial_file(out).unlink(missing_ok=True)
    return benched


def _chosen(prompts: list[BenchmarkPrompt], job: BenchJob) -> list[BenchmarkPrompt]:
    """The prompts of the subsets that are asked for.

    Raises
    ------
    ValueError
        If the file has no prompt of one of them.
    """
    wanted = [subset_named(name) for name in job.subset]
    present = list(dict.fromkeys(one.subset for one in prompts))
    for name in wanted:
        if name not in present:
            raise ValueError(
                f"{display_name(job.file)} has no prompt of the subset {name!r}; choose from "
                f"{listing(present)}"
            )
    return [one for one in prompts if not wanted or one.subset in wanted]


def _check(prompts: Sequence[BenchmarkPrompt], job: BenchJob) -> None:
    """Refuse prompts of Ties that do not fit together; warn of what is not of the benchmark."""
    source = display_name(job.file)
    try:
        alone = check_pairs(prompts)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    if alone:
        warnings.warn(
            f"{source}: {counted(alone, 'prompt')} of {TIES} {'has' if alone == 1 else 'have'} no partner "
            "tied:N or ref:N, and the margins leave such prompts out",
            stacklevel=3,
        )
    several = sum(one.subset != TIES and len(one.chosen) > 1 for one in prompts)
    if several:
        warnings.warn(
            f"{source}: {counted(several, 'prompt')} outside of {TIES} {'has' if several == 1 else 'have'} "
            "several chosen responses, of which the first alone counts as correct",
            stacklevel=3,
        )
    unknown = list(dict.fromkeys(one.subset for one in prompts if one.subset not in SUBSETS))
    if unknown:
        warnings.warn(
            f"{source}: {listing(map(repr, unknown))} {'is' if len(unknown) == 1 else 'are'} no subset of "
            f"RewardBench 2 ({', '.join(SUBSETS)}), and the mean leaves it out",
            stacklevel=3,
        )


def _read_scores(job: BenchJob, prompts: Sequence[BenchmarkPrompt]) -> list[list[float]]:
    scores, unused = read_benchmark_scores(job.scores, prompts)
    if unused and not job.subset:
        warnings.warn(
            f"{display_name(job.scores)}: {counted(unused, 'row')} of scores belong to no prompt of "
            f"{display_name(job.file)}",
            stacklevel=3,
        )
    return scores


def _score(
    job: BenchJob, prompts: Sequence[BenchmarkPrompt], out: str, resume: bool
) -> list[list[float]]:
    """Score all responses, chunk by chunk, each of which is recorded before the next begins."""
    from rlchf.train.models.devices import check_device
    from rlchf.train.models.load import quieten_transformers
    from rlchf.train.models.pretrained import check_attention_name
    from rlchf.train.reward.model import RewardModel

    check_device(job.device, "device")
    check_attention_name(job)
    if (Path(job.reward) / CONDITIONING).exists():
        warnings.warn(
            f"{job.reward} was conditioned on annotator features, and scores the responses without any",
            stacklevel=3,
        )
    quieten_transformers()
    model = RewardModel.load(job.reward, **job.reading)
    total = sum(len(one.responses) for one in prompts)
    log = (
        PartialFile(partial_file(out), {"job": asdict(job), "config": {}}, resume) if out else None
    )
    scores: list[list[float]] = []
    try:
        with (
            stage(f"scoring {counted(total, 'response')}") as tick,
            closing(log) if log else nullcontext(),
        ):
            earlier = log.begin(_fingerprint(prompts, model), BEGAN_WITH) if log else []
            for chunk in _chunks(model, prompts, earlier, log, tick, total):
                scores += chunk
    except ValueError:
        if out and not scores and not resume:
            partial_file(out).unlink(missing_ok=True)  # there is nothing to go on with
        raise
    if model.truncated:
        warnings.warn(
            f"{model.truncated} of {counted(total, 'response')} are, with their prompts, longer than the "
            f"{model.max_length} tokens that {job.reward} reads, and were scored without the beginning of "
            "the prompt; --max-length sets another limit",
            stacklevel=3,
        )
    return scores


def _chunks(
    model: "RewardModel",
    prompts: Sequence[BenchmarkPrompt],
    earlier: Sequence[dict[str, Any]],
    log: PartialFile | None,
    tick: Tick,
    total: int,
) -> Iterator[list[list[float]]]:
    """The scores of each chunk of prompts, those of the first chunks from an earlier run.

    A chunk is scored as a whole, so that its batches are those of a run that was not stopped.
    """
    done = 0
    for number, start in enumerate(range(0, len(prompts), CHUNK)):
        chunk = prompts[start : start + CHUNK]
        if number < len(earlier):
            model.truncated += earlier[number]["truncated"]
            scores = earlier[number]["scores"]
        else:
            before = model.truncated
            scores = _scores(model, chunk)
            if log:
                log.append({"scores": scores, "truncated": model.truncated - before})
        done += sum(map(len, scores))
        tick(done, total)
        yield scores


def _scores(model: "RewardModel", prompts: Sequence[BenchmarkPrompt]) -> list[list[float]]:
    responses = [(one.prompt, text) for one in prompts for text in one.responses]
    flat = iter(model([p for p, _ in responses], [r for _, r in responses]).tolist())
    return [[next(flat) for _ in one.responses] for one in prompts]


def _fingerprint(prompts: Sequence[BenchmarkPrompt], model: "RewardModel") -> dict[str, int]:
    texts = json.dumps([asdict(one) for one in prompts], default=dict).encode()
    return {"prompts": zlib.crc32(texts), "reward": model.checksum()}


def _rows(benched: Benched) -> Iterator[dict[str, Any]]:
    """The lines of ``scores.jsonl``, which ``--scores`` reads."""
    for prompt, scores in zip(benched.prompts, benched.scores, strict=True):
        n = len(prompt.chosen)
        row = {"id": prompt.id, "subset": prompt.subset, "num_correct": n, "scores": scores}
        if prompt.subset == TIES:
            spread, margin = margins(scores[:n], scores[n:])
            yield {**row, "accuracy": float(margin > 0), "spread": spread, "margin": margin}
        else:
            yield {**row, "accuracy": best_of_n(scores)}
