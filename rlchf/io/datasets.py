"""Several files, folders and patterns as one dataset."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlchf.io.files import KINDS, PREFLIB, STANDARD_STREAM, bare_name, real_path
from rlchf.io.tables import split_sheet

Paths = str | Path | Sequence[str | Path]

RANKINGS = "rankings"
"""The stem of the file of ballots in a folder that rlchf convert wrote."""

_MAGIC = re.compile(r"[*?\[]")
_SHARD = re.compile(r"(.*-)\d{5}-of-\d{5}|part[-.]\d+.*")
_SKIPPED = re.compile(r"(?:.+\.)?skipped\.csv|.+\.shard\.json")
"""Names of the files in which rlchf lists the rows that it left out, and says which shard an output is."""
_NOT_ROWS = ("dataset_info.json", "state.json", "dataset_dict.json")
"""What Hugging Face's datasets keep beside their rows."""


def paths_given(paths: Paths) -> list[str]:
    """The paths that a user named, each as text.

    Raises
    ------
    ValueError
        If there is none, or one is empty.
    """
    names = [str(paths)] if isinstance(paths, str | Path) else [str(path) for path in paths]
    if not names or not all(names):
        raise ValueError("the name of the ranking file is empty")
    return names


def dataset_name(paths: Paths) -> str:
    """The name of a dataset for messages.

    Examples
    --------
    >>> dataset_name("votes.csv"), dataset_name(["a.csv", "b.csv"]), dataset_name(list("abcd"))
    (\'votes.csv\', \'a.csv and b.csv\', \'a and 3 other files\')
    """
    first, *others = paths_given(paths)
    if first == STANDARD_STREAM:
        first = "standard input"
    if len(others) > 1:
        return f"{first} and {len(others)} other files"
    return " and ".join([first, *others])


def dataset_files(paths: Paths) -> list[str]:
    """All files that paths, folders and patterns with * or ? name, in the order of the arguments.

    The files of a folder and those of a pattern come in the order of their names. A folder that holds one
    file named rankings, as rlchf convert writes it, stands for that file.

    Raises
    ------
    FileNotFoundError
        If a pattern fits nothing.
    ValueError
        If a folder has no table, or tables of several kinds, or a file comes twice.
    """
    files = [file for path in paths_given(paths) for file in _files(path)]
    seen: set[Path] = set()
    for file in files:
        path = _identity(file)
        if path in seen and file != STANDARD_STREAM:
            raise ValueError(f"{file} is given twice; give each file once")
        seen.add(path)
    return files


def _identity(file: str) -> Path:
    path, sheet = split_sheet(file)
    return real_path(path) / sheet


def _files(path: str) -> Iterator[str]:
    if Path(path).is_dir():
        yield from _folder_files(Path(path))
    elif _MAGIC.search(path) and not Path(path).exists():
        yield from _pattern_files(Path(path))
    else:
        yield path


def _pattern_files(pattern: Path) -> list[str]:
    hits = Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
    files = sorted(
        path
        for path in hits
        if path.is_file() and not path.name.startswith(".") and not _SKIPPED.fullmatch(path.name)
    )
    if not files:
        raise FileNotFoundError(f"{pattern}: the pattern fits no file")
    return [str(path) for path in files]


def _folder_files(folder: Path) -> list[str]:
    files = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith((".", "_")) and not _is_ours(path)
    )
    kinds = {path: _suffix_kind(path) for path in files}
    elections = [path for path in files if kinds[path] == "preflib"]
    tables = [path for path in files if kinds[path] not in ("", "preflib")]
    if elections:
        return [str(path) for path in elections]
    ballots = [path for path in tables if bare_name(path)[0] == RANKINGS]
    if len(ballots) == 1:
        return [str(ballots[0])]
    if not tables:
        raise ValueError(_nothing_in(folder, files))
    by_kind: dict[str, list[str]] = {}
    for path in tables:
        by_kind.setdefault(kinds[path], []).append(path.name)
    if len(by_kind) > 1:
        listing = "; ".join(f"{kind}: {_few(names)}" for kind, names in by_kind.items())
        suffix = bare_name(tables[0])[1]
        raise ValueError(
            f"{folder}: the folder has tables of several kinds ({listing}); name the files that hold "
            f"rankings, for instance as '{folder}/*.{suffix}'"
        )
    return [str(path) for path in tables]


def _is_ours(path: Path) -> bool:
    """Whether a file of a folder tells of the others, or lists rows that were left out of them."""
    return path.name in _NOT_ROWS or _SKIPPED.fullmatch(path.name) is not None


def _suffix_kind(path: Path) -> str:
    suffix = bare_name(path)[1]
    return "preflib" if suffix in PREFLIB else KINDS.get(suffix, "")


def _nothing_in(folder: Path, files: Sequence[Path]) -> str:
    splits = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if (folder / "dataset_dict.json").exists() and splits:
        return (
            f"{folder}: a dataset of several parts; give one of them, such as {folder}/{splits[0]}"
        )
    names = _few([path.name for path in files])
    return (
        f"{folder}: a folder without tables ({', '.join(f'.{s}' for s in KINDS)}) and without PrefLib "
        f"files ({', '.join(f'.{s}' for s in PREFLIB)}){names and f'; it has {names}'}"
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def tables_in_parts(files: Sequence[str]) -> list[list[str]]:
    """Group files that are parts of one table, as their names say: a ballot may go on in the next part.

    Examples
    --------
    >>> tables_in_parts(["d/train-00000-of-00002.parquet", "d/train-00001-of-00002.parquet", "e.csv"])
    [[\'d/train-00000-of-00002.parquet\', \'d/train-00001-of-00002.parquet\'], [\'e.csv\']]
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for file in files:
        stem, suffix = bare_name(file)
        hit = _SHARD.fullmatch(stem)
        key = (file,) if hit is None else (str(Path(file).parent), hit[1] or "part", suffix)
        groups.setdefault(key, []).append(file)
    return list(groups.values())
