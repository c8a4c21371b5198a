"""PPO from files to a folder."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.display import counted
from rlchf.io import read_prompts
from rlchf.io.json import read_object, write_json
from rlchf.jobs.evaluation import need_matplotlib
from rlchf.jobs.faults import naming_faults
from rlchf.jobs.inputs import read_toml
from rlchf.jobs.locks import at_work_in, contents
from rlchf.jobs.ppo_checks import (
    SETTINGS,
    check_job,
    check_settings,
    check_updates,
    read_config,
    read_metrics,
)
from rlchf.jobs.ppo_rewards import REWARD_OF
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import TINY, PPOJob
from rlchf.options import fitting, label_test
from rlchf.prompts import Prompt
from rlchf.settings import built
from rlchf.train.ppo.config import PPOConfig

if TYPE_CHECKING:
    from rlchf.train.ppo.rewards import LoggedReward
    from rlchf.train.ppo.shaping import Measure, Reward

JOB_FILES = {"job.json", SETTINGS}
"""What a run writes first; `read_job` and `settings` read it back."""
BEGUN = {
    *JOB_FILES, "metrics.jsonl", "samples.jsonl", "checkpoint", "checkpoints", "best", "wandb",
}  # fmt: skip
"""What a run leaves that stopped before its first checkpoint."""


def settings(given: Mapping[str, Any], file: str = "", folder: str = "") -> PPOConfig:
    """A `PPOConfig` from settings that a user gave, from a TOML file and from a stopped run, in this order.

    The file holds settings by name, or has a table ``[ppo]`` that does, as a run file has. The folder is
    that of the stopped run.

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such file or setting, or a value does not fit.
    """
    in_folder = asdict(read_config(Path(folder, SETTINGS))) if folder else {}
    table = read_toml(file) if file else {}
    if isinstance(table.get("ppo"), dict):
        table = {key: table[key] for key in ("seed",) if key in table} | table["ppo"]
    in_file = fitting(PPOConfig, table, f"{file}: ")
    return PPOConfig(**in_folder | in_file | fitting(PPOConfig, given))


def read_job(folder: str | Path) -> PPOJob:
    """The job of a run that was stopped.

    Raises
    ------
    ValueError
        If the folder holds no run.
    """
    path = Path(folder, "job.json")
    if not all(Path(folder, name).exists() for name in JOB_FILES):
        raise ValueError(
            f"{folder} holds no run to go on with; give the --out of one that was stopped"
        )
    return built(PPOJob, read_object(path), f"{path}: ")


def run_ppo(
    job: PPOJob, config: PPOConfig, out: str | Path, *, resume: bool = False, plot: bool = False
) -> list[dict[str, Any]]:
    """Fine-tune a policy by PPO and leave all of it in one folder.

    Parameters
    ----------
    out
        As `rlchf.train.ppo.loop.ppo` writes it, with ``job.json``; it must be empty, unless the run goes on.
    resume
        Go on with the run that was stopped.
    plot
        Draw the figures over the updates, ``metrics.png``; also those of a run that is done, with ``resume``.

    Returns
    -------
    The figures of each update, as in ``metrics.jsonl``; nothing on processes other than the main one. With
    held-out prompts, the first row has their figures before the first update, and nothing else.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, ``out`` is there already, or there is no run to go on with;
        nothing has been written then.
    KeyboardInterrupt, FloatingPointError
        As `rlchf.train.ppo.loop.ppo` raises them.
    """
    out = Path(out)
    _check_folder(out, job, resume)
    if plot:
        need_matplotlib()
    check_job(job, config)
    check_settings(job, config, out if resume else None)
    prompts, held_out = read_and_hold_out(job.prompts, job.held_out, config.seed)
    labels = {name: label_test(str(test), f"label {name}") for name, test in job.label.items()}
    from rlchf.train.models.devices import check_device
    from rlchf.train.models.load import quieten_transformers
    from rlchf.train.ppo import PPO, Setup
    from rlchf.train.ppo.trackers import make_accelerator

    quieten_transformers()
    check_device(job.reward_device, "reward_device")
    if resume and not plot:  # the figures of a run can be drawn later
        check_updates(out, config.updates)
    policy, tokenizer = _policy(job, prompts | held_out, config.seed)
    accelerator = make_accelerator(config.report_to, out)
    rewards = job.rewards.load(**{"device": accelerator.device} | job.reading)
    logged = _logged(rewards) if job.combine else {}
    setup = Setup(
        policy, tokenizer, list(prompts.values()), job.rewards.combined(rewards | logged), config, out,
        critic=_critic(job, policy, tokenizer, rewards) if job.critic else None,
        measure=_measure(labels, logged), accelerator=accelerator,
        prompt_names=[f"{job.prompts}: prompt {prompt_id!r}" for prompt_id in prompts],
        held_out=list(held_out.values()),
        held_out_names=[f"{job.held_out}: prompt {prompt_id!r}" for prompt_id in held_out],
    )  # fmt: skip
    run, is_main = PPO(setup), accelerator.is_main_process
    accelerator.wait_for_everyone()  # every process has checked the folder before it is written to
    with at_work_in(out, main=is_main), naming_faults(out):
        if is_main:
            _check_folder(out, job, resume)  # which another process may have filled since
            write_json(out / "job.json", asdict(job))
        try:
            with (
                stage(f"PPO, {counted(config.updates, 'update')}")
                if is_main
                else nullcontext() as tick
            ):
                run.train(resume=resume, progress=tick)
        finally:  # a run that was stopped has figures, too
            metrics = out / "metrics.jsonl"
            rows = read_metrics(metrics) if is_main and metrics.exists() else []
            updates = [row for row in rows if row["update"]]
            if plot and updates:
                _draw(out / "metrics.png", updates, [name for name in labels if name in updates[0]])
    _warn_of_truncation(rewards)
    return rows


def read_and_hold_out(
    path: str, held_out: str, seed: int
) -> tuple[dict[str, Prompt], dict[str, Prompt]]:
    """The prompts to train on and those held out, by their ids.

    Parameters
    ----------
    path
        The file of the prompts.
    held_out
        The file of the prompts held out, or the fraction of the prompts that is drawn for it; none if empty.
    seed
        The random seed of the draw.

    Raises
    ------
    ValueError
        If nothing is left to train on, nothing is held out, or the files share a prompt.
    """
    prompts = dict(read_prompts(path))
    try:
        fraction = float(held_out) if held_out else 0.0
    except ValueError:
        others = dict(read_prompts(held_out))
        texts = {json.dumps(prompt): prompt_id for prompt_id, prompt in prompts.items()}
        shared = [name for name, prompt in others.items() if json.dumps(prompt) in texts]
        if shared:
            raise ValueError(
                f"{held_out}: {len(shared)} of {len(others)} held-out prompts are in {path}, too, for "
                f"instance {shared[0]!r}; leave them out of one of the files"
            ) from None
        return prompts, others
    if not held_out:
        return prompts, {}
    count = round(fraction * len(prompts)) if 0 < fraction <= 1 else 0
    if not 0 < count < len(prompts):
        raise ValueError(
            f"held_out is {held_out}, which holds out {count} of the {len(prompts)} prompts; give a "
            "file of prompts, or a fraction that leaves some on both sides"
        )
    order = np.random.default_rng((seed, 6)).permutation(len(prompts))
    chosen = {list(prompts)[i] for i in order[:count]}
    return (
        {name: prompt for name, prompt in prompts.items() if name not in chosen},
        {name: prompt for name, prompt in prompts.items() if name in chosen},
    )


def has_begun(out: Path) -> bool:
    """Whether a folder holds a run that was stopped, with or without a checkpoint."""
    return out.is_dir() and any((out / name).exists() for name in BEGUN)


def _check_folder(out: Path, job: PPOJob, resume: bool) -> None:
    """Refuse a folder that holds something else, or another job's run."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; choose a folder for --out")
    names = contents(out)
    saved = any((out / "checkpoint").glob("*")) if out.exists() else False
    if not resume and (saved or names - BEGUN):
        raise ValueError(
            f"{out} is there already; choose another folder for --out, or go on with --resume {out}"
        )
    if resume and not has_begun(out):
        raise ValueError(
            f"{out} holds no run to go on with; give the --out of one that was stopped"
        )
    if saved and names >= JOB_FILES:
        before = read_job(out)
        for one in fields(PPOJob):
            old, new = getattr(before, one.name), getattr(job, one.name)
            if old != new:
                raise ValueError(
                    f"{out} was run with {one.name} {old!r} and cannot go on with {new!r}; give the "
                    "same, or another folder for --out"
                )


