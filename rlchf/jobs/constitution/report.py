"""The report on a constitution, from files to a page."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.aggregation import check_options
from rlchf.constitution.correlation import correlations, effective_voters
from rlchf.constitution.evasion import Evasiveness, OverRefusal, evasiveness, over_refusal
from rlchf.constitution.influence import RuleInfluence, influence
from rlchf.constitution.judgements import Judgements
from rlchf.constitution.position import position_bias
from rlchf.constitution.reliability import Reliability, Shares, judge_reliability, shares_of
from rlchf.constitution.report import ConstitutionReport, Counts
from rlchf.constitution.stages import StageTexts, stage_scores, stages_apart
from rlchf.display import counted, shortened
from rlchf.io import read_annotators, read_prompts, read_rankings, read_responses
from rlchf.io.constitutions import read_constitution
from rlchf.io.judgements import read_judgements
from rlchf.io.safety import SafetyPrompts, read_safety_prompts, read_scored_texts
from rlchf.jobs.constitution.report_settings import ConstitutionReportJob
from rlchf.jobs.facts import report_facts
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.progress import stage
from rlchf.prompts import Prompt, question
from rlchf.report.page import need_report, write_page

DIVIDED = 3
"""Pairs whose texts the page shows."""
CUT = 400
"""Characters of a text that the page shows."""


def report_files(job: ConstitutionReportJob) -> ConstitutionReport:
    """Measure a constitution's judgements, and write the page.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or a rule is unknown; nothing has been written then.
    """
    files = {name: str(path) for name, path in job.stages.items()}
    paths = [
        job.rankings,
        job.annotators,
        job.prompts,
        job.responses,
        job.human,
        job.truth,
        job.xstest,
    ]
    check_paths([*paths, *files.values()], [job.out])
    for rule in job.rule_names:
        check_options(rule, {})
    if job.out:
        need_report()
    constitution = read_constitution(job.constitution) if job.constitution else None
    judgements = read_judgements(job.rankings, constitution.names if constitution else None)
    if job.annotators:
        judgements = _weighted(judgements, job.annotators)
    prompts = read_prompts(job.prompts) if job.prompts else {}
    responses = read_responses(job.responses) if job.responses else {}
    stages = [StageTexts(name, *read_scored_texts(path, job.score)) for name, path in files.items()]
    safety = read_safety_prompts(job.xstest) if job.xstest else None
    truth, humans = _truth(job.truth, judgements), _humans(job.human, judgements)

    rules, orders = _influences(job, judgements)
    evasive, refusals = _evasion(job, responses, stages, safety)
    options = {"replicates": job.bootstrap, "seed": job.seed}
    measured = ConstitutionReport(
        title=(constitution and constitution.title) or Path(job.rankings).name,
        counts=count(judgements),
        one_judge=constitution is not None and not any(one.judge for one in constitution),
        voters=effective_voters(judgements, **options),
        correlations=correlations(judgements),
        position=position_bias(judgements, **options),
        influence=rules,
        reliability=_reliability(judgements, truth, humans, orders, options),
        evasiveness=evasive,
        over_refusal=refusals,
        stages=stage_scores(stages, **options),
    )
    _warn_of_stages(measured)
    if job.out:
        from rlchf.report.constitution import constitution_document

        divided = most_divided(judgements, prompts, responses)
        facts = report_facts([*paths, *files.values()])
        write_page(job.out, constitution_document(measured, asdict(job), divided, facts))
    return measured


def _warn_of_stages(report: ConstitutionReport) -> None:
    apart = stages_apart(report.stages)
    if apart:
        share = "shares" if len(apart) == 1 else "share"
        warnings.warn(
            f"{' and '.join(map(repr, apart))} {share} no prompt_id with the first stage, "
            f"{report.stages[0].stage!r}, and no differences are taken; give texts to the same prompts",
            stacklevel=3,
        )


def count(judgements: Judgements) -> Counts:
    """The numbers of judgements.

    Examples
    --------
    >>> from rlchf.constitution.judgements import Judgement
    >>> count(Judgements.of([Judgement("p", "kind", "a", "b", float("nan"), nonsense=2)])).unusable
    1
    """
    return Counts(
        principles=len(judgements.principles),
        prompts=len(judgements.prompts),
        pairs=len(judgements.pairs),
        judgements=len(judgements),
        unusable=int((~judgements.usable).sum()),
        nonsense=int(judgements.nonsense.sum()),
        cannot_tell=float(judgements.cannot_tell.mean()),
    )


def most_divided(
    judgements: Judgements,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
) -> list[dict[str, Any]]:
    """The pairs on which the principles' labels differ most, with texts and those who prefer each side."""
    signed = np.nan_to_num(judgements.signed)
    split = np.minimum((signed > 0).sum(axis=1), (signed < 0).sum(axis=1))
    strength = np.abs(signed).sum(axis=1)
    shown: list[dict[str, Any]] = []
    for q in np.lexsort((-strength, -split)).tolist():
        prompt, *sides = judgements.pairs[q]
        texts = responses.get(prompt, {})
        if len(shown) == DIVIDED or not split[q]:
            break
        if not all(side in texts for side in sides):
            continue
        known = question(prompts[prompt]) if prompt in prompts else prompt
        names = np.array(judgements.principles)
        shown.append(
            {
                "prompt": shortened(known, CUT),
                "sides": [
                    {"text": shortened(texts[side], CUT), "principles": names[sign * signed[q] > 0].tolist()}
                    for side, sign in zip(sides, (1, -1), strict=True)
                ],
            }
        )  # fmt: skip
    return shown


