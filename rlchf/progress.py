"""Progress on standard error: bars on a terminal, a line per stage elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Tick = Callable[..., None]
"""``tick(done, total, **facts)``, facts being a few figures to show beside the bar."""


@contextmanager
def stage(name: str, quiet: bool = False) -> Iterator[Tick]:
    """Show a stage of the work while it runs.

    On a terminal a bar appears once the work has taken a second; elsewhere, unless ``quiet``, one
    line says that the stage began and one how long it took.
    """
    console = Console(stderr=True, highlight=False)
    began = time.monotonic()
    bar: Progress | None = None
    if not console.is_terminal and not quiet:
        console.print(f"{name} ...")

    def tick(done: int, total: int, **facts: float) -> None:
        nonlocal bar
        if not console.is_terminal:
            return
        if bar is None and time.monotonic() - began > 1:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            bar = Progress(*columns, TimeRemainingColumn(), TextColumn("{task.fields[facts]}"),
                           console=console, transient=True)  # fmt: skip
            bar.start()
            bar.add_task(name, total=total, facts="")
        if bar is not None:
            shown = "  ".join(f"{key} {value:.3g}" for key, value in facts.items())
            bar.update(bar.task_ids[0], completed=done, total=total, facts=shown)

    try:
        yield tick
    finally:
        if bar is not None:
            bar.stop()
    if not quiet:
        console.print(f"{name}: {time.monotonic() - began:.1f} s")
