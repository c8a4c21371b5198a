"""Metrics and samples of a run for TensorBoard, Weights & Biases and other trackers, through accelerate."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from rlchf.io.files import real_path
from rlchf.train.processes import allow_processors
from rlchf.train.reporting import accelerate_trackers

NAME = "ppo"
"""What trackers call the run, or its project."""


def make_accelerator(report_to: str, folder: Path) -> Accelerator:
    """An accelerator with the named trackers, which write to `folder`."""
    names = accelerate_trackers(report_to)  # accelerate ignores those that are not installed
    allow_processors()
    return Accelerator(log_with=names or None, project_dir=folder)


@contextmanager
def trackers(accelerator: Accelerator, config: Any, resumed: bool = False) -> Iterator[None]:
    """Start the accelerator's trackers, unless they run already, and finish those that were started.

    A resumed run goes on in the same run of W&B.
    """
    started = bool(accelerator.log_with) and not getattr(accelerator, "trackers", [])
    if started:
        plain = (bool, int, float, str)
        settings = {k: v for k, v in asdict(config).items() if isinstance(v, plain)}
        names = {str(tracker) for tracker in accelerator.log_with}
        # TensorBoard would show the settings as two more runs named by numbers.
        accelerator.init_trackers(
            os.environ.get("WANDB_PROJECT", NAME) if "wandb" in names else NAME,
            config=None if names == {"tensorboard"} else settings,
            init_kwargs={"wandb": _wandb_run(accelerator, resumed)} if "wandb" in names else {},
        )
    try:
        yield
    finally:
        if started:
            for tracker in accelerator.trackers:
                tracker.finish()


def _wandb_run(accelerator: Accelerator, resumed: bool) -> dict[str, Any]:
    """What `wandb.init` is given: the run's folder and an id, which is kept for a run that goes on."""
    folder = Path(accelerator.project_dir)
    path = folder / "wandb" / "run_id"
    if accelerator.is_main_process and not (resumed and path.exists()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(4))
    name = real_path(folder).name
    number = path.read_text() if path.exists() else None
    return {"dir": str(folder), "name": name, "id": number, "resume": "allow"}


def log_samples(accelerator: Accelerator, rows: Sequence[dict[str, Any]], step: int) -> None:
    """Send sampled responses to the trackers that show texts: W&B as a table, TensorBoard as text."""
    if not rows or not accelerator.is_main_process:
        return
    for tracker in getattr(accelerator, "trackers", []):
        if tracker.name == "wandb":
            data = [[str(value) for value in row.values()] for row in rows]
            tracker.log_table("samples", columns=list(rows[0]), data=data, step=step)
        elif tracker.name == "tensorboard":
            tracker.writer.add_text("samples", _as_text(rows), global_step=step)


def _as_text(rows: Sequence[dict[str, Any]]) -> str:
    """Samples as Markdown, in which indented lines are shown as they are."""
    parts = []
    for row in rows:
        texts = f"{row['prompt']}\n→ {row['response']}"
        indented = "\n".join(f"    {line}" for line in texts.splitlines())
        parts.append(f"score {row['score']:.3g}, KL {row['kl']:.3g}\n\n{indented}")
    return "\n\n".join(parts)
