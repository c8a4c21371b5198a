"""PPO fine-tuning of a language model on any reward, with a KL penalty to the initial policy."""

import copy
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, set_seed
from torch.distributed.fsdp import register_fsdp_forward_method

from rlchf.prompts import Prompt
from rlchf.train.models.adapters import adapter_dropout, lora_options
from rlchf.train.models.quantised import is_quantised
from rlchf.train.optimiser import adam
from rlchf.train.ppo.actor_critic import ActorCritic
from rlchf.train.ppo.advantages import needs_critic
from rlchf.train.ppo.checkpoint import RunFolder
from rlchf.train.ppo.checks import figures_of, fingerprint, set_group_size
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.experience import (
    Experience,
    batch_metrics,
    estimate,
    forward_slices,
    read,
)
from rlchf.train.ppo.held_out import PREFIX, REWARD, compares, evaluate
from rlchf.train.ppo.kl import kl_estimate, next_kl_coef, resumed_kl_coef
from rlchf.train.ppo.optimise import optimise
from rlchf.train.ppo.prompts import prompt_at
from rlchf.train.ppo.random_states import random_states, restore_random_states
from rlchf.train.ppo.reference_fit import fit_to_reference
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampler_check import check_draws
from rlchf.train.ppo.sampling import Key, Sampler
from rlchf.train.ppo.setup import Setup
from rlchf.train.ppo.shaping import (
    Measure,
    Moments,
    Reward,
    check_scores,
    keeps_state,
    shape_scores,
)
from rlchf.train.ppo.trackers import log_samples, trackers
from rlchf.train.signals import interruption, signals_noted

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from rlchf.train.reward.model import RewardModel

SAMPLES = 4
"""Responses written to `samples.jsonl` at a time."""


def ppo(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[Prompt],
    reward: Reward,
    config: PPOConfig,
    out: str | Path,
    *,
    resume: bool = False,
    critic: "PreTrainedModel | RewardModel | None" = None,
    measure: Measure | None = None,
    sampler: Sampler | None = None,
    held_out: Sequence[Prompt] = (),
    progress: Callable[..., None] | None = None,
    accelerator: Accelerator | None = None,
) -> "PreTrainedModel":
    """Fine-tune `policy` in place by PPO, write it to the folder `out`, and return it.

    Parameters
    ----------
    policy
        A causal language model of transformers; its initial weights are also the reference.
    reward
        Any callable ``(prompts, responses) -> scores``. Under `torchrun` every process calls it with
        its share of the batch. The state of a reward with ``state_dict`` and ``load_state_dict`` is
        part of the checkpoint.
    out
        The folder of the run: ``metrics.jsonl`` and ``samples.jsonl``, ``checkpoint/``, and at the end
        the policy as a plain Hugging Face checkpoint (LoRA merged), with ``critic.safetensors`` and
        ``ppo_config.json``. On the way, policies in ``checkpoints/`` (the setting `save_every`) and the
        best one on the held-out prompts in ``best/``.
    resume
        Go on from the checkpoint in `out`, given the same initial policy and prompts, or begin if
        there is none. The settings in `rlchf.train.ppo.checkpoint.MAY_CHANGE` may have changed.
        Without it, an earlier run in `out` is discarded.
    critic
        A model from which the critic starts, such as a reward model; it is copied, and must have the
        policy's architecture and tokenizer. By default the critic is a linear layer on the policy's
        hidden states.
    measure
        Called with each batch; the numbers that it returns are logged and shown under their names, as
        means over processes.
    sampler
        Draws the responses in place of the setting `sampler`; see `rlchf.train.ppo.sampling.Sampler`.
    held_out
        Prompts that are not trained on, which the policy answers before the first update, every
        `evaluate_every` updates and after the last, with the same seeds each time; see
        `rlchf.train.ppo.held_out`.
    progress
        Called after each update with updates done, updates to do, and ``reward=``, ``kl=``, the numbers of
        `measure`, and ``held_out_reward=`` of the last evaluation if there was one.

    Raises
    ------
    ValueError
        If an input is wrong or does not fit the others, before anything is written.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, when the update in progress is done and a checkpoint is saved. A
        second signal acts at once.
    FloatingPointError
        When the loss is not a finite number; no step is taken on it. When the KL divergence is not a
        number or is above `max_kl`; the last checkpoint before that is kept.
    """
    setup = Setup(
        policy, tokenizer, prompts, reward, config, Path(out),
        critic=critic, measure=measure, sampler=sampler, accelerator=accelerator, held_out=held_out,
    )  # fmt: skip
    return PPO(setup).train(resume=resume, progress=progress)


