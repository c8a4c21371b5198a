"""Writing a file so that it appears complete or not at all."""

import io
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from rlchf.io.files import COMPRESSED, STANDARD_STREAM


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes its place when the block ends well.

    Bytes go to a hidden file beside ``path``, which is renamed at the end and removed on any
    exception, Ctrl-C included. Names that end in ``.gz`` or ``.zst`` are compressed, always to the
    same bytes. ``-`` is standard output, written in one piece at the end.

    Raises
    ------
    ValueError
        If the folder does not exist or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with atomic_write(Path(folder.name) / "out.txt") as file:
    ...     _ = file.write(b"hello")
    >>> (Path(folder.name) / "out.txt").read_text()
    'hello'
    """
    if str(path) == STANDARD_STREAM:
        buffer = io.BytesIO()
        yield buffer
        sys.stdout.flush()
        sys.stdout.buffer.write(buffer.getvalue())
        sys.stdout.buffer.flush()
        return
    target = Path(os.path.realpath(path))  # through a link, so that the link stays
    if target.exists() and not target.is_file():  # /dev/null, a pipe
        with _opened(target, "wb", path) as file:
            yield file
        return
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with (
            _opened(beside, "xb", path) as file,
            _compressed(file, COMPRESSED.get(target.suffix.lower())) as stream,
        ):
            yield stream
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _opened(target: Path, mode: str, path: str | Path) -> Any:
    try:
        return target.open(mode)
    except FileNotFoundError:
        folder = str(Path(path).parent)
        raise ValueError(f"{path}: there is no folder {folder!r} to write to") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be written: {error.strerror}") from None


@contextmanager
def _compressed(file: BinaryIO, codec: str | None) -> Iterator[Any]:
    if codec is None:
        yield file
        return
    with pa.CompressedOutputStream(file, codec) as stream:
        yield stream
