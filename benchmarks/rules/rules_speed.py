"""Every voting rule on many small elections, beside pref_voting, svvamp and abcvoting in the same run.

    python benchmarks/rules/rules_speed.py --out runs/rules_speed.json

Elections have 20 annotators and 5 responses, or 50 and 10, and come from Mallows' model with
dispersion 0.8 (a new centre for each prompt) or from impartial culture. rlchf and the peers get the same
ballots, rlchf as ranks and the peers as orders, prepared before the clock starts; our `Profiles` and the
peers' profile objects are built while it runs. rlchf ranks all responses, also where a peer finds only
winners or a committee.

Our slow rules, and all peers, get fewer prompts: the tables show the number for rlchf, the JSON for all.
Time is the median of some runs after one that does not count: processor seconds, and wall-clock seconds
where the table says "wall".

The floor is the time to copy the ballots once, at the bandwidth measured in the same run, since every rule
has to read its input; "over floor" is the time of the rule divided by it.
"""
# ruff: noqa: E402

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy, so that only this script starts threads

import numpy as np
from many_elections import Ballots, draw
from rich.console import Console
from rich.table import Table
from speed_peers import BEYOND, PEERS, Solve, installed

from rlchf.rules import get_rule, is_across, list_rules
from rlchf.rules._parts.threads import scores_in_chunks

SHAPES = {"20x5": (20, 5), "50x10": (50, 10)}
CULTURES = {"mallows 0.8": 0.8, "impartial": 1.0}
PROMPTS = {"20x5": 200_000, "50x10": 50_000}

GOALS = {
    ("20x5", "borda"): 2e6, ("20x5", "copeland"): 2e6, ("20x5", "minimax"): 2e6,
    ("20x5", "kemeny"): 2e6, ("20x5", "schulze"): 1e6, ("20x5", "ranked_pairs"): 4e5,
    ("20x5", "split_cycle"): 4e5, ("20x5", "instant_runoff"): 4e5, ("20x5", "seq_pav"): 1e5,
    ("20x5", "seq_phragmen"): 1e5, ("20x5", "equal_shares"): 1e5,
    ("50x10", "kemeny", "mallows 0.8"): 1e5, ("50x10", "kemeny", "impartial"): 2e4,
}  # fmt: skip
"""Prompts per processor second on one thread."""

RATIO_GOALS = {"borda": 300, "kemeny": 5000}
"""Speed relative to pref_voting at 20x5."""

GROWTH_GOAL = 11
"""Time for ten times as many prompts, relative to the time for these."""


# -- clocks ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seconds:
    """Processor seconds and wall-clock seconds."""

    cpu: float
    wall: float


@dataclass
class Cell:
    """One rule on one kind of elections; rates are prompts per second."""

    shape: str
    culture: str
    rule: str
    prompts: int
    rate: float  # of one thread, in processor time
    wall_rate: float
    wall_rate_two_threads: float
    over_floor: float
    goal: float | None
    peers: dict[str, "Peer"] = field(default_factory=dict)


@dataclass
class Peer:
    """A peer's speed on the same elections."""

    rate: float  # elections per processor second
    ratio: float  # our rate divided by it
    elections: int
    failed: int  # elections on which it raised an error
    goal: float | None


def timed(work: Callable[[], Any], repeat: int) -> Seconds:
    """The median of some runs, after one that does not count."""
    work()
    times = []
    for _ in range(repeat):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    return Seconds(*(median(column) for column in zip(*times, strict=True)))


def copy_bandwidth(size: int = 2**28) -> float:
    """Bytes copied per second, the best of some tries."""
    source, target = np.ones(size, dtype=np.uint8), np.zeros(size, dtype=np.uint8)
    best = np.inf
    for _ in range(7):
        began = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - began)
    return float(size / best)


def ours(rule: str, ballots: Ballots, threads: int, repeat: int) -> Seconds:
    """The time from arrays to scores, including building `Profiles`."""
    function, cardinal = get_rule(rule), list_rules()[rule].kind == "cardinal"

    def work() -> None:
        scores_in_chunks(function, ballots.profiles(cardinal), threads=threads)

    return timed(work, repeat)


def round_down(number: float) -> int:
    """To 1, 2 or 5 times a power of ten."""
    number = max(number, 1.0)
    power: int = 10 ** int(np.log10(number))
    return max(step * power for step in (1, 2, 5) if step * power <= number)


