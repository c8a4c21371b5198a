"""Axioms of rules: what is known, how often they are broken on a file and on cultures, and replays."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rlchf.aggregation import aggregate
from rlchf.axioms.cases import Case, Places
from rlchf.axioms.counterexamples import Counterexample
from rlchf.axioms.deciding import places
from rlchf.axioms.definitions import check_of
from rlchf.axioms.elections import Elections
from rlchf.axioms.enumerating import BALLOTS
from rlchf.axioms.rates import Rate, batches_of, rates
from rlchf.axioms.smallest import within
from rlchf.axioms.statuses import Status, chosen_names, statuses
from rlchf.comparison.admitted import seconds_by_prompt
from rlchf.comparison.influence import Influences
from rlchf.display import counted, listing
from rlchf.io.datasets import dataset_files
from rlchf.io.json import write_json
from rlchf.io.tables import write_table
from rlchf.jobs.axioms_settings import AxiomsJob, is_table
from rlchf.jobs.inputs import People, check_paths, list_skipped, read_people, skipped_file
from rlchf.jobs.manipulation import Manipulated, influences, manipulated
from rlchf.jobs.progress import stage
from rlchf.options import meant
from rlchf.rankings import Rankings
from rlchf.rules import AXIOMS, SCOPES, get_rule, is_across, rule_names
from rlchf.simulate import culture
from rlchf.simulate import profiles as drawn_profiles
from rlchf.simulate.cultures import culture_options

LIMIT = 0.1
"""Seconds that a rule may take on a prompt, which it decides again for every change."""
Batches = list[tuple[np.ndarray, Elections]]


@dataclass(frozen=True)
class Measured:
    """How often axioms are broken on the elections of one source.

    Attributes
    ----------
    name
        The file or the culture.
    scope
        What the ballots have, in words.
    rates
        One for each rule and axiom.
    prompts
        The id of the first prompt on which each is broken, by rule and axiom; empty for a culture.
    heading
        The culture with its options and the sizes of the elections; "" for a file.
    """

    name: str
    scope: str
    rates: list[Rate]
    prompts: dict[tuple[str, str], str] = field(default_factory=dict)
    heading: str = ""

    def record(self) -> dict[str, Any]:
        """The rates as plain values."""
        rows = []
        for one in self.rates:
            row = one.record()
            row["first"] = self.prompts.get((one.rule, one.axiom), row["first"])
            rows.append(row)
        return {"name": self.name, "ballots": self.scope, "rates": rows}


@dataclass(frozen=True)
class AxiomReport:
    """What is known of rules and axioms, and the rates that were measured.

    Attributes
    ----------
    stopped
        Whether Ctrl-C ended the work: then these are the rates measured until then, and nothing is written.
    """

    statuses: list[Status]
    measured: list[Measured] = field(default_factory=list)
    manipulated: list[Manipulated] = field(default_factory=list)
    influences: list[Influences] = field(default_factory=list)
    stopped: bool = False

    @property
    def rules(self) -> list[str]:
        """The rules."""
        return list(dict.fromkeys(status.rule for status in self.statuses))

    @property
    def axioms(self) -> list[str]:
        """The axioms."""
        return list(dict.fromkeys(status.axiom for status in self.statuses))

    def record(self) -> dict[str, Any]:
        """All figures as plain values."""
        return {
            "rules": [status.record() for status in self.statuses],
            "measured": [one.record() for one in self.measured],
            "manipulated": [one.record() for one in self.manipulated],
            "influence": [one.to_dict() for one in self.influences],
        }


def axioms_of_rules(job: AxiomsJob) -> AxiomReport:
    """Look up or search what rules satisfy, and measure how often they break it on a file and on cultures.

    Ctrl-C ends the work; what is measured until then is returned, if there is something, and no file is
    written.

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such rule, axiom or culture, or a file is missing or wrong.
    """
    check_paths([*dataset_files(job.rankings), job.annotators] if job.rankings else [], [job.out])
    rules = chosen_names(job.rules, rule_names())
    axioms = chosen_axioms(job.axioms)
    for rule in rules:
        get_rule(rule)
    cultures = chosen_names(job.cultures, [])
    check_options(job.option, cultures)
    drawn = {name: drawn_elections(job, name) for name in cultures}
    people = read_people(job, job.group) if job.rankings else None
    measured: list[Measured] = []
    try:
        if people is not None:
            on_file(job, people.rankings, rules, axioms, measured)
        for name, batches in drawn.items():
            on_culture(job, name, batches, rules, axioms, measured)
        with stage("counterexamples", quiet=True) as tick:
            known = statuses(rules, axioms, job.search, job.seed, tick)
        known = [with_measured(status, measured) for status in known]
        more = on_people(job, people, rules, cultures)
    except KeyboardInterrupt:
        measured = [one for one in measured if one.rates]
        if not measured:
            raise
        known = [with_measured(one, measured) for one in statuses(rules, axioms, 0, job.seed)]
        return AxiomReport(known, measured, stopped=True)
    report = AxiomReport(known, measured, *more)
    if is_table(job.out):
        write_table(job.out, rate_columns(report))
    elif job.out:
        write_json(job.out, report.record())
    return report


def with_measured(status: Status, measured: Sequence[Measured]) -> Status:
    """The status of a rule and an axiom, refuted if the axiom was broken while it was measured.

    A counterexample that is known stays. What a card claims does not stay, with a warning, if it was broken
    where the claim's condition holds.
    """
    if status.counterexample and not status.satisfied:
        return status
    for source in measured:
        for one in source.rates:
            if (one.rule, one.axiom) != (status.rule, status.axiom):
                continue
            if not (one.within or one if status.satisfied else one).broken:
                continue
            prompt = None if one.within else source.prompts.get((one.rule, one.axiom))
            place = f"prompt {prompt}" if prompt else f"{counted(one.broken, 'election')}"
            if status.satisfied:
                warn_of_claim(status, f"{place} of {source.name}")
            found = seen = None
            if is_across(get_rule(one.rule)):
                seen = one.case
            elif one.case is not None:
                found = Counterexample(one.rule, one.axiom, kind_of(one.case), one.case)
            return replace(
                status, satisfied=False, scope="", source="", counterexample=found, seen=seen,
                met=f"{place} of {source.name}",
            )  # fmt: skip
    return status


def warn_of_claim(status: Status, place: str) -> None:
    """Warn that what a rule's card claims was broken."""
    condition = f" {SCOPES[status.scope]}" if status.scope else ""
    warnings.warn(
        f"{status.rule}: its card claims {status.axiom}{condition} ({status.source}), but the axiom is "
        f"broken on {place}, so the claim is wrong",
        stacklevel=2,
    )


