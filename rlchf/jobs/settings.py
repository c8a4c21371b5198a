"""Settings of each job, the options of its command; reading them needs neither torch nor pyarrow."""

import pkgutil
from collections.abc import Iterable
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rlchf.auditing._left_out import FOLDS
from rlchf.cleaning import Repeats, Skip
from rlchf.io.trainers import targets
from rlchf.jobs.ppo_rewards import Rewards
from rlchf.jobs.scale_settings import Scale
from rlchf.preferences import TIE_TOLERANCE
from rlchf.rankings import Unranked
from rlchf.settings import Settings, seed_setting, setting
from rlchf.train.models.loading import Loading, Reading, RewardReading
from rlchf.train.ppo.rewards import Combine

if TYPE_CHECKING:
    Trainer: TypeAlias = str
else:
    Trainer = Literal[tuple(targets())]

SOURCES = sorted(
    module.name
    for module in pkgutil.iter_modules([str(Path(__file__).parents[1] / "io" / "sources")])
    if not module.name.startswith("_")
)
"""Names of the public corpora and tools that `rlchf.io.sources` reads, one file each."""
LABEL = "label"
"""The column of labelled texts, unless another is named."""
TINY = "tiny"
"""The name of a model that is made for the job: a small Llama."""


@dataclass(frozen=True, kw_only=True)
class RankingsInput(Settings):
    """The ballots and the people who cast them."""

    rankings: tuple[str, ...] = setting(
        MISSING, "Ranking files, folders or quoted patterns of one dataset; - for standard input."
    )
    annotators: str = setting("", "Annotators file, csv with annotator_id and weight.")
    format: str = setting("auto", "Format of the ranking files.", group="Data")
    columns: str = setting(
        "",
        "Names of the columns in the files, as ours=theirs, such as prompt_id=question_id,score=stars.",
        group="Data",
    )
    unranked: Unranked = setting(
        "missing",
        "Responses that a ballot leaves out: not compared (missing), or tied in last place (last).",
        group="Data",
    )
    candidates: str = setting(
        "",
        "File of the responses on offer, with prompt_id and response_id, such as responses.jsonl.",
        group="Data",
    )
    skip: Skip = setting(
        "none",
        "Rows to leave out and list: blank ballots, empty ranks, prompts with one response.",
        group="Data",
    )
    repeats: Repeats = setting(
        "refuse",
        "Repeated ballots of an annotator on a prompt: refused, or the first, the last or all count.",
        group="Data",
    )

    @property
    def leaves_out(self) -> bool:
        """Whether some rows may not count."""
        return self.skip != "none" or self.repeats in ("first", "last")


@dataclass(frozen=True, kw_only=True)
class GroupedRankings(RankingsInput):
    """Ballots of people in groups."""

    annotators: str = setting(
        "", "Annotators file, csv with annotator_id, optional weight and further columns."
    )
    group: tuple[str, ...] = setting((), "Column of the annotators file to group by; repeatable.")


@dataclass(frozen=True, kw_only=True)
class Texts(Settings):
    """The texts of prompts and responses."""

    prompts: str = setting(MISSING, "Prompts file, jsonl with prompt_id and prompt.")
    responses: str = setting(MISSING, "Responses file, jsonl with prompt_id, response_id and text.")


@dataclass(frozen=True, kw_only=True)
class VotingRule(Settings):
    """A voting rule and its own options."""

    rule: str = setting("kemeny", "Voting rule; see rlchf rules.")
    option: dict[str, Any] = setting({}, "Option of the rule; repeatable.")


@dataclass(frozen=True, kw_only=True)
class RuleSettings(VotingRule):
    """A voting rule, its options, tie-breaking, number of threads and seed."""

    ties: str = setting(
        "",
        "Tie-breaking: keep, lexicographic, random or a second rule; by default that of the rule's page.",
        group="Aggregation",
    )
    threads: int = setting(
        0, "Number of threads; 0 uses all cores.", at_least=0, group="Aggregation"
    )
    seed: int = seed_setting()


@dataclass(frozen=True, kw_only=True)
class AggregateJob(RuleSettings, RankingsInput, Scale):
    """Rankings to aggregate."""

    frozen: str = setting(
        "",
        "Earlier output of the same rule across prompts, whose rankings stay as they are.",
        group="Aggregation",
    )
    out: str = setting("-", "jsonl, csv, tsv or parquet file; - for jsonl on standard output.")


