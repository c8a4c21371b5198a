"""Inputs of the jobs: each kind of file has one reader, so that it means the same to every command."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlchf.absent import without_absent
from rlchf.auditing.apart import sets_apart
from rlchf.display import counted
from rlchf.io import Annotators, read_annotators, read_prompts, read_rankings, read_responses
from rlchf.io.atomic import check_writable
from rlchf.io.datasets import dataset_files
from rlchf.io.files import STANDARD_STREAM, decode, display_name, read_bytes, real_path
from rlchf.io.matching import match_annotators
from rlchf.io.rows import write_skipped
from rlchf.jobs.settings import RankingsInput, RewardData
from rlchf.parsing import toml_table
from rlchf.preferences import check_texts
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings
from rlchf.skipped import Skipped

Groups = dict[str, dict[str, str]]
"""Each annotator's group, by column."""


@dataclass(frozen=True)
class People:
    """Ballots and who cast them.

    Attributes
    ----------
    rankings
        The ballots, by the annotators' weights where the file has such a column; those with the weight 0
        are absent.
    annotators
        The annotators file; None without one.
    groups
        Each annotator's group, by column.
    cast
        The ballots without the annotators' weights.
    """

    rankings: Rankings
    annotators: Annotators | None
    groups: Groups
    cast: Rankings

    @property
    def weights(self) -> dict[str, float]:
        """The weights in the annotators file; empty if it has none, or all who vote have the same."""
        known = (self.annotators.weights if self.annotators else None) or {}
        differ = len({known.get(one, 1.0) for one in self.cast.annotator_ids}) > 1
        return known if differ else {}


@dataclass(frozen=True)
class Inputs(People):
    """Ballots, who cast them, and the texts."""

    prompts: dict[str, Prompt]
    responses: dict[str, dict[str, str]]


