"""The speed of the rules across prompts, and the growth of their time and memory.

    python benchmarks/across/across_speed.py --out runs/across_speed.json

Each prompt has 4 responses and 10 annotators out of 10,000; ballots come from Mallows' model with
dispersion 0.8 around a different order for each prompt. Rules that go through the prompts one after the
other get 1,000,000 prompts; rules that look at the whole dataset at once get a tenth of that. The dataset
is in memory before the clock starts, as after `rlchf.read_rankings`; the time ends with the finished
`rlchf.Aggregation`. Compilation does not count. "seconds" are CPU seconds; "system" is the part that the
operating system takes, mostly to allocate memory; "wall" is longer if the machine has other work.

The growth is the time for all prompts over the mean time for a tenth of them, with all ten tenths measured:
the same work in one piece and in ten.

The floor is the time to copy the ballots once, at the bandwidth measured in the same run. Peak memory is
that of the whole process, dataset included, while the rule runs.
"""
# ruff: noqa: E402

import argparse
import inspect
import json
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy, to measure one core

import numpy as np
from rich.console import Console
from rich.table import Table

from rlchf import Rankings
from rlchf.rules import get_rule, list_rules
from rlchf.simulate import profiles

ANNOTATORS, PER_PROMPT, RESPONSES = 10_000, 10, 4
DISPERSION = 0.8
SECONDS_GOAL = {True: 15.0, False: 120.0}  # of sequential rules on 1 M prompts, of others on 100 k
GROWTH_GOAL, GIB_GOAL = 11.0, 4.0


@dataclass(frozen=True)
class Row:
    """The measurements of one rule."""

    rule: str
    sequential: bool
    prompts: int
    seconds: float
    system: float
    seconds_tenth: float  # on a tenth of the prompts
    wall: float
    ratio: float
    microseconds_per_ballot: float
    over_floor: float
    peak_gib: float

    @property
    def goals(self) -> dict[str, bool]:
        """Whether the goals are met; those of time and memory apply to the full number of prompts only."""
        goals = {"ratio": self.ratio <= GROWTH_GOAL}
        if self.prompts == (1_000_000 if self.sequential else 100_000):
            goals["seconds"] = self.seconds <= SECONDS_GOAL[self.sequential]
            goals["memory"] = self.peak_gib <= GIB_GOAL
        return goals


def dataset(prompts: int, seed: int = 0) -> Rankings:
    """Random ballots; the entries of each ballot are best first, as after reading."""
    rng = np.random.default_rng(seed)
    ranks = profiles(
        "mallows", prompts, PER_PROMPT, RESPONSES, rng, phi=DISPERSION
    ).ranks.T  # (N, M)
    n = len(ranks)
    step = rng.integers(1, ANNOTATORS // PER_PROMPT, prompts)[:, None] * np.arange(PER_PROMPT)
    annotators = (rng.integers(0, ANNOTATORS, prompts)[:, None] + step) % ANNOTATORS
    return Rankings(
        prompt_ids=[str(p) for p in range(prompts)],
        annotator_ids=[str(a) for a in range(ANNOTATORS)],
        response_ids=["a", "b", "c", "d"] * prompts,
        response_starts=np.arange(0, prompts * RESPONSES + 1, RESPONSES),
        ballot_starts=np.arange(0, n + 1, PER_PROMPT),
        ballot_annotators=annotators.ravel(),
        ballot_weights=np.ones(n),
        ballot_counts=np.ones(n, dtype=np.int64),
        entry_starts=np.arange(0, n * RESPONSES + 1, RESPONSES),
        entry_responses=np.argsort(ranks, axis=1).astype(np.int32).ravel(),
        entry_ranks=np.tile(np.arange(1, RESPONSES + 1, dtype=np.int16), n),
    )


def ballot_bytes(rankings: Rankings) -> int:
    """The size of the ballots, their annotators and their weights."""
    columns = (
        rankings.ballot_annotators,
        rankings.ballot_weights,
        rankings.entry_starts,
        rankings.entry_responses,
        rankings.entry_ranks,
    )
    return sum(column.nbytes for column in columns)


def copy_bandwidth(size: int = 2**28) -> float:
    """Bytes copied per second, the best of five runs."""
    source, target = np.ones(size, dtype=np.uint8), np.zeros(size, dtype=np.uint8)
    best = np.inf
    for _ in range(5):
        began = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - began)
    return float(size / best)


@dataclass(frozen=True)
class Timing:
    """CPU seconds, the operating system's part of them, wall-clock seconds, and the peak in GiB."""

    seconds: float
    system: float
    wall: float
    peak_gib: float


