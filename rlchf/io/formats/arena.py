"""Arena rows: each row is one vote between the responses of two models."""

import warnings
from dataclasses import replace

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.files import shown
from rlchf.io.formats import Format
from rlchf.io.formats._ids import PEOPLE
from rlchf.io.formats._sides import side_ballots
from rlchf.profiles import UNSTATED

SIDES = ("model_a", "model_b")
FIRST, SECOND, TIE, BOTH_BAD = range(4)
WORDS = {
    **dict.fromkeys(("model_a", "response_a", "a", "left", "first"), FIRST),
    **dict.fromkeys(("model_b", "response_b", "b", "right", "second"), SECOND),
    **dict.fromkeys(("tie", "tied", "draw", "equal"), TIE),
    **dict.fromkeys(
        ("bothbad", "both bad", "tie (bothbad)", "tie (both bad)", "neither"), BOTH_BAD
    ),
}
LONE = 20
"""So many prompts with one vote each bring a warning."""
HINT = "give model_a, model_b, tie or both_bad, or the name of one of the two"


def read_arena(table: Table, unranked: str) -> Entries:
    """Read ``model_a, model_b, winner``, and optionally a prompt, ``annotator_id`` and ``weight``.

    Both bad is a tie of two responses that the annotator disapproves. Without a prompt the table is one
    prompt, whose responses are the models; without ``annotator_id`` each row is an annotator's.

    Raises
    ------
    ValueError
        If a winner is none of the words for it, or a row compares a model with itself.
    """
    table.require(*SIDES, "winner")
    verdicts = _verdicts(table)
    ranks = np.concatenate([1.0 + (verdicts == SECOND), 1.0 + (verdicts == FIRST)])
    approvals = np.tile(np.where(verdicts == BOTH_BAD, -1, UNSTATED), 2).astype(np.int8)
    entries = side_ballots(table, SIDES, ranks, approvals=approvals)
    n_prompts, n_rows = len(entries.prompt_ids), len(verdicts)
    if n_prompts == 1 and not {"prompt_id", "prompt"} & set(table.columns):
        return replace(
            entries, ballot_parts=np.arange(n_rows)
        )  # each battle was on a prompt of its own
    if n_prompts == n_rows >= LONE and len(entries.response_ids) < n_rows:
        warnings.warn(
            f"{table.source}: {n_rows} prompts with one vote each; for one ranking of all "
            f"{len(entries.response_ids)} models say that there is no prompt, --columns prompt_id=",
            stacklevel=5,
        )
    return entries


def _verdicts(table: Table) -> np.ndarray:
    """(N,) who won each row."""
    words, codes = table.ids("winner")
    known = [WORDS.get(_folded(word), -1) for word in words]
    verdicts = np.array(known, dtype=np.int64)[codes]
    names = [np.array(table.filled(side), dtype=object) for side in SIDES]
    texts = np.array(words, dtype=object)[codes]
    for verdict, side in zip((FIRST, SECOND), names, strict=True):
        verdicts[(verdicts == -1) & (texts == side)] = verdict
    if (verdicts == -1).any():
        i = int(np.argmax(verdicts == -1))
        n = int((verdicts == -1).sum())
        more = f", and {n} of {len(verdicts)} rows have no winner that is known" if n > 1 else ""
        raise table.error(i, f"the winner is {shown(texts[i])}{more}; {HINT}")
    return np.asarray(verdicts)


def _folded(word: str) -> str:
    """A word in lower case; a line between words is a blank, but for model_a and the like.

    Examples
    --------
    >>> _folded("Both_Bad"), _folded("Tie (both-bad)"), _folded("model_a")
    ('both bad', 'tie (both bad)', 'model_a')
    """
    lower = " ".join(word.lower().split())
    return lower if lower in WORDS else " ".join(lower.replace("_", " ").replace("-", " ").split())


FORMAT = Format(
    name="arena",
    shape="model_a, model_b and winner",
    columns=("model_a", "model_b", "winner", "prompt", "count"),
    marks=("model_a", "model_b", "winner"),
    read=read_arena,
    by_pair=True,
    together=True,
    aliases={
        **PEOPLE,
        "model_a": ("response_a", "left"),
        "model_b": ("response_b", "right"),
    },
)
