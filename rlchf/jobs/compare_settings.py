"""Settings of `rlchf compare`; reading them needs no pyarrow."""

from collections.abc import Iterable
from dataclasses import dataclass

from rlchf.auditing._left_out import FOLDS
from rlchf.comparison.halves import SPLITS
from rlchf.comparison.stability import Drawn
from rlchf.jobs.settings import GroupedRankings
from rlchf.settings import seed_setting, setting


@dataclass(frozen=True, kw_only=True)
class CompareJob(GroupedRankings):
    """Ballots on which voting rules are compared, and files to write."""

    rules: str = setting(
        "all", "Voting rules, separated by commas; all takes those that the file admits."
    )
    out: str = setting("", "HTML file for the report.")
    table: str = setting("", "csv, tsv, parquet or jsonl file with a row for each prompt.")
    prompts: str = setting(
        "", "Prompts file, shown in the report: jsonl with prompt_id and prompt.", group="Data"
    )
    responses: str = setting(
        "",
        "Texts of the responses, shown in the report: jsonl with prompt_id, response_id and text. Labels of "
        "responses belong to rlchf audit --responses.",
        group="Data",
    )
    shown: str = setting(
        "",
        "Order in which responses were shown, and the time that ballots took: a table with prompt_id and"
        " annotator_id, and response_id and position, or seconds.",
        group="Data",
    )
    bootstrap: int = setting(
        200, "Number of resamples of the ballots; 0 for none.", at_least=0, group="Measures"
    )
    resample: Drawn = setting(
        "ballots",
        "Unit of the resamples: ballots of each prompt, or annotators with all their ballots.",
        group="Measures",
    )
    splits: int = setting(
        SPLITS,
        "Number of divisions of the people of each prompt into halves; 0 for none.",
        at_least=0,
        group="Measures",
    )
    folds: int = setting(
        FOLDS,
        "Number of parts of the annotators that are left out in turn, for held-out figures; 0 for none.",
        at_least=0,
        group="Measures",
    )
    embed: str = setting(
        "",
        "Language model on whose frozen states a linear reward learns from each rule.",
        group="Measures",
    )
    seed: int = seed_setting(group="Measures")

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        yield (
            self.folds == 1,
            "folds is 1; give 2 or more, or 0 for the outcomes as they are given",
        )
