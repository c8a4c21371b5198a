"""A panel by sortition, from a file to a file."""

from typing import Any

import numpy as np

from rlchf.io.files import display_name
from rlchf.io.tables import table_format, write_table
from rlchf.io.texts import Annotators
from rlchf.jobs.inputs import check_paths, read_toml
from rlchf.jobs.panel_settings import PanelJob, PanelWeights
from rlchf.jobs.progress import stage
from rlchf.jobs.weigh import read_annotator_table, write_weighted
from rlchf.numeric.ratios import ratio
from rlchf.people.sortition import Selection, draw_panel
from rlchf.people.sortition.lottery import Lottery
from rlchf.people.sortition.quotas import parse_quotas


def panel_file(job: PanelJob) -> Selection:
    """Read a pool and quotas, draw a panel, and write everybody with their inclusion probability.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or no panel keeps the quotas; nothing is written then.
    """
    check_paths([job.annotators, job.quotas], [job.out, job.distribution])
    for path in filter(None, (job.out, job.distribution)):
        table_format(path)
    quotas = parse_quotas(read_toml(job.quotas), display_name(job.quotas))
    table, people = read_annotator_table(job.annotators)
    base = people.listed_weights
    with stage(f"{job.method} panel of {job.size}", quiet=True) as tick:
        selection = draw_panel(
            people.features, quotas, job.size, method=job.method, present=base > 0,
            household=job.same_household, panels=job.panels, seed=job.seed,
            name=display_name(job.annotators), tick=tick,
        )  # fmt: skip
    if job.distribution and selection.lottery is not None:
        columns = [*dict.fromkeys(q.column for q in quotas), *filter(None, [job.same_household])]
        write_table(job.distribution, lottery_columns(selection.lottery, people, columns))
    first, *more = selection.selected.astype(int)
    drawn = {f"selected_{n}": panel for n, panel in enumerate(more, start=2)}
    write_weighted(
        job.out,
        table,
        base,
        {
            "weight": base * panel_weights(selection, job.weights),
            "inclusion_probability": selection.inclusion,
            "selected": first,
            **drawn,
        },
    )
    return selection


def panel_weights(selection: Selection, kind: PanelWeights) -> np.ndarray:
    """(A,) what each person's weight is multiplied by, for the first panel; see `PanelWeights`."""
    drawn, probabilities = selection.selected[0], selection.inclusion
    if kind == "soft":
        return probabilities
    hard = drawn.astype(float)
    return hard if kind == "hard" else ratio(hard, probabilities, 0.0)


def lottery_columns(
    lottery: Lottery, people: Annotators, columns: list[str]
) -> dict[str, list[Any]]:
    """A row for each panel and each kind of people on it: how many seats they have.

    Whom of a kind a panel has is drawn by lot.
    """
    first = np.unique(lottery.pool.types, return_index=True)
    example = dict(zip(first[0].tolist(), first[1].tolist(), strict=True))
    rows = [
        (c + 1, float(lottery.probabilities[c]), example[t], int(panel[t]))
        for c, panel in enumerate(lottery.panels)
        for t in np.flatnonzero(panel).tolist()
    ]
    numbers, probabilities, examples, seats = (list(one) for one in zip(*rows, strict=True))
    of_people = {name: [people.features[name][i] for i in examples] for name in columns}
    return {"panel": numbers, "probability": probabilities, **of_people, "seats": seats}
