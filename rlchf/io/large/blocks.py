"""Text files as blocks of whole rows, decompressed as they are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rlchf.io.files import display_name, file_kind, read_bytes

HEAD = 2**16
"""Bytes by which the kind of a file is recognised."""
CODECS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_NEWLINE, _QUOTE = ord("\n"), ord('"')


def kind_of(path: str) -> str:
    """The kind of a file, from its name and its first bytes."""
    with opened_text(path) as stream:
        return file_kind(path, stream.read(HEAD))


@contextmanager
def opened_text(path: str) -> Iterator[Any]:
    """A file's bytes, decompressed as they are read, without a byte-order mark.

    Raises
    ------
    FileNotFoundError, ValueError
        As `rlchf.io.files.read_bytes`.
    """
    source = display_name(path)
    if not Path(path).exists():
        read_bytes(path)  # which says what there is near it
    try:
        with Path(path).open("rb") as file:
            codec = next((c for mark, c in CODECS.items() if _begins(file, mark)), None)
            stream = pa.CompressedInputStream(file, codec) if codec else file
            yield stream
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{source}: cannot be read: {error}") from None


def _begins(file: Any, mark: bytes) -> bool:
    begins = bool(file.read(len(mark)) == mark)
    file.seek(0)
    return begins


def blocks(path: str, kind: str, size: int) -> Iterator[bytes]:
    """Whole rows of csv, tsv or jsonl, of about ``size`` bytes at a time.

    A line break within double quotes ends no row of csv.

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
        rest = b""
        while data := stream.read(size):
            if isinstance(data, memoryview):
                data = bytes(data)
            rest += data
            end = _last_row_end(rest, quoted=kind == "csv")
            if end:
                yield rest[:end]
                rest = rest[end:]
        if rest:
            yield rest


def first_row(data: bytes) -> bytes:
    """Separated text up to the end of its first row that is not blank."""
    end = 0
    for stop in row_ends(data, quoted=True).tolist():
        if data[end:stop].strip(b" \t\r\n,;"):
            return data[:stop]
        end = stop
    return data if data.endswith(b"\n") else data + b"\n"


def row_ends(data: bytes, *, quoted: bool) -> np.ndarray:
    """Where the next row begins after each line break that ends a row."""
    array = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(array == _NEWLINE)
    if quoted and b'"' in data:
        inside = (
            np.cumsum(array == _QUOTE, dtype=np.uint8) & 1
        )  # wraps around, which keeps it odd or even
        ends = ends[inside[ends] == 0]
    return ends + 1


def _last_row_end(data: bytes, *, quoted: bool) -> int:
    if not quoted or b'"' not in data:
        return data.rfind(b"\n") + 1
    ends = row_ends(data, quoted=True)
    return int(ends[-1]) if len(ends) else 0