class PPO:
    """A PPO run: its models and state, and the stages of an update.

    `train` runs all updates; `collect`, `optimise` and `complete` are those of one update.
    """

    def __init__(self, setup: Setup) -> None:
        config, accelerator, policy = setup.config, setup.accelerator, setup.policy
        assert accelerator is not None  # the setup has made one, and chosen the sampler
        assert setup.sampler is not None
        set_group_size(setup.reward, config.responses_per_prompt)
        self.setup, self.config, self.accelerator = setup, config, accelerator
        self.tokenizer, self.prompts = setup.tokenizer, list(setup.prompts)
        self.reward, self.sampler = setup.reward, setup.sampler
        self.folder = RunFolder(setup.out, config, accelerator)
        self.fingerprint = fingerprint(policy, setup.encoded, setup.reward, setup.encoded_held_out)
        set_seed(config.seed)  # new weights are the same on all processes
        # FSDP moves the weights layer by layer, and quantised ones are where they were loaded.
        if accelerator.distributed_type != "FSDP" and not is_quantised(policy):
            policy = policy.to(accelerator.device)
        has_critic = needs_critic(config.advantages)
        self.model = ActorCritic(
            policy, config.lora_rank, setup.critic, has_critic, lora_options(config)
        )
        trained = [p for p in self.model.policy.parameters() if p.requires_grad]
        groups = [{"params": trained, "lr": config.learning_rate}]
        if self.model.critic is not None:
            parameters = list(self.model.critic.parameters())
            groups += [{"params": parameters, "lr": config.value_learning_rate}]
        if config.gradient_checkpointing:
            self.model.checkpoint_layers()
        optimizer = adam(
            groups, betas=(config.adam_beta1, config.adam_beta2), eps=config.adam_eps,
            weight_decay=config.weight_decay,
        )  # fmt: skip
        self.wrapped, self.optimizer = accelerator.prepare(self.model, optimizer)
        if setup.same_draws:
            with accelerator.autocast():
                check_draws(self.model.policy, setup)
        for method in ("sample", "reference_logprobs"):  # with whole weights, as in `forward`
            register_fsdp_forward_method(self.model, method)
        set_seed(config.seed, device_specific=True)
        self.slices = forward_slices(config, accelerator.num_processes)
        self.done = 0  # updates
        self.kl_coef, self.moments = config.kl_coef, Moments()
        self.measured: list[str] = []  # names of the numbers of `measure`
        self.evaluated: dict[str, float] = {}  # the last figures on the held-out prompts
        self.best: dict[str, float] | None = None  # those of the best policy, and its update
        self.carried = self.state()

    def train(
        self, *, resume: bool = False, progress: Callable[..., None] | None = None
    ) -> "PreTrainedModel":
        """Run all updates, write the policy, and return it; see `ppo`."""
        config, accelerator = self.config, self.accelerator
        self.folder.open(self, resume)
        self.find_best()
        fit_to_reference(self)
        self.carried = self.carried | {"reward": self.reward_state()}
        with trackers(accelerator, config, self.done > 0), signals_noted() as signals:
            if self.setup.held_out and not self.done:
                self.record(self.evaluate(), [])
            while self.done < config.updates:
                began = time.perf_counter()
                try:
                    batch, metrics, samples = self.collect()
                except BaseException as error:
                    # The reward failed, or a second signal came: no weight has moved.
                    worth_saving = self.done or isinstance(error, KeyboardInterrupt)
                    if worth_saving and accelerator.num_processes == 1:
                        self.folder.save(self)
                        error.add_note(
                            f"{self.done} updates are saved in {self.setup.out}, and can be resumed"
                        )
                    raise
                self.check_kl(metrics["kl"])
                metrics |= self.optimise(batch)
                metrics["seconds"] = time.perf_counter() - began
                self.complete(metrics)
                best = self.evaluate_if_due(metrics)
                self.log(metrics, samples)
                self.keep_policy(best)
                if progress and accelerator.is_main_process:
                    shown = {name: metrics[name] for name in ("kl", *self.measured)}
                    shown |= {n: value for n, value in self.evaluated.items() if n == REWARD}
                    progress(self.done, config.updates, reward=metrics["reward_mean"], **shown)
                signalled = torch.tensor(len(signals), device=accelerator.device)
                stop = bool(accelerator.reduce(signalled).item())  # one process's signal stops all
                if stop or self.done % config.checkpoint_every == 0 or self.done == config.updates:
                    self.folder.save(self)
                if stop:
                    raise interruption(signals)
        return self.folder.finish(self)

    def draw(self) -> tuple[list[Prompt], Rollout]:
        """Sample this process's share of a batch: the prompts and the responses to them."""
        config, accelerator = self.config, self.accelerator
        share = config.minibatch_size // accelerator.num_processes
        first = self.done * config.batch_size + accelerator.process_index * share
        minibatches = range(first, first + config.batch_size, config.minibatch_size)
        positions = [start + i for start in minibatches for i in range(share)]
        prompt_positions = [position // config.responses_per_prompt for position in positions]
        chosen = [prompt_at(each, len(self.prompts), config.seed) for each in prompt_positions]
        rollout = self.respond(
            [self.setup.encoded[i] for i in chosen],
            [(config.seed, 2, position) for position in positions],
        )
        return [self.prompts[i] for i in chosen], rollout

    def respond(self, encoded: Sequence[Sequence[int]], keys: Sequence[Key]) -> Rollout:
        """Sample a response of the policy to each encoded prompt."""
        return self.model.sample(
            self.sampler, self.tokenizer, encoded, keys,
            max_new_tokens=self.config.max_new_tokens, temperature=self.config.temperature,
            ends=self.setup.ends.tokens,
        )  # fmt: skip

    def texts(self, rollout: Rollout) -> list[str]:
        """The responses as the reward reads them."""
        return rollout.texts(self.tokenizer, self.setup.ends.texts)

    def collect(self) -> tuple[Experience, dict[str, float], list[dict[str, Any]]]:
        """Sample and score a batch: the experience to learn from, its metrics, and some samples."""
        config, accelerator = self.config, self.accelerator
        with accelerator.autocast():
            prompts, rollout = self.draw()
            logp, ref_logp, values, entropies = read(
                self.model, rollout, self.slices, config.temperature
            )
        mask, texts = rollout.response_mask, self.texts(rollout)
        scores = check_scores(self.reward(prompts, texts), texts).to(logp)
        if config.normalise_reward:
            self.moments = self.moments.with_batch(scores, accelerator.reduce)

        kl_reference = ref_logp if config.reference == "policy" else torch.zeros_like(ref_logp)
        kl_coef = self.kl_coef if config.kl_in == "reward" else 0.0
        rewards = -kl_coef * kl_estimate(logp, kl_reference, config.kl_estimator)
        shaped = shape_scores(scores, rollout, config, self.moments)
        rewards = rewards.scatter_add(1, rollout.lengths[:, None] - 1, shaped[:, None])
        advantages, returns = estimate(config, rewards, values, mask, accelerator.reduce)
        batch = Experience(rollout, logp, kl_reference, values, advantages, returns)

        metrics, kl = batch_metrics(
            rollout, scores, logp, ref_logp, kl_reference, entropies,
            kl_coef=self.kl_coef, gather=accelerator.gather,
        )  # fmt: skip
        rows = zip(prompts, texts, scores.tolist(), kl.tolist(), strict=True)
        names = ("prompt", "response", "score", "kl")
        samples = [dict(zip(names, row, strict=True)) for row in rows]
        metrics |= figures_of(self.reward)
        return batch, metrics | self.measurements(prompts, texts, metrics), samples[:SAMPLES]

    def measurements(
        self, prompts: list[Prompt], texts: list[str], metrics: dict[str, float]
    ) -> dict[str, float]:
        """The numbers of `measure` for the batch, as means over processes."""
        if self.setup.measure is None:
            return {}
        measured = self.setup.measure(prompts, texts)
        if not isinstance(measured, Mapping):
            raise ValueError(
                f"measure returned {measured!r}; it must return numbers by their names"
            )
        if taken := sorted(measured.keys() & metrics.keys()):
            raise ValueError(f"measure returned {taken[0]!r}, a name that PPO's own metrics have")
        self.measured = list(measured)
        if not measured:
            return {}
        values = torch.tensor(list(measured.values()), device=self.accelerator.device)
        return dict(zip(measured, self.accelerator.reduce(values, "mean").tolist(), strict=True))

    def check_kl(self, kl: float) -> None:
        """Stop the run if the policy has moved too far from where it started."""
        if kl <= self.config.max_kl:
            self.folder.trust()
            return
        problem = (
            f"the KL divergence is {kl:.4g} nats per response, and max_kl is {self.config.max_kl:g}"
        )
        remedies = "a lower learning_rate, a higher kl_coef or a larger max_kl"
        self.folder.give_up(self.done, problem, remedies, self.folder.go_back(self))

    def optimise(self, batch: Experience) -> dict[str, float]:
        """Take the optimiser's steps on one batch and return their metrics."""
        try:
            with adapter_dropout(self.model.policy):
                return optimise(
                    batch, self.wrapped, self.optimizer, self.accelerator, self.config,
                    slices=self.slices, done=self.done, kl_coef=self.kl_coef,
                )  # fmt: skip
        except FloatingPointError as error:
            kept = self.folder.checkpoint.exists()
            self.folder.give_up(self.done, str(error), "a lower learning_rate", kept)

    def complete(self, metrics: dict[str, float]) -> None:
        """Count the update, and update the state that the next one depends on besides the weights."""
        self.done += 1
        self.kl_coef = next_kl_coef(self.config, self.kl_coef, metrics["kl"], self.done)
        self.carried = self.state()

    def evaluate(self) -> dict[str, float]:
        """The figures of the policy on the held-out prompts."""
        self.evaluated = evaluate(self)
        return self.evaluated

    def evaluate_if_due(self, metrics: dict[str, float]) -> bool:
        """Add the figures on the held-out prompts to the metrics, and say whether the policy is the best."""
        config = self.config
        due = self.done % config.evaluate_every == 0 or self.done == config.updates
        if not self.setup.held_out or not due:
            return False
        metrics |= self.evaluate()
        reward, kl = metrics[REWARD], metrics[f"{PREFIX}kl"]
        best = self.best[REWARD] if self.best else -math.inf
        if compares(self.reward) or not kl <= config.max_kl or best >= reward:
            return False
        self.best = {"update": self.done, **self.evaluated}
        self.carried = self.state()
        return True

    def keep_policy(self, best: bool) -> None:
        """Write the policy if it is the best so far, or if it is time for one in ``checkpoints/``.

        The best one is written with a checkpoint, so that a run never resumes from before its best policy.
        """
        policies, every = self.folder.policies, self.config.save_every
        if best:
            self.folder.save(self)
            policies.save_best(self)
        if every and self.done % every == 0:
            policies.save(self, self.config.save_last)

    def find_best(self) -> None:
        """Make the folder of the best policy and the state of a resumed run agree."""
        policies = self.folder.policies
        (kept,) = broadcast_object_list([policies.best_update()])
        if self.best and self.best["update"] == self.done != kept:
            policies.save_best(self)  # the run was killed before it had written it
        elif self.best and self.best["update"] != kept:
            # A better one took its place, in updates that the run has gone back behind.
            self.best = None

    def state(self) -> dict[str, Any]:
        """The state that a run carries from update to update, besides weights and optimiser."""
        return {
            "kl_coef": self.kl_coef,
            "moments": astuple(self.moments),
            "reward": self.reward_state(),
            "random": random_states(),
            "best": self.best,
        }

    def reward_state(self) -> Any:
        """A copy of the reward's state, None if it keeps none."""
        return copy.deepcopy(self.reward.state_dict()) if keeps_state(self.reward) else None  # type: ignore[attr-defined]

    def restore(self, state: dict[str, Any], random: bool, changed: Sequence[str] = ()) -> None:
        """Go on with the `state` of an earlier run.

        `changed` are the names of the settings that differ from that run's; `random` says whether to
        restore the random generators as well.
        """
        changed_kl = "kl_coef" in changed
        self.kl_coef = resumed_kl_coef(self.config, state["kl_coef"], self.done, changed_kl)
        self.moments = Moments(*state["moments"])
        self.best = state.get("best")
        if state["reward"] is not None:
            self.reward.load_state_dict(state["reward"])  # type: ignore[attr-defined]
        if random:
            restore_random_states(state["random"])
        self.carried = state

    def problems(self, metrics: dict[str, float]) -> Iterator[str]:
        """What a reader of an update's metrics should not overlook."""
        if metrics["first_ratio_error"] > 0.01 and not self.config.lora_dropout:
            yield (
                f"the first ratio differs from 1 by {metrics['first_ratio_error']:.2g}: the policy does not "
                "reproduce its log-probabilities"
            )
        if metrics["steps"] == 0:
            yield (
                "no step was taken: before the first one the KL divergence from the sampling policy is "
                f"{metrics['approx_kl']:.2g} nats per token, and target_kl is {self.config.target_kl:g}; "
                "raise target_kl, or choose another precision"
            )
        if metrics["grad_norm"] == 0:
            yield (
                "the gradient of the policy was exactly 0, so that it learned nothing from this batch: "
                "either all advantages are 0, as they are if all responses to a prompt score the same, or "
                "no gradient reaches the trained weights"
                + (
                    " (the kernels of bitsandbytes for this device may give none through quantised weights)"
                    if is_quantised(self.model.policy)
                    else ""
                )
            )

    def log(self, metrics: dict[str, float], samples: list[dict[str, Any]]) -> None:
        """Write a line of metrics, and samples every few updates."""
        for problem in self.problems(metrics):
            warnings.warn(f"update {self.done}: {problem}", stacklevel=3)
        shown = samples if self.done % self.config.samples_every == 0 or self.done == 1 else []
        self.record(metrics, shown)

    def record(self, metrics: dict[str, float], samples: list[dict[str, Any]]) -> None:
        """Write a line of metrics and some samples, to the folder and to the trackers."""
        rows = [{"update": self.done, **row} for row in samples]
        self.folder.log({"update": self.done, **metrics}, rows)
        self.accelerator.log(metrics, step=self.done)
        log_samples(self.accelerator, rows, step=self.done)