@dataclass(frozen=True, kw_only=True)
class ConvertJob(Settings):
    """Files of a public corpus, of a tool or of ballots, and the files to write."""

    files: tuple[str, ...] = setting(MISSING, "Files or a folder to convert.")
    from_: str = setting(
        "auto",
        f"Format of the files: auto, a source ({', '.join(SOURCES)}) or a format of rankings.",
    )
    out: str = setting(
        MISSING,
        "Folder for rankings, prompts, responses and annotators; or a file for the rankings alone.",
    )
    to: str = setting(
        "",
        "Format of the rankings: csv, tsv, parquet, jsonl, preflib, blt, abif or annotated_pairs; by "
        "default that of the extension of --out, csv for a folder.",
    )
    option: dict[str, Any] = setting({}, "Option of the source; repeatable.")
    columns: str = setting(
        "",
        "Names of the columns in tables of rankings, as ours=theirs, such as prompt_id=question_id.",
        group="Data",
    )
    skip: Skip = setting(
        "none",
        "Rows of rankings to leave out: blank ballots, empty ranks, lone responses.",
        group="Data",
    )
    repeats: Repeats = setting(
        "refuse",
        "Repeated ballots of an annotator on a prompt: refused, or the first, the last or all count.",
        group="Data",
    )
    prompts: str = setting("", "Prompts file of the rankings, for annotated pairs.", group="Data")
    responses: str = setting(
        "", "Responses file of the rankings, for annotated pairs.", group="Data"
    )
    annotators: str = setting(
        "",
        "Annotators file of the rankings, for annotated pairs, whose columns name, description and type "
        "are used.",
        group="Data",
    )
    constitution: str = setting(
        "",
        "Constitution whose principles are the annotators, for annotated pairs; their questions are the "
        "descriptions.",
        group="Data",
    )
    aggregated: str = setting(
        "",
        "Collective rankings from rlchf aggregate, for annotated pairs, as the default annotator.",
        group="Data",
    )


@dataclass(frozen=True, kw_only=True)
class AuditJob(GroupedRankings):
    """Files to audit, and files to write."""

    aggregated: str = setting(
        MISSING, "Collective rankings from rlchf aggregate, or a reward model's scores."
    )
    out: str = setting("", "JSON file for all measures.")
    report: str = setting("", "HTML file for a report with charts and tables.")
    plot: str = setting("", "Folder for pictures (SVG and PNG).")
    scores: str = setting(
        "", "Scores by a reward model, of all prompts or some, audited in addition.", group="Data"
    )
    responses: str = setting(
        "",
        "Labels of the responses, for each label's share of the first places: a table with prompt_id, "
        "response_id and the column that --label names. Texts are not needed.",
        group="Data",
    )
    texts: str = setting(
        "", "Labelled texts of a policy: the label's column, optional stage.", group="Data"
    )
    label: str = setting(
        LABEL, "Column of --responses and --texts with the category of each text.", group="Data"
    )
    folds: int = setting(
        FOLDS,
        "Number of parts of the annotators that are left out in turn, for held-out figures; 0 for none.",
        at_least=0,
        group="Measures",
    )
    shuffles: int = setting(
        0,
        "Number of shuffled orders of the prompts in which to aggregate again.",
        at_least=0,
        group="Measures",
    )
    seed: int = seed_setting(group="Measures")

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        yield (
            self.folds == 1,
            "folds is 1; give 2 or more, or 0 for the outcome as it is given",
        )
        yield (
            bool(self.texts) and not self.responses,
            "--texts needs the categories of the responses that annotators ranked; give --responses",
        )
        yield (
            self.label != LABEL and not self.responses,
            f"--label {self.label} is a column of labelled responses; give --responses",
        )


@dataclass(frozen=True, kw_only=True)
class PairsJob(Texts, RankingsInput):
    """Collective rankings to make preference pairs of, and the trainer that they are for."""

    aggregated: str = setting(
        MISSING, "Collective rankings from rlchf aggregate; - for standard input."
    )
    to: Trainer = setting(MISSING, "Trainer whose files are written.")
    out: str = setting(
        "-",
        "jsonl or parquet file, or a new folder, whose name has no extension; - for jsonl on standard "
        "output.",
    )
    rankings: tuple[str, ...] = setting(
        (),
        "Ranking file, folder or quoted pattern, for shares, strengths and weights of ballots; "
        "repeatable.",
    )
    held_out: float = setting(0.0, "Fraction of prompts held out.", at_least=0, below=1)
    seed: int = seed_setting()

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        for name, usual in (
            ("annotators", ""), ("format", "auto"), ("unranked", "missing"), ("columns", ""),
            ("candidates", ""), ("skip", "none"), ("repeats", "refuse"),
        ):  # fmt: skip
            yield (
                getattr(self, name) != usual and not self.rankings,
                f"--{name} {getattr(self, name)} is about ballots; give --rankings",
            )


@dataclass(frozen=True, kw_only=True)
class RewardData(Texts, GroupedRankings):
    """Rankings, their texts, and the annotators on whom a reward model is evaluated."""

    feature: tuple[str, ...] = setting(
        (),
        "Annotator feature put before the prompt, a column of the annotators file: the model then learns"
        " each annotator's ranking; repeatable.",
        group="Data",
    )
    unseen: float = setting(
        0.0, "Fraction of annotators held out.", at_least=0, below=1, group="Data"
    )


@dataclass(frozen=True, kw_only=True)
class RewardJob(Loading, RuleSettings, RewardData):
    """The data, the voting rule and the initial model of a reward model."""

    model: str = setting(
        MISSING, "Language model to start from: a folder, smollm2, owner/model on the Hub, or tiny."
    )


