"""An audit from files to files: what the command does."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

from rlchf.aggregation import Aggregation
from rlchf.audit.report import Audit, audit
from rlchf.io import read_annotators, read_rankings
from rlchf.io.atomic import atomic_write
from rlchf.rankings import Unranked


def audit_files(
    rankings: str,
    aggregated: str,
    *,
    annotators: str = "",
    group: str = "",
    out: str = "",
    plot: str = "",
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
        A column of the annotators file.
    out, plot
        A file for everything as JSON and a folder for pictures; empty for none.
    replicates, seed, format, unranked
        As in `audit` and `read_rankings`.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or the aggregation is about other prompts or responses.
    """
    draw = _plotter() if plot else None
    if rankings == aggregated == "-":
        raise ValueError("the rankings and the aggregation are both standard input; name a file")
    if replicates < 0:
        raise ValueError(f"bootstrap is {replicates}; give 0 or more")
    if group and not annotators:
        raise ValueError(f"--group {group} needs an annotators file; give one with --annotators")
    inputs = {str(Path(name).resolve()) for name in (rankings, aggregated, annotators) if name}
    if out and out != "-" and str(Path(out).resolve()) in inputs:
        raise ValueError(f"{out} is an input; choose another file for --out")
    if plot and Path(plot).exists() and not Path(plot).is_dir():
        raise ValueError(f"{plot} is a file; give a folder for the pictures")
    ballots = read_rankings(rankings, format, unranked)
    groups = None
    if annotators:
        people = read_annotators(annotators)
        if not set(people.ids) & set(ballots.annotator_ids):
            raise ValueError(f"{annotators} names none of the annotators in {rankings}")
        if people.weights is not None:
            ballots = ballots.weighted(people.weights)
        if group:
            groups = people.group(group)
            left = [who for who in ballots.annotator_ids if who not in groups]
            if left:
                warnings.warn(
                    f"{len(left)} of {len(ballots.annotator_ids)} annotators, such as {left[0]!r}, are not "
                    f"in {annotators}, and so in no group",
                    stacklevel=2,
                )
    result = Aggregation.read(aggregated, ballots)
    report = audit(ballots, result, groups, axioms=True, replicates=replicates, seed=seed)
    if out:
        with atomic_write(out) as file:
            text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False)
            file.write((text + "\n").encode())
    if draw:
        draw(plot, ballots, result, report, groups)
    return report


def _plotter() -> Callable[..., list[Path]]:
    try:
        from rlchf.audit.plots import write_plots
    except ModuleNotFoundError as error:
        raise ValueError(
            f"pictures need matplotlib, and {error.name!r} is not installed; "
            "install it with: pip install matplotlib"
        ) from None
    return write_plots
