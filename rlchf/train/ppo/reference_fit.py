"""Samples of the reference for the rewards that are fitted to it before training."""

import warnings
from typing import TYPE_CHECKING

import torch
from accelerate.utils import gather_object

from rlchf.prompts import Prompt
from rlchf.train.ppo.checks import terms
from rlchf.train.ppo.rewards.combination import Combination

if TYPE_CHECKING:
    from rlchf.train.ppo.loop import PPO

EACH = 8
"""Samples to a prompt at least; with fewer of them, fewer prompts are answered."""


def fit_to_reference(run: "PPO") -> None:
    """Sample the policy, which is the reference before the first update, and fit the rewards that want it."""
    rewards = [one for one in terms(run.reward) if isinstance(one, Combination)]
    for one in rewards:
        beta = getattr(one, "beta", 0.0) if one.follows_kl and not one.reference_samples else 0.0
        if beta and beta != run.config.kl_coef and run.done:
            warnings.warn(
                f"{type(one).__name__} was fitted with a KL coefficient of {beta:g}, and the run goes on "
                f"with {run.config.kl_coef:g}; its shares are corrected slowly",
                stacklevel=4,
            )
    wanted = max((one.reference_samples for one in rewards), default=0)
    if not wanted:
        return
    prompts, texts = _samples(run, wanted)
    for one in rewards:
        if one.reference_samples:
            one.fit(prompts, texts, run.config.kl_coef)


def _samples(run: "PPO", count: int) -> tuple[list[Prompt], list[str]]:
    """At least so many samples, equally many to each of some prompts, on every process the same."""
    processes, first = run.accelerator.num_processes, run.accelerator.process_index
    answered = min(len(run.prompts), -(-count // EACH))
    each = -(-count // answered)
    chosen = [n * len(run.prompts) // answered for n in range(answered) for _ in range(each)]
    share = -(-len(chosen) // processes)
    rows = range(first * share, (first + 1) * share)
    size = max(1, run.config.batch_size // processes)
    own: list[str] = []
    for start in range(0, share, size):
        part = rows[start : start + size]
        with torch.no_grad(), run.accelerator.autocast():
            rollout = run.respond(
                [run.setup.encoded[chosen[row % len(chosen)]] for row in part],
                [(run.config.seed, 9, row) for row in part],
            )
        own += run.texts(rollout)
    texts = [text for of_process in gather_object([own]) for text in of_process]
    return [run.prompts[n] for n in chosen], texts[: len(chosen)]
