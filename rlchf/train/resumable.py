"""A `transformers.Trainer` that goes on where it was stopped, to the same weights."""

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import Trainer, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from rlchf.io.json import write_json
from rlchf.train.callbacks import Report
from rlchf.train.damage import check_checkpoint
from rlchf.train.optimiser import MasterAdamW, needs_master
from rlchf.train.order import PromptSampler
from rlchf.train.origin import ORIGIN, Origin, check_origin
from rlchf.train.processes import allow_processors
from rlchf.train.reporting import trainer_trackers


class TrainerSettings(Protocol):
    """Settings that `transformers.Trainer` is given."""

    @property
    def epochs(self) -> float:
        """Number of passes over the examples."""

    @property
    def learning_rate(self) -> float:
        """Peak learning rate."""

    @property
    def lr_schedule(self) -> str:
        """Learning rate schedule after the warm-up: linear, cosine or constant."""

    @property
    def lr_warmup(self) -> float:
        """Number of steps of the warm-up, or below 1 their fraction."""

    @property
    def batch_size(self) -> int:
        """Examples per forward pass and process."""

    @property
    def gradient_accumulation(self) -> int:
        """Number of forward passes per optimiser step."""

    @property
    def adam_beta1(self) -> float:
        """Decay of Adam's mean of the gradient."""

    @property
    def adam_beta2(self) -> float:
        """Decay of Adam's mean of the squared gradient."""

    @property
    def adam_eps(self) -> float:
        """Number that Adam adds to the root of the mean squared gradient."""

    @property
    def weight_decay(self) -> float:
        """Weight decay of AdamW."""

    @property
    def bf16(self) -> bool:
        """Whether to compute in bfloat16, with weights in float32."""

    @property
    def checkpoint_every(self) -> int:
        """Number of steps between checkpoints; 0 means one epoch."""

    @property
    def seed(self) -> int:
        """Random seed."""

    @property
    def report_to(self) -> str:
        """Comma-separated trackers."""


class ResumableTrainer(Trainer):  # type: ignore[misc]
    """Take the examples in an order that depends on seed and epoch alone, and check what a checkpoint is of.

    Parameters
    ----------
    report
        The callback that stops the training on a signal; it has to be among the callbacks as well.
    args, kwargs
        As `transformers.Trainer` takes them.

    Attributes
    ----------
    origin
        What the training began with, which each checkpoint then says; None does not check it.
    usual, made_of
        As `rlchf.train.origin.check_origin` takes them.
    """

    usual: object = None
    made_of = ""

    def __init__(self, *args: Any, report: Report | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = True  # the loss is given the weight of the step
        self.report = report or Report(None)
        self.origin: Origin | None = None

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The optimiser of the arguments; with master weights if weights are trained in lower precision."""
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        if any(needs_master(p) for group in optimizer.param_groups for p in group["params"]):
            settings = ("params", "lr", "betas", "eps", "weight_decay")
            groups = [{name: group[name] for name in settings} for group in optimizer.param_groups]
            self.optimizer = optimizer = MasterAdamW(groups)
        return optimizer

    def _sampler(
        self, n: int, batch_size: int, lengths: list[int] | None = None, accumulation: int = 1
    ) -> PromptSampler:
        over_processes = batch_size * self.args.world_size
        return PromptSampler(
            n,
            self.args.seed,
            lengths=lengths,
            batch_size=over_processes * accumulation,
            multiple=over_processes if self.args.world_size > 1 else 1,
        )

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the model and what the training began with."""
        with warnings.catch_warnings():
            # Of adapters on adapters, whose folder has no config: this training begins with the same again.
            warnings.filterwarnings("ignore", message="Could not find a config file in")
            super().save_model(output_dir, _internal_call)
        if self.origin is not None and self.args.should_save:
            write_json(Path(output_dir or self.args.output_dir) / ORIGIN, self.origin)

    def load_more(self, checkpoint: Path) -> None:
        """Load what a subclass keeps in its checkpoints besides."""

    def resume(self, folder: Path) -> None:
        """Train, starting from the last complete checkpoint in ``folder`` if there is one."""
        last = last_checkpoint(folder)
        if last is not None:
            check_checkpoint(last)
            if self.origin is not None:
                check_origin(last, self.origin, self.usual, self.made_of)
            self.load_more(last)
        self.train(resume_from_checkpoint=None if last is None else str(last))


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint; its state file is written last."""
    by_step = {}
    for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        try:
            by_step[json.loads((path / "trainer_state.json").read_text())["global_step"]] = path
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return by_step[max(by_step)] if by_step else None


def training_arguments(
    config: TrainerSettings, folder: Path, n: int, *, early_stopping: int = 0
) -> TrainingArguments:
    """The arguments of `transformers.Trainer` for ``n`` training examples."""
    allow_processors()
    interval = "steps" if config.checkpoint_every else "epoch"
    args = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        adam_beta1=config.adam_beta1,
        adam_beta2=config.adam_beta2,
        adam_epsilon=config.adam_eps,
        weight_decay=config.weight_decay,
        lr_scheduler_type=config.lr_schedule.replace("constant", "constant_with_warmup"),
        bf16=config.bf16,
        use_cpu=config.bf16 and not torch.accelerator.is_available(),  # or bf16 is refused there
        eval_strategy=interval if early_stopping else "no",
        eval_steps=config.checkpoint_every or None,
        save_strategy=interval,
        save_steps=config.checkpoint_every or 500,
        save_total_limit=1,
        load_best_model_at_end=early_stopping > 0,
        metric_for_best_model="loss" if early_stopping else None,
        restore_callback_states_from_checkpoint=early_stopping > 0,
        seed=config.seed,
        report_to=trainer_trackers(config.report_to),
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    examples_per_step = config.batch_size * config.gradient_accumulation * args.world_size
    steps = max(1, -(-n // examples_per_step))  # per epoch
    args.warmup_steps = _warmup_steps(config, steps)
    args.logging_steps = max(1, steps // 4)
    return args


def _warmup_steps(config: TrainerSettings, steps: int) -> int:
    """The number of steps of the warm-up, given those of an epoch; a warning says if it never ends."""
    total = config.epochs * steps
    if config.lr_warmup < 1:
        return int(config.lr_warmup * total)
    if config.lr_warmup > total:
        warnings.warn(
            f"lr_warmup is {config.lr_warmup:g} and training has {total:g} steps, so that the learning rate "
            "does not reach its peak",
            stacklevel=3,
        )
    return int(config.lr_warmup)


def clear(trainer: ResumableTrainer, out: Path) -> None:
    """Remove the checkpoints once no process needs them; TensorBoard's files move to ``out``."""
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        logs = out / "checkpoints" / "runs"
        if logs.exists():
            shutil.copytree(logs, out / "runs", dirs_exist_ok=True)
        shutil.rmtree(out / "checkpoints", ignore_errors=True)
    trainer.accelerator.wait_for_everyone()


def log_lines(history: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """The lines of a training's log that have its loss."""
    keep = ("step", "epoch", "loss", "grad_norm", "learning_rate")
    lines = [{k: line[k] for k in keep if k in line} for line in history if "loss" in line]
    held_out = {line["step"]: line["eval_loss"] for line in history if "eval_loss" in line}
    for line in lines:
        if line["step"] in held_out:
            line["held_out_loss"] = held_out[line["step"]]
    return lines
