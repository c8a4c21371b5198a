"""Bytes of a file or of standard input, plain or compressed, and the kind of file that they are."""

import difflib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from rlchf.io.streams import Decompressed, bytes_of, gathered

STANDARD_STREAM = "-"
COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
TABLES = ("csv", "tsv", "parquet", "jsonl")
"""The kinds of tables that are written."""
KINDS = {
    **{suffix: suffix for suffix in TABLES},
    "tab": "tsv",
    "ndjson": "jsonl",
    "json": "json",
    "pq": "parquet",
    "arrow": "arrow",
    "feather": "arrow",
    "ipc": "arrow",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
}
"""The kind of table that a suffix names; a table may be read in each of them."""
PREFLIB = ("soc", "soi", "toc", "toi", "cat")
ELECTIONS = ("blt", "abif")

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_BINARY = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\xff\xff\xff\xff": "arrow",  # a stream of Arrow batches, as Hugging Face's datasets are saved
    b"PK\x03\x04": "xlsx",
}
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
BEGINNING = 256
"""First bytes by which UTF-16 is recognised."""


def damaged_file(source: str, purpose: str, error: Exception) -> ValueError:
    """The error about a file that its library cannot read.

    Examples
    --------
    >>> print(damaged_file("votes.parquet", "read as Parquet", OSError("No magic bytes.")))
    votes.parquet: cannot be read as Parquet: No magic bytes; write, copy or download it again
    """
    problem = str(error).strip().rstrip(".")
    return ValueError(f"{source}: cannot be {purpose}: {problem}; write, copy or download it again")


def empty_file(source: str) -> ValueError:
    """The error about a file without a row."""
    return ValueError(f"{source}: the file is empty; give one that has rows")


def display_name(path: str | Path) -> str:
    """Name a file in messages.

    Examples
    --------
    >>> display_name("-")
    'standard input'
    """
    return "standard input" if str(path) == STANDARD_STREAM else str(path)


def bare_name(path: str | Path) -> tuple[str, str]:
    """Split a file's name into stem and suffix, without a compression suffix.

    Examples
    --------
    >>> bare_name("votes/00001-00000002.soi.gz")
    ('00001-00000002', 'soi')
    """
    name = Path(path)
    if name.suffix.lower() in COMPRESSED:
        name = name.with_suffix("")
    return name.stem, name.suffix.lower().removeprefix(".")


def real_path(path: str | Path) -> Path:
    """The absolute path behind all links; of links that lead in a circle the path as it is.

    `pathlib.Path.resolve` ends in a RuntimeError there, before Python 3.13.

    Examples
    --------
    >>> real_path("/a/../b.csv").name
    'b.csv'
    """
    return Path(os.path.realpath(path))


