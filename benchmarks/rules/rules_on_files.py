"""The wall-clock seconds of every rule on every given file, on the command line, including the start.

    python benchmarks/rules/rules_on_files.py data/*.csv data/preflib/ --out rules_on_files.json

runs ``rlchf aggregate FILE --rule RULE`` for each, prints a table, and fails if one of the runs fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rlchf.rules import list_rules


def seconds(file: str, rule: str, options: list[str], limit: float) -> tuple[float, str]:
    """The seconds of one aggregation, and its message if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "rlchf", "aggregate", file, "--rule", rule, *options]
        began = time.monotonic()
        try:
            command += ["--out", str(Path(folder) / "out.jsonl")]
            result = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=limit
            )
        except subprocess.TimeoutExpired:
            return limit, f"stopped after {limit:.0f} s"
        return time.monotonic() - began, result.stderr.strip() if result.returncode else ""


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="ranking files or PrefLib folders")
    parser.add_argument("--rules", nargs="+", default=list(list_rules()))
    parser.add_argument("--unranked", default="last", help="treatment of unranked responses")
    parser.add_argument(
        "--limit", type=float, default=600.0, help="time limit of one run in seconds"
    )
    parser.add_argument("--out", default="rules_on_files.json")
    arguments = parser.parse_args()
    console = Console()
    table = Table("rule", *("/".join(Path(file).parts[-2:]) for file in arguments.files), box=None)
    rows, failures = [], []
    for rule in arguments.rules:
        cells = []
        for file in arguments.files:
            took, problem = seconds(file, rule, ["--unranked", arguments.unranked], arguments.limit)
            rows.append({"rule": rule, "file": file, "seconds": took, "problem": problem})
            if problem:
                failures.append(f"{rule} on {file}: {problem.splitlines()[-1]}")
            cells.append("failed" if problem else f"{took:.1f}")
        table.add_row(rule, *cells)
        print(rule, *cells, file=sys.stderr, flush=True)
    console.print(table)
    Path(arguments.out).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
