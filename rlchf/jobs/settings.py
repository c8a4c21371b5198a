"""Settings of each job, as its command takes them; reading them needs neither torch nor pyarrow."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, get_origin, get_type_hints

from rlchf.auditing.bootstrap import LEAST
from rlchf.jobs.ppo_rewards import Rewards
from rlchf.options import fitting
from rlchf.rankings import Unranked
from rlchf.settings import Settings, setting
from rlchf.train.ppo.rewards import Combine

Made = TypeVar("Made")
LABEL = "label"
"""The column of labelled texts, unless another is named."""
TINY = "tiny"
"""The name of a model that is made for the job: a small Llama."""


@dataclass(frozen=True, kw_only=True)
class RankingsInput(Settings):
    """The ballots and the people who cast them."""

    rankings: str = setting(MISSING, "Ranking file or PrefLib folder; - for standard input.")
    annotators: str = setting(
        "", "csv with annotator_id, optional weight, and columns for --group.", group="Data"
    )
    format: str = setting("auto", "Format of the ranking file.", group="Data")
    unranked: Unranked = setting(
        "missing", "How to read responses a ballot leaves out.", group="Data"
    )


@dataclass(frozen=True, kw_only=True)
class RuleSettings(Settings):
    """A voting rule and what it is given."""

    rule: str = setting("kemeny", "Voting rule; see rlchf rules.", group="Aggregation")
    option: dict[str, Any] = field(
        default_factory=dict,
        metadata={"help": "Option of the rule, NAME=VALUE; repeatable.", "group": "Aggregation"},
    )
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

    annotators: str = setting("", "csv with annotator_id and weight.", group="Data")
    out: str = setting("-", "jsonl, csv, tsv or parquet file; - for jsonl on standard output.")


@dataclass(frozen=True, kw_only=True)
class AuditJob(RankingsInput):
    """Files to audit, and files to write."""

    aggregated: str = setting(
        MISSING, "Collective rankings from rlchf aggregate, or a reward model's scores."
    )
    group: tuple[str, ...] = setting(
        (), "Column of the annotators file to group by; repeatable.", group="Data"
    )
    scores: str = setting(
        "",
        "A reward model's scores of all prompts or some, audited in addition.",
        group="Data",
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
    shuffles: int = setting(
        0,
        "Number of shuffled orders of the prompts in which to aggregate again.",
        at_least=0,
        group="Measures",
    )
    bootstrap: int = setting(
        200,
        f"Number of bootstrap replicates for 95 % intervals, {LEAST} or more; 0 for no intervals.",
        at_least=0,
        group="Measures",
    )
    seed: int = setting(0, "Random seed.", at_least=0, group="Measures")
    out: str = setting("", "JSON file for all measures.", group="Output")
    plot: str = setting("", "Folder for pictures (SVG and PNG).", group="Output")

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Combinations of settings that do not fit."""
        group = self.group[0] if self.group else ""
        return (
            (
                0 < self.bootstrap < LEAST,
                f"bootstrap is {self.bootstrap}; give 0 for no intervals, or {LEAST} or more",
            ),
            (
                bool(group) and not self.annotators,
                f"--group {group} needs an annotators file; give --annotators",
            ),
            (
                bool(self.texts) and not self.responses,
                "--texts needs the categories of the responses that annotators ranked; "
                "give --responses",
            ),
            (
                self.label != LABEL and not self.responses,
                f"--label {self.label} is a column of labelled responses; give --responses",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class RewardData(RankingsInput):
    """Rankings with their texts, and the people a reward model is measured by."""

    prompts: str = setting(MISSING, "jsonl with prompt_id and prompt.", group="Data")
    responses: str = setting(MISSING, "jsonl with prompt_id, response_id and text.", group="Data")
    group: tuple[str, ...] = setting(
        (), "Column of the annotators file to group by; repeatable.", group="Data"
    )
    feature: tuple[str, ...] = setting(
        (),
        "Column of the annotators file that stands before the prompt, so that the model learns each "
        "annotator's ranking; repeatable.",
        group="Data",
    )
    unseen: float = setting(
        0.0,
        "Fraction of annotators held out.",
        at_least=0,
        below=1,
        group="Data",
    )


@dataclass(frozen=True, kw_only=True)
class RewardJob(RuleSettings, RewardData):
    """What a reward model is trained on."""

    model: str = setting(
        MISSING,
        "Language model to start from: a folder, smollm2, owner/model on the Hub, or tiny.",
    )


@dataclass(frozen=True, kw_only=True)
class ScoreJob(Settings):
    """Texts to score with a reward model."""

    model: str = setting(MISSING, "Folder of a reward model.")
    texts: str = setting(
        MISSING,
        "jsonl with prompt and response, or prompt_id and text; - for standard input.",
    )
    prompts: str = setting("", "jsonl with prompt_id and prompt, for lines with a prompt_id.")
    out: str = setting("-", "jsonl file for the lines with their scores; - for standard output.")


@dataclass(frozen=True, kw_only=True)
class JuryJob(Settings):
    """A reward model, texts, a population of annotators, and how the jury decides."""

    model: str = setting(MISSING, "Folder of a reward model conditioned on annotator features.")
    prompts: str = setting(MISSING, "jsonl with prompt_id and prompt.")
    responses: str = setting(MISSING, "jsonl with prompt_id, response_id and text.")
    annotators: str = setting(MISSING, "csv with the annotators that the panel is drawn from.")
    out: str = setting("-", "File for the collective rankings; - for standard output.")
    ballots: str = setting("", "File for the simulated ballots, a long table.")
    rule: str = setting("kemeny", "Voting rule; see rlchf rules.", group="Aggregation")
    option: dict[str, Any] = field(
        default_factory=dict,
        metadata={"help": "Option of the rule, NAME=VALUE; repeatable.", "group": "Aggregation"},
    )
    size: int = setting(
        0, "Number of seats on the panel; 0 takes everybody.", at_least=0, group="Panel"
    )
    by: tuple[str, ...] = setting(
        (), "Column of the annotators file to stratify the panel by; repeatable.", group="Panel"
    )
    tolerance: float = setting(
        1e-6, "Largest difference of log-odds that is a tie.", at_least=0, group="Panel"
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
        MISSING, "Folder of a reward model, or module:function; repeatable.", group="Reward"
    )
    combine: Combine | None = setting(None, "How several rewards become one.", group="Reward")
    weights: str = setting(
        "", "Weights of the rewards or voters, in their order, such as 0.7,0.3.", group="Reward"
    )
    rule: str = setting("", "Voting rule of --combine vote; see rlchf rules.", group="Reward")
    option: dict[str, Any] = field(
        default_factory=dict,
        metadata={
            "help": "Option of the rule or of --combine, NAME=VALUE; repeatable.",
            "group": "Reward",
        },
    )
    critic: str = setting("", "Folder of the reward model the critic starts from.")
    label: dict[str, str] = field(
        default_factory=dict,
        metadata={
            "help": "Label of texts whose share is logged, NAME=module:function; repeatable.",
            "group": "Limits and records",
        },
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


def built(kind: type[Made], values: Mapping[str, Any], where: str = "") -> Made:
    """A settings object from what a file holds: lists are tuples, and one text is a list of one.

    Raises
    ------
    ValueError
        If there is no such setting, one is missing, or a value does not fit; the message begins with
        ``where``.

    Examples
    --------
    >>> built(RewardData, {"rankings": "r.csv", "prompts": "p", "responses": "t", "group": "age"}).group
    ('age',)
    >>> built(RewardData, {"rankings": "r.csv", "prompts": "p"}, "[data] ")
    Traceback (most recent call last):
    ...
    ValueError: [data] lacks the key 'responses': jsonl with prompt_id, response_id and text.
    """
    hints = get_type_hints(kind)
    fitted = fitting(kind, values, where)
    for one in fields(kind):  # type: ignore[arg-type]  # a dataclass
        missing = one.default is MISSING and one.default_factory is MISSING
        if missing and one.name not in fitted:
            help = one.metadata.get("help", "")
            raise ValueError(f"{where}lacks the key {one.name!r}" + (f": {help}" if help else ""))
    for name, value in fitted.items():
        if get_origin(hints[name]) is tuple and isinstance(value, list):
            fitted[name] = tuple(value)
        elif hints[name] == tuple[str, ...] and isinstance(value, str):
            fitted[name] = (value,)
    try:
        return kind(**fitted)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None
