"""Functions and test modules that run in processes of their own, in one or in two."""

import multiprocessing
import multiprocessing.connection
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PRELOADED = [
    "pandas",
    "pyarrow.csv",
    "pyarrow.parquet",
    "scipy.optimize",
    "scipy.sparse",
    "numba",
    "typer",
    "rich.table",
    "torch.distributed.device_mesh",
    "accelerate",
    "peft",
    "transformers.trainer",
    "transformers.models.gpt2.modeling_gpt2",
    "transformers.models.llama.modeling_llama",
]
"""What takes seconds to import: it is imported once, before the processes below fork."""


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


def forked(work: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A process that calls a function; it forks from one that has imported what takes long."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=work, args=arguments)
    process.start()
    return process


def on_two_processes(work: Callable[[Path], None], folder: Path, **environment: str) -> None:
    """Call a function of a test module on two processes, with the variables that torchrun sets."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    running = []
    for rank in ("0", "1"):
        variables = shared | {"MASTER_PORT": port, "RANK": rank, "LOCAL_RANK": rank} | environment
        running.append(forked(_as_rank, work, folder, variables))
    while alive := [one.sentinel for one in running if one.is_alive()]:
        multiprocessing.connection.wait(alive)
        if any(one.exitcode for one in running):
            for one in running:
                one.kill()
    errors = "".join(
        path.read_text()[-3000:] for path in folder.parent.glob(f"{folder.name}-error-*")
    )
    assert [one.exitcode for one in running] == [0, 0], errors


def _as_rank(work: Callable[[Path], None], folder: Path, variables: dict[str, str]) -> None:
    import torch

    os.environ.update(variables)
    torch.set_num_threads(1)
    try:
        work(folder)
    except BaseException:
        file = Path(f"{folder}-error-of-rank-{variables['RANK']}")
        file.write_text(traceback.format_exc())
        raise
