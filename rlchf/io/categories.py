"""What a judge says of texts: the kind of each response, and of each text that a policy wrote."""

from collections.abc import Sequence
from pathlib import Path

from rlchf.io.tables import read_table


def read_kinds(path: str | Path, judge: str = "judge") -> dict[str, dict[str, str]]:
    """Read the kind of each response: for each prompt, the kind by response id.

    Parameters
    ----------
    path
        A table (jsonl, csv, tsv or parquet) with ``prompt_id``, ``response_id`` and the judge's column.
    judge
        That column: the name of a kind, such as "emoji", or true and false.

    Raises
    ------
    ValueError
        If a column is missing, a cell empty, or a response of a prompt comes twice.
    """
    table = read_table(path, ("prompt_id", "response_id", judge))
    table.ids("prompt_id")
    table.ids("response_id")
    table.ids(judge)
    kinds: dict[str, dict[str, str]] = {}
    columns = table.texts("prompt_id"), table.texts("response_id"), table.texts(judge)
    for i, (prompt, response, kind) in enumerate(zip(*columns, strict=True)):
        here = kinds.setdefault(prompt, {})
        if response in here:
            raise table.error(i, f"response {response!r} of prompt {prompt!r} was judged before")
        here[response] = _name(kind, judge)
    return kinds


def read_judged(path: str | Path, judge: str = "judge") -> dict[str, list[str]]:
    """Read the kinds of a policy's texts, by stage; a file without a column ``stage`` is one.

    Raises
    ------
    ValueError
        If the judge's column is missing or a cell of it empty.
    """
    table = read_table(path, ("stage", judge))
    table.ids(judge)
    kinds = table.texts(judge)
    stages: Sequence[str] = [""] * len(kinds)
    if "stage" in table.names:
        stages = table.texts("stage")
    found: dict[str, list[str]] = {}
    for stage, kind in zip(stages, kinds, strict=True):
        found.setdefault(f"policy {stage}".strip(), []).append(_name(kind, judge))
    return found


def _name(kind: str, judge: str) -> str:
    """True and false become the judge's name and "no" with that name.

    Examples
    --------
    >>> _name("true", "emoji"), _name("False", "emoji"), _name("plain", "kind")
    ('emoji', 'no emoji', 'plain')
    """
    return {"true": judge, "false": f"no {judge}"}.get(kind.strip().lower(), kind)
