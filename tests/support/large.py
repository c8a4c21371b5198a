"""Datasets that are aggregated at once and in parts, with the same result."""

import csv
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from tests.support.cli import Done, rlchf

LONG = ("prompt_id", "annotator_id", "response_id", "rank")
Row = Sequence[object]


def ballots(prompts: int, annotators: int, *, gaps: float = 0.0, seed: int = 1) -> list[Row]:
    """Rows of a long table, prompt by prompt: rankings of two or four responses."""
    rng = random.Random(seed)
    rows: list[Row] = []
    for p in range(prompts):
        size = rng.choice([2, 4])
        for a in range(annotators):
            for rank, r in enumerate(rng.sample(range(size), size), start=1):
                if rank == 1 or rng.random() >= gaps:
                    rows.append((f"p{p}", f"ann{a}", f"r{r}", rank))
    return rows


def shuffled(rows: Iterable[Row]) -> list[Row]:
    mixed = list(rows)
    random.Random(0).shuffle(mixed)
    return mixed


def write(path: Path, rows: Sequence[Row], header: Sequence[str] = LONG) -> Path:
    """Write a table by the path's ending; row groups of Parquet are small."""
    if path.suffix == ".parquet":
        columns = {name: [row[i] for row in rows] for i, name in enumerate(header)}
        pyarrow.parquet.write_table(pa.table(columns), path, row_group_size=37)
    elif path.suffix == ".jsonl":
        lines = (json.dumps(dict(zip(header, row, strict=True))) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines))
    else:
        with path.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def aggregated(
    inputs: Path | Sequence[Path], out: Path, *options: object, memory: str = "9KB"
) -> tuple[Done, Done, bytes, bytes]:
    """What ``rlchf aggregate`` says and writes at once, and in parts of a few rows.

    Both write to the same file, one after the other, so that they say the same of it.
    """
    files = [inputs] if isinstance(inputs, Path) else list(inputs)
    done, written = [], []
    for more in ((), ("--memory", memory)):
        out.unlink(missing_ok=True)
        done.append(rlchf("aggregate", *files, "--out", out, *options, *more))
        written.append(out.read_bytes() if out.exists() else b"")
    assert not out.with_name(f"{out.name}.parts").exists()
    return done[0], done[1], written[0], written[1]


def same(inputs: Path | Sequence[Path], out: Path, *options: object, memory: str = "9KB") -> Done:
    """Assert that both ways end with the same bytes and say the same; what they say."""
    whole, parts, expected, written = aggregated(inputs, out, *options, memory=memory)
    assert parts == whole
    assert written == expected
    return parts