@dataclass(frozen=True, kw_only=True)
class ScoreJob(Reading):
    """Texts to score with a reward model."""

    model: str = setting(MISSING, "Folder of a reward model.")
    texts: str = setting(
        MISSING, "jsonl with prompt and response, or prompt_id and text; - for standard input."
    )
    prompts: str = setting("", "jsonl with prompt_id and prompt, for lines with a prompt_id.")
    out: str = setting("-", "jsonl file for the lines with their scores; - for standard output.")


@dataclass(frozen=True, kw_only=True)
class JuryJob(Reading, VotingRule, Texts):
    """A reward model, texts, a population of annotators, and the voting rule of the jury."""

    model: str = setting(MISSING, "Folder of a reward model conditioned on annotator features.")
    annotators: str = setting(MISSING, "Annotators file from which the panel is drawn.")
    out: str = setting("-", "File for the collective rankings; - for standard output.")
    ballots: str = setting("", "File for the simulated ballots, a long table.")
    size: int = setting(
        0, "Number of seats on the panel; 0 takes everybody.", at_least=0, group="Panel"
    )
    group: tuple[str, ...] = setting(
        (),
        "Column of the annotators file whose groups keep their shares of the seats; repeatable.",
        group="Panel",
    )
    tolerance: float = setting(
        TIE_TOLERANCE,
        "Largest difference of log-odds that counts as a tie.",
        at_least=0,
        group="Panel",
    )
    noisy: bool = setting(
        False, "Ballots drawn from the predicted Plackett-Luce model.", group="Panel"
    )
    seed: int = seed_setting(group="Panel")


@dataclass(frozen=True, kw_only=True)
class SampleJob(Loading):
    """The policy to sample candidates from, its prompts, and the texts that ask for differences."""

    policy: str = setting(
        MISSING,
        "Language model to sample from: a folder, smollm2, owner/model on the Hub, or tiny.",
    )
    prompts: str = setting(MISSING, "Prompts file, jsonl with prompt_id and prompt.")
    system_prompts: str = setting(
        "",
        "Text file with a system prompt on each line, or jsonl with name and prompt, in place of the "
        "built-in ones.",
        group="Candidates",
    )
    template: str = setting(
        "",
        "Text file of the template of --method one_prompt, with {prompt} and {n}, in place of the built-in "
        "one; it must ask for answers under the lines Answer 1:, Answer 2: and so on.",
        group="Candidates",
    )


@dataclass(frozen=True, kw_only=True)
class PPOJob(RewardReading, Loading):
    """The policy to train, its prompts and its reward."""

    policy: str = setting(
        MISSING, "Language model to train: a folder, smollm2, owner/model on the Hub, or tiny."
    )
    prompts: str = setting(MISSING, "Prompts file, jsonl with prompt_id and prompt.")
    reward: tuple[str, ...] = setting(
        MISSING, "Folder of a reward model, or module:function; repeatable."
    )
    held_out: str = setting(
        "",
        "jsonl with further prompts, or the fraction of the prompts held out: the policy is evaluated on"
        " them every evaluate_every updates, and the best one is kept.",
    )
    critic: str = setting("", "Folder of the reward model that the critic starts from.")
    label: dict[str, str] = setting(
        {}, "Label of texts whose share is logged, NAME=module:function; repeatable."
    )
    combine: Combine | None = setting(None, "Combination of several rewards.", group="Reward")
    weights: str = setting(
        "", "Weights of the rewards or voters, in their order, such as 0.7,0.3.", group="Reward"
    )
    rule: str = setting("", "Voting rule of --combine vote; see rlchf rules.", group="Reward")
    option: dict[str, Any] = setting(
        {}, "Option of the rule or of --combine; repeatable.", group="Reward"
    )
    targets: str = setting(
        "",
        "Shares of the texts that each --label should have, for --combine share_targets: emoji=0.4, or "
        "annotators.csv:COLUMN for the annotators' weights, or collective rankings.",
        group="Reward",
    )
    target_texts: str = setting(
        "", "jsonl with the texts of the responses in the rankings of --targets.", group="Reward"
    )

    @property
    def rewards(self) -> Rewards:
        """The rewards, and how they are combined."""
        return Rewards(
            self.reward, self.combine, _numbers(self.weights), self.rule, self.option,
            self.targets, self.target_texts, self.label,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TasksJob(Texts):
    """Responses to rank, and the annotators who rank them."""

    to: Literal["potato", "label_studio"] = setting(MISSING, "Annotation tool.")
    out: str = setting(MISSING, "New folder for the project.")
    annotators: str = setting("", "Number of annotators, or csv with their annotator_id.")
    kind: Literal["ranking", "pairwise"] = setting(
        "ranking",
        "Task of the annotators: a ranking of all responses, or the better of two (pairwise).",
    )
    per_annotator: int = setting(
        0, "Number of items that each annotator sees; 0 for all.", at_least=0
    )
    overlap: int = setting(
        0, "Number of annotators who see each item; 0 for all, or as many as it takes.", at_least=0
    )
    seed: int = seed_setting()


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ValueError(
            f"--weights is {text!r}; write a number for each reward, such as 0.7,0.3"
        ) from None