def kind_of(case: Case) -> str:
    """What the ballots of a case have: "strict", "ties", "gaps" or "ties and gaps"."""
    return next(kind for kind in BALLOTS if within(case, kind)[0])


def rate_columns(report: AxiomReport) -> dict[str, list[Any]]:
    """The rates as columns, a row for each source, rule and axiom, and for the condition of a claim."""
    rows = [
        (source.heading or source.name, one)
        for source in report.measured
        for rate in source.rates
        for one in (rate, rate.within)
        if one
    ]
    return {
        "rule": [one.rule for _, one in rows],
        "axiom": [one.axiom for _, one in rows],
        "source": [source for source, _ in rows],
        "condition": ["" if one.within else one.scope for _, one in rows],
        "broken": [one.broken for _, one in rows],
        "elections": [one.elections for _, one in rows],
        "low": [None if one.low != one.low else one.low for _, one in rows],
        "high": [None if one.high != one.high else one.high for _, one in rows],
    }


def on_people(
    job: AxiomsJob, people: People | None, rules: Sequence[str], cultures: Sequence[str]
) -> tuple[list[Manipulated], list[Influences]]:
    """Manipulation on the file and the cultures, and the influence of the file's annotators, if asked for."""
    found: list[Influences] = []
    datasets = [] if people is None else [(people.rankings.source, people.rankings)]
    if people is not None and job.influence:
        found = influences(people.rankings, rules, people.groups or None, job.seed)
    if not job.manipulation:
        return [], found
    prompts = min(job.tried, job.elections)
    size = {"prompts": prompts, "annotators": job.ballots, "responses": job.responses}
    datasets += [
        (name, culture(name, seed=job.seed, **size, **options_of(job, name))) for name in cultures
    ]
    return manipulated(datasets, rules, job, job.seed), found


def chosen_axioms(given: str) -> list[str]:
    """Axioms by name, in any case and with - or _ for a space; all if none is named."""
    spelled = {name.lower(): name for name in AXIOMS}
    names = chosen_names(given, AXIOMS)
    plain = [name.lower().replace("_", " ").replace("-", " ") for name in names]
    found = [spelled.get(one, name) for one, name in zip(plain, names, strict=True)]
    return [check_of(name).name for name in dict.fromkeys(found)]


