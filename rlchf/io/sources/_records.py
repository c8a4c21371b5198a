"""Records of json, jsonl, csv, tsv and Parquet files, one after the other, with their place for messages."""

import csv
import hashlib
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from rlchf.io.columns import cell_text
from rlchf.io.files import bare_name, damaged_file, decode, read_bytes, shown
from rlchf.io.jsonl import json_records
from rlchf.io.streams import Decompressed
from rlchf.parsing import json_value

KINDS = ("jsonl", "ndjson", "json", "csv", "tsv", "parquet")
"""The kinds of files that sources come in."""

_BATCH = 256  # rows of a Parquet file in memory at a time: a row may hold a whole conversation
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def is_missing(value: Any) -> bool:
    """Whether a value stands for nothing: null, not a number, or blank text.

    Examples
    --------
    >>> [is_missing(value) for value in (None, float("nan"), " ", 0, [], "no")]
    [True, True, True, False, False, False]
    """
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def text_id(*texts: str) -> str:
    """An id that depends on texts alone, so that equal texts have one id in every file.

    Examples
    --------
    >>> text_id("Which tea?") == text_id("Which tea?"), len(text_id("Which tea?", "Green."))
    (True, 12)
    """
    joined = "\0".join(texts).encode(errors="replace")
    return hashlib.sha256(joined).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file, or a part of one.

    Attributes
    ----------
    values
        Its values by key.
    place
        The file and the row, for messages.
    shape
        The shape of the source, for messages.
    """

    values: Mapping[str, Any]
    place: str
    shape: str = ""

    def error(self, problem: str) -> ValueError:
        """Make an error about this record."""
        return ValueError(f"{self.place}: {problem}")

    def has(self, key: str) -> bool:
        """Whether the key is there, with a value."""
        return not is_missing(self.values.get(key))

    def get(self, key: str) -> Any:
        """A value; None if the key is not there or stands for nothing."""
        value = self.values.get(key)
        return None if is_missing(value) else value

    def need(self, key: str) -> Any:
        """A value that must be there.

        Raises
        ------
        ValueError
            If the key is not there, or has no value.
        """
        if key not in self.values:
            names = ", ".join(map(str, self.values)) or "none"
            hint = f"; the shape is {self.shape}" if self.shape else ""
            raise self.error(f"there is no key {key!r} among {names}{hint}")
        if is_missing(value := self.values[key]):
            hint = f"; the shape is {self.shape}" if self.shape else ""
            raise self.error(f"{key} is empty{hint}")
        return value

    def text(self, key: str) -> str:
        """A text that must be there; a number becomes text.

        Raises
        ------
        ValueError
            If the value is missing, or a list or an object.
        """
        value = self.need(key)
        if isinstance(value, list | dict):
            raise self.error(f"{key} is {shown(value)}; there should be text")
        return cell_text(value)

    def number(self, key: str) -> float:
        """A number that must be there, or text that reads as one.

        Raises
        ------
        ValueError
            If the value is missing, or no finite number.
        """
        value = self.need(key)
        try:
            number = float(value) if isinstance(value, str | int | float) else float("nan")
        except (ValueError, OverflowError):
            number = float("nan")
        if isinstance(value, bool) or number - number != 0:
            raise self.error(f"{key} is {shown(value)}; there should be a number")
        return number

    def one_of(self, key: str, words: Collection[str]) -> str:
        """A text that must be one of some words; case and blanks around it do not count.

        Raises
        ------
        ValueError
            If it is another.
        """
        word = self.text(key).strip().lower()
        if word not in words:
            raise self.error(
                f"{key} is {shown(self.values[key])}; there should be one of {', '.join(words)}"
            )
        return word

    def part(self, key: str) -> "Record":
        """An object within the record.

        Raises
        ------
        ValueError
            If it is missing, or no object.
        """
        return self._part(self.need(key), key)

    def parts(self, key: str) -> "list[Record]":
        """The objects of a list within the record, numbered from 1 in messages.

        Raises
        ------
        ValueError
            If the list is missing, or has an item that is no object.
        """
        return [self._part(one, f"{key} {n}") for n, one in enumerate(self.items(key), 1)]

    def items(self, key: str) -> list[Any]:
        """A list within the record.

        Raises
        ------
        ValueError
            If it is missing, or no list.
        """
        value = self.need(key)
        if not isinstance(value, list):
            raise self.error(f"{key} is {shown(value)}; there should be a list")
        return value

    def _part(self, value: Any, name: str) -> "Record":
        if not isinstance(value, dict):
            raise self.error(f"{name} is {shown(value)}; there should be an object")
        return Record(value, f"{self.place}, {name}", self.shape)


@dataclass(frozen=True, eq=False)
class Files:
    """The files that a user names, those of folders included.

    Attributes
    ----------
    names
        The files and folders as the user wrote them.
    paths
        The files.
    shape
        The shape of the source, for messages.
    """

    names: Sequence[str]
    paths: Sequence[Path]
    shape: str = ""
    _keys: dict[Path, list[str]] = field(default_factory=dict, repr=False)
    _places: list[str] = field(default_factory=lambda: [""], repr=False)

    @property
    def place(self) -> str:
        """The file and the row of the record that was read last."""
        return self._places[0]

    def __str__(self) -> str:
        return ", ".join(self.names)

    @classmethod
    def of(cls, names: Sequence[str]) -> "Files":
        """The files, and those in the folders, in the order of their names.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If a file's suffix is none that is read, or a folder has no file that could be.
        """
        paths: list[Path] = []
        for name in names:
            if Path(name).is_dir():
                inside = [one for one in sorted(Path(name).rglob("*")) if _is_readable(one, name)]
                if not inside:
                    raise ValueError(
                        f"{name}: a folder without a file that ends in "
                        f"{', '.join(f'.{kind}' for kind in KINDS)}"
                    )
                paths += inside
                continue
            if not Path(name).exists():
                read_bytes(name)  # says that there is no such file, and names similar ones
            if not Path(name).is_file():
                raise ValueError(
                    f"{name}: a pipe or a device, which can be read once only; save what it gives as a file"
                )
            if bare_name(name)[1] not in KINDS:
                raise ValueError(
                    f"{name}: give a file that ends in {', '.join(f'.{kind}' for kind in KINDS)}, "
                    "alone or before .gz or .zst"
                )
            paths.append(Path(name))
        return cls(list(names), paths)

    def described(self, shape: str) -> "Files":
        """The same files, with the shape of a source for messages."""
        return replace(self, shape=shape)

    def keys(self) -> dict[Path, list[str]]:
        """The keys of each file's first record; none of a file without records."""
        for path in self.paths:
            if path not in self._keys:
                first = next(iter(_records(path, None)), None)
                self._keys[path] = [] if first is None else list(first[1])
        return self._keys

    def holding(self, *keys: str) -> list[Path]:
        """The files whose first record has certain keys."""
        return [path for path, names in self.keys().items() if set(keys) <= set(names)]

    def records(self, *keys: str, wanted: Collection[str] | None = None) -> Iterator[Record]:
        """The records of the files whose first record has certain keys, of all files without any.

        Parameters
        ----------
        wanted
            The columns of a Parquet file that are read; all by default.

        Raises
        ------
        ValueError
            If no file has the keys, or a file cannot be read.
        """
        paths = self.holding(*keys) if keys else self.paths
        if not paths:
            names = next(iter(self.keys().values()), [])
            missing = [key for key in keys if key not in names]
            raise ValueError(
                f"{self}: no file has the keys {', '.join(keys)} ({', '.join(missing)} missing among "
                f"{', '.join(names[:12]) or 'none'}); the shape is {self.shape}"
            )
        for path in paths:
            for row, values in _records(path, wanted):
                self._places[0] = f"{path}, {row}"
                yield Record(values, self.place, self.shape)


