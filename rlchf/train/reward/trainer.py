"""The reward model's training, from examples to a checkpoint.

The model reads each of a prompt's ``K`` responses once and the loss compares their scores. This costs
``K - 1`` times less than reading every pair as a row of its own.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from accelerate.utils import broadcast_object_list
from torch import Tensor
from transformers import EarlyStoppingCallback
from transformers.trainer_callback import PrinterCallback

from rlchf.evaluation import pair_accuracy
from rlchf.io.json import write_json, write_jsonl
from rlchf.preferences import Example
from rlchf.train.callbacks import Progress, Report
from rlchf.train.models.adapters import inside_adapters, lora_options, save_adapters
from rlchf.train.models.architectures import padding_side
from rlchf.train.models.checkpointing import checkpoint_layers, keep_activations
from rlchf.train.models.loading import Loading, check_four_bits
from rlchf.train.models.quantised import merged
from rlchf.train.models.text import remedy
from rlchf.train.reporting import trainer_trackers
from rlchf.train.resumable import clear, log_lines, training_arguments
from rlchf.train.reward.adapters import complete_adapters
from rlchf.train.reward.backbone import load_backbone, positions_of, round_head, write_model
from rlchf.train.reward.collator import Collator, EncodedExamples
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.group_weights import GroupWeights
from rlchf.train.reward.heads import r_squared
from rlchf.train.reward.model import SETTINGS, Readout, RewardModel
from rlchf.train.reward.origin import origin_of
from rlchf.train.reward.ranking_trainer import RankingTrainer
from rlchf.train.reward.targets import annotators_of, bootstrap_draws, targets_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Trained(NamedTuple):
    """A trained reward model with its figures.

    Attributes
    ----------
    model
        The model as `RewardModel.load` reads it from the folder; None on other processes than the main one.
    figures
        Training ``loss``; ``held_out_pair_accuracy``, the share of the strict held-out pairs in the right
        order; ``truncated_rows``, the number of training texts that were too long; ``r_squared`` of hidden
        context for a head with a distribution.
    held_out_scores
        (K,) rewards of the responses of each held-out example; none on other processes.
    """

    model: RewardModel | None
    figures: dict[str, Any]
    held_out_scores: list[Tensor]


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
    loading: Loading | None = None,
) -> Trained:
    """Fit a reward model and write it to ``out`` as a checkpoint that ``from_pretrained`` loads.

    Parameters
    ----------
    train, held_out
        Examples to learn from, and examples to measure accuracy on.
    backbone
        Folder of a Hugging Face model; its language-model head, if any, is not used.
    config
        The settings; written beside the checkpoint as ``reward_config.json``.
    out
        Folder for the checkpoint, its tokenizer, ``metrics.jsonl``, and with LoRA ``adapter/``, the
        adapters alone.
    groups
        Group of each annotator, for ``group_dro_step``; annotators without one form a group of their own.
    resume
        Continue from the last checkpoint of an earlier call that was stopped; examples, backbone and
        settings must be the same.
    progress
        Called after each step with steps done, steps in all, and ``loss=`` once it was logged.
    loading
        Precision, quantisation and attention of the backbone; float32 by default.

    Returns
    -------
    The model, its figures and the held-out scores. The mean and standard deviation of the scores before
    normalisation are in ``reward_config.json``.

    Raises
    ------
    ValueError
        If there is nothing to learn from, the settings and the examples do not fit, or the training to
        continue began with others.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, when the step in progress is done and a checkpoint is saved. A second
        signal acts at once.
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
    trainer_trackers(config.report_to)
    loading = loading or Loading()
    check_four_bits(loading, config.lora_rank)
    model, tokenizer = initial_model(backbone, config, loading)
    trainer = make_trainer(
        model, tokenizer, train, held_out, config, out / "checkpoints", groups, progress
    )
    if not resume:
        clear(trainer, out)
    trainer.origin = origin_of(model, train, held_out, config, groups)
    with trainer.report.noting():
        trainer.resume(out / "checkpoints")
    model = gathered_model(trainer, backbone, config, loading, out)
    trained, log = Trained(None, {}, []), log_lines(trainer.state.log_history)
    if trainer.is_world_process_zero():
        losses = [line["loss"] for line in log if "loss" in line]
        scorer, scores, figures = _finish(model, tokenizer, train, held_out, config, out)
        loss = {"loss": losses[-1] if losses else float("nan")}
        truncated = {"truncated_rows": trainer.train_dataset.truncated}
        trained = Trained(scorer, loss | figures | truncated, scores)
        write_jsonl(out / "metrics.jsonl", [*log, {"final": True, **trained.figures}])
    clear(trainer, out)
    return trained._replace(figures=broadcast_object_list([trained.figures])[0])


