"""PPO fine-tuning of a language model on any reward, under a KL penalty to where it started."""

import copy
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from rlchf.prompts import Prompt
from rlchf.train.ppo import checks as ppo_given
from rlchf.train.ppo.actor_critic import ActorCritic
from rlchf.train.ppo.checkpoint import (
    RunFolder,
    random_states,
    restore_random_states,
    signals_noted,
)
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.experience import (
    Experience,
    estimate,
    figures,
    forward_slices,
    prompt_at,
    read,
)
from rlchf.train.ppo.kl import kl_estimate, next_price, resumed_price
from rlchf.train.ppo.optimise import optimise
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampling import Sampler, encode_prompts, end_ids, named_sampler
from rlchf.train.ppo.shaping import Measure, Moments, Reward, check_scores, keeps_state, pay
from rlchf.train.ppo.sharding import gather_for
from rlchf.train.ppo.trackers import make_accelerator, trackers
from rlchf.train.processes import check_processes

__all__ = ["Measure", "PPOConfig", "Reward", "ppo"]

SAMPLES = 4
"""Responses written to `samples.jsonl` at a time."""


def ppo(
    policy: Any,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    reward: Reward,
    config: PPOConfig,
    out: str | Path,
    *,
    resume: bool = False,
    critic: Any = None,
    measure: Measure | None = None,
    sampler: Sampler | None = None,
    progress: Callable[..., None] | None = None,
    accelerator: Accelerator | None = None,
) -> Any:
    """Fine-tune `policy` in place by PPO, write it to the folder `out`, and return it.

    Parameters
    ----------
    policy
        A causal language model of transformers; as passed in, it is also the reference.
    reward
        Any callable ``(prompts, responses) -> scores``. Under `torchrun` every process calls it with
        its own share of the batch. One with ``state_dict`` and ``load_state_dict`` goes on from a
        checkpoint with its state.
    out
        Gets ``metrics.jsonl`` and ``samples.jsonl`` as the run goes, ``checkpoint/`` to go on from,
        and at the end the policy as a plain Hugging Face checkpoint (LoRA merged), with
        ``critic.safetensors`` and ``ppo_config.json``.
    resume
        Go on from the checkpoint in `out`, given the same starting policy and prompts, or begin if
        there is none. The settings in `rlchf.train.ppo.checkpoint.MAY_CHANGE` may have changed.
        Without it, an earlier run in `out` is discarded.
    critic
        A model from which the critic starts, such as a reward model; it is copied, and must have the
        policy's architecture and tokenizer. By default the critic shares the policy's trunk.
    measure
        Called with each batch; what it returns is logged and shown under its own names, as a mean
        over processes.
    sampler
        Draws the responses in place of the setting `sampler`; see `rlchf.train.ppo.sampling.Sampler`.
    progress
        Called after each update with updates done, updates to do, and ``reward=``, ``kl=`` and what
        `measure` found.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, when the update in progress is done and a checkpoint is saved. A
        second signal acts at once.
    FloatingPointError
        When the loss is not a finite number; no step is taken on it. When the divergence is none, or
        above `max_kl`; the last checkpoint before that is kept.
    """
    ppo_given.check_given(policy, prompts, reward, config)
    accelerator = accelerator or make_accelerator(config.report_to, Path(out))
    check_processes(accelerator, config)
    run = _Run(
        policy, tokenizer, prompts, reward, config, Path(out), accelerator,
        critic=critic, measure=measure, sampler=sampler,
    )  # fmt: skip
    run.folder.open(run, resume)
    with trackers(accelerator, config), signals_noted() as signals:
        while run.done < config.updates:
            began = time.perf_counter()
            try:
                batch, metrics, samples = run.collect()
            except BaseException as error:  # the reward's, or a second signal: no weight has moved
                wanted = run.done or isinstance(error, KeyboardInterrupt)
                if wanted and accelerator.num_processes == 1:
                    run.folder.save(run)
                    error.add_note(f"{run.done} updates are saved in {out}, and can be resumed")
                raise
            run.judge(metrics["kl"])
            metrics |= run.optimise(batch)
            metrics["seconds"] = time.perf_counter() - began
            run.complete(metrics)
            run.log(metrics, samples)
            if progress and accelerator.is_main_process:
                shown = {name: metrics[name] for name in ("kl", *run.measured)}
                progress(run.done, config.updates, reward=metrics["reward_mean"], **shown)
            noted = torch.tensor(len(signals), device=accelerator.device)
            stop = bool(accelerator.reduce(noted).item())  # one process's signal stops them all
            if stop or run.done % config.checkpoint_every == 0 or run.done == config.updates:
                run.folder.save(run)
            if stop:
                raise KeyboardInterrupt
    return run.folder.finish(run, tokenizer)


