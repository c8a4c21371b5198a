"""The reward model's training loop: a `transformers.Trainer` whose loss compares K responses.

The trainer brings schedules, gradient accumulation, mixed precision, several processes and resuming;
ours are the batch (`rlchf.train.reward.Collator`) and the loss.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import get_last_checkpoint

from rlchf.preferences import Example
from rlchf.train.losses import bradley_terry
from rlchf.train.reward import Collator, Progress, RewardConfig


class RankingTrainer(Trainer):  # type: ignore[misc]
    """Score each response once and take the Bradley-Terry loss over each prompt's pairs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = False  # the loss is a mean over the batch's prompts

    def compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False, **_: Any
    ) -> Any:
        """The loss of one batch from the `Collator`."""
        targets = inputs["targets"]
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        flat = outputs.logits[:, 0].float()  # (N,) one score per response
        scores = flat.new_zeros(targets.shape[:2]).index_put(
            (inputs["prompt"], inputs["slot"]), flat
        )  # (B, K)
        loss = bradley_terry(scores, targets, inputs["weights"])
        return (loss, outputs) if return_outputs else loss


class _Report(TrainerCallback):  # type: ignore[misc]
    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.progress is not None:
            last = state.log_history[-1] if state.log_history else {}
            facts = {"loss": last["loss"]} if "loss" in last else {}
            self.progress(state.global_step, state.max_steps, **facts)


def fit(
    model: Any,
    train: Sequence[Example],
    collator: Collator,
    config: RewardConfig,
    folder: Path,
    resume: bool,
    progress: Progress | None,
) -> list[dict[str, float]]:
    """Train ``model`` in place and return the log, one line per few steps.

    ``folder`` holds a checkpoint per epoch while training runs and is removed at the end.
    """
    steps_per_epoch = max(1, -(-len(train) // config.batch_size))
    trainer = RankingTrainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=config.epochs,
            learning_rate=config.learning_rate,
            per_device_train_batch_size=config.batch_size,
            weight_decay=config.weight_decay,
            warmup_steps=int(0.05 * config.epochs * steps_per_epoch),
            lr_scheduler_type="linear",
            logging_steps=max(1, steps_per_epoch // 4),
            save_strategy="epoch",
            save_total_limit=1,
            seed=config.seed,
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=torch.cuda.is_available(),
        ),
        train_dataset=list(train),
        data_collator=collator,
        callbacks=[_Report(progress)],
    )
    trainer.remove_callback(PrinterCallback)
    last = get_last_checkpoint(str(folder)) if resume and folder.exists() else None
    trainer.train(resume_from_checkpoint=last)
    shutil.rmtree(folder, ignore_errors=True)
    keep = ("step", "epoch", "loss", "grad_norm", "learning_rate")
    return [
        {k: line[k] for k in keep if k in line}
        for line in trainer.state.log_history
        if "loss" in line
    ]