def time_rule(rule: str, parts: Sequence[Rankings], repeat: int) -> Timing:
    """The time for all datasets, one after the other; the best of ``repeat`` runs."""
    timings = []
    for _ in range(repeat):
        reset_peak()
        began, clock = os.times(), time.perf_counter()
        for part in parts:
            get_rule(rule)(part)
        wall, ended = time.perf_counter() - clock, os.times()
        system = ended.system - began.system
        timings.append(Timing(ended.user - began.user + system, system, wall, peak_gib()))
    return min(timings, key=lambda timing: timing.seconds)


def reset_peak() -> None:
    """Reset the peak of memory, if the operating system supports it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_gib() -> float:
    """The peak of memory since `reset_peak`, or since the start of the process."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def is_sequential(rule: str) -> bool:
    """Whether a rule decides the prompts one after the other."""
    return "order" in inspect.signature(get_rule(rule)).parameters


HEADS = (
    "rule", "prompts", "seconds", "system", "wall", "us per ballot", "growth", "over floor", "peak GiB",
)  # fmt: skip


def table(rows: list[Row]) -> Table:
    """One line per rule; green meets its goal, red misses it."""
    shown = Table(title="4 responses, 10 annotators out of 10,000 per prompt; one core")
    for head in HEADS:
        shown.add_column(head, justify="left" if head == "rule" else "right")
    for row in rows:
        cells = {"seconds": f"{row.seconds:.2f}", "ratio": f"{row.ratio:.1f}x"}
        cells["memory"] = f"{row.peak_gib:.2f}"
        for goal, met in row.goals.items():
            cells[goal] = f"[{'green' if met else 'red'}]{cells[goal]}[/]"
        shown.add_row(
            row.rule, f"{row.prompts:,}", cells["seconds"], f"{row.system:.2f}", f"{row.wall:.2f}",
            f"{row.microseconds_per_ballot:.3f}", cells["ratio"], f"{row.over_floor:,.0f}x", cells["memory"],
        )  # fmt: skip
    return shown


def main() -> None:
    """Measure, print, write."""
    across = [name for name, card in list_rules().items() if card.kind == "across prompts"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", nargs="+", default=across, choices=across, metavar="RULE")
    parser.add_argument(
        "--prompts", type=int, default=1_000_000, help="number of prompts for sequential rules"
    )
    parser.add_argument(
        "--repeat", type=int, default=3, help="number of runs, of which the best counts"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the prompts, once")
    parser.add_argument("--out", type=Path, help="write a JSON")
    settings = parser.parse_args()
    if settings.quick:
        settings.prompts, settings.repeat = settings.prompts // 10, 1
    console, progress = Console(width=130), Console(stderr=True)
    bandwidth = copy_bandwidth()
    console.print(f"bandwidth of copying: {bandwidth / 1e9:.1f} GB/s; green meets its goal")
    rows: list[Row] = []
    warm_up = dataset(200)
    for sequential in (True, False):
        rules = [rule for rule in settings.rules if is_sequential(rule) is sequential]
        if not rules:
            continue
        prompts = settings.prompts if sequential else settings.prompts // 10
        rankings = dataset(prompts)
        for rule in rules:
            progress.print(f"{rule}: {prompts:,} prompts")
            get_rule(rule)(warm_up)
            tenths = [rankings.subset(part) for part in np.array_split(np.arange(prompts), 10)]
            tenth = time_rule(rule, tenths, settings.repeat).seconds / 10
            del tenths
            timing = time_rule(rule, [rankings], settings.repeat)
            floor = ballot_bytes(rankings) / bandwidth
            seconds = timing.seconds
            rows.append(
                Row(
                    rule=rule,
                    sequential=sequential,
                    prompts=prompts,
                    seconds=seconds,
                    system=timing.system,
                    seconds_tenth=tenth,
                    wall=timing.wall,
                    ratio=seconds / tenth,
                    microseconds_per_ballot=seconds / rankings.n_ballots * 1e6,
                    over_floor=seconds / floor,
                    peak_gib=timing.peak_gib,
                )
            )
    console.print(table(rows))
    missed = [f"{row.rule} ({goal})" for row in rows for goal, met in row.goals.items() if not met]
    console.print(f"goals missed: {', '.join(missed)}" if missed else "all goals are met")
    if settings.out is not None:
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        result = {"bandwidth": bandwidth, "rules": [asdict(row) for row in rows]}
        settings.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
