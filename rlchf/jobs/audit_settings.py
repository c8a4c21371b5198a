"""The settings of an audit; reading them needs neither pyarrow nor rich."""

from collections.abc import Iterable
from dataclasses import MISSING, dataclass

from rlchf.auditing.bootstrap import LEAST
from rlchf.rankings import Unranked
from rlchf.settings import Settings, setting

LABEL = "label"


@dataclass(frozen=True, kw_only=True)
class AuditJob(Settings):
    """Files to audit, and files to write."""

    rankings: str = setting(MISSING, "Ranking file or PrefLib folder; - for standard input.")
    aggregated: str = setting(
        MISSING, "Collective rankings from rlchf aggregate, or a reward model's scores."
    )
    annotators: str = setting(
        "", "csv with annotator_id, optional weight, and columns for --group.", group="Data"
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
    format: str = setting("auto", "Format of the ranking file.", group="Data")
    unranked: Unranked = setting(  # noqa: RUF009  # the alias names an immutable type
        "missing", "How to read responses a ballot leaves out.", group="Data"
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
