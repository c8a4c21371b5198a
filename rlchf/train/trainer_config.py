"""Settings of a training by the Trainer of transformers; reading them needs no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rlchf.settings import Settings, seed_setting, setting
from rlchf.train.lora import without_lora
from rlchf.train.optimiser_settings import shared


@dataclass(frozen=True)
class TrainerConfig(Settings):
    """What every training by the Trainer of transformers can be told."""

    epochs: float = setting(
        3.0,
        "Number of passes over the training prompts.",
        above=0,
        at_most=1_000_000,
        group="Training",
    )
    learning_rate: float = setting(
        1e-5, "Peak learning rate.", above=0, at_most=1000, group="Training"
    )
    lr_schedule: Literal["linear", "cosine", "constant"] = setting(
        "linear", "Learning rate schedule after the warm-up.", group="Training"
    )
    lr_warmup: float = setting(
        0.05,
        "Steps over which the learning rate rises linearly to its peak: their number, or below 1 their "
        "fraction of all steps.",
        at_least=0,
        group="Training",
    )
    batch_size: int = setting(
        8, "Prompts (not texts) per forward pass and process.", at_least=1, group="Training"
    )
    gradient_accumulation: int = setting(
        1, "Number of forward passes per optimiser step.", at_least=1, group="Training"
    )
    max_length: int = setting(
        512,
        "Maximum length in tokens of prompt and response; a longer prompt loses its beginning.",
        at_least=1,
        group="Training",
    )
    lora_rank: int = setting(
        0,
        "Rank of LoRA adapters; 0 trains all weights.",
        at_least=0,
        at_most=1 << 16,
        group="Training",
    )
    lora_alpha: float = shared("lora_alpha", "Training")
    lora_dropout: float = shared("lora_dropout", "Training")
    lora_targets: tuple[str, ...] = shared("lora_targets", "Training")
    adam_beta1: float = shared("adam_beta1", "Training")
    adam_beta2: float = shared("adam_beta2", "Training")
    adam_eps: float = setting(
        1e-8,
        "Number that Adam adds to the root of the mean squared gradient.",
        above=0,
        group="Training",
    )
    weight_decay: float = shared("weight_decay", "Training")
    held_out: float = setting(
        0.2, "Fraction of prompts held out.", at_least=0, below=1, group="Training"
    )
    bf16: bool = setting(
        False, "Computation in bfloat16, with weights in float32.", group="Training"
    )
    gradient_checkpointing: bool = setting(
        False,
        "Activations of each layer computed again in the backward pass in place of being kept: less "
        "memory, about a third more time, the same gradient.",
        group="Training",
    )
    seed: int = seed_setting(group="Training")
    checkpoint_every: int = setting(
        0,
        "Number of steps between checkpoints and between evaluations of the held-out loss; 0 means one "
        "epoch.",
        at_least=0,
        group="Records",
    )
    report_to: str = setting(
        "none",
        "Comma-separated trackers of the metrics, such as tensorboard or wandb.",
        group="Records",
    )

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """Pairs of whether something is wrong with the settings together, and what would work."""
        yield without_lora(self)
        yield (
            self.lr_warmup > 1 and self.lr_warmup % 1 > 0,
            f"lr_warmup is {self.lr_warmup}; give a whole number of steps, or a fraction of them below 1",
        )
