"""The reward model's training, from examples to a checkpoint.

The model reads each of a prompt's ``K`` responses once and the loss compares their scores, which costs
``K - 1`` times less than a trainer that reads every pair as a row of its own.
"""

import json
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from torch import Tensor
from transformers import EarlyStoppingCallback, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from rlchf.preferences import Example
from rlchf.train.processes import allow_processors
from rlchf.train.reward.backbone import load_backbone, positions_of
from rlchf.train.reward.collator import Collator, EncodedExamples
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.group_weights import GroupWeights
from rlchf.train.reward.heads import explained
from rlchf.train.reward.losses import pair_accuracy
from rlchf.train.reward.model import SETTINGS, RewardModel
from rlchf.train.reward.ranking_trainer import RankingTrainer
from rlchf.train.reward.readout import Readout
from rlchf.train.reward.targets import annotators_of, bootstrap_draws, orders_of

Progress = Callable[..., None]
"""``progress(done, total, **facts)``"""


def train_reward(
    train: Sequence[Example],
    held_out: Sequence[Example],
    backbone: str | Path,
    config: RewardConfig,
    out: str | Path,
    *,
    groups: Mapping[str, str] | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
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
    groups
        Group of each annotator, for ``group_dro_step``; those without one are a group of their own.
    resume
        Go on from the last checkpoint of an earlier call with the same arguments that was stopped.
    progress
        Called after each step with steps done, steps in all, and ``loss=`` once it was logged.

    Returns
    -------
    The final figures: training ``loss``; ``held_out_pair_accuracy``, the share of the held-out strictly
    ordered pairs that are put in the right order; ``truncated_rows``, how many training texts were too
    long; of a head with a distribution, ``explained``, the r² of hidden context. What the scores'
    mean and standard deviation were before they were normalised is in ``reward_config.json``.

    Raises
    ------
    ValueError
        If there is nothing to learn from, or the settings and the examples do not fit.
    """
    out = Path(out)
    if not train:
        raise ValueError("there is no example to learn from; give at least one prompt")
    if config.early_stopping and not held_out:
        raise ValueError("early_stopping needs held-out prompts; set held_out above 0")
    if config.group_dro_step and not groups:
        raise ValueError(
            "group_dro_step needs the annotators' groups; give groups={annotator: group}"
        )
    model, tokenizer = load_backbone(backbone, config.lora_rank, config.seed, config.outputs)
    trainer = make_trainer(
        model, tokenizer, train, held_out, config, out / "checkpoints", groups, progress
    )
    if not resume:
        _clear(trainer, out)
    trainer.resume(out / "checkpoints")
    model = whole_model(trainer, backbone, config)
    final: list[Any] = [None]
    if trainer.is_world_process_zero():
        log = _log(trainer.state.log_history)
        loss = [line["loss"] for line in log if "loss" in line]
        final = [
            {"loss": loss[-1] if loss else float("nan")}
            | _finish(model, tokenizer, train, held_out, config, out)
            | {"truncated_rows": trainer.train_dataset.truncated}
        ]
        lines = [*log, {"final": True, **final[0]}]
        (out / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    _clear(trainer, out)
    return dict(broadcast_object_list(final)[0])


def make_trainer(
    model: Any,
    tokenizer: Any,
    train: Sequence[Example],
    held_out: Sequence[Example],
    config: RewardConfig,
    folder: Path,
    groups: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> RankingTrainer:
    """The trainer with everything it needs; ``folder`` holds its checkpoints."""
    annotators = annotators_of(train)
    names = sorted({(groups or {}).get(a, "") for a in annotators})
    number = {a: names.index((groups or {}).get(a, "")) for a in annotators}
    draws = bootstrap_draws(annotators, config.ensemble, config.seed) if config.bootstrap else None
    plain = model.get_base_model() if config.lora_rank else model
    if config.share_prompt and "past_key_values" not in signature(plain.forward).parameters:
        raise ValueError(
            f"share_prompt needs a model that continues from keys and values, and "
            f"{type(plain).__name__} does not; leave it out"
        )
    limit = positions_of(plain)[1]
    length = config.max_length if limit is None else min(config.max_length, limit)
    data = EncodedExamples(
        train, tokenizer, length, lambda example: orders_of(example, config, number, draws)
    )
    if data.truncated:
        rows = sum(len(example.responses) for example in train)
        warnings.warn(
            f"{data.truncated} of {rows} training texts are longer than {length} tokens and lose "
            "the beginning of their prompt; a larger max_length would keep it",
            stacklevel=3,
        )
    measured = None
    if config.early_stopping:
        measured = EncodedExamples(
            held_out, tokenizer, length, lambda example: orders_of(example, config)
        )
    trainer = RankingTrainer(
        model=model,
        config=config,
        group_weights=GroupWeights(len(names), step=config.group_dro_step)
        if config.group_dro_step
        else None,
        args=arguments(config, folder, len(data)),
        train_dataset=data,
        eval_dataset=measured,
        data_collator=Collator(plain.config.pad_token_id, config.share_prompt),
        callbacks=[
            _Report(progress),
            *([EarlyStoppingCallback(config.early_stopping)] if config.early_stopping else []),
        ],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def arguments(config: RewardConfig, folder: Path, n: int) -> TrainingArguments:
    """What `transformers.Trainer` is told, for ``n`` training prompts."""
    allow_processors()
    when = "steps" if config.checkpoint_every else "epoch"
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        weight_decay=config.weight_decay,
        lr_scheduler_type=config.lr_schedule.replace("constant", "constant_with_warmup"),
        bf16=config.bf16,
        use_cpu=config.bf16 and not torch.accelerator.is_available(),  # or bf16 is refused there
        eval_strategy=when if config.early_stopping else "no",
        eval_steps=config.checkpoint_every or None,
        save_strategy=when,
        save_steps=config.checkpoint_every or 500,
        save_total_limit=1,
        load_best_model_at_end=config.early_stopping > 0,
        metric_for_best_model="loss" if config.early_stopping else None,
        restore_callback_states_from_checkpoint=config.early_stopping > 0,
        seed=config.seed,
        report_to=[name.strip() for name in config.report_to.split(",")],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    each = config.batch_size * config.gradient_accumulation * arguments.world_size
    steps = max(1, -(-n // each))  # per epoch
    arguments.warmup_steps = int(0.05 * config.epochs * steps)
    arguments.logging_steps = max(1, steps // 4)
    return arguments


def whole_model(trainer: RankingTrainer, backbone: str | Path, config: RewardConfig) -> Any:
    """The trained model in one piece, also when it was sharded over processes, without LoRA's parts."""
    model = trainer.model
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
        if trainer.is_world_process_zero():
            model, _ = load_backbone(backbone, config.lora_rank, config.seed, config.outputs)
            model.load_state_dict(state)
            model = model.to(trainer.args.device)
    return model.merge_and_unload() if config.lora_rank else model


def accuracy(scores: Sequence[Tensor], examples: Sequence[Example]) -> float:
    """Share of the strictly ordered pairs of all examples that the scores put in the right order."""
    counts = [
        pair_accuracy(s, torch.from_numpy(example.pair_targets()))
        for s, example in zip(scores, examples, strict=True)
    ]
    pairs = sum(n for _, n in counts)
    return sum(right for right, _ in counts) / pairs if pairs else float("nan")


def _finish(
    model: Any, tokenizer: Any, train: Sequence[Example], held_out: Sequence[Example],
    config: RewardConfig, out: Path,
) -> dict[str, float]:  # fmt: skip
    """Normalise the scores, measure them, and write the checkpoint."""
    settings: dict[str, Any] = asdict(config)
    scorer = RewardModel(
        model, tokenizer, config.max_length, readout=Readout.from_settings(settings)
    )
    final: dict[str, float] = {}
    if config.normalise != "none" or config.head != "scalar":
        reference = scorer.outputs_of(held_out or train)
        if config.head != "scalar":
            mean, spread = scorer.readout.moments(torch.cat(reference))
            final["explained"] = float(explained(mean, spread**2))
        if config.normalise != "none":
            settings |= scorer.normalise(reference, scale=config.normalise == "scale")
    if held_out:
        final["held_out_pair_accuracy"] = accuracy(scorer.score_examples(held_out), held_out)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / SETTINGS).write_text(json.dumps(settings | final, indent=2) + "\n")
    return final


def _clear(trainer: RankingTrainer, out: Path) -> None:
    """Remove the checkpoints, once all processes are done with them; TensorBoard's files move out."""
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        logs = out / "checkpoints" / "runs"
        if logs.exists():
            shutil.copytree(logs, out / "runs", dirs_exist_ok=True)
        shutil.rmtree(out / "checkpoints", ignore_errors=True)
    trainer.accelerator.wait_for_everyone()


def _log(history: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    keep = ("step", "epoch", "loss", "grad_norm", "learning_rate")
    lines = [{k: line[k] for k in keep if k in line} for line in history if "loss" in line]
    held_out = {line["step"]: line["eval_loss"] for line in history if "eval_loss" in line}
    for line in lines:
        if line["step"] in held_out:
            line["held_out_loss"] = held_out[line["step"]]
    return lines


class _Report(TrainerCallback):  # type: ignore[misc]
    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.progress is not None:
            losses = [line["loss"] for line in state.log_history[-2:] if "loss" in line]
            facts = {"loss": losses[-1]} if losses else {}
            self.progress(state.global_step, state.max_steps, **facts)
