"""Settings of each job, as its command takes them; reading them needs neither torch nor pyarrow."""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass
from typing import Any

from rlchf.auditing.bootstrap import LEAST
from rlchf.jobs.ppo_rewards import Rewards
from rlchf.preferences import TIE_TOLERANCE
from rlchf.rankings import Unranked
from rlchf.settings import Settings, setting
from rlchf.train.ppo.rewards import Combine

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
    annotators: str = setting("", "csv with annotator_id and weight.")
    format: str = setting("auto", "Format of the ranking files.", group="Data")
    columns: str = setting(
        "", "Their names of our columns, such as prompt_id=question_id,score=stars.", group="Data"
    )
    unranked: Unranked = setting(
        "missing", "How to read responses that a ballot leaves out.", group="Data"
    )


@dataclass(frozen=True, kw_only=True)
class GroupedRankings(RankingsInput):
    """Ballots of people in groups."""

    annotators: str = setting("", "csv with annotator_id, optional weight, and further columns.")
    group: tuple[str, ...] = setting((), "Column of the annotators file to group by; repeatable.")


@dataclass(frozen=True, kw_only=True)
class Texts(Settings):
    """The texts of prompts and responses."""

    prompts: str = setting(MISSING, "jsonl with prompt_id and prompt.")
    responses: str = setting(MISSING, "jsonl with prompt_id, response_id and text.")


@dataclass(frozen=True, kw_only=True)
class VotingRule(Settings):
    """A voting rule and its own options."""

    rule: str = setting("kemeny", "Voting rule; see rlchf rules.")
    option: dict[str, Any] = setting({}, "Option of the rule; repeatable.")


@dataclass(frozen=True, kw_only=True)
class RuleSettings(VotingRule):
    """A voting rule and all that it is given."""

    ties: str = setting(
        "",
        "Ties: keep, lexicographic, random or a second rule; by default what the rule's page says.",
        group="Aggregation",
    )
    threads: int = setting(
        0, "Number of threads; 0 uses all cores.", at_least=0, group="Aggregation"
    )
    seed: int = setting(0, "Random seed.", at_least=0)


@dataclass(frozen=True, kw_only=True)
class AggregateJob(RuleSettings, RankingsInput):
    """Rankings to aggregate."""

    out: str = setting("-", "jsonl, csv, tsv or parquet file; - for jsonl on standard output.")


@dataclass(frozen=True, kw_only=True)
class AuditJob(GroupedRankings):
    """Files to audit, and files to write."""

    aggregated: str = setting(
        MISSING, "Collective rankings from rlchf aggregate, or a reward model's scores."
    )
    out: str = setting("", "JSON file for all measures.")
    plot: str = setting("", "Folder for pictures (SVG and PNG).")
    scores: str = setting(
        "", "A reward model's scores of all prompts or some, audited in addition.", group="Data"
    )
    responses: str = setting(
        "", "Labelled responses: prompt_id, response_id and the label's column.", group="Data"
    )
    texts: str = setting(
        "", "Labelled texts of a policy: the label's column, optional stage.", group="Data"
    )
    label: str = setting(
        LABEL, "Column of --responses and --texts with the category of each text.", group="Data"
    )
    bootstrap: int = setting(
        200,
        f"Number of bootstrap replicates for 95 % intervals, {LEAST} or more; 0 for no intervals.",
        at_least=0,
        group="Measures",
    )
    shuffles: int = setting(
        0,
        "Number of shuffled orders of the prompts in which to aggregate again.",
        at_least=0,
        group="Measures",
    )
    seed: int = setting(0, "Random seed.", at_least=0, group="Measures")

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        yield (
            0 < self.bootstrap < LEAST,
            f"bootstrap is {self.bootstrap}; give 0 for no intervals, or {LEAST} or more",
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
class RewardData(Texts, GroupedRankings):
    """Rankings with their texts, and the people a reward model is measured by."""

    feature: tuple[str, ...] = setting(
        (),
        "Column of the annotators file that stands before the prompt, so that the model learns each "
        "annotator's ranking; repeatable.",
        group="Data",
    )
    unseen: float = setting(
        0.0, "Fraction of annotators held out.", at_least=0, below=1, group="Data"
    )


@dataclass(frozen=True, kw_only=True)
class RewardJob(RuleSettings, RewardData):
    """What a reward model is trained on."""

    model: str = setting(
        MISSING, "Language model to start from: a folder, smollm2, owner/model on the Hub, or tiny."
    )


@dataclass(frozen=True, kw_only=True)
class ScoreJob(Settings):
    """Texts to score with a reward model."""

    model: str = setting(MISSING, "Folder of a reward model.")
    texts: str = setting(
        MISSING, "jsonl with prompt and response, or prompt_id and text; - for standard input."
    )
    prompts: str = setting("", "jsonl with prompt_id and prompt, for lines with a prompt_id.")
    out: str = setting("-", "jsonl file for the lines with their scores; - for standard output.")


@dataclass(frozen=True, kw_only=True)
class JuryJob(VotingRule, Texts):
    """A reward model, texts, a population of annotators, and how the jury decides."""

    model: str = setting(MISSING, "Folder of a reward model conditioned on annotator features.")
    annotators: str = setting(MISSING, "csv with the annotators that the panel is drawn from.")
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
        TIE_TOLERANCE, "Largest difference of log-odds that is a tie.", at_least=0, group="Panel"
    )
    noisy: bool = setting(
        False, "Ballots drawn from the predicted Plackett-Luce model.", group="Panel"
    )
    seed: int = setting(0, "Random seed.", at_least=0, group="Panel")


@dataclass(frozen=True, kw_only=True)
class PPOJob(Settings):
    """The policy to train, its prompts and its reward."""

    policy: str = setting(
        MISSING, "Language model to train: a folder, smollm2, owner/model on the Hub, or tiny."
    )
    prompts: str = setting(MISSING, "jsonl with prompt_id and prompt.")
    reward: tuple[str, ...] = setting(
        MISSING, "Folder of a reward model, or module:function; repeatable."
    )
    critic: str = setting("", "Folder of the reward model that the critic starts from.")
    label: dict[str, str] = setting(
        {}, "Label of texts whose share is logged, NAME=module:function; repeatable."
    )
    combine: Combine | None = setting(None, "How several rewards become one.", group="Reward")
    weights: str = setting(
        "", "Weights of the rewards or voters, in their order, such as 0.7,0.3.", group="Reward"
    )
    rule: str = setting("", "Voting rule of --combine vote; see rlchf rules.", group="Reward")
    option: dict[str, Any] = setting(
        {}, "Option of the rule or of --combine; repeatable.", group="Reward"
    )

    @property
    def rewards(self) -> Rewards:
        """The rewards, and how they are combined."""
        return Rewards(self.reward, self.combine, _numbers(self.weights), self.rule, self.option)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ValueError(
            f"--weights is {text!r}; write a number for each reward, such as 0.7,0.3"
        ) from None