def check_paths(inputs: Sequence[str], outputs: Sequence[str] = ()) -> None:
    """Refuse files that cannot be read or written together, before the work; empty names are left out.

    Raises
    ------
    ValueError
        If several inputs are standard input, or an output is an input or cannot be written.
    """
    if list(inputs).count(STANDARD_STREAM) > 1:
        raise ValueError("several files are standard input, -; name all but one of them")
    paths = {real_path(name) for name in inputs if name not in ("", STANDARD_STREAM)}
    for name in filter(None, outputs):
        if name != STANDARD_STREAM and real_path(name) in paths:
            raise ValueError(f"{name} is an input; choose another file to write to")
        check_writable(name)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a run file or a file of settings.

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such file, or it is not TOML.
    """
    text = decode(read_bytes(path), display_name(path))
    try:
        return toml_table(text)
    except ValueError as error:
        of_key = any(part in str(error) for part in ("after a key", "Invalid statement"))
        hint = '; put a key with other signs than letters, digits, - and _ in quotes: "55+" = 1'
        raise ValueError(f"{path} is not a TOML file: {error}{hint * of_key}") from None


def read_people(
    inputs: RankingsInput,
    group: Sequence[str] = (),
    feature: Sequence[str] = (),
    *,
    weigh: bool = False,
) -> People:
    """Read the ballots and, if there is one, the annotators file.

    Parameters
    ----------
    group, feature
        Columns that the annotators file must have, with a value for some who vote.
    weigh
        Whether the annotators file must have weights, because nothing else is read from it.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, the annotators file names none of those who vote, or a column is
        asked for and there is no annotators file, or it has no such column.
    """
    needed = [f"--group {name}" for name in group] + [f"--feature {name}" for name in feature]
    if needed and not inputs.annotators:
        raise ValueError(f"{needed[0]} needs an annotators file; give --annotators")
    rankings = read_rankings(
        inputs.rankings, inputs.format, inputs.unranked, columns=inputs.columns,
        skip=inputs.skip, repeats=inputs.repeats, candidates=inputs.candidates or None,
    )  # fmt: skip
    if not inputs.annotators:
        return People(rankings, None, {}, rankings)
    annotators = read_annotators(inputs.annotators, columns=inputs.columns)
    columns = [*group, *(name for name in feature if name not in group)]
    check_match(
        inputs.annotators, annotators, rankings.annotator_ids, rankings.source, columns, weigh=weigh
    )
    divisions = annotators.divisions(
        columns, rankings.annotator_ids, inputs.annotators, rankings.source
    )
    for name in group:
        _warn_of_sets_apart(rankings, name, divisions[name])
    cast = rankings
    if annotators.weights is not None:
        rankings = without_absent(rankings.weighted(annotators.weights))
    return People(rankings, annotators, {name: divisions[name] for name in group}, cast)


def _warn_of_sets_apart(rankings: Rankings, column: str, groups: dict[str, str]) -> None:
    number, several = sets_apart(rankings, groups)
    if number:
        warnings.warn(
            f"groups by {column} have members who share no prompt: {rankings.source} has {number:,} sets of "
            f"prompts without common annotators, and groups such as {several[0]!r} are in several of them; "
            "if the same value means other people in another set, use a column that tells the sets "
            "apart, such as the conversation and the group together",
            stacklevel=4,
        )


def check_match(
    path: str,
    annotators: Annotators,
    voters: Sequence[str],
    source: str,
    columns: Sequence[str] = (),
    *,
    weigh: bool = False,
) -> None:
    """Refuse an annotators file that names nobody who votes, and warn of those whom it leaves out.

    Parameters
    ----------
    path, source
        The annotators file, and the name of the rankings.
    voters
        The ids of those who vote.
    columns
        Columns by which annotators are grouped.
    weigh
        Whether the file must have weights.
    """
    match = match_annotators(voters, annotators.ids)
    if not match.shared:
        raise ValueError(
            f"{path} names none of the annotators in {source}; give "
            f"annotator_id{' and weight' if weigh else ''}, with ids such as "
            f"{voters[0]!r}{match.hint}"
        )
    if weigh and annotators.weights is None:
        raise ValueError(f"{path} has no column 'weight'; give annotator_id and weight")
    weigh_one = ["weigh 1"] if annotators.weights is not None else []
    in_no_group = [f"have no {' and no '.join(columns)}"] if columns else []
    match.warn(path, " and ".join([*weigh_one, *in_no_group]))


def skipped_file(out: str) -> str:
    """The file that lists the rows left out, beside the file with the results.

    Examples
    --------
    >>> skipped_file("out/aggregated.jsonl"), skipped_file("-")
    ('out/aggregated.jsonl.skipped.csv', 'skipped.csv')
    """
    return "skipped.csv" if out in ("", STANDARD_STREAM) else f"{out}.skipped.csv"


def list_skipped(job: RankingsInput, rankings: Rankings, path: str | Path) -> None:
    """Write the rows that were left out, if there are some, and say where."""
    list_skipped_rows(job, rankings.skipped, path)


def list_skipped_rows(job: RankingsInput, skipped: Sequence[Skipped], path: str | Path) -> None:
    """Write rows that were left out, if there are some, and say where."""
    if skipped:
        write_skipped(path, skipped)
        rows = counted(len(skipped), "row")
        do = "does" if len(skipped) == 1 else "do"
        warnings.warn(f"{path} lists {rows} of the input that {do} not count", stacklevel=3)
    elif job.leaves_out and Path(path).exists():
        write_skipped(path, [])  # what it has is of an earlier run


def read_inputs(job: RewardData) -> Inputs:
    """Read the rankings, the texts and the annotators.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or lacks the text of a response that is ranked.
    """
    files = [*dataset_files(job.rankings), job.annotators, job.prompts, job.responses]
    check_paths([*files, job.candidates])
    people = read_people(job, job.group, job.feature)
    prompts, responses = read_prompts(job.prompts), read_responses(job.responses)
    check_texts(people.rankings, prompts, responses, job.prompts, job.responses)
    return Inputs(**vars(people), prompts=prompts, responses=responses)
