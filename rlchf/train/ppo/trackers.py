"""Metrics of a run for TensorBoard and other trackers, through accelerate."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from rlchf.train.processes import allow_processors


def make_accelerator(report_to: str, folder: Path) -> Accelerator:
    """An accelerator with the named trackers, which write to `folder`."""
    names = [name.strip() for name in report_to.split(",") if name.strip() not in ("", "none")]
    allow_processors()
    accelerator = Accelerator(log_with=names or None, project_dir=folder)
    missing = set(names) - {str(tracker) for tracker in accelerator.log_with}
    if missing:  # accelerate ignores trackers that are not installed
        raise ValueError(f"report_to: {', '.join(sorted(missing))} is not installed")
    return accelerator


@contextmanager
def trackers(accelerator: Accelerator, config: Any) -> Iterator[None]:
    """Start the accelerator's trackers, unless they run already, and finish those that were started."""
    started = bool(accelerator.log_with) and not getattr(accelerator, "trackers", [])
    if started:
        plain = (bool, int, float, str)
        settings = {k: v for k, v in asdict(config).items() if isinstance(v, plain)}
        only_tensorboard = {str(tracker) for tracker in accelerator.log_with} == {"tensorboard"}
        # TensorBoard would show the settings as two more runs named by numbers.
        accelerator.init_trackers("ppo", config=None if only_tensorboard else settings)
    try:
        yield
    finally:
        if started:
            for tracker in accelerator.trackers:
                tracker.finish()