def affordable(rule: str, ballots: Ballots, seconds: float, most: int) -> int:
    """The number of prompts that fit into the time, by trials on more and more of them."""
    prompts = min(4, most)
    while True:
        spent = ours(rule, ballots.first(prompts), 1, 1).wall
        fitting = min(round_down(seconds * prompts / max(spent, 1e-6)), most)
        if spent > seconds / 3 or fitting <= prompts:
            return fitting
        prompts = fitting


def measure(
    rule: str,
    shape: str,
    culture: str,
    ballots: Ballots,
    bandwidth: float,
    settings: argparse.Namespace,
) -> Cell:
    """Our speed on one thread and on two."""
    prompts = affordable(rule, ballots, settings.seconds, ballots.prompts)
    some = ballots if prompts == ballots.prompts else ballots.first(prompts)
    one, two = (ours(rule, some, threads, settings.repeat) for threads in (1, 2))
    floor = some.ranks.nbytes / bandwidth
    goal = GOALS.get((shape, rule), GOALS.get((shape, rule, culture)))
    rates = prompts / one.cpu, prompts / one.wall, prompts / two.wall
    return Cell(shape, culture, rule, prompts, *rates, one.cpu / floor, goal)


def measure_peer(solve: Solve, orders: np.ndarray, cell: Cell, peer: str, seconds: float) -> Peer:
    """A peer's speed: one election after the other until the time is up."""
    for some in (orders[:3], orders):  # first to load and to compile
        failed = done = 0
        began = time.process_time()
        for one in some:
            try:
                solve(one)
            except RuntimeError:  # "did not converge"
                failed += 1
            done += 1
            if time.process_time() - began > seconds:
                break
        spent = time.process_time() - began
    goal = RATIO_GOALS.get(cell.rule) if (peer, cell.shape) == ("pref_voting", "20x5") else None
    return Peer(done / spent, cell.rate * spent / done, done, failed, goal)


