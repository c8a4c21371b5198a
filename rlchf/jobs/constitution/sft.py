"""Fine-tuning on revisions and helpful samples: the job of `rlchf constitution sft`."""

import json
import shutil
import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.constitution.mixing import mixed, of_rounds
from rlchf.display import counted
from rlchf.io import read_prompts
from rlchf.io.atomic import check_new_folder
from rlchf.io.json import write_json, write_jsonl
from rlchf.io.revisions import Sample, read_revisions, read_samples
from rlchf.jobs.constitution.supervised_settings import SftJob
from rlchf.jobs.draws import TINY_POSITIONS, DrawLog, load_sampler
from rlchf.jobs.faults import naming_faults
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.locks import at_work_in, contents
from rlchf.jobs.partial import partial_file, partial_folder, read_training
from rlchf.jobs.progress import stage
from rlchf.jobs.reward import make_tiny
from rlchf.jobs.settings import TINY
from rlchf.train.candidates.config import DrawConfig
from rlchf.train.constitution.sft_config import SftConfig
from rlchf.train.lora import FOLDER
from rlchf.train.models.loading import check_four_bits

if TYPE_CHECKING:
    from rlchf.train.constitution.texts import Text

SETTINGS = "sft_config.json"
BASE = "base"
"""The folder of a tiny policy that is made for the job, until the job is done."""
HELPFUL = "helpful.jsonl"
"""The helpful samples that the policy gave, in the folder of the job."""


def read_job(folder: str | Path) -> tuple[SftJob, SftConfig]:
    """The job and the settings of a training that was stopped; ``folder`` is its ``out``.

    Raises
    ------
    ValueError
        If there is no training to go on with.
    """
    job, config = read_training(folder, "policy", SETTINGS, SftJob, SftConfig)
    return job, config


def run_sft(
    job: SftJob, config: SftConfig, out: str | Path, *, resume: bool = False
) -> dict[str, Any]:
    """Fine-tune a policy on revisions and helpful samples, and leave all of it in one folder.

    Parameters
    ----------
    out
        As `rlchf.train.constitution.sft.fine_tune` writes it, with ``job.json`` and the helpful samples, if
        the policy gave them. The folder is there when the work is done; until then it is ``<out>.partial``.
    resume
        Go on with the training that was stopped.

    Returns
    -------
    The figures, also in ``sft_config.json`` and in the last line of ``metrics.jsonl``.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or ``out`` is there already; nothing has been written then.
    """
    out, partial = Path(out), partial_folder(out)
    check_new_folder(out)
    if not resume and contents(partial):
        raise ValueError(
            f"{partial} holds a training that was stopped; go on with --resume {out}, or remove that folder"
        )
    check_paths([job.revisions, job.helpful, job.helpful_prompts])
    check_four_bits(job, config.lora_rank, made=job.policy == TINY)
    check_helpful(config, given=job.helpful, prompts=job.helpful_prompts)
    revisions = of_rounds(read_revisions(job.revisions), config.rounds)
    prompts = read_prompts(job.helpful_prompts) if job.helpful_prompts else None
    helpful = read_samples(job.helpful, prompts) if job.helpful else []
    from rlchf.train.models.arguments import check_attention
    from rlchf.train.models.load import model_folder, quieten_transformers
    from rlchf.train.reporting import trainer_trackers

    trainer_trackers(config.report_to)
    quieten_transformers()
    policy = "" if job.policy == TINY else model_folder(job.policy)
    check_attention(job, policy, job.policy)
    with at_work_in(partial), naming_faults(partial):
        figures = _fit(job, config, partial, policy, revisions, helpful, prompts, resume=resume)
    if out.exists():
        out.rmdir()
    partial.rename(out)
    return figures


def _fit(
    job: SftJob,
    config: SftConfig,
    partial: Path,
    policy: str,
    revisions: "list[Any]",
    helpful: "list[Any]",
    prompts: Any,
    *,
    resume: bool,
) -> dict[str, Any]:
    """Fine-tune in the folder ``partial``."""
    from rlchf.train.constitution.sft import fine_tune
    from rlchf.train.constitution.texts import Text

    if not (resume and (partial / "job.json").exists()):
        partial.mkdir(parents=True, exist_ok=True)
        write_json(partial / "job.json", asdict(job))
        write_json(partial / SETTINGS, asdict(config))
    if not policy:
        known = [text for one in revisions for text in (str(one.prompt), one.revision)]
        known += [text for one in helpful for text in (str(one.prompt), one.response)]
        known += [str(prompt) for prompt in (prompts or {}).values()]
        policy = make_tiny(known, partial / BASE, config.seed, max_length=TINY_POSITIONS)
    if prompts and not job.helpful:
        helpful = _sampled(job, policy, config, prompts, partial)
    texts = [Text(one.prompt, one.revision, "revision", one.finished) for one in revisions]
    samples = [Text(one.prompt, one.response, "helpful", one.finished) for one in helpful]
    train, held_out = _divided(texts, samples, config)
    with stage(f"fine-tuning on {counted(len(train), 'text')}") as tick:
        figures = fine_tune(
            train, held_out, policy, config, partial, resume=resume, progress=tick, loading=job.loading
        )  # fmt: skip
    if job.policy == TINY:  # which nothing can make again, nor use adapters on it
        for name in (BASE, FOLDER):
            shutil.rmtree(partial / name, ignore_errors=True)
    return figures


