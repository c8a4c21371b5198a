"""Which architectures of transformers can be reward models and policies here, and what goes wrong.

    python benchmarks/architectures.py --out runs/architectures.json
    python benchmarks/architectures.py --only llama,gpt2 --cells PPO,critic

Each of 34 architectures is made from nothing with two layers and random weights
(``architecture_models.py``), and each column of the table is tried with it (``architecture_cells.py``).
``ok`` means that two ways which should agree do, a number is the largest difference where they do not,
and a note is what rlchf, or a library below it, said.

Every architecture has a process of its own; if that one dies, the cell in which it died says so, and the
rest of them are tried in a new process. It takes 95 seconds on two cores with nothing else to do,
and several times as long on busy ones.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from architecture_cells import CELLS, OF_POLICIES, result_of
from architecture_models import ARCHITECTURES

from rlchf.io.json import read_json, write_json
from rlchf.options import listed

LIMIT = 300
"""Seconds after which the process of an architecture is ended."""
NOTE = 240
"""Characters of a note in the table; the JSON has all of it."""


def cells_of(name: str, chosen: Sequence[str] = tuple(CELLS)) -> list[str]:
    """The cells that an architecture has, of those chosen."""
    causal = ARCHITECTURES[name].kind == "causal"
    return [cell for cell in chosen if causal or cell not in OF_POLICIES]


def attempt(name: str, cells: Sequence[str], out: Path) -> None:
    """Make an architecture's model and try the cells; each result is written when it is known."""
    import torch

    torch.set_num_threads(1)
    with (out / "log").open("a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)  # what the trainers print
        os.dup2(log.fileno(), 2)
    model = out / "models" / name
    if not model.exists():
        ARCHITECTURES[name].write(model)
    for cell in cells:
        began = time.perf_counter()
        state, detail = result_of(cell, model, out)
        row = {"state": state, "detail": detail, "seconds": round(time.perf_counter() - began, 2)}
        write_json(out / f"{cell}.json", row)


def tried(name: str, chosen: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The results of an architecture's cells, each with its state, detail and seconds."""
    results: dict[str, dict[str, Any]] = {}
    kind = "forkserver" if sys.platform != "win32" else "spawn"
    context: Any = multiprocessing.get_context(kind)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        while missing := [cell for cell in cells_of(name, chosen) if cell not in results]:
            process = context.Process(target=attempt, args=(name, missing, out))
            process.start()
            process.join(LIMIT)
            if process.is_alive():
                process.kill()
                process.join()
            for cell in missing:
                if (out / f"{cell}.json").exists():
                    results[cell] = read_json(out / f"{cell}.json")
            died = next((cell for cell in missing if cell not in results), None)
            if died is not None:
                why = f"the process ended with {process.exitcode}"
                results[died] = {"state": "crashed", "detail": why, "seconds": 0.0}
    return results


def table(rows: dict[str, dict[str, dict[str, Any]]], chosen: Sequence[str]) -> Iterator[str]:
    """The lines of a table in Markdown, and its notes."""
    notes: dict[str, int] = {}
    yield "| model | " + " | ".join(chosen) + " |"
    yield "|---" * (len(chosen) + 1) + "|"
    for name, results in rows.items():
        cells = [shown(results.get(cell), notes) for cell in chosen]
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""
    for note, number in notes.items():
        yield f"{number}. {note if len(note) <= NOTE else note[:NOTE].rsplit(maxsplit=1)[0] + ' ...'}"


def shown(result: dict[str, Any] | None, notes: dict[str, int]) -> str:
    """A cell of the table; sentences are numbered notes."""
    if result is None:
        return "-"
    if result["state"] in ("ok", "differs"):
        return "ok" if result["state"] == "ok" else result["detail"]
    return f"{result['state']} ({notes.setdefault(result['detail'], len(notes) + 1)})"


def chosen_of(text: str, known: Sequence[str], what: str) -> list[str]:
    """The names in a comma-separated list; all if it is empty."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise SystemExit(f"there is no {what} {name!r}; choose from {listed(known, name)}")
    return [name for name in known if name in names or not names]


def main() -> None:
    """Try the architectures, print the table, and write the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="Names of architectures, separated by commas.")
    parser.add_argument("--cells", default="", help="Names of columns, separated by commas.")
    parser.add_argument("--processes", type=int, default=2, help="Architectures tried at a time.")
    parser.add_argument("--out", default="", help="JSON to write.")
    given = parser.parse_args()
    names = chosen_of(given.only, list(ARCHITECTURES), "architecture")
    cells = chosen_of(given.cells, list(CELLS), "column")
    multiprocessing.set_forkserver_preload(["architecture_cells", "architecture_models"])
    began = time.perf_counter()
    rows = {}
    with ThreadPoolExecutor(given.processes) as pool:
        made = pool.map(lambda name: tried(name, cells), names)
        for name, results in zip(names, made, strict=True):
            rows[name] = results
            bad = sum(result["state"] != "ok" for result in results.values())
            print(f"{name}: {len(results) - bad} of {len(results)} ok", file=sys.stderr, flush=True)
    print("\n".join(table(rows, cells)))
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    if given.out:
        write_json(Path(given.out), {"cells": cells, "architectures": rows})


if __name__ == "__main__":
    main()
