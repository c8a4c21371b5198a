"""Evaluation of the policy on held-out prompts: the same prompts and seeds each time."""

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import gather_object

from rlchf.prompts import Prompt
from rlchf.train.ppo.checks import terms
from rlchf.train.ppo.experience import read
from rlchf.train.ppo.kl import kl_estimate
from rlchf.train.ppo.random_states import random_states, restore_random_states
from rlchf.train.ppo.rewards.combination import Combination
from rlchf.train.ppo.shaping import Reward, check_scores, keeps_state

if TYPE_CHECKING:
    from rlchf.train.ppo.loop import PPO

PREFIX = "held_out_"
"""What the names of the figures on held-out prompts begin with."""
REWARD = f"{PREFIX}reward"
"""The figure by which the best policy is chosen."""


def compares(reward: Reward) -> bool:
    """Whether a reward compares the responses to a prompt, so that its mean says nothing of the policy."""
    return any(isinstance(one, Combination) and one.compares for one in terms(reward))


def warn_of_no_best(reward: Reward) -> None:
    """Say that the best policy is not kept, where the reward does not tell which one it is."""
    if compares(reward):
        warnings.warn(
            "the reward compares the responses to a prompt, so that its mean does not tell which policy is "
            "better: the held-out prompts are evaluated, and best/ is not written",
            stacklevel=3,
        )


def evaluate(run: "PPO") -> dict[str, float]:
    """The policy's figures on the held-out prompts, over all processes.

    Each prompt is answered once, or as often as in training where the reward compares responses. Nothing that
    the run goes on with is changed: neither the random generators nor the reward's state.

    Returns
    -------
    Means of the score, the KL divergence from the initial policy in nats per response, the length in tokens
    and the share that ended, and of the numbers of `measure`, by names that begin with `PREFIX`.
    """
    setup, config, accelerator = run.setup, run.config, run.accelerator
    times = config.responses_per_prompt if compares(run.reward) else 1
    count = len(setup.held_out) * times
    per_process = -(-count // (times * accelerator.num_processes)) * times
    first = accelerator.process_index * per_process
    size = config.batch_size // accelerator.num_processes
    sums: dict[str, float] = {}
    with _untouched(run):
        for start in range(first, first + per_process, size):
            # Processes take part in equally many passes; the rows beyond the last do not count.
            rows = range(start, min(start + size, first + per_process))
            for name, value in _summed(run, rows, times, count).items():
                sums[name] = sums.get(name, 0.0) + value
    total: dict[str, float] = {}
    for part in gather_object([sums]):
        for name, value in part.items():
            total[name] = total.get(name, 0.0) + value
    return {PREFIX + name: value / count for name, value in total.items()}


def _summed(run: "PPO", rows: range, times: int, count: int) -> dict[str, float]:
    """Sums of the figures over some rows, of which those from `count` on do not count."""
    setup, config = run.setup, run.config
    chosen = [row % count // times for row in rows]
    with torch.no_grad(), run.accelerator.autocast():
        rollout = run.respond(
            [setup.encoded_held_out[i] for i in chosen],
            [(config.seed, 5, row % count) for row in rows],
        )
        step = min(config.forward_size, len(rows))
        slices = [slice(i, min(i + step, len(rows))) for i in range(0, len(rows), step)]
        logp, ref_logp, _, _ = read(run.model, rollout, [slices], config.temperature)
    kept = sum(row < count for row in rows)
    if not kept:
        return {}
    kl = torch.where(rollout.response_mask, kl_estimate(logp, ref_logp, "k1"), 0).sum(1)
    prompts = [setup.held_out[i] for i in chosen[:kept]]
    texts = run.texts(rollout)[:kept]
    scores = check_scores(run.reward(prompts, texts), texts)
    columns = {"reward": scores, "kl": kl, "length": rollout.lengths, "eos_share": rollout.finished}
    sums = {name: column[:kept].double().sum().item() for name, column in columns.items()}
    measured = _measured(run, prompts, texts)
    if taken := sorted(measured.keys() & sums.keys()):
        raise ValueError(
            f"measure returned {taken[0]!r}, a name that the figures on held-out prompts have"
        )
    return sums | {name: value * kept for name, value in measured.items()}


def _measured(run: "PPO", prompts: Sequence[Prompt], texts: list[str]) -> dict[str, float]:
    measure = run.setup.measure
    return dict(measure(list(prompts), texts)) if measure is not None else {}


@contextmanager
def _untouched(run: "PPO") -> Iterator[None]:
    """Restore the random generators and the reward's state."""
    states = random_states()
    reward: Any = run.reward
    before = copy.deepcopy(reward.state_dict()) if keeps_state(reward) else None
    moving = [one for one in terms(reward) if isinstance(one, Combination)]
    for one in moving:
        one.moves = False
    try:
        yield
    finally:
        for one in moving:
            one.moves = True
        restore_random_states(states)
        if before is not None:
            reward.load_state_dict(before)
