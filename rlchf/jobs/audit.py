"""An audit from files to files: what the command does."""

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing.bootstrap import check_replicates
from rlchf.auditing.categories import coded
from rlchf.auditing.report import Audit, audit
from rlchf.auditing.spread import Spread, shuffled
from rlchf.auditing.stages import follow
from rlchf.io import read_annotators, read_rankings
from rlchf.io.aggregations import read_aggregation, read_scores
from rlchf.io.atomic import atomic_write, check_folder, check_writable
from rlchf.io.categories import read_judged, read_kinds
from rlchf.rankings import Rankings, Unranked

Divisions = dict[str, dict[str, str]]


def audit_files(
    rankings: str,
    aggregated: str,
    *,
    annotators: str = "",
    group: str | Sequence[str] = (),
    out: str = "",
    plot: str = "",
    scores: str = "",
    responses: str = "",
    texts: str = "",
    judge: str = "judge",
    shuffles: int = 0,
    replicates: int = 200,
    seed: int = 0,
    format: str = "auto",
    unranked: Unranked = "missing",
) -> Audit:
    """Read ballots and collective rankings, audit them with all measures, and write what is asked for.

    Parameters
    ----------
    rankings, aggregated, annotators
        The files; an annotators file may have weights.
    group
        One column of the annotators file, or several.
    out, plot
        A file for everything as JSON and a folder for pictures; empty for none.
    scores
        A reward model's scores of all prompts or some, audited besides; empty for none.
    responses, texts, judge
        Files with the kind of every response and of every text of a policy, in the column ``judge``:
        each group's share is then followed to the texts; see `follow`.
    shuffles
        Shuffles of the prompts, for what depends on their order.
    replicates, seed, format, unranked
        As in `audit` and `read_rankings`.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or the aggregation is about other prompts or responses.
    """
    columns = [group] if isinstance(group, str) and group else list(group)
    draw = _plotter() if plot else None
    check_replicates(replicates)
    if shuffles < 0:
        raise ValueError(f"shuffles is {shuffles}; give 0 or more")
    if columns and not annotators:
        raise ValueError(
            f"--group {columns[0]} needs an annotators file; give it with --annotators"
        )
    if texts and not responses:
        raise ValueError(
            "--texts needs the kinds of the responses that people ranked; give --responses"
        )
    if judge != "judge" and not responses:
        raise ValueError(f"--judge {judge} is a column of judged responses; give --responses")
    inputs = [name for name in (rankings, aggregated, annotators, scores, responses, texts) if name]
    _check_paths(inputs, out, plot)
    ballots = read_rankings(rankings, format, unranked)
    divisions: Divisions = {}
    if annotators:
        ballots, divisions = _people(annotators, columns, ballots, rankings)
    groups = divisions or None
    result = read_aggregation(aggregated, ballots)
    orders = {f"aggregated ({result.rule})": result}
    learned = read_scores(scores, ballots) if scores else None
    if learned:
        orders["reward model"] = learned[1]
    kinds = read_kinds(responses, judge) if responses else None
    written = read_judged(texts, judge) if texts else {}
    if kinds:
        _check_kinds(ballots, kinds, written, responses, texts)
    report = audit(ballots, result, groups, axioms=True, replicates=replicates, seed=seed)
    if learned:
        other = audit(*learned, groups, axioms=True, replicates=replicates, seed=seed)
        report = replace(report, scores=replace(other, rule="reward model"))
    if kinds or learned:
        steps = follow(
            ballots, orders, groups, kinds=kinds, texts=written, replicates=replicates, seed=seed
        )
        report = replace(report, steps=steps)
    if shuffles:
        report = replace(report, spread=_spread(ballots, result, shuffles, seed, groups))
    if out:
        with atomic_write(out) as file:
            text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False)
            file.write((text + "\n").encode())
    if draw:
        draw(plot, ballots, result, report, groups)
    return report


def _check_paths(inputs: Sequence[str], out: str, plot: str) -> None:
    """Refuse before the work what could not be read or written."""
    if inputs.count("-") > 1:
        raise ValueError("several files are standard input, -; name all but one of them")
    if out and out != "-" and Path(out).resolve() in {Path(name).resolve() for name in inputs}:
        raise ValueError(f"{out} is an input; choose another file for --out")
    if out:
        check_writable(out)
    if plot:
        check_folder(plot)


def _check_kinds(
    ballots: Rankings, kinds: Divisions, written: dict[str, list[str]], responses: str, texts: str
) -> None:
    """Refuse responses that were not judged; warn of texts that are of other kinds altogether."""
    try:
        known, _ = coded(ballots, kinds)
    except ValueError as error:
        raise ValueError(f"{responses}: {error}") from None
    found = {kind for some in written.values() for kind in some}
    if written and not found & set(known):
        warnings.warn(
            f"the kinds in {texts} ({', '.join(sorted(found)[:5])}) are none of those in {responses} "
            f"({', '.join(known[:5])}), so nobody gets what they prefer; let one judge see both",
            stacklevel=3,
        )


def _people(
    annotators: str, columns: Sequence[str], ballots: Rankings, rankings: str
) -> tuple[Rankings, Divisions]:
    """The ballots with the annotators' weights, and the groups by each column."""
    people = read_annotators(annotators)
    if not set(people.ids) & set(ballots.annotator_ids):
        raise ValueError(f"{annotators} names none of the annotators in {rankings}")
    if people.weights is not None:
        ballots = ballots.weighted(people.weights)
    return ballots, people.divisions(columns, ballots.annotator_ids, annotators, rankings)


def _spread(
    ballots: Rankings, result: Aggregation, shuffles: int, seed: int, groups: Divisions | None
) -> list[Spread]:
    """Shuffle and aggregate again, by the rule and the options that the aggregation names."""
    try:
        again = aggregate(ballots, result.rule, **result.options)
    except ValueError as error:
        raise ValueError(f"--shuffles cannot aggregate again: {error}") from None
    if (again.response_ranks != result.response_ranks).any():
        raise ValueError(
            f"--shuffles aggregates again, and {result.rule} gives other rankings than the file; "
            "give what rlchf aggregate wrote for the same ballots and weights"
        )
    return shuffled(
        ballots, partial(aggregate, rule=result.rule, **result.options), shuffles, seed, groups
    )


def _plotter() -> Callable[..., list[Path]]:
    try:
        from rlchf.plots.audit import write_plots
    except ModuleNotFoundError as error:
        raise ValueError(
            f"pictures need matplotlib, and {error.name!r} is not installed; "
            "install it with: pip install matplotlib"
        ) from None
    return write_plots
