"""Files that lie beside the rankings in the folder of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rlchf.settings import is_required

FILES = {
    "prompts": "prompts.jsonl",
    "responses": "responses.jsonl",
    "annotators": "annotators.csv",
}
"""The files of a dataset's folder, as `rlchf convert` and `rlchf mix` write them, by setting."""


def beside(rankings: str | Sequence[str], name: str) -> str:
    """The file of a setting in the folder that the rankings are; empty if there is none.

    Examples
    --------
    >>> beside(["votes.csv"], "prompts")
    ''
    """
    paths = [rankings] if isinstance(rankings, str) else list(rankings)
    if len(paths) != 1 or not Path(paths[0]).is_dir():
        return ""
    file = Path(paths[0]) / FILES[name]
    return str(file) if file.is_file() else ""


def with_files_beside(kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a user gave, and the files that a settings class needs and the folder of rankings holds.

    Texts are needed where their settings have no default, annotators where a column of theirs is named.

    Examples
    --------
    >>> from rlchf.jobs.settings import RewardJob
    >>> with_files_beside(RewardJob, {"rankings": ("votes.csv",)})
    {'rankings': ('votes.csv',)}
    """
    known = {one.name: one for one in fields(kind)}
    if "rankings" not in known or not given.get("rankings"):
        return dict(given)
    needed: list[str] = [
        name for name in ("prompts", "responses") if name in known and is_required(known[name])
    ]
    columns = any(given.get(name) for name in ("group", "feature") if name in known)
    if "annotators" in known and columns:
        needed.append("annotators")
    files = {name: beside(given["rankings"], name) for name in needed}
    return {name: file for name, file in files.items() if file} | dict(given)
