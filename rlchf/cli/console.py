"""Where tables are printed."""

import os
import sys

from rich.console import Console

WIDE = 160
"""Columns of a table that goes to a file or another program, which cut nothing off."""


def wide_console() -> Console:
    """Standard output: as wide as the terminal, or as COLUMNS, or as tables need."""
    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if narrow else WIDE)