def read_bytes(path: str | Path) -> bytes:
    """Read a whole file, or standard input for ``-``; gzip and Zstandard are decompressed.

    Compression is recognised by the content, a byte-order mark is dropped.

    Raises
    ------
    FileNotFoundError
        If there is no such file; the message names similar ones.
    ValueError
        If the file cannot be read or decompressed, or is UTF-16.
    """
    source = display_name(path)
    try:
        data = _standard_input() if str(path) == STANDARD_STREAM else bytes_of(Path(path), source)
    except FileNotFoundError:
        raise FileNotFoundError(f"{source}: there is no such file{_similar(Path(path))}") from None
    except OSError as error:
        raise ValueError(f"{source}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        if "null" not in str(error):
            raise
        raise ValueError(f"{source}: no file can have this name") from None
    for magic, codec in _MAGIC.items():
        if data.startswith(magic):
            data = _decompress(data, codec, source)
    return without_marks(data, source)


def without_marks(data: bytes, source: str) -> bytes:
    """The bytes of a file, or its first, without byte-order marks.

    Raises
    ------
    ValueError
        If they are UTF-16, by its mark or because every other byte of a text is 0.

    Examples
    --------
    >>> without_marks(b"\\xef\\xbb\\xbfid", "votes.csv")
    b'id'
    >>> without_marks("prompt_id".encode("utf-16-le"), "votes.csv")
    Traceback (most recent call last):
    ...
    ValueError: votes.csv: the text looks like UTF-16; save the file as UTF-8
    """
    if data.startswith(_UTF16_MARKS):
        raise ValueError(f"{source}: the text is UTF-16; save the file as UTF-8")
    if not data.startswith(tuple(_BINARY)):
        zeros = sorted(data[start:BEGINNING:2].count(0) for start in (0, 1))
        if zeros[1] * 4 > min(len(data), BEGINNING) and zeros[0] * 8 < zeros[1]:
            raise ValueError(f"{source}: the text looks like UTF-16; save the file as UTF-8")
    while data.startswith(_UTF8_MARK):
        data = data.removeprefix(_UTF8_MARK)
    return data


@contextmanager
def reading(source: str) -> Iterator[None]:
    """Name the file in what libraries raise while it is read, however far they have come.

    Raises
    ------
    ValueError
        In place of errors of pyarrow and of text that is not UTF-8, of nesting and numbers beyond all bounds,
        and of memory that is used up; others pass.

    Examples
    --------
    >>> with reading("votes.parquet"):
    ...     b"\\xff".decode()
    Traceback (most recent call last):
    ...
    ValueError: votes.parquet: a text in it is not UTF-8
    """
    try:
        yield
    except MemoryError:
        raise ValueError(
            f"{source}: there is not enough memory to read it; give it in parts"
        ) from None
    except (UnicodeError, pa.ArrowException) as error:
        bad_text = isinstance(error, UnicodeError) or "UTF8" in str(error)
        problem = "a text in it is not UTF-8" if bad_text else f"cannot be read: {error}"
        raise ValueError(f"{source}: {problem}") from None
    except (RecursionError, OverflowError) as error:
        raise ValueError(f"{source}: cannot be read: {error}") from None


def file_kind(path: str | Path, data: bytes) -> str:
    """Recognise a kind of table or preflib: by the content if it is binary, else by the suffix.

    Without a suffix, or with ``.txt``, text is recognised by its content too.

    Examples
    --------
    >>> file_kind("rankings.tsv.gz", b""), file_kind("-", b'{"prompt_id": 1}'), file_kind("a.json", b"[]")
    ('tsv', 'jsonl', 'json')
    """
    for magic, kind in _BINARY.items():
        if data.startswith(magic):
            return kind
    suffix = bare_name(path)[1]
    if suffix in ELECTIONS:
        return suffix
    if suffix in KINDS:
        return _json_kind(data) if KINDS[suffix] in ("json", "jsonl") else KINDS[suffix]
    if suffix in PREFLIB:
        return "preflib"
    if suffix not in ("", "txt"):
        raise ValueError(
            f"{path}: unknown suffix '.{suffix}'; give a file that ends in "
            f"{', '.join(f'.{s}' for s in KINDS)} (tables) or "
            f"{', '.join(f'.{s}' for s in (*PREFLIB, *ELECTIONS))} (elections), alone or before .gz or "
            ".zst"
        )
    first = data.lstrip()[:4096].split(b"\n")[0]
    if first.startswith((b"{", b"[")):
        return _json_kind(data)
    if first.startswith(b"#"):
        return "preflib"
    return "tsv" if b"\t" in first else "csv"


def _json_kind(data: bytes) -> str:
    """Whether JSON is an array, "json", or an object per line, "jsonl"."""
    return "json" if data.lstrip()[:1] == b"[" else "jsonl"


def decode(data: bytes, source: str, before: int = 0) -> str:
    """Decode UTF-8 that has ``before`` lines before it in its file.

    Raises
    ------
    ValueError
        If the text is not UTF-8; the message names the line.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = before + data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{source}, line {line}: not UTF-8 (byte 0x{data[error.start]:02x}); "
            "save the file as UTF-8"
        ) from None


def shown(value: Any) -> str:
    """Quote a value for a message, cut when it is long.

    Examples
    --------
    >>> shown("abc"), shown("x" * 100)
    ("'abc'", "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'")
    """
    text = str(value)
    return repr(text if len(text) <= 40 else text[:40] + "...")


def _standard_input() -> bytes:
    """All of standard input."""
    if sys.stdin is None:
        raise ValueError("standard input is closed; give the name of a file, or a pipe")
    return gathered(sys.stdin.buffer, "standard input")


def _decompress(data: bytes, codec: str, source: str) -> bytes:
    try:
        return gathered(Decompressed(pa.BufferReader(data), codec, len(data), source), source)
    except (pa.ArrowException, OSError) as error:
        raise damaged_file(source, f"decompressed as {codec}", error) from None


def _similar(path: Path) -> str:
    if not path.parent.is_dir():
        return f", and no folder {str(path.parent)!r}"
    names = [p.name for p in islice(path.parent.iterdir(), 10_000) if p.name != path.name]
    close = difflib.get_close_matches(path.name, names, n=3)
    return f"; near it: {', '.join(close)}" if close else ""
