"""A disk that is full, or memory that runs out, while a job is at work: one sentence, whoever noticed it."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
"""What the system says of a full disk, a limit on files, a quota."""
DISK = re.compile(
    r"no space left|file too large|quota exceeded|os error (27|28|122)\b|PytorchStreamWriter failed"
    r"|inline_container",
    re.IGNORECASE,
)
MEMORY = re.compile(
    r"out of memory|not enough memory|can(no|')t allocate memory|os error 12\b", re.IGNORECASE
)
"""What libraries say that raise errors of their own."""


class FaultError(OSError):
    """The disk is full or the memory at its end, as `naming_faults` says it."""


@contextmanager
def naming_faults(folder: Path) -> Iterator[None]:
    """Say that the disk is full or the memory at its end, where a block that fills a folder runs into it.

    Raises
    ------
    FaultError
        In place of the error of whichever library noticed it.

    Examples
    --------
    >>> try:
    ...     with naming_faults(Path("run")):
    ...         raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
    ... except FaultError as error:
    ...     print(str(error).split(";")[0])
    run: the memory does not suffice (DefaultCPUAllocator: can't allocate memory)
    """
    try:
        yield
    except FaultError:
        raise  # by a job within this one
    except Exception as error:
        told = " ".join(str(error).split())[:200] or type(error).__name__
        if _is_of_disk(error, told):
            raise FaultError(
                f"{folder}: there is no room on the disk ({told}); what is done is kept: make room and go on "
                "with --resume"
            ) from error
        if isinstance(error, MemoryError) or MEMORY.search(told):
            raise FaultError(
                f"{folder}: the memory does not suffice ({told}); what is done is kept: go on with --resume "
                "where there is more, or begin anew with smaller batches or a smaller model"
            ) from error
        raise


def _is_of_disk(error: Exception, told: str) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in NO_ROOM
    return bool(DISK.search(told))
