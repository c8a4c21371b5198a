"""The command line in this process: what a user types, and what comes back."""

import io
import sys
import warnings
from dataclasses import dataclass
from typing import Any
from unittest import mock

from rlchf.cli.main import main


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


class _Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def rlchf(*arguments: object, stdin: str = "", terminal: bool = False) -> Done:
    """Do what the program does with these arguments; standard output may be a terminal."""
    streams: dict[str, Any] = {
        name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")
    }
    if terminal:
        streams["stdout"] = io.TextIOWrapper(_Terminal(), "utf-8")
    streams["stdin"] = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    code = 0
    with (
        mock.patch.multiple(sys, argv=["rlchf", *map(str, arguments)], **streams),
        warnings.catch_warnings(),
    ):
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        texts = {}
        for name in ("stdout", "stderr"):
            streams[name].flush()
            texts[name] = streams[name].buffer.getvalue().decode()
    return Done(code, **texts)


def refused(done: Done) -> str:
    """The one sentence that bad input is answered with."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr
