"""Settings of `rlchf axioms`; reading them needs no pyarrow."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rlchf.jobs.manipulation_settings import ManipulationSettings
from rlchf.settings import seed_setting, setting


def is_table(path: str) -> bool:
    """Whether a name is that of a table of rates."""
    return path.lower().endswith((".csv", ".tsv", ".parquet"))


@dataclass(frozen=True, kw_only=True)
class AxiomsJob(ManipulationSettings):
    """Rules, axioms, and elections on which they are broken or not, or manipulated."""

    rankings: tuple[str, ...] = setting(
        (), "Ranking files, folders or quoted patterns of one dataset; - for standard input."
    )
    rules: str = setting("all", "Voting rules, or package.module:function, separated by commas.")
    axioms: str = setting("all", "Axioms, separated by commas.")
    cultures: str = setting(
        "",
        "Statistical cultures from which elections are drawn, separated by commas, such as "
        "impartial,mallows.",
    )
    option: dict[str, Any] = setting(
        {}, "Option of the cultures that have it, as name=value, such as phi=0.5; repeatable."
    )
    elections: int = setting(
        1000,
        "Number of elections drawn from each culture, and largest number of prompts of the file.",
        at_least=1,
    )
    ballots: int = setting(
        20, "Number of ballots in each drawn election.", at_least=1, at_most=10_000
    )
    responses: int = setting(
        4, "Number of responses in each drawn election.", at_least=2, at_most=50
    )
    search: int = setting(
        20_000,
        "Number of cases to search for a counterexample if neither the rule's card nor the table "
        "decides; 0 for no search.",
        at_least=0,
    )
    replay: str = setting("", "JSON file with a counterexample, or several, to run again.")
    out: str = setting(
        "",
        "JSON file for the result, whose counterexamples --replay reads; or csv, tsv or parquet file for"
        " the rates.",
    )
    seed: int = seed_setting()

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        yield (
            bool(self.replay)
            and bool(self.rankings or self.cultures or (self.rules, self.axioms) != ("all", "all")),
            "--replay runs the counterexamples of its file; leave out the rankings, --rules, --axioms and "
            "--cultures",
        )
        yield (
            bool(self.annotators) and not self.rankings,
            "--annotators is about a file of rankings; give one",
        )
        yield (
            self.manipulation and not (self.rankings or self.cultures),
            "--manipulation is measured on rankings or cultures; give a file or --cultures",
        )
        yield (
            is_table(self.out) and not (self.rankings or self.cultures),
            "a table has the rates; give a file of rankings or --cultures, or a JSON file for --out",
        )
        yield (
            bool(self.option) and not self.cultures,
            "--option is about cultures; give --cultures",
        )
        yield (
            self.influence and not self.rankings,
            "--influence is about the annotators of a file of rankings; give one",
        )
        yield (
            bool(self.group) and not self.influence,
            "--group is about groups that are left out in turn; give --influence",
        )
