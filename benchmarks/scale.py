"""What reading and aggregating a large file costs, beside pyarrow, orjson, polars and DuckDB.

    python benchmarks/scale.py --rows 20e6 --json scale.json

The files are drawn and written first: 20 annotators and 5 responses per prompt, in the order of the prompts
("by_prompt") or mixed ("shuffled"), and "ordinary" ones with 3 to 30 annotators, ties and responses left out.
Ids are texts. Each measurement runs in a process of its own, three times, and the median counts; a ratio is
that of CPU seconds to those of the reference in the same run. Reading is measured within the process, after
imports; from file to file, by our command or by mean ranks written by hand in polars and DuckDB, it is the
whole process. polars, duckdb and orjson are measured where they are installed.
"""

import argparse
import importlib.util
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ANNOTATORS, RESPONSES, POOL = 20, 5, 1000
COLUMNS = ("prompt_id", "annotator_id", "response_id", "rank")
GROUP = 2**20
"""Rows that are written at a time."""
WHOLE = ("aggregate borda", "aggregate kemeny", "polars", "duckdb")
"""What goes from file to file, and is measured as a whole process."""
MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """The median CPU seconds and wall seconds of a measurement, and its largest memory in bytes."""

    name: str
    file: str
    cpu: float
    wall: float
    peak: int
    ratios: dict[str, float]
    goals: dict[str, float]


@dataclass(frozen=True)
class Measurement:
    """What is measured on a file, and against what, with the ratio that is the goal, or 0 for none."""

    name: str
    file: str
    goals: Mapping[str, float] = field(default_factory=dict)


HAND = {"polars": 1.0, "duckdb": 1.0}
PLAN = (
    Measurement("pyarrow", "by_prompt.parquet"),
    Measurement("rlchf", "by_prompt.parquet", {"pyarrow": 1.2}),
    Measurement("polars", "by_prompt.parquet"),
    Measurement("duckdb", "by_prompt.parquet"),
    Measurement("aggregate borda", "by_prompt.parquet", {"rlchf": 2.5, **HAND}),
    Measurement("aggregate kemeny", "by_prompt.parquet", {"rlchf": 3.0}),
    Measurement("borda in memory", "by_prompt.parquet"),
    Measurement("pyarrow", "shuffled.parquet"),
    Measurement("rlchf", "shuffled.parquet", {"pyarrow": 2.0}),
    Measurement("polars", "shuffled.parquet"),
    Measurement("duckdb", "shuffled.parquet"),
    Measurement("aggregate borda", "shuffled.parquet", {"rlchf": 0, **HAND}),
    Measurement("pyarrow", "ordinary.parquet"),
    Measurement("rlchf", "ordinary.parquet", {"pyarrow": 0}),
    Measurement("polars", "ordinary.parquet"),
    Measurement("duckdb", "ordinary.parquet"),
    Measurement("aggregate borda", "ordinary.parquet", {"rlchf": 0, **HAND}),
    Measurement("aggregate kemeny", "ordinary.parquet", {"rlchf": 0}),
    Measurement("borda in memory", "ordinary.parquet"),
    Measurement("pyarrow", "by_prompt.csv"),
    Measurement("rlchf", "by_prompt.csv", {"pyarrow": 2.0}),
    Measurement("orjson", "by_prompt.jsonl"),
    Measurement("rlchf", "by_prompt.jsonl", {"orjson": 1.5}),
)
"""A reference is measured before what is compared with it."""