def check_helpful(config: SftConfig, *, given: str, prompts: str, where: str = "") -> None:
    """Refuse settings of helpful samples where there are none, or none is sampled.

    Parameters
    ----------
    given
        The file of helpful samples, if there is one.
    prompts
        The file of prompts that the policy answers if none are given.
    where
        What messages begin with, such as ``"[sft] "``.

    Raises
    ------
    ValueError
        If one does nothing.
    """
    if config.helpful_ratio and not (given or prompts):
        raise ValueError(
            f"{where}helpful_ratio is {config.helpful_ratio:g}, and there are no helpful samples; give "
            "helpful_prompts (--helpful-prompts), or samples by --helpful"
        )
    if prompts and not given:
        return
    usual, found = (
        SftConfig(),
        "they are given by helpful" if given else "there are no helpful_prompts",
    )
    for name in ("helpful_samples", "max_new_tokens", "temperature", "sample_size"):
        if getattr(config, name) != getattr(usual, name):
            raise ValueError(
                f"{where}{name} is {getattr(config, name)}, which is for helpful samples that the policy "
                f"draws, and {found}; leave it out"
            )


def _sampled(
    job: SftJob, model: str, config: SftConfig, prompts: dict[str, Any], folder: Path
) -> list[Sample]:
    """The policy's answers to the helpful prompts, drawn once and kept in the folder."""
    path = folder / HELPFUL
    if path.exists():
        return read_samples(path)
    from rlchf.train.constitution.answers import sample_answers
    from rlchf.train.processes import release_memory

    draws = DrawConfig(
        max_new_tokens=config.max_new_tokens, temperature=config.temperature,
        batch_size=config.sample_size, seed=config.seed,
    )  # fmt: skip
    policy, tokenizer, accelerator = load_sampler(model, job.loading, prompts, config.seed)
    head = {"job": asdict(job), "config": asdict(draws)}
    partial = partial_file(path)
    with (
        stage(f"sampling helpful responses to {counted(len(prompts), 'prompt')}") as tick,
        closing(DrawLog(partial, head, tick, partial.exists())) as log,
    ):
        answers = sample_answers(
            policy, tokenizer, prompts, config.helpful_samples, draws, source=job.helpful_prompts,
            recorder=log, precision=accelerator.autocast,
        )  # fmt: skip
    rows = [
        {"prompt": prompts[p], "response": text, "finished": finished}
        for p, listed in answers.items()
        for text, finished in listed
    ]
    write_jsonl(path, rows)
    partial.unlink()
    del policy
    release_memory()
    return read_samples(path)


def _divided(
    revisions: "list[Text]", helpful: "list[Text]", config: SftConfig
) -> "tuple[list[Text], list[Text]]":
    """The texts to learn from and those held out, without empty ones; a prompt is on one side only.

    Raises
    ------
    ValueError
        If nothing is left to learn from.
    """
    revisions, helpful = _not_empty(revisions, "revisions"), _not_empty(helpful, "helpful samples")
    before = len(revisions), len(helpful)
    revisions, helpful = mixed(revisions, helpful, config.helpful_ratio, config.seed)
    for name, all_of, kept in zip(
        ("revisions", "helpful samples"), before, (len(revisions), len(helpful)), strict=True
    ):
        if kept < all_of:
            warnings.warn(
                f"{all_of - kept} of {all_of} {name} are left out, for a ratio of {config.helpful_ratio:g} "
                "helpful samples to a revision",
                stacklevel=3,
            )
    texts = [*revisions, *helpful]
    unfinished = sum(not one.finished for one in texts)
    if unfinished:
        warnings.warn(
            f"{unfinished} of {counted(len(texts), 'text')} were cut off, and are learned without an end",
            stacklevel=3,
        )
    keys = [json.dumps(one.prompt) for one in texts]
    names = sorted(set(keys))
    count = round(config.held_out * len(names))
    if count >= len(names):
        raise ValueError(
            f"held_out is {config.held_out}, which leaves none of the {len(names)} prompts to learn from; "
            "make it smaller"
            if names
            else "all texts are empty, and there is nothing to learn from"
        )
    order = np.random.default_rng((config.seed, 8)).permutation(len(names))[:count]
    held = {names[i] for i in order}
    sides: tuple[list[Text], list[Text]] = [], []
    for one, key in zip(texts, keys, strict=True):
        sides[key in held].append(one)
    return sides


def _not_empty(texts: "Sequence[Text]", name: str) -> "list[Text]":
    kept = [one for one in texts if one.response.strip()]
    if len(kept) < len(texts):
        warnings.warn(
            f"{len(texts) - len(kept)} of {len(texts)} {name} are empty and are left out",
            stacklevel=4,
        )
    return kept
