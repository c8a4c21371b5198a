"""What a report says of itself: date, version, command, and the files with their sizes."""

import os
import shlex
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from rlchf.limits import gib

LISTED = 8
"""Files that are named; more are counted."""


def report_facts(files: Iterable[str | Path], command: str = "") -> dict[str, str]:
    """The facts under a report's title.

    The date is today's in UTC, or that of the environment variable ``SOURCE_DATE_EPOCH``.

    Parameters
    ----------
    files
        The inputs; empty names and files that do not exist are passed over.
    command
        The command; by default that of the command line, if this process is one of ``rlchf``.

    Examples
    --------
    >>> report_facts([], "rlchf audit a.csv b.jsonl")["Command"]
    'rlchf audit a.csv b.jsonl'
    """
    from rlchf import __version__

    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    facts = {"Date": f"{now:%Y-%m-%d}", "Version": f"rlchf {__version__}"}
    given = command or _command()
    if given:
        facts["Command"] = given
    sizes = [_sized(path) for path in (Path(file) for file in files if file) if path.is_file()]
    if sizes:
        more = f", and {len(sizes) - LISTED} more" if len(sizes) > LISTED else ""
        facts["Files"] = f"{', '.join(sizes[:LISTED])}{more}"
    return facts


def _command() -> str:
    """The command line of this process, if it is one of ours."""
    program = Path(sys.argv[0])
    ours = program.stem == "rlchf" or (
        program.name == "__main__.py" and program.parent.name == "rlchf"
    )
    return shlex.join(["rlchf", *sys.argv[1:]]) if ours else ""


def _sized(path: Path) -> str:
    return f"{path} ({gib(path.stat().st_size)})"
