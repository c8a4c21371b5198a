"""Settings of AdamW and LoRA that PPO and the trainings by the Trainer share; reading them needs no torch."""

from typing import Any

from rlchf.settings import setting

SHARED: dict[str, tuple[Any, str, dict[str, float]]] = {
    "adam_beta1": (0.9, "Decay of Adam's mean of the gradient.", {"at_least": 0, "below": 1}),
    "adam_beta2": (
        0.999, "Decay of Adam's mean of the squared gradient.", {"at_least": 0, "below": 1},
    ),
    "weight_decay": (0.0, "Weight decay of AdamW.", {"at_least": 0}),
    "lora_alpha": (
        0.0,
        "Alpha of LoRA, whose updates are multiplied by alpha / rank; 0 is twice the rank.",
        {"at_least": 0},
    ),
    "lora_dropout": (
        0.0, "Dropout of the LoRA adapters' inputs in training.", {"at_least": 0, "below": 1},
    ),
    "lora_targets": (
        (),
        "Module with LoRA adapters, such as q_proj, or all-linear; repeatable. By default those that peft "
        "knows for the architecture, or all linear layers.",
        {},
    ),
}  # fmt: skip
"""Default, help and limits of each."""


def shared(name: str, group: str) -> Any:
    """The field of a shared setting, under a heading of ``--help``.

    Examples
    --------
    >>> shared("weight_decay", "Optimiser").metadata["help"]
    'Weight decay of AdamW.'
    """
    default, help, limits = SHARED[name]
    return setting(default, help, group=group, **limits)  # type: ignore[arg-type]
