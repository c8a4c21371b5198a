"""What the settings of both trainings say about LoRA, and its files; reading it needs no torch."""

from typing import Protocol

ADAPTER = "adapter_config.json"
"""The file by which a folder is known that holds adapters and not a model."""
FOLDER = "adapter"
"""The folder beside merged weights that holds the adapters of a training."""


class LoraSettings(Protocol):
    """Settings with LoRA adapters."""

    @property
    def lora_rank(self) -> int:
        """Rank; 0 is none."""

    @property
    def lora_alpha(self) -> float:
        """Alpha; 0 is twice the rank."""

    @property
    def lora_dropout(self) -> float:
        """Dropout of the inputs."""

    @property
    def lora_targets(self) -> tuple[str, ...]:
        """Names of modules."""


def without_lora(config: LoraSettings) -> tuple[bool, str]:
    """Whether settings of LoRA are given without a rank, and what would work."""
    names = ("lora_alpha", "lora_dropout", "lora_targets")
    given = [name for name in names if getattr(config, name)]
    return (
        bool(given) and not config.lora_rank,
        f"{', '.join(given)} is for LoRA, and lora_rank is 0; set lora_rank, such as 8",
    )
