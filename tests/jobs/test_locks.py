"""Folders in which one job works at a time."""

import errno
import os
from pathlib import Path

import pytest
from filelock import FileLock

from rlchf.jobs.locks import at_work_in


def test_a_file_system_without_locks_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.warns(UserWarning, match="has no locks"), at_work_in(tmp_path):
        (tmp_path / "result").touch()
    assert (tmp_path / "result").exists()


def test_another_error_of_a_lock_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(OSError, match="No space"), at_work_in(tmp_path):
        pass
