"""A comparison of voting rules from files to files."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from rlchf.auditing.report import plain
from rlchf.comparison import Comparison, compare
from rlchf.comparison.admitted import admitted
from rlchf.comparison.embed import Embedded, linear_rewards
from rlchf.comparison.texts import Texts, divided_texts
from rlchf.comparison.weights import Weights, weights_effect
from rlchf.display import counted
from rlchf.installing import pip_install
from rlchf.io import read_prompts, read_responses
from rlchf.io.datasets import dataset_files
from rlchf.io.shown import read_shown
from rlchf.io.tables import table_format, write_table
from rlchf.jobs.compare_settings import CompareJob
from rlchf.jobs.facts import report_facts
from rlchf.jobs.folders import beside
from rlchf.jobs.inputs import People as Inputs
from rlchf.jobs.inputs import check_paths, list_skipped, read_people, skipped_file
from rlchf.jobs.progress import stage
from rlchf.people.findings import main_findings
from rlchf.people.report import People, describe_people
from rlchf.people.shown import Shown
from rlchf.preferences import check_texts
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings
from rlchf.report.document import Document
from rlchf.report.page import need_report, write_page


@dataclass(frozen=True, eq=False)
class Compared:
    """What a comparison of files gives.

    Attributes
    ----------
    rankings
        The ballots, by the annotators' weights if there are some.
    comparison
        All measures.
    texts
        The prompts on which the rules disagree most.
    people
        Who the people are, and how far they agree; None if the package krippendorff is missing.
    embedded
        Linear rewards on a language model's states; None without --embed.
    weights
        What the annotators' weights change; None if all weigh the same.
    """

    rankings: Rankings
    comparison: Comparison
    texts: Texts
    people: People | None = None
    embedded: Embedded | None = None
    weights: Weights | None = None

    @property
    def on_people(self) -> list[str]:
        """The main findings on the people, in sentences."""
        return [] if self.people is None else main_findings(self.people)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: every figure."""
        return {
            **self.comparison.to_dict(),
            "texts": self.texts.to_dict(),
            "people": self.people and self.people.to_dict(),
            "weights": self.weights and plain(self.weights.to_dict()),
            "embedded": self.embedded and plain(self.embedded.to_dict()),
        }


def compare_files(job: CompareJob) -> Compared:
    """Read ballots, compare voting rules on them with all measures, and write the results.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or a rule is unknown; nothing has been written then.
    """
    prompts = job.prompts or beside(job.rankings, "prompts")
    responses = job.responses or beside(job.rankings, "responses")
    skipped = skipped_file(job.out or job.table)
    outputs = [job.out, job.table, skipped] if job.leaves_out else [job.out, job.table]
    inputs = [
        *dataset_files(job.rankings), job.annotators, job.candidates, prompts, responses, job.shown,
    ]  # fmt: skip
    check_paths(inputs, outputs)
    if job.table:
        table_format(job.table)
    if job.out:
        need_report()
    if job.embed:
        from rlchf.train.models.load import model_folder

        model_folder(job.embed)
    people = read_people(job, job.group)
    admitted(people.rankings, job.rules)
    shown = Shown.of(people.rankings, read_shown(job.shown)) if job.shown else None
    texts_of = (
        read_prompts(prompts) if prompts else {},
        read_responses(responses) if responses else {},
    )
    if job.embed:
        if not (prompts and responses):
            raise ValueError(
                "--embed reads the texts of prompts and responses; give --prompts and --responses"
            )
        check_texts(people.rankings, *texts_of, prompts, responses)
    comparison = compare(
        people.rankings, job.rules, people.groups or None, bootstrap=job.bootstrap,
        drawn=job.resample, splits=job.splits, folds=job.folds, seed=job.seed,
        stage=partial(stage, quiet=True),
    )  # fmt: skip
    texts = divided_texts(comparison, people.rankings, *texts_of)
    found = Compared(
        people.rankings,
        comparison,
        texts,
        _describe_people(people, *texts_of, shown, job.seed),
        _embed(job, people, comparison, *texts_of),
        _weights(people, comparison),
    )
    if job.table:
        write_table(job.table, comparison.prompt_table())
    if job.out:
        files = [*job.rankings, job.annotators, prompts, responses]
        write_page(job.out, comparison_document(found, report_facts(files)))
    list_skipped(job, people.rankings, skipped)
    return found


def _embed(
    job: CompareJob,
    given: Inputs,
    comparison: Comparison,
    prompts: dict[str, Prompt],
    texts: dict[str, dict[str, str]],
) -> Embedded | None:
    """Linear rewards on a language model's states, if a model is named."""
    if not job.embed:
        return None
    from rlchf.train.models.states import response_states

    rankings = given.rankings
    with stage("states", quiet=True) as tick:
        states = response_states(job.embed, rankings, prompts, texts, tick)
    return linear_rewards(
        rankings, comparison.results, states, given.groups or None, model=job.embed, seed=job.seed
    )


def _weights(given: Inputs, comparison: Comparison) -> Weights | None:
    """What the annotators' weights change, if the annotators file has some that differ."""
    if not given.weights:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the weighted results were made
        return weights_effect(
            given.rankings, given.cast, comparison.results, given.weights, given.groups or None
        )


def _describe_people(
    given: Inputs,
    prompts: dict[str, Prompt],
    texts: dict[str, dict[str, str]],
    shown: Shown | None,
    seed: int,
) -> People | None:
    """Who the people are; a warning, where the package that this needs is missing."""
    if not find_spec("krippendorff"):
        warnings.warn(
            "agreement among people is left out, because krippendorff is not installed; run "
            f"{pip_install('people')}",
            stacklevel=3,
        )
        return None
    with stage("people", quiet=True) as tick:
        return describe_people(
            given.rankings, given.groups or None, prompts=prompts or None, texts=texts or None,
            shown=shown, seed=seed, tick=tick,
        )  # fmt: skip


def comparison_document(compared: Compared, facts: Mapping[str, str]) -> Document:
    """The report on a comparison: its findings, and a section for each kind of measure."""
    from rlchf.report.comparison import comparison_sections

    comparison = compared.comparison
    counts = comparison.data.counts
    findings = [*comparison.findings, *compared.on_people]
    if compared.embedded is not None:
        findings.append(compared.embedded.sentence)
    return Document(
        title=f"{len(comparison.rules)} voting rules on {counted(counts.prompts, 'prompt')}",
        findings=findings,
        sections=comparison_sections(
            compared.rankings,
            comparison,
            compared.texts,
            compared.people,
            compared.embedded,
            compared.weights,
        ),
        facts=facts,
    )