def _policy(job: PPOJob, prompts: Mapping[str, Prompt], seed: int) -> tuple[Any, Any]:
    if job.policy != TINY:
        from rlchf.train.models.load import load_policy, load_tokenizer

        tokenizer = load_tokenizer(job.policy, trust_remote_code=job.trust_remote_code)
        return load_policy(job.policy, job.loading), tokenizer
    from rlchf.train.models.arguments import as_loaded
    from rlchf.train.models.tiny import tiny_llama

    policy, tokenizer = tiny_llama([str(prompt) for prompt in prompts.values()], seed=seed)
    return as_loaded(policy, job.loading), tokenizer


def _critic(job: PPOJob, policy: Any, tokenizer: Any, rewards: "Mapping[str, Reward]") -> Any:
    """The model from which the critic starts."""
    from rlchf.train.ppo.actor_critic import check_critic
    from rlchf.train.reward.model import RewardModel

    reward = None if job.reward_device else rewards.get(job.critic)
    if not isinstance(reward, RewardModel):
        reading = {name: value for name, value in job.reading.items() if name != "device"}
        reward = RewardModel.load(job.critic, **reading)
    model = reward
    problem = f"--critic {job.critic} and --policy {job.policy} do not fit"
    try:
        check_critic(model.model, policy)
    except ValueError as error:
        raise ValueError(f"{problem}: {error}") from None
    vocabulary = model.tokenizer.get_vocab()
    if any(vocabulary.get(token) != number for token, number in tokenizer.get_vocab().items()):
        raise ValueError(
            f"{problem}: their tokenizers number the tokens in different ways; give a reward model "
            "that was fitted from the policy's folder, or none"
        )
    return model


