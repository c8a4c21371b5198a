"""Every rule on every given file, through the command line; seconds of wall time, start included.

    python benchmarks/rules/rules_on_files.py data/*.csv data/preflib/ --out rules_on_files.json

runs ``rlchf aggregate FILE --rule RULE`` for each, prints a table, and fails if one of them does.
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
    """How long one aggregation takes, and its complaint if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "rlchf", "aggregate", file, "--rule", rule, *options]
        began = time.monotonic()
        try:
            result = subprocess.run(
                [*command, "--out", str(Path(folder) / "out.jsonl")],
                capture_output=True,
                text=True,
                check=False,
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return limit, f"it was stopped after {limit:.0f} s"
        return time.monotonic() - began, result.stderr.strip() if result.returncode else ""


def main() -> None:
    """Fill the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="ranking files or PrefLib folders")
    parser.add_argument("--rules", nargs="+", default=list(list_rules()))
    parser.add_argument("--unranked", default="last", help="what a missing response means")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for one run")
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
