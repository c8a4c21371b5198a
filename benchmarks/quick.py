"""A small version of each kind of benchmark, with the range in which its figures should lie.

    python benchmarks/quick.py --out runs/bench-quick.json

Each entry of `CHECKS` in `quick_checks.py` is a script of this folder with small sizes, and the figures that
are read off what it prints or writes. The figures follow from the seed, or are relative to a peer or to a
floor of the same run, so that they hardly depend on the machine; the ranges allow for the small sizes. The
table has a row for each figure. The script ends with 1 if a figure is outside its range or a script fails. A
figure that needs a package that is not installed is left out, and its row says so.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from quick_checks import CHECKS, Check, Figure
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Result:
    """A figure that was measured; None where it was not, for the reason in ``note``."""

    script: str
    page: str
    figure: str
    value: float | None
    low: float
    high: float
    left_out: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure lies in its range, or was left out for want of a package."""
        if self.value is None:
            return self.left_out
        return self.low <= self.value <= self.high


def run(check: Check, folder: Path) -> tuple[str, Any]:
    """Run a script in a process of its own; what it printed, and its JSON."""
    out = folder / "out"
    command = [
        sys.executable,
        str(FOLDER / check.script),
        *shlex.split(check.options),
        check.out,
        str(out),
    ]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        command, cwd=folder, env=os.environ | threads, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise ValueError(f"ended with {done.returncode}: {last}")
    file = out / check.json if check.json else out
    return done.stdout, json.loads(file.read_text()) if file.is_file() else None


def measure(check: Check) -> list[Result]:
    """The results of a check, of which none is missing: what failed says why."""

    def result(
        figure: Figure, value: float | None, *, left_out: bool = False, note: str = ""
    ) -> Result:
        facts = check.script, check.page, figure.name, value, figure.low, figure.high
        return Result(*facts, left_out=left_out, note=note)

    absent = {name: f"needs {name}" for name in (check.needs,) if name and not find_spec(name)}
    if absent:
        return [result(one, None, left_out=True, note=absent[check.needs]) for one in check.figures]
    results = []
    with tempfile.TemporaryDirectory(prefix="rlchf-quick-") as folder:
        try:
            output, found = run(check, Path(folder))
        except (ValueError, OSError) as error:
            return [result(one, None, note=str(error)) for one in check.figures]
    for one in check.figures:
        if one.needs and not find_spec(one.needs):
            results.append(result(one, None, left_out=True, note=f"needs {one.needs}"))
            continue
        try:
            results.append(result(one, one.read(output, found)))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            results.append(result(one, None, note=f"not found: {error!r}"))
    return results


def shown(results: list[Result]) -> Table:
    """A row for each figure."""
    table = Table("script", "figure", "value", "range", "", box=None)
    for one in results:
        value = "" if one.value is None else f"{one.value:.4g}"
        mark = "left out" if one.left_out else "holds" if one.holds else "WRONG"
        low, high = f"{one.low:.4g}", f"{one.high:.4g}"
        bounds = low if low == high else f"{low} to {high}"
        table.add_row(one.script, one.figure, value, bounds, f"{mark} {one.note}".strip())
    return table


def main() -> None:
    """Run every check, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="Only scripts whose name has this.")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-quick.json"))
    options = parser.parse_args()
    began, results, console = time.monotonic(), [], Console(width=140)
    for check in CHECKS:
        if options.only in check.script:
            print(f"{check.script} {check.options}", file=sys.stderr, flush=True)
            results += measure(check)
    seconds = time.monotonic() - began
    console.print(shown(results))
    wrong = [one for one in results if not one.holds]
    console.print(f"{len(results)} figures, {len(wrong)} outside their range, {seconds:.0f} s")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(one) | {"holds": one.holds} for one in results]
    options.out.write_text(
        json.dumps({"seconds": round(seconds), "figures": rows}, indent=2) + "\n"
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
