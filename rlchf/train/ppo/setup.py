"""The inputs of a PPO run, checked once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from accelerate import Accelerator

from rlchf.prompts import Prompt
from rlchf.train.ppo.checks import (
    check_inputs,
    check_processes,
    check_sharded_precision,
    check_vocabulary,
    critic_model,
)
from rlchf.train.ppo.chunks import in_chunks
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.samplers import SAMPLERS
from rlchf.train.ppo.sampling import Sampler, encode_prompts, end_ids
from rlchf.train.ppo.shaping import Measure, Reward
from rlchf.train.ppo.trackers import make_accelerator

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from rlchf.train.reward.model import RewardModel


@dataclass(eq=False)
class Setup:
    """The inputs of a PPO run; building it checks them, and writes nothing.

    The parameters are those of `rlchf.train.ppo.loop.ppo`. `prompt_names` are what error messages call
    the prompts, which are numbered by default.

    Attributes
    ----------
    encoded
        Token ids of each prompt.
    ends
        Ids of the tokens that end a response.

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
    encoded: list[list[int]] = field(init=False)
    ends: list[int] = field(init=False)

    def __post_init__(self) -> None:
        config, self.out = self.config, Path(self.out)
        check_inputs(self.policy, self.prompts, self.reward, config)
        self.accelerator = self.accelerator or make_accelerator(config.report_to, self.out)
        check_processes(self.accelerator, config)
        self.encoded = encode_prompts(
            self.policy, self.tokenizer, self.prompts, config.max_new_tokens, self.prompt_names
        )
        self.ends = end_ids(self.tokenizer, config.stop_tokens)
        check_vocabulary(self.policy, self.encoded, self.ends)
        self.critic = critic_model(self.critic, config)
        check_sharded_precision(self.policy, self.critic, self.accelerator, config)
        longest = max(map(len, self.encoded)) + config.max_new_tokens
        if self.sampler is None:
            self.sampler = SAMPLERS[config.sampler](longest)
            if config.sampler == "generate":  # the others bound their memory themselves
                self.sampler = in_chunks(self.sampler, config.sampled_at_once)
