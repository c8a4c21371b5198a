"""What a run began with, so that it goes on with nothing else."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rlchf.io.json import read_object, write_json
from rlchf.rankings import Rankings
from rlchf.train.origin import checksum

FILE = "began.json"
"""The file in a run folder with the settings and with checksums of the inputs."""
PLACES = ("source", "skipped")
"""What rankings say of where they were read."""


def check_began(
    folder: Path,
    part: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, tuple[int, str]],
) -> None:
    """Note what a part of a run begins with or, if it has begun, refuse other settings and inputs.

    Parameters
    ----------
    part
        The part; a run of a constitution has two.
    settings
        The settings by section, or by name where they are in none.
    inputs
        For each kind of input a checksum of what was read, and where, for messages.

    Raises
    ------
    ValueError
        If the run began with others; nothing has been written then.
    """
    path = folder / FILE
    parts = read_object(path) if path.exists() else {}
    checksums = {name: checksum for name, (checksum, _) in inputs.items()}
    now = json.loads(json.dumps({"settings": settings, "inputs": checksums}))
    if part not in parts:
        write_json(path, parts | {part: now})
        return
    before, remedy = parts[part], "give the same, or begin anew in another folder"
    if not isinstance(before, dict) or not all(isinstance(before.get(name), dict) for name in now):
        raise ValueError(
            f"{path} does not say what the run began with; begin anew in another folder"
        )
    for name, number in now["inputs"].items():
        if before["inputs"].get(name, number) != number:
            raise ValueError(
                f"{inputs[name][1]}: the {name} are not those with which the run in {folder} began; {remedy}"
            )
    earlier, later = _flat(before["settings"]), _flat(now["settings"])
    for name, value in later.items():
        if earlier.get(name, value) != value:
            raise ValueError(
                f"the run in {folder} began with {name} = {earlier[name]!r} and cannot go on with {value!r}; "
                + remedy
            )


def rankings_checksum(rankings: Rankings) -> int:
    """A checksum of the ballots, wherever they were read.

    Examples
    --------
    >>> one, other = Rankings.from_ballots([("p", 1, "a > b")]), Rankings.from_ballots([("p", 1, "b > a")])
    >>> rankings_checksum(one) == rankings_checksum(one), rankings_checksum(one) == rankings_checksum(other)
    (True, False)
    """
    values = [getattr(rankings, one.name) for one in fields(rankings) if one.name not in PLACES]
    return checksum([list(value) if _is_sequence(value) else value for value in values])


def _is_sequence(value: Any) -> bool:
    return (
        hasattr(value, "__getitem__") and not isinstance(value, str) and not hasattr(value, "dtype")
    )


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their names, with the section before them.

    Examples
    --------
    >>> _flat({"seed": 3, "rule": {"name": "borda"}})
    {'seed': 3, '[rule] name': 'borda'}
    """
    flat: dict[str, Any] = {}
    for section, value in settings.items():
        if isinstance(value, dict):
            flat |= {f"[{section}] {name}": one for name, one in value.items()}
        else:
            flat[section] = value
    return flat
