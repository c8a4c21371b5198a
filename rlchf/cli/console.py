"""Where results are printed, and what several commands need."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 160
"""Columns of a table that goes to a file or another program, which cut nothing off."""


def wide_console() -> "Console":
    """Standard output: as wide as the terminal, or as COLUMNS, or as tables need."""
    from rich.console import Console

    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if narrow else WIDE)


def print_json(value: Any) -> None:
    """Print what ``--json`` asks for."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def need_torch(who: str, *more: str) -> None:
    """Refuse with a sentence if what trains models is not installed, or one of the packages ``more``."""
    packages = ("torch", "transformers", "accelerate", *more)
    missing = [name for name in packages if not find_spec(name)]
    if missing:
        raise ValueError(
            f"{who} {missing[0]!r}, which is not installed; install what training needs with: "
            "pip install 'rlchf[train]'"
        )


@contextmanager
def resumable(command: str, folder: str | Path, begun: Path) -> Iterator[None]:
    """Say after Ctrl-C how to go on, once the file ``begun`` is there, which the work writes first."""
    try:
        yield
    except KeyboardInterrupt:
        if os.environ.get("RANK", "0") == "0" and begun.exists():
            print(f"stopped; go on with: rlchf {command} --resume {folder}", file=sys.stderr)
        raise
