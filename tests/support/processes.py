"""Test modules that are programs of their own, in one process or in several."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ON_TWO_PROCESSES = ("torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m")
"""The launcher of a module on two processes."""


def run_module(
    module: str, folder: Path, launcher: tuple[str, ...] = (), **environment: str
) -> None:
    """Run a test module on a folder; a failure shows the end of what it printed as errors."""
    done = subprocess.run(
        [sys.executable, "-m", *launcher, module, str(folder)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
