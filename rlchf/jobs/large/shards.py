"""The file beside the output of a shard that says what it is, so that shards are joined as they belong."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlchf.io.json import read_object, write_json
from rlchf.jobs.large.checks import parsed_shard
from rlchf.jobs.large.folder import input_facts
from rlchf.jobs.settings import AggregateJob

SETTINGS = (
    "rule", "option", "ties", "seed", "format", "columns", "unranked", "skip", "repeats",
)  # fmt: skip
"""Settings on which the outputs of all shards depend."""
SUFFIX = ".shard.json"


@dataclass(frozen=True)
class Shard:
    """The output of a shard.

    Attributes
    ----------
    path
        The output.
    number, n
        The number of the shard, from 1, and that of all shards.
    facts
        What all shards have in common: the inputs, the settings and the version.
    """

    path: str
    number: int
    n: int
    facts: dict[str, Any]

    def __str__(self) -> str:
        return f"shard {self.number}/{self.n}"


def shard_file(out: str | Path) -> Path:
    """The file that says what the output of a shard is.

    Examples
    --------
    >>> str(shard_file("shard-1.csv"))
    'shard-1.csv.shard.json'
    """
    return Path(out).with_name(Path(out).name + SUFFIX)


def describe_shard(job: AggregateJob, facts: dict[str, Any]) -> None:
    """Write what a shard's output is, after the output itself; nothing for standard output."""
    if not job.shard or not Path(job.out).is_file():
        return
    number, n = parsed_shard(job.shard)
    write_json(
        shard_file(job.out),
        {"shard": number, "of": n, **facts, **_contents(Path(job.out))},
    )


def shard_facts(job: AggregateJob, paths: Sequence[str]) -> dict[str, Any]:
    """What all shards have in common: the inputs before they are read, the settings and the version."""
    from rlchf import __version__

    settings = {name: getattr(job, name) for name in SETTINGS}
    inputs = [[Path(path).name, *facts] for path, *facts in input_facts(job, paths)]
    facts = {"inputs": inputs, "settings": settings, "version": __version__}
    return dict(json.loads(json.dumps(facts, default=str)))


def _contents(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {
            "bytes": path.stat().st_size,
            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
        }


def shards_in_order(paths: Sequence[str]) -> list[str]:
    """The outputs of all shards in the order of their numbers.

    Raises
    ------
    ValueError
        If one is missing, is there twice, belongs to another aggregation, was changed, or nothing says which
        shard it is.
    """
    shards = [_read(path) for path in paths]
    by_number: dict[int, Shard] = {}
    for shard in shards:
        _check_alike(shard, shards[0])
        other = by_number.setdefault(shard.number, shard)
        if other is not shard:
            raise ValueError(
                f"{other.path} and {shard.path} are both {shard}; give each shard once"
            )
    n = shards[0].n
    missing = [str(i) for i in range(1, n + 1) if i not in by_number]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"{len(missing)} of {n} shards {'is' if len(missing) == 1 else 'are'} missing: {shown}; give "
            "the outputs of all"
        )
    return [by_number[i].path for i in range(1, n + 1)]


def _read(path: str) -> Shard:
    """What the file beside an output says of it, if it is true."""
    file = shard_file(path)
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give the outputs of all shards")
    if not file.is_file():
        raise ValueError(
            f"{path}: there is no {file.name} beside it, which --shard writes; give outputs of --shard with "
            "these files"
        )
    said = read_object(file)
    number, n, size = (said.get(name, 0) for name in ("shard", "of", "bytes"))
    if not all(isinstance(one, int) for one in (number, n, size)) or not 1 <= number <= n:
        raise ValueError(f"{file}: it does not say which shard this is; make the shard again")
    contents = _contents(Path(path))
    if contents != {name: said.get(name) for name in contents}:
        raise ValueError(
            f"{path} has {contents['bytes']:,} bytes, and they are not the {size:,} that the "
            "shard wrote; make the shard again"
        )
    return Shard(
        path, number, n, {name: said.get(name) for name in ("inputs", "settings", "version")}
    )


def _check_alike(shard: Shard, first: Shard) -> None:
    """Refuse a shard of another aggregation than the first one's."""
    ours, theirs = _flat(shard), _flat(first)
    for name in {**theirs, **ours}:
        if ours.get(name) != theirs.get(name):
            shown = f"{ours.get(name)!r}, but {theirs.get(name)!r} in {first.path}"
            if name == "inputs":
                shown = f"not those of {first.path}, by name, size or time of change"
            raise ValueError(f"{shard.path}: {name}: {shown}; give the shards of one aggregation")


def _flat(shard: Shard) -> dict[str, Any]:
    settings = shard.facts["settings"]
    return {
        "number of shards": shard.n,
        **(settings if isinstance(settings, dict) else {}),
        "inputs": shard.facts["inputs"],
        "version": shard.facts["version"],
    }
