"""What the tests of readers and writers share."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf.rankings import Rankings

LONG = "prompt_id,annotator_id,response_id,rank\n"
Write = Callable[[str, str | bytes], Path]

ELECTION = """\
# FILE NAME: 00099-00000001.toi
# TITLE: Drinks: hot, or not
# NUMBER ALTERNATIVES: 4
# NUMBER VOTERS: 3000009
# ALTERNATIVE NAME 1: Tea: green, with ñ
# ALTERNATIVE NAME 2: Coffee
# ALTERNATIVE NAME 3: Coffee
# ALTERNATIVE NAME 4: Water
3000000: 2,{1,3}
7: 1
2: {},{ 3 },1
0: 1,2
"""


def content(rankings: Rankings) -> dict[str, Any]:
    """Everything in a dataset but its name."""
    columns = dict(vars(rankings))
    del columns["source"]
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in columns.items()
        if name != "prompt_index"
    }


def ranks(rankings: Rankings) -> list[list[int]]:
    """The first prompt's ballots, each as the ranks of the responses in order."""
    batch = rankings.batch(np.array([0]))
    return [list(ballot) for ballot in np.asarray(batch.ranks).T.tolist()]


def set_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