def main() -> None:
    """Write the files, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, default=20e6, help="Number of rows of a file.")
    parser.add_argument("--times", type=int, default=3, help="Number of runs of each measurement.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed of the files.")
    parser.add_argument("--folder", type=Path, help="Folder of the files, which is kept.")
    parser.add_argument(
        "--files", nargs="+", help="Names of files that are measured; by default all."
    )
    parser.add_argument("--json", type=Path, help="File for the figures as JSON.")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured_here(options.measure[0], Path(options.measure[1]))))
        return
    if options.write:
        write(options.write, int(options.rows), options.seed)
        return
    folder = options.folder or Path(tempfile.mkdtemp(prefix="rlchf-scale-", dir="."))
    try:
        costs = measure_all(folder, int(options.rows), options.times, options.seed, options.files)
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    if options.json:
        options.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=2) + "\n")


def measure_all(
    folder: Path, rows: int, times: int, seed: int, files: Sequence[str] | None = None
) -> list[Cost]:
    """Write the files that are not there, measure what the plan says, and print a row for each."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = [each for each in PLAN if files is None or each.file in files]
    print("| measured | file | CPU s | wall s | peak memory | ratio |\n|---|---|---|---|---|---|")
    costs: list[Cost] = []
    for each in plan:
        path = folder / each.file
        if not path.exists():  # in another process, because children's memory counts from ours
            command = [sys.executable, __file__, "--write", str(path)]
            subprocess.run([*command, "--rows", str(rows), "--seed", str(seed)], check=True)
        module = each.name if each.name in ("orjson", "polars", "duckdb") else "numpy"
        if importlib.util.find_spec(module) is None:
            print(
                f"{each.name} is not installed, and so not measured on {each.file}.",
                file=sys.stderr,
            )
            continue
        cost = median_cost(each, path, times, costs)
        costs.append(cost)
        print(row(cost, rows), flush=True)
    return costs


def median_cost(each: Measurement, path: Path, times: int, earlier: Sequence[Cost]) -> Cost:
    """The medians of some runs, with the ratios to references."""
    runs = [run(each.name, path) for _ in range(times)]
    cpu, wall, peak = (statistics.median(values) for values in zip(*runs, strict=True))
    ratios = {c.name: cpu / c.cpu for c in earlier if c.file == each.file and c.name in each.goals}
    return Cost(each.name, each.file, cpu, wall, int(peak), ratios, dict(each.goals))


def row(cost: Cost, rows: int) -> str:
    """A row of the table."""
    goals = {name: f" (goal {goal:g})" if goal else "" for name, goal in cost.goals.items()}
    ratio = ", ".join(f"{x:.2f} x {name}{goals[name]}" for name, x in cost.ratios.items())
    memory = f"{cost.peak / MIB:,.0f} MiB, {cost.peak / rows:.0f} bytes a row"
    return f"| {cost.name} | {cost.file} | {cost.cpu:.2f} | {cost.wall:.2f} | {memory} | {ratio} |"


def run(name: str, path: Path) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak memory of one measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", name, str(path)]
    if name not in WHOLE:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        cpu, wall, peak = json.loads(done.stdout)
        return cpu, wall, peak
    out = path.with_name("out.parquet")
    if name.startswith("aggregate"):
        options = ["--rule", name.split()[1], "--out", str(out)]
        command = [sys.executable, "-m", "rlchf", "aggregate", str(path), *options]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    out.unlink()
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024


def measured_here(name: str, path: Path) -> tuple[float, float, int]:
    """CPU seconds, wall seconds and peak memory of a measurement in this process, without imports."""
    work = WORK[name](path)
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    seconds = time.process_time() - cpu, time.perf_counter() - wall
    return *seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def by_pyarrow(path: Path) -> Callable[[], object]:
    """Read the columns with pyarrow."""
    import pyarrow.csv
    import pyarrow.parquet

    if path.suffix == ".parquet":
        return lambda: pyarrow.parquet.read_table(path, columns=list(COLUMNS))
    options = pyarrow.csv.ConvertOptions(include_columns=list(COLUMNS))
    return lambda: pyarrow.csv.read_csv(path, convert_options=options)


def by_orjson(path: Path) -> Callable[[], object]:
    """Parse each line with orjson, and keep nothing."""
    import orjson

    def loop() -> None:
        with path.open("rb") as file:
            for line in file:
                orjson.loads(line)

    return loop


def by_rlchf(path: Path) -> Callable[[], object]:
    """Read the rankings."""
    from rlchf.io import read_rankings

    return lambda: read_rankings(path)


def borda_in_memory(path: Path) -> Callable[[], object]:
    """Aggregate rankings that have been read."""
    import rlchf

    rankings = rlchf.read_rankings(path)
    rlchf.aggregate(rankings.subset(np.arange(2)), "borda")  # loads what is loaded when it is used
    return lambda: rlchf.aggregate(rankings, "borda")


def by_polars(path: Path) -> Callable[[], object]:
    """Mean ranks by hand, from file to file."""
    import polars as pl

    out = path.with_name("out.parquet")
    place = pl.col("rank").rank("min").over("prompt_id")

    def means() -> None:
        rows = pl.scan_parquet(path).group_by("prompt_id", "response_id").agg(pl.col("rank").mean())
        rows.with_columns(place=place).sort("prompt_id", "place").collect().write_parquet(out)

    return means


