"""Weighting annotators to a population, from a file to a file."""

import warnings
from typing import Any

import numpy as np

from rlchf.io.columns import Table
from rlchf.io.files import display_name, reading
from rlchf.io.populations import read_population
from rlchf.io.tables import read_table, table_format, write_table
from rlchf.io.texts import Annotators, annotators_of, with_our_names
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.progress import stage
from rlchf.jobs.weigh_settings import WeighJob
from rlchf.people.weighing import Weighting, weigh_features


def weigh_file(job: WeighJob) -> Weighting:
    """Read annotators and a population, weigh the annotators, and write them with their weights.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or no weights have the population's shares; nothing is written then.
    """
    check_paths([job.annotators, job.to], [job.out])
    table_format(job.out)
    table, people = read_annotator_table(job.annotators)
    with stage(f"weigh {job.annotators}", quiet=True):
        weighting = weigh_features(
            people.ids, people.features, people.listed_weights, read_population(job.to),
            columns=job.column, trim=job.trim, missing=job.missing, empty=job.empty,
            names=(display_name(job.annotators), display_name(job.to)),
        )  # fmt: skip
    write_weighted(job.out, table, weighting.base, {"weight": weighting.weights})
    return weighting


def read_annotator_table(path: str) -> tuple[Table, Annotators]:
    """An annotators file as it is, and the people in it."""
    with reading(display_name(path)):
        table = with_our_names(read_table(path), None)
        return table, annotators_of(table)


def write_weighted(
    path: str, table: Table, base: np.ndarray, columns: dict[str, np.ndarray]
) -> None:
    """Write an annotators file with other columns, and the weights that it had in ``base_weight``.

    Parameters
    ----------
    table
        The file as it was read; its other columns stay as they are.
    base
        (A,) the weights that it had.
    columns
        (A,) each new column, in the place of the file's own or at the end.
    """
    if "base_weight" in table.names:
        warnings.warn(
            f"{table.source} has a base_weight: it was weighed or drawn before, and its weight is the base",
            stacklevel=3,
        )
    cells: dict[str, Any] = {name: table.columns[name].to_pylist() for name in table.names}
    write_table(path, {**cells, "base_weight": base, **columns})
