"""The annotators file beside the ballots: one reader for all jobs, so that it means the same everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from rlchf.io import Annotators, read_annotators, read_rankings
from rlchf.jobs.settings import RankingsInput
from rlchf.rankings import Rankings

Groups = dict[str, dict[str, str]]
"""Each annotator's group, by column."""


@dataclass(frozen=True)
class People:
    """Ballots and who cast them.

    Attributes
    ----------
    rankings
        The ballots, by the annotators' weights where the file has such a column.
    annotators
        The annotators file; None without one.
    groups
        Each annotator's group, by column.
    """

    rankings: Rankings
    annotators: Annotators | None
    groups: Groups


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
    rankings = read_rankings(inputs.rankings, inputs.format, inputs.unranked)
    if not inputs.annotators:
        return People(rankings, None, {})
    annotators = read_annotators(inputs.annotators)
    voters = rankings.annotator_ids
    if not set(annotators.ids) & set(voters):
        raise ValueError(
            f"{inputs.annotators} names none of the annotators in {inputs.rankings}; give "
            f"annotator_id{' and weight' if weigh else ''}, with ids such as {voters[0]!r}"
        )
    if weigh and annotators.weights is None:
        raise ValueError(
            f"{inputs.annotators} has no column 'weight'; give annotator_id and weight"
        )
    columns = [*group, *(name for name in feature if name not in group)]
    divisions = annotators.divisions(columns, voters, inputs.annotators, inputs.rankings)
    if annotators.weights is not None:
        rankings = rankings.weighted(annotators.weights)
    return People(rankings, annotators, {name: divisions[name] for name in group})
