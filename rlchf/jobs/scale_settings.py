"""Settings of aggregations that are larger than memory, or run on several machines."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rlchf.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class Scale(Settings):
    """Memory, shards and engine of an aggregation in parts."""

    memory: str = setting(
        "",
        "Memory to use, such as 4GB: larger files are aggregated in parts; by default the free memory.",
        group="Large files",
    )
    shard: str = setting(
        "",
        "Part of the prompts to aggregate, such as 3/16 for the third of sixteen.",
        group="Large files",
    )
    join: bool = setting(False, "Joining of the outputs of all shards.", group="Large files")
    resume: bool = setting(False, "Continuation of a stopped run in parts.", group="Large files")
    engine: Literal["local", "ray"] = setting(
        "local",
        "Engine that aggregates the parts: this process (local), or Ray Data.",
        group="Large files",
    )

    @property
    def asks_for_parts(self) -> bool:
        """Whether the dataset is aggregated in parts whatever its size."""
        return bool(self.shard or self.resume or self.engine != "local")

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        yield (
            self.join and self.asks_for_parts,
            "--join takes the outputs of shards; leave out --shard, --resume and --engine",
        )
