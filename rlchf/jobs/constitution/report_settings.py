"""Settings of the report on a constitution."""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass
from typing import Any, Literal

from rlchf.evaluation.intervals import LEAST
from rlchf.settings import Settings, seed_setting, setting


@dataclass(frozen=True, kw_only=True)
class ConstitutionReportJob(Settings):
    """Judgements to report on, what they are compared with, and files to write."""

    rankings: str = setting(
        MISSING, "Comparisons by principles, as rlchf constitution judge writes them."
    )
    constitution: str = setting(
        "", "Constitution: a TOML file, or default or bai2022, which come with rlchf."
    )
    rules: str = setting("kemeny,borda,perpetual_pav", "Voting rules, separated by commas.")
    out: str = setting("", "HTML file for the report.")
    annotators: str = setting(
        "", "Weights of the principles: csv with annotator_id and weight.", group="Data"
    )
    prompts: str = setting("", "Prompts file, jsonl with prompt_id and prompt.", group="Data")
    responses: str = setting(
        "", "Responses file, jsonl with prompt_id, response_id and text.", group="Data"
    )
    human: str = setting(
        "", "Rankings by people of the same responses, in any format.", group="Data"
    )
    truth: str = setting(
        "",
        "Planted preferences, in any format of rankings, with principles as annotators.",
        group="Data",
    )
    stages: dict[str, Any] = setting(
        {},
        "Name of a stage and its jsonl with prompt_id, text and scores; repeatable.",
        group="Data",
    )
    score: tuple[str, ...] = setting(
        (),
        "Key of a score in the files of stages; by default harmlessness, helpfulness and score; "
        "repeatable.",
        group="Data",
    )
    xstest: str = setting(
        "", "Safe and unsafe prompts: prompt_id and type, such as those of XSTest.", group="Data"
    )
    labels: Literal["soft", "hard"] = setting(
        "soft", "Votes that the rules aggregate: split votes (soft), or the preferred response (hard).",
        group="Measures",
    )  # fmt: skip
    leave_out: bool = setting(
        True, "Influence by aggregation without each principle in turn.", group="Measures"
    )
    bootstrap: int = setting(
        200,
        f"Number of bootstrap replicates for 95 % intervals, {LEAST} or more; 0 for no intervals.",
        at_least=0,
        group="Measures",
    )
    seed: int = seed_setting(group="Measures")

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        yield (
            0 < self.bootstrap < LEAST,
            f"bootstrap is {self.bootstrap}; give 0 for no intervals, or {LEAST} or more",
        )
        yield not self.rule_names, "rules is empty; give one or more, such as kemeny,borda"
        yield (
            bool(self.xstest) and not (self.stages or self.responses),
            "--xstest has prompts only; give responses to them with --stages or --responses",
        )
        yield (
            bool(self.score) and not self.stages,
            "--score is a key in the files of stages; give --stages",
        )

    @property
    def rule_names(self) -> list[str]:
        """The rules, each once."""
        return list(dict.fromkeys(one.strip() for one in self.rules.split(",") if one.strip()))