def by_duckdb(path: Path) -> Callable[[], object]:
    """Mean ranks by hand, from file to file."""
    import duckdb

    out = path.with_name("out.parquet")
    query = f"""
        COPY (
            SELECT *, rank() OVER (PARTITION BY prompt_id ORDER BY score) AS place FROM (
                SELECT prompt_id, response_id, avg("rank") AS score FROM '{path}' GROUP BY ALL
            ) ORDER BY prompt_id, place
        ) TO '{out}' (FORMAT parquet)
    """

    def means() -> None:
        duckdb.sql(query)

    return means


WORK: dict[str, Callable[[Path], Callable[[], object]]] = {
    "pyarrow": by_pyarrow,
    "orjson": by_orjson,
    "rlchf": by_rlchf,
    "borda in memory": borda_in_memory,
    "polars": by_polars,
    "duckdb": by_duckdb,
}


def write(path: Path, rows: int, seed: int) -> None:
    """Draw ballots and write them, a million rows at a time."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    codes = drawn(path.stem, rows, np.random.default_rng(seed))
    names = {
        "prompt_id": pa.array(
            [f"prompt-{i:07d}" for i in range(int(codes["prompt_id"].max()) + 1)]
        ),
        "annotator_id": pa.array([f"ann-{i:07d}" for i in range(POOL)]),
        "response_id": pa.array([f"r{i:07d}" for i in range(RESPONSES)]),
    }
    tables = (
        pa.table(
            {
                name: names[name].take(pa.array(part)) if name in names else pa.array(part)
                for name, part in ((n, c[start : start + GROUP]) for n, c in codes.items())
            }
        )
        for start in range(0, len(codes["rank"]), GROUP)
    )
    first = next(tables)
    with path.open("wb") as file:
        if path.suffix == ".jsonl":
            for table in _with_first(first, tables):
                file.write(_lines(table))
            return
        options = pyarrow.csv.WriteOptions(quoting_style="none")
        writer: Any
        with (
            pyarrow.parquet.ParquetWriter(file, first.schema)
            if path.suffix == ".parquet"
            else pyarrow.csv.CSVWriter(file, first.schema, write_options=options)
        ) as writer:
            for table in _with_first(first, tables):
                writer.write_table(table)


def _with_first(first: Any, others: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from others


def drawn(kind: str, rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Codes of random ballots in the order of the prompts, or shuffled; ranks from 1."""
    n_prompts = max(rows // (ANNOTATORS * RESPONSES), 1)
    sizes = np.full(n_prompts, ANNOTATORS)
    if kind == "ordinary":
        sizes = rng.integers(3, 31, max(rows * 10 // 726, 1))
    prompt = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    first = np.repeat(rng.integers(0, POOL, len(sizes)), sizes)
    annotator = (first + 7 * (np.arange(len(prompt)) - starts)) % POOL  # distinct on a prompt
    ranks = (
        rng.random((len(prompt), RESPONSES), dtype=np.float32).argsort(axis=1).astype(np.int8) + 1
    )
    keep = np.ones(ranks.size, dtype=bool)
    if kind == "ordinary":
        tie = rng.random(len(prompt)) < 0.3
        ranks[tie] = (ranks[tie] + 1) // 2
        keep = (rng.random(ranks.shape) < 0.8).ravel()
        keep.reshape(ranks.shape)[:, :2] = True
    columns = {
        "prompt_id": np.repeat(prompt, RESPONSES),
        "annotator_id": np.repeat(annotator.astype(np.int32), RESPONSES),
        "response_id": np.tile(np.arange(RESPONSES, dtype=np.int32), len(prompt)),
        "rank": ranks.ravel().astype(np.int64),
    }
    if kind == "shuffled":
        order = rng.permutation(ranks.size).astype(np.int32)
        return {name: column[order] for name, column in columns.items()}
    return {name: column[keep] for name, column in columns.items()}


def _lines(table: Any) -> bytes:
    """The rows as lines of JSON."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = [part for name in COLUMNS[:3] for part in (f'"{name}":"', table[name], '",')]
    cells = ["{", *ids, '"rank":', table["rank"].cast(pa.string()), "}\n"]
    return "".join(pc.binary_join_element_wise(*cells, "").to_pylist()).encode()


if __name__ == "__main__":
    main()
