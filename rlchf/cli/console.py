"""Where results are printed, and what several commands need."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.display import printable
from rlchf.installing import pip_install

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 160
"""Columns of a table that goes to a file or another program, which cut nothing off."""


def wide_console() -> "Console":
    """Standard output: as wide as the terminal, or as COLUMNS, or as tables need."""
    from rlchf.cli.plain_console import PlainConsole

    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return PlainConsole(width=None if narrow else WIDE)


def error_console() -> "Console":
    """Standard error, whose lines are not wrapped."""
    from rlchf.cli.plain_console import PlainConsole

    return PlainConsole(stderr=True, soft_wrap=True)


def say(text: str, *, err: bool = False) -> None:
    """Print a text, in which no name from a file can move the cursor or change the terminal.

    Parameters
    ----------
    err
        Whether to print it on standard error.
    """
    print(printable(text, keep="\n\t"), file=sys.stderr if err else sys.stdout)


def print_json(value: Any) -> None:
    """Print what ``--json`` asks for."""
    say(printable(json.dumps(value, indent=2, ensure_ascii=False), keep="\n", json=True))


def need_torch(who: str, *more: str) -> None:
    """Refuse with a sentence if what trains models is not installed, or one of the packages ``more``."""
    packages = ("torch", "transformers", "accelerate", *more)
    missing = [name for name in packages if not find_spec(name)]
    if missing:
        raise ValueError(
            f"{who} {missing[0]!r}, which is not installed; install what training needs with: "
            f"{pip_install('train')}"
        )


@contextmanager
def resumable(command: str, folder: str | Path, begun: Path) -> Iterator[None]:
    """Say after Ctrl-C or SIGTERM how to go on, once the file ``begun`` is there, which comes first."""
    try:
        yield
    except KeyboardInterrupt as error:
        if os.environ.get("RANK", "0") == "0" and begun.exists():
            say(f"stopped; go on with: rlchf {command} --resume {folder}", err=True)
        if signal.SIGTERM in error.args:  # as a training noted it
            raise SystemExit(128 + signal.SIGTERM) from None
        raise
