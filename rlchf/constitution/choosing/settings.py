"""Settings of a slate, and of the job that elects one."""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass
from typing import Any, Literal

from rlchf.constitution.choosing.ballots import Unseen
from rlchf.constitution.choosing.consensus import Consensus
from rlchf.constitution.choosing.estimates import Estimate
from rlchf.settings import Settings, seed_setting, setting

QUESTION = 'Which response does this statement describe better: "{statement}"?'
"""The question of a principle that is a statement."""

Weights = Literal["equal", "estimate"]
"""The weight of a principle: 1, or the share that agrees with the statement, shrunk."""


@dataclass(frozen=True, kw_only=True)
class SlateConfig(Settings):
    """Number of statements to elect, and the rule that elects them."""

    k: int | None = setting(None, "Number of statements on the slate.", at_least=1)
    words: int | None = setting(
        None, "Number of words that the statements may have together, in place of -k.", at_least=1
    )
    rule: str = setting(
        "equal_shares",
        "Voting rule that reads approvals (see rlchf rules), or group_informed_consensus.",
    )
    option: dict[str, Any] = setting({}, "Option of the rule; repeatable.")
    consensus: Consensus = setting(
        "product", "Definition of group-informed consensus.", group="Votes"
    )
    estimate: Estimate = setting(
        "lower",
        "Estimate of the share that would agree, for those who did not vote.",
        group="Votes",
    )
    unseen: Unseen = setting(
        "fill",
        "Unseen statements on a ballot: filled in as expected of the group, or neutral.",
        group="Votes",
    )
    duplicates: float = setting(
        0.85,
        "Smallest similarity of words at which two statements are near-duplicates, of which only one can"
        " win.",
        above=0,
        at_most=1,
        group="Votes",
    )
    min_votes: int = setting(
        1, "Smallest number of votes with which a statement can win.", at_least=1, group="Votes"
    )
    seed: int = seed_setting()

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """What does not go together."""
        yield (
            (self.k is None) == (self.words is None),
            "give either -k, the number of statements, or --words, how many words they may have",
        )


@dataclass(frozen=True, kw_only=True)
class ChooseJob(Settings):
    """Votes on statements, and files to write."""

    votes: tuple[str, ...] = setting(
        MISSING, "Folder or files of a Polis export, or approvals with prompt_id and response_id."
    )
    out: tuple[str, ...] = setting(
        (), "JSON file for all figures, or TOML file for the constitution; repeatable."
    )
    picture: str = setting("", "SVG or PNG file: statements per group, by each rule.")
    compare: bool = setting(False, "Comparison of all rules on these votes.")
    responses: str = setting(
        "", "Texts of the statements: jsonl with prompt_id, response_id and text.", group="Data"
    )
    annotators: str = setting(
        "",
        "Annotators file, csv with annotator_id and the column --group; by default annotators.csv in the"
        " folder of votes.",
        group="Data",
    )
    group: str = setting("", "Column of the annotators file with the opinion group.", group="Data")
    clusters: bool = setting(
        False, "Opinion groups by PCA and k-means, in place of those of the export.", group="Data"
    )
    from_: Literal["auto", "polis", "rankings"] = setting(
        "auto", "Format of the votes: auto, polis or rankings.", group="Data"
    )
    prompt: str = setting(
        "", "Conversation to choose from, a prompt_id, if there are several.", group="Data"
    )
    columns: str = setting(
        "",
        "Names of the columns in rankings, as ours=theirs, such as approval=score.",
        group="Data",
    )
    agree: Literal[-1, 0, 1] = setting(
        0, "Vote that agrees in a Polis export, 1 or -1; 0 for the one that fits.", group="Data"
    )
    question: str = setting(QUESTION, "Question of each principle of a TOML file.", group="Output")
    weights: Weights = setting(
        "equal", "Weights of the principles: equal, or the estimate.", group="Output"
    )

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """What does not go together."""
        yield (
            bool(self.annotators) and not self.group,
            "--annotators has the opinion groups of voters; name their column with --group",
        )
        yield (
            self.clusters and bool(self.group),
            "--clusters finds the groups by the votes; leave --group out",
        )
