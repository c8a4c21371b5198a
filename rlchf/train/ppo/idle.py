"""Settings of a PPO run that do nothing beside the others; reading them needs no torch."""

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rlchf.train.ppo.advantages import ADVANTAGES, needs_critic

if TYPE_CHECKING:
    from rlchf.train.ppo.config import PPOConfig


def idle_settings(
    config: "PPOConfig", before: "PPOConfig", held_out: bool
) -> Iterator[tuple[str, str]]:
    """Settings that were given and do nothing, by name, and what they are for.

    Parameters
    ----------
    before
        The settings without those that were given: the defaults, or those of a run that goes on.
    held_out
        Whether there are held-out prompts.

    Examples
    --------
    >>> from rlchf.train.ppo.config import PPOConfig
    >>> dict(idle_settings(PPOConfig(save_last=5), PPOConfig(), held_out=False))
    {'save_last': 'the policies that save_every writes, and save_every is 0'}
    """
    for names, works, purpose in _purposes(config, held_out):
        for name in names:
            if not works and getattr(config, name) != getattr(before, name):
                yield name, purpose


def check_idle(config: "PPOConfig", before: "PPOConfig", held_out: bool, where: str = "") -> None:
    """Refuse settings that were given and do nothing; the parameters are those of `idle_settings`.

    Parameters
    ----------
    where
        What messages begin with, such as ``"[ppo] "``.

    Raises
    ------
    ValueError
        If there is one.
    """
    for name, purpose in idle_settings(config, before, held_out):
        raise ValueError(
            f"{where}{name} is {getattr(config, name)}, which does nothing: it is for {purpose}; leave it at "
            f"{getattr(before, name)}"
        )


def _purposes(config: "PPOConfig", held_out: bool) -> Iterator[tuple[tuple[str, ...], bool, str]]:
    """Names of settings, whether they do something beside the others, and what for."""
    of_estimator = inspect.signature(ADVANTAGES[config.advantages]).parameters
    yield (
        ("save_last",),
        config.save_every > 0,
        f"the policies that save_every writes, and save_every is {config.save_every}",
    )
    yield ("evaluate_every",), held_out, "held-out prompts, and held_out names none"
    schedule = f"and kl_schedule is '{config.kl_schedule}'"
    yield (
        ("kl_schedule_target",),
        config.kl_schedule == "adaptive",
        f"the adaptive schedule, {schedule}",
    )
    yield ("kl_coef_end",), config.kl_schedule == "linear", f"the linear schedule, {schedule}"
    yield (
        ("kl_horizon",),
        config.kl_schedule != "fixed",
        f"the adaptive and the linear schedule, {schedule}",
    )
    sampler = f"and sampler is '{config.sampler}'"
    yield ("vllm_memory",), config.sampler == "vllm", f"the sampler vllm, {sampler}"
    yield ("sample_size",), config.sampler == "generate", f"the sampler generate, {sampler}"
    advantages = f"and advantages is '{config.advantages}'"
    yield (
        ("value_learning_rate", "value_clip", "whiten"),
        needs_critic(config.advantages),
        f"estimators with a critic, such as gae, {advantages}",
    )
    for name in ("gamma", "gae_lambda"):
        yield (name,), name in of_estimator, f"gae, {advantages}"