def growth(rule: str, ballots: Ballots, settings: argparse.Namespace) -> tuple[int, float]:
    """A number of prompts, and the time for ten times as many relative to the time for these."""
    least = affordable(rule, ballots, settings.seconds / 5, ballots.prompts // 10)
    few, many = (ours(rule, ballots.first(n), 1, settings.repeat) for n in (least, 10 * least))
    return least, many.cpu / few.cpu


# -- tables ----------------------------------------------------------------------------------------


def short(number: float) -> str:
    """1.2 M, 34 k, 560, 0.12."""
    for unit, name in ((1e6, " M"), (1e3, " k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return f"{number:.3g}"


def against(value: float, goal: float | None, text: str, least: bool = True) -> str:
    """The text, green where the goal is met and red where it is missed."""
    if goal is None:
        return text
    met = value >= goal if least else value <= goal
    return f"[{'green' if met else 'red'}]{text}[/]"


def speed_table(cells: Sequence[Cell], peers: Sequence[str]) -> Table:
    """One kind of elections: our speed, the goal, and each peer's speed with our multiple of it."""
    table = Table(title=f"{cells[0].shape}, {cells[0].culture}: prompts per second")
    heads = ["rule", "prompts", "1 thread, cpu", "1 thread, wall", "2 threads, wall", "goal"]
    for head in [*heads, "over floor", *(f"{peer} (ours is)" for peer in peers)]:
        table.add_column(head, justify="left" if head == "rule" else "right")
    for cell in cells:
        row = [
            cell.rule,
            f"{cell.prompts:,}",
            against(cell.rate, cell.goal, short(cell.rate)),
            short(cell.wall_rate),
            short(cell.wall_rate_two_threads),
            "" if cell.goal is None else short(cell.goal),
            f"{cell.over_floor:,.0f}x",
        ]
        for name in peers:
            peer = cell.peers.get(name)
            if not installed(name):
                row.append("not installed")
            elif peer is None:
                beyond = (name, cell.shape, cell.culture, cell.rule) in BEYOND
                row.append("minutes each" if beyond else "-")
            else:
                note = f", {peer.failed} of {peer.elections} fail" if peer.failed else ""
                if peer.elections < 30:
                    note += f", {peer.elections} only"
                multiple = against(peer.ratio, peer.goal, f"{short(peer.ratio)}x")
                row.append(f"{short(peer.rate)} ({multiple}{note})")
        table.add_row(*row)
    return table


def growth_table(grown: dict[str, tuple[int, float]]) -> Table:
    """The growth of the time with the number of prompts."""
    table = Table(title=f"20x5, mallows 0.8: ten times the prompts (goal: at most {GROWTH_GOAL}x)")
    for head in ("rule", "prompts", "ten times as many take"):
        table.add_column(head, justify="left" if head == "rule" else "right")
    for rule, (prompts, ratio) in grown.items():
        text = against(ratio, GROWTH_GOAL, f"{ratio:.1f}x", least=False)
        table.add_row(rule, f"{prompts:,} and {10 * prompts:,}", text)
    return table


def missed(cells: Sequence[Cell], grown: dict[str, tuple[int, float]]) -> list[str]:
    """The missed goals, one line each."""
    misses = [
        f"{c.rule}, {c.shape}, {c.culture}: {short(c.rate)}/s, goal {short(c.goal)}/s"
        for c in cells
        if c.goal is not None and c.rate < c.goal
    ]
    misses += [
        f"{c.rule}, {c.shape}, {c.culture}: {short(p.ratio)}x {name}, goal {p.goal:g}x"
        for c in cells
        for name, p in c.peers.items()
        if p.goal is not None and p.ratio < p.goal
    ]
    return misses + [
        f"{rule}: ten times the prompts take {ratio:.1f} times as long"
        for rule, (_, ratio) in grown.items()
        if ratio > GROWTH_GOAL
    ]


# -- the run ---------------------------------------------------------------------------------------


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    per_prompt = [name for name in list_rules() if not is_across(get_rule(name))]
    parser.add_argument(
        "--rules", nargs="+", default=per_prompt, choices=per_prompt, metavar="RULE"
    )
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--cultures", nargs="+", default=list(CULTURES), choices=list(CULTURES))
    defaults = ", ".join(f"{n:,} ({shape})" for shape, n in PROMPTS.items())
    parser.add_argument("--prompts", type=int, help=f"number of prompts, instead of {defaults}")
    parser.add_argument("--seconds", type=float, default=2.5, help="time of one run of a slow rule")
    parser.add_argument(
        "--peer-seconds", type=float, default=1.0, help="time of a peer's elections"
    )
    parser.add_argument("--repeat", type=int, default=3, help="number of runs that count")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--growth", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--quick", action="store_true", help="few prompts, one run: a trial")
    parser.add_argument("--out", type=Path, help="write a JSON")
    settings = parser.parse_args()
    if settings.quick:
        settings.prompts = settings.prompts or 5000
        settings.seconds, settings.peer_seconds, settings.repeat = 0.2, 0.1, 1
    return settings


def main() -> None:
    """Measure, print, write."""
    settings = parse()
    console, progress = Console(width=180), Console(stderr=True)
    bandwidth = copy_bandwidth()
    console.print(f"copying goes at {bandwidth / 1e9:.1f} GB/s; a rate in green meets its goal")
    peers = list(PEERS) if settings.peers else []
    cells: list[Cell] = []
    for shape in settings.shapes:
        voters, m = SHAPES[shape]
        for culture in settings.cultures:
            ballots = draw(settings.prompts or PROMPTS[shape], voters, m, CULTURES[culture])
            sample = ballots.first(min(ballots.prompts, 20_000)).orders()
            rows = []
            for rule in settings.rules:
                progress.print(f"{shape}, {culture}: {rule}")
                cell = measure(rule, shape, culture, ballots, bandwidth, settings)
                for name in peers:
                    known, solver = PEERS[name]
                    beyond = (name, shape, culture, rule) in BEYOND
                    if rule in known and installed(name) and not beyond:
                        solve, seconds = solver(rule), settings.peer_seconds
                        cell.peers[name] = measure_peer(solve, sample, cell, name, seconds)
                rows.append(cell)
            console.print(speed_table(rows, peers))
            cells += rows
    grown: dict[str, tuple[int, float]] = {}
    if settings.growth:
        ballots = draw(10 * (settings.prompts or 100_000), 20, 5, 0.8)
        for rule in settings.rules:
            progress.print(f"growth: {rule}")
            grown[rule] = growth(rule, ballots, settings)
        console.print(growth_table(grown))
    misses = missed(cells, grown)
    console.print("\n".join(["goals missed:", *misses]) if misses else "all goals are met")
    if settings.out is not None:
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        result = {
            "bandwidth": bandwidth,
            "cells": [asdict(cell) for cell in cells],
            "growth": {rule: {"prompts": n, "ratio": ratio} for rule, (n, ratio) in grown.items()},
            "missed": misses,
        }
        settings.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
