"""Progress on standard error: bars on a terminal, a line per stage elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from rlchf.display import in_notebook, printable

Tick = Callable[..., None]
"""``tick(done, total, **facts)``, facts being a few figures to show beside the bar."""

DELAY = 1.0  # seconds of work before a bar appears
EVERY = 60.0  # seconds between lines where there is no bar


@contextmanager
def stage(name: str, quiet: bool = False) -> Iterator[Tick]:
    """Show a stage of the work while it runs.

    On a terminal a bar with the time so far appears once the work has taken a second, whether it has
    ticked by then or not: one large prompt ticks only at its end. Elsewhere, unless ``quiet``, one
    line says that the stage began, one a minute how far it is, and one how long it took.
    """
    name = printable(name)
    console = Console(
        stderr=True, highlight=False, markup=False, emoji=False, force_jupyter=False,
        force_terminal=False if in_notebook() else None,
    )  # fmt: skip
    began = time.monotonic()
    if not console.is_terminal and not quiet:
        console.print(f"{name} ...")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
    )
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(name, total=None, facts="")
    timer = threading.Timer(DELAY, bar.start)  # rich draws from its own thread, too
    timer.daemon = True
    if console.is_terminal:
        timer.start()

    last_line = began

    def tick(done: int, total: int, **facts: float) -> None:
        nonlocal last_line
        figures = "  ".join(f"{key} {value:.3g}" for key, value in facts.items())
        bar.update(task, completed=done, total=total, facts=figures)
        if not console.is_terminal and not quiet and time.monotonic() - last_line > EVERY:
            last_line = time.monotonic()
            console.print(f"{name}: {done} of {total}  {figures}".rstrip())

    try:
        yield tick
    finally:
        timer.cancel()
        if timer.is_alive():
            timer.join()  # it may be about to start the bar
        if bar.live.is_started:
            bar.stop()
    if not quiet:
        console.print(f"{name}: {time.monotonic() - began:.1f} s")
