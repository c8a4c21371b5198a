"""The memory that a job needs, for the terminal."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.table import Table

from rlchf.cli.console import print_json, wide_console
from rlchf.jobs.plan import Planned
from rlchf.jobs.progress import Tick, stage
from rlchf.train.memory.plan import GB


def print_plan(make: Callable[[Tick], Planned], as_json: bool) -> None:
    """Make a plan while progress is shown, and print it."""
    with stage("memory of the settings", quiet=True) as tick:
        planned = make(tick)
    if as_json:
        print_json(planned.to_dict())
        return
    console = wide_console()
    for part in plan_tables(planned):
        console.print(part, markup=False)


def plan_tables(planned: Planned) -> Iterator[Any]:
    """The plan by part, where it fits, and what would help."""
    plan = planned.plan
    yield f"memory for {planned.subject}\n"
    held = Table("held throughout", "GB", box=None)
    for name, size in plan.held.items():
        held.add_row(name, _gb(size))
    held.add_row("together", _gb(plan.held_bytes))
    yield held
    names = ("activations", "logits", "cache", "gradients")
    heads = ("activations", "logits", "keys and values", "gradients", "with what is held")
    phases = Table("in turns, GB", *heads, box=None)
    for name, phase in plan.phases.items():
        parts = [_gb(getattr(phase, part)) for part in names]
        phases.add_row(name, *parts, _gb(plan.held_bytes + phase.total))
    yield ""
    yield phases
    engine = f", and {plan.engine:.0%} of the GPU for the engine of vllm" if plan.engine else ""
    yield f"\npeak: {_gb(plan.peak)} GB, in {plan.peak_phase}{engine}"
    for card, fits in planned.cards:
        yield f"{card}: {'enough' if fits else 'not enough'}"
    if planned.advice:
        help = Table("what would help, one after the other", "peak, GB", box=None)
        for one in planned.advice:
            help.add_row(one.setting, _gb(one.peak))
        yield ""
        yield help
    yield from plan.notes


def _gb(size: int) -> str:
    """Bytes in GB, with as many digits as tell something."""
    value = size / GB
    return f"{value:.1f}" if value >= 1 else f"{value:.3f}" if value >= 0.001 else "0"
