"""The reward model's training: a `transformers.Trainer` whose loss compares K responses.

The model reads each of a prompt's ``K`` responses once and the loss compares their scores pair by
pair, which costs ``K - 1`` times less than a trainer that reads every pair as a row of its own.
The trainer brings schedules, gradient accumulation, mixed precision, several processes and resuming.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import get_last_checkpoint

from rlchf.preferences import Example
from rlchf.train.losses import bradley_terry, pair_accuracy
from rlchf.train.reward_model import RewardConfig, RewardModel, encode, load_backbone, pad

Progress = Callable[..., None]
"""``progress(done, total, **facts)``"""


@dataclass(frozen=True)
class Collator:
    """Make one batch of examples: every response as a row, and which scores belong together."""

    tokenizer: Any
    max_length: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """Rows (N, L), their ``prompt`` and ``slot`` (N,), ``targets`` (B, K, K), ``weights`` (B,)."""
        places = [
            (b, k) for b, example in enumerate(examples) for k in range(len(example.responses))
        ]
        rows = [
            encode(self.tokenizer, examples[b].prompt, examples[b].responses[k], self.max_length)
            for b, k in places
        ]
        K = max(len(example.responses) for example in examples)
        targets = np.full((len(examples), K, K), np.nan, dtype=np.float32)
        for b, example in enumerate(examples):
            n = len(example.responses)
            targets[b, :n, :n] = example.pair_targets()
        return {
            **pad(rows, self.tokenizer.pad_token_id),
            "prompt": torch.tensor([b for b, _ in places]),
            "slot": torch.tensor([k for _, k in places]),
            "targets": torch.from_numpy(targets),
            "weights": torch.tensor([example.weight for example in examples]),
        }


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


def train_reward(
    train: Sequence[Example],
    held_out: Sequence[Example],
    backbone: str | Path,
    config: RewardConfig,
    out: str | Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Fit a reward model and write it to ``out`` as a checkpoint that ``from_pretrained`` loads.

    Parameters
    ----------
    train, held_out
        What to learn from, and what to measure accuracy on.
    backbone
        Folder of a Hugging Face model; its language-model head, if any, is left out.
    config
        The settings; written beside the checkpoint as ``reward_config.json``.
    out
        Folder for the checkpoint, its tokenizer and ``metrics.jsonl``.
    resume
        Go on from the epoch at which an earlier call with the same arguments was stopped.
    progress
        Called after each step with steps done, steps in all, and ``loss=`` once it was logged.

    Returns
    -------
    The final figures: training loss, and the share of the held-out strictly ordered pairs that are put
    in the right order.
    """
    out = Path(out)
    model, tokenizer = load_backbone(backbone, config.lora_rank, config.seed)
    collator = Collator(tokenizer, config.max_length)
    log = fit(model, train, collator, config, out / "checkpoints", resume, progress)
    if config.lora_rank:
        model = model.merge_and_unload()
    scorer = RewardModel(model, tokenizer, config.max_length)
    final = {"loss": log[-1]["loss"] if log else float("nan")}
    if held_out:
        final["held_out_pair_accuracy"] = accuracy(scorer.score_examples(held_out), held_out)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "reward_config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")
    lines = [*log, {"final": True, **final}]
    (out / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return final


def accuracy(scores: Sequence[Tensor], examples: Sequence[Example]) -> float:
    """Share of the strictly ordered pairs of all examples that the scores put in the right order."""
    counts = [
        pair_accuracy(s, torch.from_numpy(example.pair_targets()))
        for s, example in zip(scores, examples, strict=True)
    ]
    pairs = sum(n for _, n in counts)
    return sum(right for right, _ in counts) / pairs if pairs else float("nan")


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
