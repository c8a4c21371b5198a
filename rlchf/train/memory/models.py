"""What a plan is made of: configs of models by name, lengths of prompts, and the GPU that is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rlchf.prompts import Prompt
from rlchf.train.memory.ppo import RewardShape
from rlchf.train.models.adapters import without_adapters
from rlchf.train.models.load import load_tokenizer, model_folder, without_foreign_padding
from rlchf.train.models.loading import ModelCode
from rlchf.train.models.pretrained import read_config
from rlchf.train.models.tiny import tiny_llama
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.prompts import fit_prompts
from rlchf.train.reward.model import TOKENS, read_settings
from rlchf.train.reward.reading import UNLIMITED

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

UNSAID = 512
"""Tokens that a reward model of `train_reward` reads whose settings do not say how many."""


def config_named(name: str, trust_remote_code: bool = False) -> "PretrainedConfig":
    """The config of a model by name (see `rlchf.train.models.load.model_folder`); no weights are read.

    Raises
    ------
    ValueError
        If there is no such model.
    """
    folder, _ = without_adapters(model_folder(name))
    config = read_config(folder, name, ModelCode(trust_remote_code=trust_remote_code))
    return without_foreign_padding(config, name)


@dataclass(frozen=True)
class Tiny:
    """The config and the tokenizer of the tiny model that a job makes for some texts."""

    config: "PretrainedConfig"
    tokenizer: "PreTrainedTokenizerBase"

    @classmethod
    def of(cls, texts: Sequence[str], seed: int) -> "Tiny":
        """Those of the model with a seed."""
        model, tokenizer = tiny_llama(texts, seed=seed)
        return cls(model.config, tokenizer)


def reward_shape(
    name: str, tokens: int, dtype: str = "auto", rows: int = 32, trust_remote_code: bool = False
) -> RewardShape:
    """The shape of the reward model in a folder, which reads texts of at most so many tokens."""
    config = config_named(name, trust_remote_code)
    file = Path(name) / "reward_config.json"
    ours = file.exists()
    limit = read_settings(file).get("max_length", UNSAID) if ours else UNLIMITED
    positions = getattr(config, "max_position_embeddings", None) or limit
    tokens = min(tokens, limit, positions)
    if not ours:
        rows = max(1, min(rows, TOKENS // tokens))
    return RewardShape(config, precision(dtype, config), tokens, rows)


def precision(name: str, config: "PretrainedConfig | None" = None) -> torch.dtype:
    """The precision of weights by name; ``auto`` is that of the model's files."""
    if name != "auto":
        return getattr(torch, name)  # type: ignore[no-any-return]
    stored: Any = getattr(config, "dtype", None)
    return stored if isinstance(stored, torch.dtype) else torch.float32


def tokenizer_named(name: str, trust_remote_code: bool = False) -> "PreTrainedTokenizerBase":
    """The tokenizer of the model of this name, with which a plan measures prompts.

    Raises
    ------
    ValueError
        If the model has no tokenizer.
    """
    try:
        return load_tokenizer(name, trust_remote_code=trust_remote_code)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"the model '{name}' has no tokenizer that could be read ({str(error).splitlines()[0]}); give "
            "the length of the prompts by --prompt-tokens"
        ) from None


def longest_prompt(
    policy: "PretrainedConfig",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Mapping[str, Prompt],
    config: PPOConfig,
) -> int:
    """Tokens of the longest prompt that a run with these settings reads.

    Parameters
    ----------
    prompts
        The prompts by what messages call them.

    Raises
    ------
    ValueError
        As `rlchf.train.ppo.prompts.fit_prompts`, if one is too long.
    """
    fitted = fit_prompts(
        _Shell(policy), tokenizer, list(prompts.values()), config.max_new_tokens, list(prompts),
        max_prompt_length=config.max_prompt_length, long_prompts=config.long_prompts,
    )  # fmt: skip
    return max(map(len, fitted.encoded))


@dataclass
class _Shell:
    """A model without weights."""

    config: "PretrainedConfig"


def gpu() -> tuple[str, int] | None:
    """Name and bytes of the GPU that is there; None if there is none."""
    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    return properties.name, properties.total_memory
