"""Settings of `rlchf mix`; reading them needs no pyarrow."""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass
from typing import Literal

from rlchf.mixing import By
from rlchf.settings import Settings, seed_setting, setting


@dataclass(frozen=True, kw_only=True)
class MixJob(Settings):
    """Sources of rankings, and the ratio at which they are mixed."""

    sources: tuple[str, ...] = setting(
        MISSING,
        "Folders with rankings, prompts, responses and optional annotators, or files of rankings.",
    )
    ratio: str = setting(MISSING, "Ratio of the sources in their order, such as 3:1.")
    by: By = setting(
        "pairs",
        "Unit of the ratio: pairs of responses compared, prompts, or the weight of all comparisons.",
    )
    out: str = setting(MISSING, "New folder for rankings, prompts, responses and annotators.")
    to: Literal["csv", "tsv", "jsonl", "parquet"] = setting("csv", "Format of the rankings file.")
    seed: int = seed_setting("Random seed of the prompts that are drawn.")
    name: tuple[str, ...] = setting(
        (),
        "Name of a source, in the order of the sources; by default that of its folder; repeatable.",
    )
    prompts: tuple[str, ...] = setting(
        (),
        "Prompts file of the sources without a prompts.jsonl: one for all, or one for each; repeatable.",
        group="Data",
    )
    responses: tuple[str, ...] = setting(
        (),
        "Responses file of the sources without a responses.jsonl: one for all, or one for each; "
        "repeatable.",
        group="Data",
    )
    annotators: tuple[str, ...] = setting(
        (),
        "Annotators file of the sources without an annotators.csv: one for all, or one for each; "
        "repeatable.",
        group="Data",
    )

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        yield (
            bool(self.name) and len(self.name) != len(self.sources),
            f"--name names {len(self.name)} of {len(self.sources)} sources; name all or none",
        )
