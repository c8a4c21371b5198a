"""Approvals: one row for each response that an annotator judged by itself."""

import warnings

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.io.formats.long import gather_rows
from rlchf.parts import OfEveryPartWarning
from rlchf.profiles import UNSTATED


def read_approvals(table: Table, unranked: str) -> Entries:
    """Read ``prompt_id, annotator_id, response_id`` and ``approval`` (1, 0, -1) or ``approved``.

    A ballot has what it approves first, then what it is neutral about, then what it disapproves; with
    ``unranked="last"`` it is neutral about all that it does not list.
    """
    table.require("prompt_id", "annotator_id", "response_id")
    entries = gather_rows(table)
    approvals = entries.entry_approvals
    if approvals is None:
        table.require("approval")
    assert approvals is not None
    if unranked == "missing" and (approvals[approvals != UNSTATED] == 1).all():
        warnings.warn(
            "every row approves, so no ballot ranks anything above anything else; "
            "read the file with unranked last if what is not listed is not approved",
            OfEveryPartWarning,
            stacklevel=2,
        )
    return entries


FORMAT = Format(
    name="approvals",
    shape="response_id and approval or approved",
    columns=("response_id", "approval", "approved", "strength", "ballot_id", "count"),
    marks=("approval", "approved"),
    unless=("rank", "score"),
    read=read_approvals,
)