def _weighted(judgements: Judgements, path: str) -> Judgements:
    weights = read_annotators(path).weights
    if weights is None:
        raise ValueError(f"{path} has no column 'weight'; give annotator_id and weight")
    missing = [name for name in judgements.principles if name not in weights]
    if len(missing) == len(judgements.principles):
        raise ValueError(
            f"{path} names none of the principles, such as {missing[0]!r}; give annotator_id and weight"
        )
    if missing:
        warnings.warn(
            f"{counted(len(missing), 'principle')}, such as {missing[0]!r}, {_is(missing)} not in {path}, "
            f"and weigh{'s' * (len(missing) == 1)} 1",
            stacklevel=3,
        )
    return judgements.weighted(weights)


def _is(names: Sequence[object]) -> str:
    return "is" if len(names) == 1 else "are"


def _truth(path: str, judgements: Judgements) -> dict[str, Shares]:
    """The planted preferences of each principle that the file names."""
    if not path:
        return {}
    rankings = read_rankings(path)
    truth: dict[str, Shares] = {}
    for name in judgements.principles:
        if name in rankings.annotator_ids:
            truth[name] = shares_of(rankings, name)
    if not truth:
        raise ValueError(
            f"{path} has planted preferences of none of the principles; give them as annotator_id, such "
            f"as {judgements.principles[0]!r}"
        )
    _check_pairs(path, set().union(*truth.values()), judgements)
    return truth


def _humans(path: str, judgements: Judgements) -> Shares:
    """The share of human votes on each pair."""
    if not path:
        return {}
    shares = shares_of(read_rankings(path))
    _check_pairs(path, set(shares), judgements)
    return shares


def _check_pairs(path: str, known: set[tuple[str, str, str]], judgements: Judgements) -> None:
    """Refuse a reference about other responses; warn of pairs that it lacks."""
    missing = [pair for pair in judgements.pairs if pair not in known]
    if len(missing) == len(judgements.pairs):
        prompt, first, second = missing[0]
        raise ValueError(
            f"{path} compares no pair that is judged, such as {first!r} and {second!r} of prompt "
            f"{prompt!r}; give rankings of the same responses"
        )
    if missing:
        warnings.warn(
            f"{path} says nothing of {counted(len(missing), 'pair')} of {len(judgements.pairs):,}, which "
            f"{_is(missing[:2])} left out of the comparison",
            stacklevel=4,
        )


def _influences(
    job: ConstitutionReportJob, judgements: Judgements
) -> tuple[list[RuleInfluence], dict[str, np.ndarray]]:
    """The influences under each rule, and each rule's labels of the pairs."""
    found, orders = [], {}
    for rule in job.rule_names:
        with stage(f"influence under {rule}", quiet=True) as tick:
            one = influence(
                judgements, rule, soft=job.labels == "soft", leave_out=job.leave_out, tick=tick
            )
        found.append(one)
        orders[rule] = (1 + one.signs) / 2
    return found, orders


def _reliability(
    judgements: Judgements,
    truth: Mapping[str, Shares],
    humans: Shares,
    orders: Mapping[str, np.ndarray],
    options: Mapping[str, int],
) -> list[Reliability]:
    if not truth and not humans:
        return []
    return judge_reliability(judgements, truth, humans, orders if humans else {}, **options)


def _evasion(
    job: ConstitutionReportJob,
    responses: Mapping[str, Mapping[str, str]],
    stages: Sequence[StageTexts],
    safety: SafetyPrompts | None,
) -> tuple[list[Evasiveness], list[OverRefusal]]:
    """Evasiveness and over-refusal of the responses that were compared, and of each stage's texts."""
    sources: dict[str, tuple[Sequence[str], Sequence[str]]] = {}
    if responses:
        pairs = [(prompt, text) for prompt, texts in responses.items() for text in texts.values()]
        sources[job.responses] = [p for p, _ in pairs], [text for _, text in pairs]
    sources |= {one.name: (one.prompts, one.texts) for one in stages}
    options = {"replicates": job.bootstrap, "seed": job.seed}
    evasive = [evasiveness(name, texts, ids, **options) for name, (ids, texts) in sources.items()]
    if safety is None:
        return evasive, []
    rows = [
        over_refusal(name, zip(ids, texts, strict=True), safety.types, safety.unsafe, **options)
        for name, (ids, texts) in sources.items()
        if any(prompt in safety.types for prompt in ids)
    ]
    if not rows:
        raise ValueError(
            f"no file of responses has a prompt of {job.xstest}, such as "
            f"{next(iter(safety.types))!r}; give responses to its prompts"
        )
    return evasive, rows
