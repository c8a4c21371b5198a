"""Aggregation in parts: time and peak memory of files that grow, in a file of ballots that is written for it.

    python benchmarks/out_of_core.py --rows 10e6 100e6 --memory 2GB

Each file has 20 annotators and 5 responses per prompt, with ids as text. It is written some prompts at a
time, aggregated by ``rlchf aggregate --memory`` in a process of its own, and removed. ``--shuffled`` mixes
the rows of ten thousand prompts at a time, so that all rows are sorted first.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

ANNOTATORS, RESPONSES = 20, 5
PROMPTS = 10_000
"""Prompts that are drawn at a time."""
MEASURE = """
import json, resource, sys
from rlchf.cli.main import main
sys.argv = ["rlchf", *sys.argv[1:]]
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss]), file=sys.stderr)
"""


def main() -> None:
    """Print a row of the table for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, nargs="+", default=[10e6])
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--rule", default="borda")
    parser.add_argument("--kind", default="parquet", choices=["parquet", "csv", "jsonl"])
    parser.add_argument("--shuffled", action="store_true")
    options = parser.parse_args()
    print("| rows | file | s | CPU s | rows per CPU s | peak memory |\n|---|---|---|---|---|---|")
    for rows in map(int, options.rows):
        folder = Path(tempfile.mkdtemp(prefix="rlchf-out-of-core-", dir="."))
        try:
            path = folder / f"votes.{options.kind}"
            write(path, rows, shuffled=options.shuffled)
            out = folder / "out.parquet"
            began = time.monotonic()
            arguments = [
                str(path),
                "--rule",
                options.rule,
                "--memory",
                options.memory,
                "--out",
                str(out),
            ]
            done = subprocess.run(
                [sys.executable, "-c", MEASURE, "aggregate", *arguments],
                check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
            seconds = time.monotonic() - began
            busy, peak = json.loads(done.stderr.splitlines()[-1])
            size = path.stat().st_size / 1e9
            print(
                f"| {rows:,} | {size:.2f} GB | {seconds:.0f} | {busy:.0f} | {rows / busy:,.0f} | "
                f"{peak / 1e6:.2f} GB |",
                flush=True,
            )
        finally:
            shutil.rmtree(folder)


def write(path: Path, rows: int, *, shuffled: bool) -> None:
    """Write random rankings, some prompts at a time."""
    rng = np.random.default_rng(0)
    annotators = pa.array([f"annotator-{a:02}" for a in range(ANNOTATORS)])
    responses = pa.array([f"response-{r}" for r in range(RESPONSES)])
    per_prompt = ANNOTATORS * RESPONSES
    n_prompts = rows // per_prompt
    writer = None
    for first in range(0, n_prompts, PROMPTS):
        numbers = np.arange(first, min(first + PROMPTS, n_prompts))
        n = len(numbers)
        ranks = rng.random((n * ANNOTATORS, RESPONSES)).argsort(axis=1).ravel() + 1
        order = rng.permutation(n * per_prompt) if shuffled else np.arange(n * per_prompt)
        prompt = np.repeat(np.arange(n), per_prompt)[order]
        annotator = np.tile(np.repeat(np.arange(ANNOTATORS), RESPONSES), n)[order]
        response = np.tile(np.arange(RESPONSES), n * ANNOTATORS)[order]
        ids = pa.array([f"prompt-{number:09}" for number in numbers.tolist()])
        table = pa.table(
            {
                "prompt_id": ids.take(pa.array(prompt)),
                "annotator_id": annotators.take(pa.array(annotator)),
                "response_id": responses.take(pa.array(response)),
                "rank": ranks[order].astype(np.int8),
            }
        )
        if path.suffix == ".parquet":
            writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
            writer.write(table)
        else:
            _append(path, table)
    if writer is not None:
        writer.close()


def _append(path: Path, table: pa.Table) -> None:
    with path.open("a") as file:
        frame = table.to_pandas()
        if path.suffix == ".csv":
            frame.to_csv(file, index=False, header=file.tell() == 0)
        else:
            frame.to_json(file, orient="records", lines=True)


if __name__ == "__main__":
    main()
