"""What PPO refuses before anything is loaded, whether it runs or its memory is planned."""

import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

from rlchf.io.json import read_jsonl, read_object
from rlchf.jobs.ppo_rewards import check_model
from rlchf.jobs.settings import TINY, PPOJob
from rlchf.settings import built
from rlchf.train.models.loading import RewardReading, check_four_bits
from rlchf.train.ppo.advantages import needs_critic
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.idle import check_idle

SETTINGS = "ppo_config.json"


def check_job(job: PPOJob, config: PPOConfig) -> None:
    """Refuse rewards, a critic, a precision, a device or attention that cannot work, wherever the run is.

    Raises
    ------
    ValueError
        If one of them cannot, or a setting of reward models does nothing because there is none.
    """
    job.rewards.check(config.responses_per_prompt)
    check_four_bits(job, config.lora_rank, made=job.policy == TINY)
    if job.critic:
        check_model(job.critic, "critic")
        if not needs_critic(config.advantages):
            raise ValueError(
                f"advantages is '{config.advantages}', which takes no critic; leave --critic out"
            )
    _check_reading(job)
    from rlchf.train.models.devices import check_device_name
    from rlchf.train.models.pretrained import check_attention_name

    check_attention_name(job)
    check_device_name(job.reward_device, "reward_device")


def _check_reading(job: PPOJob) -> None:
    """Refuse settings of reward models without any."""
    usual = RewardReading()
    models = any(Path(name).is_dir() for name in job.reward)
    for name in ("reward_device", "reward_dtype", "reward_batch_size", "reward_max_length"):
        read = models or (
            job.critic and name != "reward_device"
        )  # the critic is where the policy is
        if not read and getattr(job, name) != getattr(usual, name):
            raise ValueError(
                f"{name} is {getattr(job, name)!r}, which is for reward models, and every reward is a "
                "function; leave it out"
            )


def check_settings(job: PPOJob, config: PPOConfig, out: Path | None = None) -> None:
    """Refuse settings that were given and do nothing.

    Parameters
    ----------
    out
        The folder of the run that goes on; what was given then is what differs from its settings.
    """
    file = None if out is None else out / SETTINGS
    stopped = file is not None and file.exists()
    before = read_config(file) if stopped and file else PPOConfig()
    check_idle(config, before, bool(job.held_out))


def read_config(file: Path) -> PPOConfig:
    """The settings of a run that was stopped.

    Raises
    ------
    ValueError
        If the file holds no such settings; the message names it.
    """
    return built(PPOConfig, read_object(file), f"{file}: ", among=True)


def check_done(out: Path, config: PPOConfig) -> None:
    """Refuse other settings than those with which the policy in a folder was trained.

    A setting that a run which goes on may change brings a warning: the policy stays as it is.

    Raises
    ------
    ValueError
        If another one differs.
    """
    from rlchf.train.ppo.checkpoint import MAY_CHANGE

    before = read_config(out / SETTINGS)
    for one in fields(PPOConfig):
        old, new = getattr(before, one.name), getattr(config, one.name)
        told = f"the policy in {out} is done, with {one.name} = {old!r}, and not with {new!r}"
        if old != new and one.name not in MAY_CHANGE:
            raise ValueError(f"{told}; give the same, or begin anew in another folder")
        if old != new:
            warnings.warn(
                f"{told}, and stays as it is; rlchf ppo --resume {out} trains it further",
                stacklevel=3,
            )


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """The figures of each update.

    Raises
    ------
    ValueError
        If a line has no number of an update; the message names file and line.
    """
    rows = read_jsonl(file)
    for line, row in enumerate(rows, start=1):
        if type(row.get("update")) is not int:
            raise ValueError(f"{file}, line {line}: there is no number 'update'; remove that line")
    return rows


def check_updates(out: Path, updates: int) -> None:
    """Refuse to go on with a run that has done all of its updates.

    A run that was stopped between the last update and its last file has them all, and goes on.

    Raises
    ------
    ValueError
        If it has; the message says how many they are.
    """
    from rlchf.train.ppo.checkpoint import check_updates_left, updates_done

    done = updates_done(out)
    if done == updates and (out / "config.json").exists():
        updates -= 1  # of those there is nothing left to write either
    check_updates_left(out, done, updates)
