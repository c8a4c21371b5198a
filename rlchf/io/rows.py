"""Rows that do not count, and the responses on offer: files that stand beside the rankings."""

from collections.abc import Sequence
from pathlib import Path

from rlchf.io.tables import read_table, write_table
from rlchf.skipped import Skipped


def read_candidates(path: str | Path) -> dict[str, list[str]]:
    """Read the responses on offer: a table with ``prompt_id`` and ``response_id``, such as responses.jsonl.

    Raises
    ------
    ValueError
        If a column is missing or a cell of it is empty.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "candidates.csv"
    >>> _ = path.write_text("prompt_id,response_id\\np,a\\np,b\\nq,a\\n")
    >>> read_candidates(path)
    {'p': ['a', 'b'], 'q': ['a']}
    """
    table = read_table(path, ("prompt_id", "response_id"))
    (prompts, prompt), (responses, response) = table.ids("prompt_id"), table.ids("response_id")
    candidates: dict[str, list[str]] = {name: [] for name in prompts}
    for p, r in zip(prompt.tolist(), response.tolist(), strict=True):
        candidates[prompts[p]].append(responses[r])
    return candidates


def write_skipped(path: str | Path, skipped: Sequence[Skipped]) -> None:
    """Write the rows that do not count as a table: file, row, prompt_id, annotator_id, response_id, reason.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "skipped.csv"
    >>> write_skipped(path, [Skipped("votes.csv", "row 3", "p", "bob", "", "blank ballot")])
    >>> print(path.read_text())
    file,row,prompt_id,annotator_id,response_id,reason
    votes.csv,row 3,p,bob,,blank ballot
    <BLANKLINE>
    """
    columns = {name: [row[i] for row in skipped] for i, name in enumerate(Skipped._fields)}
    write_table(path, columns)
