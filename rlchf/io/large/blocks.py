"""Text files as blocks of whole rows, decompressed as they are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from rlchf.io.files import (
    BEGINNING,
    damaged_file,
    display_name,
    file_kind,
    read_bytes,
    without_marks,
)
from rlchf.io.quotes import newlines
from rlchf.io.streams import Decompressed
from rlchf.io.tables import separator

HEAD = 2**16
"""Bytes by which the kind of a file is recognised."""
CODECS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
LONGEST = 2**31 - 1
"""Bytes of the longest row."""


def kind_of(path: str) -> str:
    """The kind of a file, from its name and its first bytes."""
    with opened_text(path) as stream:
        return file_kind(path, stream.read(HEAD))


class Bytes:
    """A file's bytes, decompressed as they are read, without a byte-order mark."""

    def __init__(self, stream: Any, source: str, codec: str | None = None) -> None:
        self.stream, self.source, self.codec = stream, source, codec
        self.rest = without_marks(self._read(BEGINNING), source)

    def read(self, size: int) -> bytes:
        """The next bytes, at most so many; none at the end."""
        data, self.rest = self.rest[:size], self.rest[size:]
        return data + self._read(size - len(data)) if len(data) < size else data

    def _read(self, size: int) -> bytes:
        try:
            return bytes(self.stream.read(size))
        except (pa.ArrowException, OSError) as error:
            purpose = f"decompressed as {self.codec}" if self.codec else "read"
            raise damaged_file(self.source, purpose, error) from None


@contextmanager
def opened_text(path: str) -> Iterator[Bytes]:
    """Open a file to read its bytes little by little.

    Raises
    ------
    FileNotFoundError, ValueError
        As `rlchf.io.files.read_bytes`.
    """
    if not Path(path).exists():
        read_bytes(path)  # which says what there is near it
    with _opened(path) as file:
        try:
            codec = next((c for mark, c in CODECS.items() if _begins(file, mark)), None)
        except OSError as error:
            raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
        source, size = display_name(path), Path(path).stat().st_size
        yield Bytes(Decompressed(file, codec, size, source) if codec else file, source, codec)


def _opened(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None


def is_compressed(path: str) -> bool:
    """Whether a file begins as one does that gzip or zstd wrote."""
    with _opened(path) as file:
        return any(_begins(file, mark) for mark in CODECS)


def _begins(file: Any, mark: bytes) -> bool:
    begins = bool(file.read(len(mark)) == mark)
    file.seek(0)
    return begins


def blocks(path: str, kind: str, size: int) -> Iterator[bytes]:
    """Whole rows of csv, tsv or jsonl, of about ``size`` bytes at a time.

    A line break within double quotes ends no row of csv.

    Raises
    ------
    ValueError
        If a row is longer than 2 GiB.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "votes.csv"
    >>> _ = path.write_bytes(b'id,note\\n1,"x\\ny"\\n2,z\\n')
    >>> list(blocks(str(path), "csv", 12))
    [b'id,note\\n', b'1,"x\\ny"\\n2,z\\n']
    """
    with opened_text(path) as stream:
        rest, delimiter = b"", None
        while data := stream.read(size):
            rest += data
            if len(rest) > LONGEST:
                raise ValueError(f"{path}: a row is longer than 2 GiB")
            if delimiter is None and b"\n" in rest:  # the header is there
                delimiter = quoting(rest, kind)
            end = 0 if delimiter is None else last_row_end(rest, delimiter)
            if end:
                yield rest[:end]
                rest = rest[end:]
        if rest:
            yield rest


def quoting(data: bytes, kind: str) -> str:
    """The delimiter of text whose quoted cells may have line breaks; none if a line is a row."""
    return separator(data, kind) if kind == "csv" else ""


def first_row(data: bytes, delimiter: str) -> bytes:
    """Separated text up to the end of its first row that is not blank."""
    end = 0
    for stop in (newlines(data, delimiter) + 1).tolist():
        if data[end:stop].strip(b" \t\r\n,;"):
            return data[:stop]
        end = stop
    return data if data.endswith(b"\n") else data + b"\n"


def last_row_end(data: bytes, delimiter: str) -> int:
    """Where the last whole row ends; 0 if none does."""
    if not delimiter or b'"' not in data:
        return data.rfind(b"\n") + 1
    ends = newlines(data, delimiter)
    return int(ends[-1]) + 1 if len(ends) else 0
