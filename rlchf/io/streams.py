"""Bytes of a regular file, a pipe or a device, no more of them than there may be."""

import io
import os
import select
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from rlchf.limits import SMALL, check_memory, gib, limit

BLOCK = 2**24
"""Bytes that are read at once."""
SILENT = 1.0
"""Seconds after which it is said what is waited for."""


def bytes_of(path: Path, source: str) -> bytes:
    """All bytes of a file that is opened by its name.

    A named pipe is read once another program has opened it, which is waited for a while.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it has more bytes than memory, or nobody writes to a pipe.
    """
    facts = path.stat()
    if stat.S_ISREG(facts.st_mode) and facts.st_size:  # files of /proc have no size, and bytes
        check_memory(facts.st_size, f"{source}: the file", "give it in parts")
        return path.read_bytes()
    if stat.S_ISFIFO(facts.st_mode):
        pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # which waits for nobody
        with os.fdopen(pipe, "rb", buffering=0) as file:
            first = _first_bytes(pipe, source)
            os.set_blocking(pipe, True)
            return first + gathered(file, source)
    with path.open("rb") as file:
        try:
            return gathered(file, source, SMALL if stat.S_ISCHR(facts.st_mode) else None)
        except OverflowError:
            raise ValueError(
                f"{source}: a device, which gave {gib(SMALL)} without an end; give a file or a pipe"
            ) from None


class Decompressed(io.RawIOBase):
    """The bytes of a compressed stream, no more of them than there may be.

    Parameters
    ----------
    stream
        A stream of the compressed bytes.
    codec
        "gzip" or "zstd".
    size
        The number of the compressed bytes.
    source
        The file's name for messages.

    Raises
    ------
    ValueError
        On reading, if there are more than ``RLCHF_MAX_EXPANSION`` times as many bytes.
    """

    def __init__(self, stream: Any, codec: str, size: int, source: str) -> None:
        super().__init__()
        self.stream = pa.CompressedInputStream(stream, codec)
        self.size, self.source, self.count = size, source, 0
        self.times = limit("RLCHF_MAX_EXPANSION")

    def readable(self) -> bool:
        """Whether bytes can be read: yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; the number of bytes, 0 at the end."""
        block = self.stream.read(len(buffer))
        self.count += len(block)
        most = max(SMALL, self.times * self.size)
        if self.count > most:
            raise ValueError(
                f"{self.source}: {gib(self.size)} become more than {gib(most)} when they are decompressed, "
                "as a file made for an attack does; if it is sound, set "
                f"RLCHF_MAX_EXPANSION to more than {self.times}"
            )
        buffer[: len(block)] = block
        return len(block)


def gathered(stream: Any, source: str, most: int | None = None) -> bytes:
    """All bytes of a stream whose length is not known.

    Raises
    ------
    OverflowError
        If there are more than ``most``.
    ValueError
        If there are more than may be taken of the memory.
    """
    allowed = limit("RLCHF_MAX_MEMORY") // 2  # they are copied once
    data = bytearray()
    while block := stream.read(BLOCK):
        data += block
        if most is not None and len(data) > most:
            raise OverflowError
        if len(data) > allowed:
            raise ValueError(
                f"{source}: there is more than {gib(allowed)}, half of the memory that may be taken; "
                "give less, or set RLCHF_MAX_MEMORY to allow more"
            )
    return bytes(data)


def _first_bytes(pipe: int, source: str) -> bytes:
    """What a pipe has as soon as a program has opened it to write, perhaps nothing yet."""
    wait, began, said = limit("RLCHF_MAX_WAIT"), time.monotonic(), False
    closed = select.poll()
    closed.register(pipe, select.POLLIN)
    while True:
        try:
            first = os.read(pipe, BLOCK)
        except BlockingIOError:  # there is a writer, who has not written yet
            return b""
        if first or closed.poll(0):  # the writer has gone again
            return first
        waited = time.monotonic() - began
        if waited > wait:
            raise ValueError(
                f"{source}: a named pipe that no program opened for writing within {wait} seconds; begin to "
                "write to it, or set RLCHF_MAX_WAIT to wait longer"
            )
        if waited > SILENT and not said:
            said = True
            print(f"rlchf: waiting for a program that writes to {source}", file=sys.stderr)
        time.sleep(0.02)
