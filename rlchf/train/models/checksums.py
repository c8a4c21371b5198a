"""Checksums that tell whether a model is the one with which a training began."""

import json
import zlib
from typing import Any

import torch
from torch import nn

SAMPLE = 4096
"""Weights of each tensor that a checksum reads."""
UNSTABLE = ("_name_or_path", "transformers_version")
"""What a config says that does not change the model."""


def weights_checksum(model: nn.Module) -> int:
    """A checksum of a model's weights: the names of its tensors and the first values of each."""
    checksum = 0
    for name, tensor in model.named_parameters():
        sample = tensor.detach().flatten()[:SAMPLE].cpu().contiguous()
        checksum = zlib.crc32(
            sample.view(torch.uint8).numpy().tobytes(), zlib.crc32(name.encode(), checksum)
        )
    return checksum


def config_checksum(config: Any) -> int:
    """A checksum of the config of a transformers model, wherever it was loaded from."""
    values = {k: v for k, v in config.to_dict().items() if k not in UNSTABLE}
    return zlib.crc32(json.dumps(values, sort_keys=True, default=str).encode())
