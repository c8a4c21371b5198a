"""A prompt with three responses, to make preference pairs of."""

from dataclasses import replace
from typing import Any

import numpy as np

from rlchf.preferences import Ballots, Example

SYSTEM = {"role": "system", "content": "Be kind."}
CHAT = [SYSTEM, {"role": "user", "content": "Greet me."}]
TURNS = [
    {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "Greet me."},
]  # fmt: skip


def example(prompt: Any = "Greet me.", **changes: Any) -> Example:
    """Three responses, a > b = c; two of three ballots prefer a to b, and b to c."""
    ballots = Ballots(np.array([[1, 2, 3], [1, 2, 3], [2, 1, 0]]), np.ones(3), list("xyz"))
    plain = Example(
        "p", prompt, ["a", "b", "c"], ["A", "B", "C"], [1, 2, 2], ballots=ballots, scores=[2.0, 0.5, 0.5]
    )  # fmt: skip
    return replace(plain, **changes)


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
