"""What a plan is made of: configs of models by name, lengths of prompts, and the GPU that is there."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rlchf.io.json import read_json
from rlchf.prompts import Prompt
from rlchf.train.memory.ppo import RewardShape
from rlchf.train.models.adapters import without_adapters
from rlchf.train.models.load import load_tokenizer, model_folder
from rlchf.train.models.text import prompt_ids
from rlchf.train.models.tiny import tiny_llama
from rlchf.train.reward.model import TOKENS
from rlchf.train.reward.reading import UNLIMITED

if TYPE_CHECKING:
    from transformers import PretrainedConfig

UNSAID = 512
"""Tokens that a reward model of `train_reward` reads whose settings do not say how many."""


def config_named(name: str, trust_remote_code: bool = False) -> "PretrainedConfig":
    """The config of a model by name (see `rlchf.train.models.load.model_folder`); no weights are read.

    Raises
    ------
    ValueError
        If there is no such model.
    """
    from transformers import AutoConfig

    folder, _ = without_adapters(model_folder(name))
    return AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)


def tiny_config(texts: Sequence[str], seed: int) -> "PretrainedConfig":
    """The config of the tiny model that a job makes for some texts."""
    return tiny_llama(texts, seed=seed)[0].config


def reward_shape(
    name: str, tokens: int, dtype: str = "auto", rows: int = 32, trust_remote_code: bool = False
) -> RewardShape:
    """The shape of the reward model in a folder, which reads texts of at most so many tokens."""
    config = config_named(name, trust_remote_code)
    file = Path(name) / "reward_config.json"
    ours = file.exists()
    limit = read_json(file).get("max_length", UNSAID) if ours else UNLIMITED
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


def longest_prompt(name: str, prompts: Sequence[Prompt], trust_remote_code: bool = False) -> int:
    """Tokens of the longest prompt for the model of this name.

    Raises
    ------
    ValueError
        If the model has no tokenizer.
    """
    try:
        tokenizer = load_tokenizer(name, trust_remote_code=trust_remote_code)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"the model '{name}' has no tokenizer that could be read ({str(error).splitlines()[0]}); give "
            "the length of the prompts by --prompt-tokens"
        ) from None
    return max(len(prompt_ids(tokenizer, prompt)) for prompt in prompts)


def gpu() -> tuple[str, int] | None:
    """Name and bytes of the GPU that is there; None if there is none."""
    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    return properties.name, properties.total_memory
