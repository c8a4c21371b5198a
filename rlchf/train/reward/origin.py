"""What the training of a reward model begins with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from torch import nn

from rlchf.preferences import Example
from rlchf.train.models.checksums import weights_checksum
from rlchf.train.origin import Origin, checksum
from rlchf.train.reward.config import RewardConfig


def origin_of(
    model: nn.Module,
    train: Sequence[Example],
    held_out: Sequence[Example],
    config: RewardConfig,
    groups: Mapping[str, str] | None = None,
) -> Origin:
    """What a training begins with; the groups count where their weights are trained."""
    used = sorted((groups or {}).items()) if config.group_dro_step else []
    return {
        "settings": json.loads(json.dumps(asdict(config))),
        "examples": checksum([list(train), list(held_out), used]),
        "model": weights_checksum(model),
    }
