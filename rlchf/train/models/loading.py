"""How models are loaded: precision, quantisation, attention; reading these settings needs no torch."""

from dataclasses import dataclass
from typing import Any, Literal

from rlchf.settings import Settings, setting

Precision = Literal["float32", "bfloat16"]
StoredPrecision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class ModelCode(Settings):
    """Permission to run code that comes with a model, wherever models and tokenizers are loaded."""

    attn_implementation: str = setting(
        "",
        "Attention implementation of transformers, such as sdpa, eager or flash_attention_2; by default "
        "what transformers chooses.",
        group="Loading",
    )
    trust_remote_code: bool = setting(
        False, "Permission to run code that comes with a model or a tokenizer.", group="Loading"
    )


@dataclass(frozen=True, kw_only=True)
class Loading(ModelCode):
    """Loading of a model that is trained or sampled from: precision, quantisation, attention."""

    dtype: Precision = setting(
        "float32",
        "Precision in which the weights are held, and in which the model is saved. Weights that are "
        "trained in bfloat16 have a float32 copy in the optimiser.",
        group="Loading",
    )
    load_in_4bit: bool = setting(
        False,
        "Weights in 4 bits (NF4), in training under LoRA adapters, as in QLoRA; needs bitsandbytes and a "
        "GPU.",
        group="Loading",
    )

    @property
    def loading(self) -> "Loading":
        """These settings alone, where they are part of a job."""
        return Loading(**{name: getattr(self, name) for name in LOADING})


LOADING = ("dtype", "load_in_4bit", "attn_implementation", "trust_remote_code")
"""The names of the settings of `Loading`."""


@dataclass(frozen=True, kw_only=True)
class Reading(ModelCode):
    """Loading of a reward model that scores texts: precision, device, batch size, length."""

    dtype: StoredPrecision = setting(
        "auto",
        "Precision of the reward model's weights: that of its files (auto), or another.",
        group="Loading",
    )
    device: str = setting(
        "",
        "Device of the reward model, such as cpu or cuda:1; auto spreads it over all GPUs.",
        group="Loading",
    )
    batch_size: int = setting(
        32, "Texts that the reward model reads at a time.", at_least=1, group="Loading"
    )
    max_length: int = setting(
        0,
        "Maximum length in tokens of prompt and response; 0 for the length that the reward model was "
        "trained with.",
        at_least=0,
        group="Loading",
    )

    @property
    def reading(self) -> dict[str, Any]:
        """Arguments of `rlchf.train.reward.RewardModel.load`, a device by default left to it."""
        named = {name: getattr(self, name) for name in READING}
        return named | {"device": self.device or None}


READING = (
    "dtype", "device", "batch_size", "max_length", "attn_implementation", "trust_remote_code",
)  # fmt: skip
"""The names of the settings of `Reading`."""


@dataclass(frozen=True, kw_only=True)
class RewardReading(ModelCode):
    """Loading of the reward models of PPO: precision, device, batch size, length."""

    reward_dtype: StoredPrecision = setting(
        "auto",
        "Precision of the weights of the reward models, and of a critic that starts from one: that of "
        "their files (auto), or another.",
        group="Reward",
    )
    reward_device: str = setting(
        "",
        "Device of the reward models, such as cpu or cuda:1; auto spreads them over all GPUs. By default "
        "that of the policy.",
        group="Reward",
    )
    reward_batch_size: int = setting(
        32, "Texts that a reward model reads at a time.", at_least=1, group="Reward"
    )
    reward_max_length: int = setting(
        0,
        "Maximum length in tokens of prompt and response for the reward models; 0 for the length that "
        "each was trained with.",
        at_least=0,
        group="Reward",
    )

    @property
    def reading(self) -> dict[str, Any]:
        """Arguments of `rlchf.train.reward.RewardModel.load`, a device by default left out."""
        named = {name: getattr(self, f"reward_{name}") for name in READING[:4]}
        named |= {name: getattr(self, name) for name in READING[4:]}
        if not self.reward_device:
            del named["device"]
        return named


def check_four_bits(loading: Loading, lora_rank: int, *, made: bool = False, of: str = "") -> None:
    """Refuse to train weights of 4 bits, and to make a model in them.

    Parameters
    ----------
    made
        Whether the model is made for the job, as the tiny one is.
    of
        What has the LoRA rank, for messages: ``"[ppo] "``.
    """
    if loading.load_in_4bit and made:
        raise ValueError(
            "load_in_4bit is for a model that is loaded, not for a tiny one that is made"
        )
    if loading.load_in_4bit and not lora_rank:
        raise ValueError(
            "load_in_4bit is for a base under LoRA adapters, which are what is trained; set "
            f"{of}lora_rank, for instance to 16"
        )
