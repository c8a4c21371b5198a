"""The inputs of a PPO run, checked once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from accelerate import Accelerator

from rlchf.prompts import Prompt
from rlchf.train.models.ends import Ends, ends_of
from rlchf.train.ppo.checks import (
    check_critic_given,
    check_inputs,
    check_processes,
    check_sharded_precision,
    check_vocabulary,
)
from rlchf.train.ppo.chunks import in_chunks
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.held_out import warn_of_no_best
from rlchf.train.ppo.prompts import fit_prompts
from rlchf.train.ppo.samplers import SAME_DRAWS, SAMPLERS
from rlchf.train.ppo.sampling import Sampler, with_stop_texts
from rlchf.train.ppo.shaping import Measure, Reward
from rlchf.train.ppo.trackers import make_accelerator

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from rlchf.train.reward.model import RewardModel


@dataclass(eq=False)
class Setup:
    """The inputs of a PPO run; building it checks them, and writes nothing.

    The parameters are those of `rlchf.train.ppo.loop.ppo`. `prompt_names` and `held_out_names` are what error
    messages call the prompts, which are numbered by default.

    Attributes
    ----------
    prompts
        The prompts, without those that were too long and dropped.
    encoded
        Token ids of each prompt.
    encoded_held_out
        Token ids of each held-out prompt.
    ends
        What ends a response.
    same_draws
        Whether the sampler claims to draw what `rlchf.train.ppo.sampling.sample` draws.

    Raises
    ------
    ValueError
        If an input is wrong, or does not fit the others.
    """

    policy: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    prompts: Sequence[Prompt]
    reward: Reward
    config: PPOConfig
    out: Path
    critic: "PreTrainedModel | RewardModel | None" = None
    measure: Measure | None = None
    sampler: Sampler | None = None
    accelerator: Accelerator | None = None
    prompt_names: Sequence[str] | None = None
    held_out: Sequence[Prompt] = ()
    held_out_names: Sequence[str] | None = None
    encoded: list[list[int]] = field(init=False)
    ends: Ends = field(init=False)
    same_draws: bool = field(init=False)
    encoded_held_out: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        config, self.out = self.config, Path(self.out)
        check_inputs(self.policy, self.prompts, self.reward, config)
        self.accelerator = self.accelerator or make_accelerator(config.report_to, self.out)
        check_processes(self.accelerator, config)
        self.ends = ends_of(self.tokenizer, self.policy, config.stop_tokens)
        fitted = fit_prompts(
            self.policy, self.tokenizer, self.prompts, config.max_new_tokens, self.prompt_names,
            max_prompt_length=config.max_prompt_length, long_prompts=config.long_prompts,
        )  # fmt: skip
        self.prompts, self.encoded = fitted.prompts, fitted.encoded
        self.encoded_held_out = []
        if self.held_out:
            held_out = fit_prompts(
                self.policy, self.tokenizer, self.held_out, config.max_new_tokens, self.held_out_names,
                max_prompt_length=config.max_prompt_length, long_prompts=config.long_prompts,
            )  # fmt: skip
            self.held_out, self.encoded_held_out = held_out.prompts, held_out.encoded
            warn_of_no_best(self.reward)
        encoded = self.encoded + self.encoded_held_out
        check_vocabulary(self.policy, encoded, self.ends.tokens)
        check_critic_given(self.critic, config)
        check_sharded_precision(self.policy, self.critic, self.accelerator, config)
        self.same_draws = self.sampler is None and config.sampler in SAME_DRAWS
        longest = max(map(len, encoded)) + config.max_new_tokens
        sampler = self.sampler
        if sampler is None:
            sampler = SAMPLERS[config.sampler](longest, config.vllm_memory)
            if config.sampler == "generate":  # the others bound their memory themselves
                sampler = in_chunks(sampler, config.sampled_at_once)
        self.sampler = with_stop_texts(sampler, self.ends.texts)
