"""Commands as a terminal runs them; the program forks from a process that has imported its libraries."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rlchf.cli.main import main
from tests.support.processes import forked

OF_THE_SHELL = re.compile(r"[|&;<>$`*?~#]")
TERMINAL = {"COLUMNS": "110", "NO_COLOR": "1"}


def printed(command: str, folder: Path) -> str:
    """What a command prints in a folder, its errors last."""
    words = shlex.split(command.replace("\\\n", " "))
    if words[0] == "rlchf" and "ray" not in words and not OF_THE_SHELL.search(command):
        with tempfile.TemporaryDirectory() as name:
            streams = [Path(name, "out"), Path(name, "err")]
            forked(program, words, folder, streams).join(timeout=300)
            return "".join(stream.read_text(encoding="utf-8") for stream in streams)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PATH": programs, **TERMINAL},
    )  # fmt: skip
    return done.stdout + done.stderr


def program(words: list[str], folder: Path, streams: Sequence[Path | str]) -> None:
    """What the program does with these words in a folder, on two files as its output and errors."""
    os.chdir(folder)
    os.environ.update(TERMINAL)
    for number, stream in enumerate(streams, 1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = words
    main()