def _is_readable(path: Path, folder: str) -> bool:
    """Whether a file of a folder is one that is read; hidden ones are not."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.is_file() and not hidden and bare_name(path)[1] in KINDS


def _records(path: Path, wanted: Collection[str] | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The records of a file, each with its row's name."""
    kind = bare_name(path)[1]
    if kind == "parquet":
        yield from _parquet(path, wanted)
    elif kind in ("csv", "tsv"):
        with _opened(path) as file:
            yield from _separated(file, str(path), "," if kind == "csv" else "\t")
    elif kind == "json":
        yield from _json(path)
    else:
        with _opened(path) as file:
            yield from _lines(file, str(path))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file as a stream of bytes, decompressed."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            file.seek(0)
            codec = next((one for mark, one in _MAGIC.items() if magic.startswith(mark)), None)
            if codec is None:
                yield file
            else:
                size = path.stat().st_size
                yield io.BufferedReader(Decompressed(file, codec, size, str(path)), 2**20)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None


def _lines(file: BinaryIO, source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(file, start=1):
        data = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        for _, record in json_records(data, source, number):
            yield f"line {number}", record


def _json(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a list, or the one object; lines of objects under this suffix, too."""
    data = read_bytes(path)
    text = decode(data, str(path))
    try:
        value = json_value(text)
    except ValueError as error:
        if "Extra data" not in str(error):
            raise ValueError(f"{path}: not JSON ({error})") from None
        yield from ((f"line {number}", record) for number, record in json_records(data, str(path)))
        return
    for number, record in enumerate(value if isinstance(value, list) else [value], start=1):
        if not isinstance(record, dict):
            raise ValueError(f"{path}, item {number}: found {shown(record)}; give objects")
        yield f"item {number}", record


def _separated(file: BinaryIO, source: str, delimiter: str) -> Iterator[tuple[str, dict[str, str]]]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    usual = csv.field_size_limit(2**31 - 1)  # a cell may hold a conversation
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    number = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        for number, cells in enumerate(reader, start=2):
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise ValueError(
                    f"{source}, row {number}: {len(cells)} cells, but the header has {len(header)}; "
                    "put a cell that contains the separator in double quotes"
                )
            yield f"row {number}", dict(zip(header, cells, strict=True))
    except UnicodeDecodeError:
        raise ValueError(
            f"{source}, after row {number}: not UTF-8; save the file as UTF-8"
        ) from None
    except csv.Error as error:
        raise ValueError(f"{source}, row {number + 1}: {error}") from None
    finally:
        csv.field_size_limit(usual)
        text.detach()


def _parquet(path: Path, wanted: Collection[str] | None) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path, memory_map=True) as file:
            names = None if wanted is None else [n for n in file.schema_arrow.names if n in wanted]
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH, columns=names):
                for record in batch.to_pylist():
                    number += 1
                    yield f"row {number}", record
    except (pa.ArrowException, OSError) as error:
        raise damaged_file(str(path), "read as Parquet", error) from None
