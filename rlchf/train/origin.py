"""What a training began with, kept in each of its checkpoints, so that it goes on with nothing else."""

import json
import warnings
import zlib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.io.json import read_object

ORIGIN = "origin.json"
PLAIN = (str, int, float, bool, type(None))
Origin = dict[str, Any]
"""The settings, and checksums of the examples and of the model's first weights."""


def check_origin(checkpoint: Path, now: Origin, usual: object, made_of: str) -> None:
    """Refuse to go on from a checkpoint of a training that began with something else.

    Parameters
    ----------
    usual
        Settings with their defaults, which a setting had that an earlier version did not know.
    made_of
        What the examples are made of, for messages.
    """
    file = checkpoint / ORIGIN
    if not file.exists():
        warnings.warn(
            f"{checkpoint} does not say what its training began with, and so nothing tells whether these "
            "are the same examples and settings",
            stacklevel=3,
        )
        return
    before = read_object(file)
    settings = before.get("settings")
    if not isinstance(settings, dict):
        raise ValueError(f"{file} states no settings; begin anew in another folder")
    for name, value in now["settings"].items():
        earlier = settings.get(name, getattr(usual, name))
        if earlier != value:
            raise ValueError(
                f"the training in {checkpoint.parent.parent} began with {name}={earlier!r} and cannot go on "
                f"with {name}={value!r}; give the same, or begin anew in another folder"
            )
    for part, what in (
        (
            "examples",
            f"the examples ({made_of}) are not those",
        ),
        ("model", "the model is not the one"),
    ):
        if before.get(part) != now[part]:
            raise ValueError(
                f"{what} with which the training in {checkpoint.parent.parent} began; give the same, or "
                "begin anew in another folder"
            )


def checksum(value: Any, before: int = 0) -> int:
    """A checksum of texts, numbers and arrays, and of sequences and dataclasses of them."""
    if isinstance(value, np.ndarray):
        head = f"{value.dtype.str}{value.shape}".encode()
        return zlib.crc32(np.ascontiguousarray(value).tobytes(), zlib.crc32(head, before))
    if is_dataclass(value):
        value = [getattr(value, one.name) for one in fields(value)]
    if isinstance(value, list) and any(not isinstance(part, PLAIN) for part in value):
        before = zlib.crc32(f"[{len(value)}".encode(), before)
        for part in value:
            before = checksum(part, before)
        return before
    return zlib.crc32(json.dumps(value, ensure_ascii=False).encode(), before)
