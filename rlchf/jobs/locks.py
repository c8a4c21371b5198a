"""One process at a time in a folder that a job fills."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"
"""The file in a folder that the process at work there has locked."""
WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP)
"""What systems of files say that know no locks."""


@contextmanager
def at_work_in(folder: Path, *, main: bool = True) -> Iterator[None]:
    """Let no other job fill a folder while this one does; the folder is made if it is not there.

    The system releases the lock of a process that ends in any way. Where the file system has no locks
    nothing is guarded, and a warning says so.

    Parameters
    ----------
    main
        Whether this is the main process of the job, which alone holds the lock.

    Raises
    ------
    ValueError
        If another process is at work there.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with at_work_in(Path(folder.name)):
    ...     [path.name for path in Path(folder.name).iterdir()]
    ['.lock']
    >>> list(Path(folder.name).iterdir())
    []
    """
    if not main:
        yield
        return
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(
        folder / LOCK, blocking=False, is_singleton=True
    )  # a job may be part of another
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"another process is at work in {folder}; wait until it ends, or choose another folder"
        ) from None
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in WITHOUT_LOCKS:
            raise
        warnings.warn(
            f"the file system of {folder} has no locks, so a second process there is not refused; start none",
            stacklevel=4,
        )
    try:
        yield
    finally:
        if lock.lock_counter <= 1:
            (folder / LOCK).unlink(missing_ok=True)
        lock.release()


def contents(folder: Path) -> set[str]:
    """The names of what is in a folder, without a lock that a job left which was killed.

    Examples
    --------
    >>> contents(Path("/no/such/folder"))
    set()
    """
    return {path.name for path in folder.iterdir()} - {LOCK} if folder.is_dir() else set()
