"""The memory of each stage of `rlchf run` on the example of SmolLM2, in several precisions.

    OMP_NUM_THREADS=1 python benchmarks/ppo/run_memory.py

Each precision is a process of its own, with fewer steps of the example and its batch sizes, on which the
memory depends. The figures are the highest resident memory of the process in each stage. Linux only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w
from rich.console import Console
from rich.table import Table

EXAMPLE = Path(__file__).parents[2] / "examples" / "emoji-smollm2.toml"
SHORT: dict[str, dict[str, Any]] = {
    "reward": {"epochs": 0.06}, "ppo": {"updates": 1}, "label": {"texts": 8},
}  # fmt: skip
PRECISIONS: dict[str, dict[str, dict[str, Any]]] = {
    "float32": {},
    "bfloat16": {"model": {"dtype": "bfloat16"}},
    "bfloat16, gradient checkpointing": {
        "model": {"dtype": "bfloat16"},
        "reward": {"gradient_checkpointing": True},
        "ppo": {"gradient_checkpointing": True},
    },
}
GIB = 1 << 20  # in the kibibytes of /proc


def measured(precision: str) -> dict[str, float]:
    """Run the stages in this process: the highest resident memory in each, in GiB."""
    from rlchf.jobs.run import start
    from rlchf.train.models.load import quieten_transformers
    from rlchf.train.processes import release_memory, use_one_thread

    quieten_transformers()
    use_one_thread()
    settings = tomllib.loads(EXAMPLE.read_text())
    for changes in (SHORT, PRECISIONS[precision]):
        for section, values in changes.items():
            settings[section] = settings.get(section, {}) | values
    peaks: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.toml")
        path.write_text(tomli_w.dumps(settings))
        run = start(path, out=Path(folder, "out"), data_folder=EXAMPLE.parent)
        run.aggregate()
        stages: dict[str, Callable[[], Any]] = {
            "reward model": run.train_reward_model,
            "texts before": lambda: run.sample("before", run.base_policy()),
            "PPO": run.fine_tune,
            "texts after": lambda: run.sample("after", run.folder / "policy"),
        }
        for name, stage in stages.items():
            release_memory()
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            stage()
            peaks[name] = _memory("VmHWM") / GIB
    return peaks


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    """Measure each precision in a process of its own, and print a table in GiB."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--worker", choices=PRECISIONS, help=argparse.SUPPRESS)
    precision = parser.parse_args().worker
    if precision:
        print(json.dumps(measured(precision)))
        return
    rows = {}
    for precision in PRECISIONS:
        command = [sys.executable, __file__, "--worker", precision]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows[precision] = json.loads(done.stdout.splitlines()[-1])
    table = Table("precision", *next(iter(rows.values())), "peak", box=None)
    for precision, peaks in rows.items():
        values = [*peaks.values(), max(peaks.values())]
        table.add_row(precision, *(f"{value:.2f}" for value in values))
    Console().print(table)


if __name__ == "__main__":
    main()