def _logged(rewards: "Mapping[str, Reward]") -> "dict[str, LoggedReward]":
    """The rewards without a state, each of which then logs its mean."""
    from rlchf.train.ppo.rewards import LoggedReward

    return {
        name: LoggedReward(reward)
        for name, reward in rewards.items()
        if not hasattr(reward, "load_state_dict")
    }


def _measure(
    labels: Mapping[str, Callable[[str], object]], rewards: "Mapping[str, LoggedReward]"
) -> "Measure":
    """The share of the responses that have each label, and the mean of each reward."""
    from rlchf.train.ppo.shaping import share_of

    shares = [share_of(name, label) for name, label in labels.items()]

    def measure(prompts: list[Prompt], responses: list[str]) -> dict[str, float]:
        figures = {
            REWARD_OF + name: reward.mean(prompts, responses) for name, reward in rewards.items()
        }
        for share in shares:
            figures |= share(prompts, responses)
        return figures

    return measure


def _warn_of_truncation(rewards: "Mapping[str, Reward]") -> None:
    from rlchf.train.reward.model import RewardModel

    for name, reward in rewards.items():
        if isinstance(reward, RewardModel) and reward.truncated:
            warnings.warn(
                f"{reward.truncated} texts were longer than the reward model {name} reads, and were "
                "scored without their beginning",
                stacklevel=3,
            )


def _draw(path: Path, rows: Sequence[dict[str, Any]], shares: Sequence[str]) -> None:
    from rlchf.plots.save import save
    from rlchf.plots.training import training_plot

    rewards = [name for name in rows[0] if name.startswith(REWARD_OF)]
    save(training_plot(rows, shares, rewards), path)
