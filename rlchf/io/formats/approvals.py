"""Approvals: one row for each response that an annotator approved of, or did not."""

import warnings

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.io.formats.long import gather_rows


def read_approvals(table: Table, unranked: str) -> Entries:
    """Read ``prompt_id, annotator_id, response_id, approved``: the approved 1st, the others 2nd.

    If a file lists approved responses only, its ballots compare responses only with ``unranked="last"``.
    """
    table.require("prompt_id", "annotator_id", "response_id", "approved")
    approved = table.flags("approved")
    if unranked == "missing" and approved.all():
        warnings.warn(
            "every row approves, so no ballot ranks anything above anything else; "
            "read the file with unranked last if what is not listed is not approved",
            stacklevel=2,
        )
    return gather_rows(table, entry_ranks=np.where(approved, 1.0, 2.0))


FORMAT = Format(
    name="approvals",
    shape="response_id and approved",
    columns=("response_id", "approved", "ballot_id", "count"),
    marks=("approved",),
    read=read_approvals,
)