class _Run:
    """What lives as long as a run, and the stages of an update."""

    def __init__(
        self,
        policy: Any,
        tokenizer: Any,
        prompts: Sequence[Prompt],
        reward: Reward,
        config: PPOConfig,
        out: Path,
        accelerator: Accelerator,
        *,
        critic: Any = None,
        measure: Measure | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        ppo_given.tell_group_size(reward, config.responses_per_prompt)
        self.tokenizer, self.prompts, self.reward = tokenizer, list(prompts), reward
        self.config, self.accelerator = config, accelerator
        self.measure = measure
        self.folder = RunFolder(out, config, accelerator)
        self.encoded = encode_prompts(policy, tokenizer, prompts, config.max_new_tokens)
        self.ends = end_ids(tokenizer, config.stop)
        ppo_given.check_vocabulary(policy, self.encoded, self.ends)
        self.origin = ppo_given.origin(policy, self.encoded)
        longest = max(map(len, self.encoded)) + config.max_new_tokens
        self.sampler = sampler or named_sampler(config.sampler, longest)
        set_seed(config.seed)  # new weights are the same on all processes
        has_critic = config.advantages == "gae"
        if critic is not None and not has_critic:
            raise ValueError(f"advantages is '{config.advantages}', which takes no critic")
        if accelerator.distributed_type != "FSDP":  # which takes the weights over layer by layer
            policy = policy.to(accelerator.device)
        self.model = ActorCritic(policy, config.lora_rank, ppo_given.critic_of(critic), has_critic)
        trained = [p for p in self.model.policy.parameters() if p.requires_grad]
        groups = [{"params": trained, "lr": config.lr}]
        if self.model.critic is not None:
            groups += [{"params": list(self.model.critic.parameters()), "lr": config.value_lr}]
        adam = torch.optim.AdamW(groups, eps=1e-5, weight_decay=0.0)
        self.wrapped, self.optimizer = accelerator.prepare(self.model, adam)
        gather_for(self.model, "sample", "reference_logits")
        set_seed(config.seed, device_specific=True)
        self.slices = forward_slices(config, accelerator.num_processes)
        self.done = 0  # updates
        self.price, self.moments = config.kl_coef, Moments()
        self.measured: list[str] = []  # names of what `measure` finds
        self.carried = self.state()

    def draw(self) -> tuple[list[Prompt], Rollout]:
        """Sample this process's share of a batch: the prompts and the responses to them."""
        config, accelerator = self.config, self.accelerator
        share = config.minibatch_size // accelerator.num_processes
        first = self.done * config.batch_size + accelerator.process_index * share
        minibatches = range(first, first + config.batch_size, config.minibatch_size)
        positions = [start + i for start in minibatches for i in range(share)]
        places = [position // config.responses_per_prompt for position in positions]
        chosen = [prompt_at(place, len(self.prompts), config.seed) for place in places]
        rollout = self.model.sample(
            self.sampler,
            self.tokenizer,
            [self.encoded[i] for i in chosen],
            [(config.seed, 2, position) for position in positions],
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            ends=self.ends,
        )
        return [self.prompts[i] for i in chosen], rollout

    def collect(self) -> tuple[Experience, dict[str, float], list[dict[str, Any]]]:
        """Sample and score responses, and say what to learn: experience, metrics, sample rows."""
        config, accelerator = self.config, self.accelerator
        with accelerator.autocast():
            asked, rollout = self.draw()
            logp, ref_logp, values, nats = read(
                self.model, rollout, self.slices, config.temperature
            )
        mask, texts = rollout.response_mask, rollout.texts(self.tokenizer)
        scores = check_scores(self.reward(asked, texts), texts).to(logp)
        if config.normalise_reward:
            self.moments = self.moments.with_batch(scores, accelerator.reduce)

        target = ref_logp if config.reference == "policy" else torch.zeros_like(ref_logp)
        price = self.price if config.kl_in == "reward" else 0.0
        rewards = -price * kl_estimate(logp, target, config.kl_estimator)
        paid = pay(scores, rollout, config, self.moments)
        rewards = rewards.scatter_add(1, rollout.lengths[:, None] - 1, paid[:, None])
        advantages, returns = estimate(config, rewards, values, mask, accelerator.reduce)
        batch = Experience(rollout, logp, target, values, advantages, returns)

        readings = (scores, logp, ref_logp, target, nats)
        metrics, kl = figures(rollout, *readings, price=self.price, gather=accelerator.gather)
        table = zip(asked, texts, scores.tolist(), kl.tolist(), strict=True)
        names = ("prompt", "response", "score", "kl")
        samples = [dict(zip(names, row, strict=True)) for row in table]
        return batch, metrics | self.measurements(asked, texts, metrics), samples[:SAMPLES]

    def measurements(
        self, asked: list[Prompt], texts: list[str], metrics: dict[str, float]
    ) -> dict[str, float]:
        """What `measure` finds in the batch, as a mean over processes."""
        found = ppo_given.check_measured(self.measure(asked, texts)) if self.measure else {}
        if taken := sorted(found.keys() & metrics.keys()):
            raise ValueError(f"measure returned {taken[0]!r}, a name that PPO's own figures have")
        self.measured = list(found)
        if not found:
            return {}
        values = torch.tensor(list(found.values()), device=self.accelerator.device)
        return dict(zip(found, self.accelerator.reduce(values, "mean").tolist(), strict=True))

    def judge(self, kl: float) -> None:
        """Stop the run if the policy has gone too far from where it started."""
        if kl <= self.config.max_kl:
            self.folder.trust()
            return
        problem = (
            f"the KL divergence is {kl:.4g} nats per response, and max_kl is {self.config.max_kl:g}"
        )
        ways = "a lower lr, a higher kl_coef or a larger max_kl"
        self.folder.give_up(self.done, problem, ways, self.folder.go_back(self))

    def optimise(self, batch: Experience) -> dict[str, float]:
        """Take the optimiser's steps on one batch, and say how they went."""
        try:
            return optimise(
                batch, self.wrapped, self.optimizer, self.accelerator, self.config,
                slices=self.slices, done=self.done, price=self.price,
            )  # fmt: skip
        except FloatingPointError as error:
            kept = self.folder.checkpoint.exists()
            self.folder.give_up(self.done, str(error), "a lower lr", kept)

    def complete(self, metrics: dict[str, float]) -> None:
        """Count the update, and note what the next one depends on beside the weights."""
        self.done += 1
        self.price = next_price(self.config, self.price, metrics["kl"], self.done)
        self.carried = self.state()

    def state(self) -> dict[str, Any]:
        """What a run carries from update to update, beside weights and optimiser."""
        stateful = keeps_state(self.reward)
        return {
            "price": self.price,
            "moments": astuple(self.moments),
            "reward": copy.deepcopy(self.reward.state_dict()) if stateful else None,  # type: ignore[attr-defined]
            "random": random_states(),
        }

    def restore(self, state: dict[str, Any], random: bool, changed: Sequence[str] = ()) -> None:
        """Go on with what `state` returned, now that these settings have `changed`; with its random
        generators, if `random`."""
        self.price = resumed_price(self.config, state["price"], self.done, "kl_coef" in changed)
        self.moments = Moments(*state["moments"])
        if state["reward"] is not None:
            self.reward.load_state_dict(state["reward"])  # type: ignore[attr-defined]
        if random:
            restore_random_states(state["random"])
        self.carried = state

    def log(self, metrics: dict[str, float], samples: list[dict[str, Any]]) -> None:
        """Write a line of metrics, and samples now and then."""
        if metrics["first_ratio_error"] > 0.01:
            warnings.warn(
                f"update {self.done}: the first ratio is off 1 by "
                f"{metrics['first_ratio_error']:.2g}: the policy does not repeat its own "
                "log-probabilities",
                stacklevel=3,
            )
        shown = samples if self.done % self.config.samples_every == 0 or self.done == 1 else []
        rows = [{"update": self.done, **row} for row in shown]
        self.folder.log({"update": self.done, **metrics}, rows)
        self.accelerator.log(metrics, step=self.done)
