"""Writing a file or a folder so that it appears complete or not at all."""

import errno
import io
import os
import secrets
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from rlchf.display import printable
from rlchf.io.files import COMPRESSED, STANDARD_STREAM, real_path

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO, errno.EROFS)
"""What a full, limited or broken disk answers."""


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a binary file that appears under its name when the block ends without an exception.

    Bytes go to a hidden file beside ``path``, which is renamed at the end and removed on any
    exception, Ctrl-C included. Names that end in ``.gz`` or ``.zst`` are compressed, always to the
    same bytes. ``-`` is standard output, written in one piece at the end; on a terminal control
    characters and marks of direction are shown as the escapes of JSON.

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
        rest = buffer.getbuffer()
        if sys.stdout.isatty():  # where names from a file could move the cursor
            text = bytes(rest).decode(errors="backslashreplace")
            rest = memoryview(printable(text, keep="\n\t", json=True).encode())
        while rest:  # an unbuffered stream takes as much as a pipe has room for
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()
        return
    target = real_path(path)  # through a link, so that the link stays
    if target.exists() and not target.is_file():  # /dev/null, a pipe
        with _opened(target, "wb", path) as file:
            yield file
        return
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    codec = COMPRESSED.get(target.suffix.lower())
    try:
        with (
            _opened(temporary, "xb", path) as file,
            pa.CompressedOutputStream(file, codec) if codec else nullcontext(file) as stream,
        ):
            blocks: Any = _Blocks(stream) if codec else stream
            yield blocks
            if codec:
                blocks.end()
        _to_disk(temporary)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _named(error, path) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write several files, which appear together when all of them are complete.

    Folders are made if they do not exist.

    Raises
    ------
    ValueError
        If one cannot be written; then there is none of them.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "new"
    >>> write_files({folder / "a.txt": b"a", folder / "b.txt": b"b"})
    >>> sorted(path.name for path in folder.iterdir())
    ['a.txt', 'b.txt']
    """
    mark, made = secrets.token_hex(4), []
    temporaries = {path: path.with_name(f".{path.name}.{mark}.tmp") for path in contents}
    try:
        for path, content in contents.items():
            made += _made_folders(path.parent)
            with _opened(temporaries[path], "xb", path) as file:
                file.write(content)
            _to_disk(temporaries[path])
        with _signals_held():
            for path, temporary in temporaries.items():
                temporary.replace(path)
    except BaseException as error:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
        for folder in reversed(made):
            with suppress(OSError):  # it has files that are complete
                folder.rmdir()
        if isinstance(error, OSError):
            raise _named(error, path) from None
        raise


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block has ended."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    held: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {one: signal.signal(one, lambda number, _: held.append(number)) for one in numbers}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler or signal.SIG_DFL)
        if held:
            signal.raise_signal(held[0])


def _made_folders(folder: Path) -> list[Path]:
    """Make a folder that does not exist, with those above it; return those that were made."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _to_disk(path: Path) -> None:
    """Have the system write a file's bytes to the disk, so that a crash leaves the whole file or none."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _named(error: OSError, path: str | Path) -> Exception:
    """An error that names the file, if the disk is full, limited or broken."""
    if error.errno not in FULL:
        return error
    return ValueError(f"{path}: cannot be written: {error.strerror}; nothing of it is left")


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Make a folder that appears under its name when the block ends without an exception.

    The block is given a hidden folder beside ``path`` to fill, which is renamed at the end and removed on
    any exception, Ctrl-C included. Check with `check_new_folder` first.

    Examples
    --------
    >>> import tempfile
    >>> parent = tempfile.TemporaryDirectory()
    >>> with atomic_folder(Path(parent.name) / "out") as folder:
    ...     _ = (folder / "a.txt").write_text("hello")
    >>> (Path(parent.name) / "out" / "a.txt").read_text()
    'hello'
    """
    target = real_path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _to_disk(file)
        if target.exists():
            target.rmdir()  # an empty one, which not all systems replace
        temporary.replace(target)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise _named(error, path) from None
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def check_new_folder(path: str | Path) -> None:
    """Refuse a folder that could not be made, or that holds something, before the work is done.

    Raises
    ------
    ValueError
        If the path is a file or a folder that is not empty, or a folder cannot be made there.
    """
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{path} is there already; choose another folder for --out")
    existing = target
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise ValueError(f"{path}: cannot be written: {existing} is a file")
    if not os.access(existing, os.W_OK):
        raise ValueError(f"{path}: cannot be written: permission denied")


def check_writable(path: str | Path) -> None:
    """Refuse a path that `atomic_write` could not write to, before the work is done.

    Raises
    ------
    ValueError
        If the folder does not exist, cannot be written to, or the path is itself a folder.
    """
    if str(path) == STANDARD_STREAM:
        return
    target = real_path(path)
    if target.is_dir():
        raise ValueError(f"{path}: cannot be written: it is a folder")
    if not target.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {str(Path(path).parent)!r} to write to")
    if not os.access(target.parent if not target.exists() else target, os.W_OK):
        raise ValueError(f"{path}: cannot be written: permission denied")


def check_folder(path: str | Path) -> None:
    """Refuse a folder that could not be made or written to, before the work is done.

    Raises
    ------
    ValueError
        If a part of the path is a file, or the folder cannot be written to.
    """
    existing = Path(path)
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise ValueError(f"{existing} is a file; give a folder for the pictures")
    if not os.access(existing, os.W_OK):
        raise ValueError(f"{path}: cannot be written: permission denied")


class _Blocks(io.RawIOBase):
    """Bytes in blocks of one size, so that what a codec makes of them depends on the bytes alone."""

    SIZE = 2**20

    def __init__(self, stream: Any) -> None:
        self.stream, self.rest = stream, bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.rest += data
        while len(self.rest) >= self.SIZE:
            self.stream.write(bytes(self.rest[: self.SIZE]))
            del self.rest[: self.SIZE]
        return len(data)

    def end(self) -> None:
        """Write what is left."""
        self.stream.write(bytes(self.rest))


def _opened(target: Path, mode: str, path: str | Path) -> Any:
    try:
        return target.open(mode)
    except FileNotFoundError:
        folder = str(Path(path).parent)
        raise ValueError(f"{path}: there is no folder {folder!r} to write to") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be written: {error.strerror}") from None