def on_file(
    job: AxiomsJob,
    rankings: Rankings,
    rules: Sequence[str],
    axioms: Sequence[str],
    measured: list[Measured],
) -> None:
    """Append the rates on the prompts of a dataset, or on some of them drawn at random.

    They are filled in as they are measured.
    """
    P = len(rankings.prompt_ids)
    chosen = np.arange(P)
    if job.elections < P:
        chosen = np.sort(np.random.default_rng(job.seed).permutation(P)[: job.elections])
        warnings.warn(
            f"the rates are of {job.elections:,} of {P:,} prompts, drawn at random; --elections {P} takes "
            "all",
            stacklevel=2,
        )
    batches = file_batches(rankings, chosen)
    rows = Measured(rankings.source, scope_of(batches), [], {})
    measured.append(rows)
    for rule in rules:
        with stage(f"axioms of {rule} on {counted(len(chosen), 'prompt')}", quiet=True) as tick:
            part, known = batches, {}
            if is_across(get_rule(rule)):
                known = {rule: known_places(rankings, rule)}
            elif (slow := slow_prompts(rule, rankings, chosen)).any():
                part = file_batches(rankings, chosen[~slow])
            try:
                rates([rule], axioms, part, seed=job.seed, known=known, tick=tick, into=rows.rates)
            finally:
                rows.prompts.update({
                    (one.rule, one.axiom): rankings.prompt_ids[one.first]
                    for one in rows.rates
                    if one.first >= 0
                })  # fmt: skip
    list_skipped(job, rankings, skipped_file(job.out))


def on_culture(
    job: AxiomsJob,
    name: str,
    batches: Batches,
    rules: Sequence[str],
    axioms: Sequence[str],
    measured: list[Measured],
) -> None:
    """Append the rates on elections drawn from a culture; they are filled in as they are measured."""
    rows = Measured(name, scope_of(batches), [], heading=heading_of(job, name))
    measured.append(rows)
    with stage(f"axioms on {name}", quiet=True) as tick:
        rates(rules, axioms, batches, seed=job.seed, tick=tick, into=rows.rates)


def slow_prompts(rule: str, rankings: Rankings, chosen: np.ndarray) -> np.ndarray:
    """Which of some prompts a rule takes too long on, with a warning that counts them."""
    slow = np.asarray(seconds_by_prompt(rule, rankings)[chosen] > LIMIT)
    if slow.any():
        least = int(np.diff(rankings.response_starts)[chosen][slow].min())
        warnings.warn(
            f"{rule}: left out {int(slow.sum()):,} of {counted(len(chosen), 'prompt')}, with {least:,} "
            f"responses or more, on which one run would take longer than {LIMIT:g} s; an axiom takes many "
            "runs",
            stacklevel=2,
        )
    return slow


def file_batches(rankings: Rankings, chosen: np.ndarray) -> Batches:
    """The prompts as elections."""
    sizes = np.diff(rankings.response_starts)[chosen]
    parts = [chosen[sizes == size] for size in np.unique(sizes) if size > 1]
    return list(batches_of((part, rankings.batch(part)) for part in parts))


def known_places(rankings: Rankings, rule: str) -> Callable[[np.ndarray], Places]:
    """The places that a rule across prompts gives, by the indices of prompts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = aggregate(rankings, rule)

    def known(indices: np.ndarray) -> Places:
        starts = rankings.response_starts[indices]
        size = int(rankings.response_starts[indices[0] + 1] - starts[0])
        ranks = result.response_ranks[starts[:, None] + np.arange(size)]
        return places(-ranks.astype(np.float64))

    return known


def drawn_elections(job: AxiomsJob, name: str) -> Batches:
    """Elections of a culture with the options that it has."""
    rng = np.random.default_rng(job.seed)
    options = options_of(job, name)
    profiles = drawn_profiles(name, job.elections, job.ballots, job.responses, rng, **options)
    return list(batches_of([(np.arange(job.elections), profiles)]))


def options_of(job: AxiomsJob, name: str) -> dict[str, Any]:
    """Those of the options given that a culture has."""
    known = culture_options(name)
    return {option: value for option, value in job.option.items() if option in known}


def check_options(options: Mapping[str, Any], cultures: Sequence[str]) -> None:
    """Refuse an option that none of the cultures has."""
    known = {option for name in cultures for option in culture_options(name)}
    for option in options:
        if option not in known:
            hint = meant(option, known) or f"they have {', '.join(sorted(known)) or 'none'}"
            raise ValueError(f"{listing(cultures)}: there is no option {option!r}; {hint}")


def heading_of(job: AxiomsJob, name: str) -> str:
    """A culture, its options and the sizes of its elections, in words."""
    options = "".join(f", {key}={value}" for key, value in options_of(job, name).items())
    return (
        f"{name} culture{options}, {counted(job.elections, 'election')} of "
        f"{counted(job.ballots, 'strict complete ballot')} over {counted(job.responses, 'response')}, "
        f"seed {job.seed}"
    )


def scope_of(batches: Batches) -> str:
    """What the ballots have: strict, ties, gaps or both, and what they state."""
    ties = not all(e.untied.all() for _, e in batches)
    gaps = not all(e.complete.all() for _, e in batches)
    given = {e.given for _, e in batches} - {"rankings"}
    kind = " and ".join(name for name, there in (("ties", ties), ("gaps", gaps)) if there)
    stated = f", {' and '.join(sorted(given))} stated" if given else ""
    return (f"ballots with {kind}" if kind else "strict complete ballots") + stated