def make_trainer(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    train: Sequence[Example],
    held_out: Sequence[Example],
    config: RewardConfig,
    folder: Path,
    groups: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> RankingTrainer:
    """The trainer with its data, collator and callbacks; ``folder`` holds its checkpoints."""
    annotators = annotators_of(train)
    group_of = {a: (groups or {}).get(a, "") for a in annotators}
    names = sorted(set(group_of.values()))
    group_index = {a: names.index(group) for a, group in group_of.items()}
    draws = bootstrap_draws(annotators, config.ensemble, config.seed) if config.bootstrap else None
    inner = inside_adapters(model)
    if config.share_prompt and "past_key_values" not in signature(inner.forward).parameters:
        raise ValueError(
            f"share_prompt needs a model that continues from keys and values, and "
            f"{type(inner).__name__} does not; leave it out"
        )
    limit = positions_of(inner)[1]
    length = config.max_length if limit is None else min(config.max_length, limit)
    data = EncodedExamples(
        train, tokenizer, length, lambda example: targets_of(example, config, group_index, draws)
    )
    if data.truncated:
        rows = sum(len(example.responses) for example in train)
        warnings.warn(
            f"{data.truncated} of {rows} training texts are longer than {length} tokens and lose "
            f"the beginning of their prompt; {remedy(length, config.max_length, limit)} it",
            stacklevel=3,
        )
    report = Report(progress)
    held_out_data, group_weights, callbacks = None, None, [report]
    if config.early_stopping:
        held_out_data = EncodedExamples(
            held_out, tokenizer, length, lambda example: targets_of(example, config)
        )
        callbacks.append(EarlyStoppingCallback(config.early_stopping))
    if config.group_dro_step:
        group_weights = GroupWeights(len(names), step=config.group_dro_step)
    if config.gradient_checkpointing:
        checkpoint_layers(inner)
    trainer = RankingTrainer(
        model=model,
        config=config,
        group_weights=group_weights,
        report=report,
        args=training_arguments(config, folder, len(data), early_stopping=config.early_stopping),
        train_dataset=data,
        eval_dataset=held_out_data,
        data_collator=Collator(
            inner.config.pad_token_id, config.share_prompt, padding_side(inner.config)
        ),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def initial_model(
    backbone: str | Path, config: RewardConfig, loading: Loading | None = None
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """The model with which a training begins, and its tokenizer."""
    return load_backbone(
        backbone,
        config.lora_rank,
        config.seed,
        config.outputs,
        loading,
        keep_head=config.keep_head,
        lora=lora_options(config),
    )


def gathered_model(
    trainer: RankingTrainer,
    backbone: str | Path,
    config: RewardConfig,
    loading: Loading | None = None,
    out: Path | None = None,
) -> "PreTrainedModel":
    """The trained model with all its weights, also if it was sharded over processes, and LoRA merged.

    The adapters are written into the folder ``out``, if there is one. The model computes in the precision
    of its weights, as the checkpoint does once it is loaded.
    """
    model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
        if trainer.is_world_process_zero():
            model, _ = initial_model(backbone, config, loading)
            model.load_state_dict(state)
            model = model.to(trainer.args.device)
    keep_activations(model)
    if not config.lora_rank:
        return model
    if out is not None and trainer.is_world_process_zero():
        save_adapters(model, out)
    return merged(model)


def _finish(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    train: Sequence[Example],
    held_out: Sequence[Example],
    config: RewardConfig,
    out: Path,
) -> tuple[RewardModel, list[Tensor], dict[str, Any]]:
    """Normalise the scores, measure them, and write the checkpoint."""
    settings: dict[str, Any] = asdict(config)
    round_head(model)
    scorer = RewardModel(
        model, tokenizer, config.max_length, readout=Readout.from_settings(settings)
    )
    figures: dict[str, Any] = {}
    if config.normalise != "none" or config.head != "scalar":
        reference = scorer.outputs_of(held_out or train)
        if config.head != "scalar":
            mean, spread = scorer.readout.moments(torch.cat(reference))
            figures["r_squared"] = float(r_squared(mean, spread**2))
        if config.normalise != "none":
            settings |= scorer.normalise(reference, scale=config.normalise == "scale")
            round_head(model)
    scores = scorer.score_examples(held_out)
    if held_out:
        figures["held_out_pair_accuracy"] = pair_accuracy([s.numpy() for s in scores], held_out)
    write_model(model, out)
    tokenizer.save_pretrained(out)
    settings["max_length"] = scorer.max_length  # fewer where the model has fewer positions
    write_json(out / SETTINGS, settings | figures)
    complete_adapters(model, tokenizer, out)
    return scorer, scores, figures
