"""Callbacks of a training: its progress, and stopping it without losing a step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.utils import reduce
from transformers import TrainerCallback
from transformers.trainer_utils import SaveStrategy

from rlchf.train.signals import interruption, signals_noted

Progress = Callable[..., None]
"""``progress(done, total, **facts)``"""


class Report(TrainerCallback):  # type: ignore[misc]
    """Report every step, and on Ctrl-C or SIGTERM save a checkpoint after the step in progress.

    `TrainerCallback.on_save` then interrupts the training, so that nothing else happens to it: the
    checkpoint is one that a training without the signal could have written.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.signals: list[int] = []
        self.stop = False

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note signals within a context."""
        with signals_noted() as self.signals:
            yield

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Report the step; save if a signal came to any of the processes."""
        self._report(state)
        noted = torch.tensor(len(self.signals), device=args.device)
        self.stop = bool(reduce(noted, "sum").item() if args.world_size > 1 else noted.item())
        # At its end an epoch is evaluated and saved in any case, in this order.
        at_end = state.epoch == round(state.epoch) or state.global_step >= state.max_steps
        if self.stop and not (at_end and args.save_strategy == SaveStrategy.EPOCH):
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Interrupt the training, unless early stopping has just ended it."""
        ended_early = control.should_training_stop and state.global_step < state.max_steps
        if self.stop and not ended_early:
            raise interruption(self.signals)

    def _report(self, state: Any) -> None:
        if self.progress is None:
            return
        losses = [line["loss"] for line in state.log_history[-2:] if "loss" in line]
        try:
            self.progress(
                state.global_step, state.max_steps, **({"loss": losses[-1]} if losses else {})
            )
        except KeyboardInterrupt:
            self.signals.append(0)  # as good as a signal
