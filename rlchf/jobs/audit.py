"""An audit from files to files."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing.categories import encode_categories
from rlchf.auditing.report import Audit, audit
from rlchf.auditing.spread import Spread, shuffled
from rlchf.auditing.stages import trace_shares
from rlchf.auditing.weighting import weighted_figures
from rlchf.io.aggregations import read_aggregation, read_scores
from rlchf.io.atomic import check_folder
from rlchf.io.categories import read_categories, read_text_categories
from rlchf.io.datasets import dataset_files
from rlchf.io.json import write_json
from rlchf.jobs.evaluation import need_matplotlib
from rlchf.jobs.facts import report_facts
from rlchf.jobs.inputs import Groups, check_paths, list_skipped, read_people, skipped_file
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import AuditJob
from rlchf.rankings import Rankings
from rlchf.report.page import need_report, write_page


def audit_files(job: AuditJob) -> Audit:
    """Read ballots and collective rankings, audit them with all measures, and write the results.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or the aggregation is about other prompts or responses.
    """
    paths = job.aggregated, job.annotators, job.scores, job.responses, job.texts, job.candidates
    skipped = skipped_file(job.out)
    outputs = [job.out, job.report, *[skipped] * job.leaves_out]
    check_paths([*dataset_files(job.rankings), *paths], outputs)
    if job.plot:
        need_matplotlib()
        check_folder(job.plot)
    if job.report:
        need_report()
    inputs = AuditInputs.read(job)
    report = measure(inputs, job)
    if job.out:
        write_json(job.out, report.to_dict())
    if job.report:
        from rlchf.report.audit import audit_document

        files: list[str] = [*dataset_files(job.rankings), *paths]
        write_page(job.report, audit_document(report, report_facts(files)))
    if job.plot:
        from rlchf.plots.audit import audit_plots
        from rlchf.plots.save import save_all

        figures = audit_plots(inputs.rankings, inputs.result, report, inputs.groups)
        if not figures:
            warnings.warn(
                f"no picture is drawn in {job.plot}: the annotators are anonymous, and there is no group",
                stacklevel=2,
            )
        save_all(figures, job.plot)
    list_skipped(job, inputs.rankings, skipped)
    return report


@dataclass(frozen=True)
class AuditInputs:
    """The contents of an audit's files.

    Attributes
    ----------
    rankings
        The ballots, by the annotators' weights if there are some.
    result
        The collective rankings.
    groups
        Each annotator's group, by column of the annotators file; None without such columns.
    cast, weights
        The ballots without the annotators' weights, and the weights if they differ.
    scores
        The ballots on the prompts that a reward model scored, and the order by its scores.
    categories
        The category of each response by prompt; None without labelled responses.
    texts
        The categories of the policies' texts, by stage.
    """

    rankings: Rankings
    result: Aggregation
    groups: Groups | None
    cast: Rankings | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    scores: tuple[Rankings, Aggregation] | None = None
    categories: Groups | None = None
    texts: Mapping[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, job: AuditJob) -> "AuditInputs":
        """Read the files of a job."""
        people = read_people(job, job.group)
        rankings = people.rankings
        result = read_aggregation(job.aggregated, rankings)
        scores = read_scores(job.scores, rankings) if job.scores else None
        categories = read_categories(job.responses, job.label) if job.responses else None
        texts = read_text_categories(job.texts, job.label) if job.texts else {}
        if categories:
            _check_categories(job, rankings, categories, texts)
        groups, weights = people.groups or None, people.weights
        return cls(rankings, result, groups, people.cast, weights, scores, categories, texts)


def measure(inputs: AuditInputs, job: AuditJob) -> Audit:
    """Audit the collective rankings, and what else there is, with all measures."""
    groups, result = inputs.groups, inputs.result
    run = partial(audit, groups=groups, axioms=True, baselines=True, folds=job.folds, seed=job.seed)
    with stage(f"audit {result.rule}", quiet=True) as tick:
        report = run(inputs.rankings, result, tick=tick)
    orders = {f"aggregated ({result.rule})": result}
    if inputs.scores:
        orders["reward model"] = inputs.scores[1]
        report = replace(report, scores=replace(run(*inputs.scores), rule="reward model"))
    if inputs.cast is not None and inputs.weights:
        figures = weighted_figures(inputs.cast, inputs.weights, result, groups)
        report = replace(report, weights=figures)
    if inputs.scores or inputs.categories:
        with stage("shares at every stage", quiet=True) as tick:
            stages = trace_shares(
                inputs.rankings, orders, groups, categories=inputs.categories, texts=inputs.texts,
                folds=job.folds, tick=tick,
            )  # fmt: skip
        report = replace(report, stages=stages)
    if job.shuffles:
        report = replace(report, spread=_spread(inputs, job))
    return report


def _check_categories(
    job: AuditJob, rankings: Rankings, categories: Groups, texts: Mapping[str, list[str]]
) -> None:
    """Refuse responses without a category; warn of texts none of whose categories a response has."""
    try:
        known, _ = encode_categories(rankings, categories)
    except ValueError as error:
        raise ValueError(f"{job.responses}: {error}") from None
    of_texts = {category for written in texts.values() for category in written}
    if texts and not of_texts & set(known):
        warnings.warn(
            f"the categories in {job.texts} ({', '.join(sorted(of_texts)[:5])}) are none of those in "
            f"{job.responses} ({', '.join(known[:5])}), so every group's share of the texts is 0; label "
            "both files in the same way",
            stacklevel=4,
        )


def _spread(inputs: AuditInputs, job: AuditJob) -> list[Spread]:
    """Shuffle and aggregate again, by the rule and the options that the aggregation names."""
    rankings, result = inputs.rankings, inputs.result
    try:
        again = aggregate(rankings, result.rule, **result.options)
    except ValueError as error:
        raise ValueError(f"--shuffles cannot aggregate again: {error}") from None
    if (again.response_ranks != result.response_ranks).any():
        raise ValueError(
            f"--shuffles aggregates again, and {result.rule} gives other rankings than the file; "
            "give the file that rlchf aggregate wrote for the same ballots and weights"
        )
    run = partial(aggregate, rule=result.rule, **result.options)
    with stage("shuffled orders", quiet=True) as tick:
        return shuffled(rankings, run, job.shuffles, job.seed, inputs.groups, tick)
