"""Supervised fine-tuning on revisions and helpful samples, from texts to a checkpoint.

References
----------
Y. Bai et al., "Constitutional AI: harmlessness from AI feedback", 2022, section 3.2.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from transformers.trainer_callback import PrinterCallback

from rlchf.io.json import write_json, write_jsonl
from rlchf.train.callbacks import Progress, Report
from rlchf.train.constitution.plain import with_template
from rlchf.train.constitution.sft_config import SftConfig
from rlchf.train.constitution.texts import EncodedTexts, Text
from rlchf.train.models.adapters import (
    inside_adapters,
    lora_options,
    save_adapters,
    with_adapters,
)
from rlchf.train.models.checkpointing import checkpoint_layers, keep_activations
from rlchf.train.models.checksums import weights_checksum
from rlchf.train.models.ends import closing_token
from rlchf.train.models.generation import check_generation_config
from rlchf.train.models.load import load_policy, load_tokenizer, save_tokenizer
from rlchf.train.models.loading import Loading, check_four_bits
from rlchf.train.models.padding import own_pad_id
from rlchf.train.models.quantised import merged
from rlchf.train.models.supervised import Collator, response_nll, response_tokens
from rlchf.train.models.text import remedy
from rlchf.train.order import PromptSampler
from rlchf.train.origin import Origin, checksum
from rlchf.train.ppo.checks import check_vocabulary
from rlchf.train.processes import process
from rlchf.train.reporting import trainer_trackers
from rlchf.train.resumable import ResumableTrainer, clear, log_lines, training_arguments

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SETTINGS = "sft_config.json"


class SupervisedTrainer(ResumableTrainer):
    """Learn responses: the loss of a step is the mean over its response tokens, wherever they are batched."""

    usual, made_of = SftConfig(), "revisions, helpful samples, or what of them is held out"

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Tensor]:
        """The batches of one step, and the number of their response tokens over all processes."""
        batches = list(islice(epoch_iterator, num_batches))
        tokens = torch.stack([response_tokens(batch) for batch in batches] or [torch.tensor(0)])
        return batches, self.accelerator.reduce(tokens.sum().to(device), reduction="sum")

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        """One batch's part of the loss of its step; without ``num_items_in_batch`` it is the whole step."""
        assert not return_outputs
        total = response_nll(model, inputs).sum()
        if num_items_in_batch is None:
            return total / response_tokens(inputs).clamp(min=1)
        return total / num_items_in_batch.clamp(min=1) * self.accelerator.num_processes

    def _get_train_sampler(self, train_dataset: Any = None) -> PromptSampler:
        data = train_dataset or self.train_dataset
        return self._sampler(len(data), self.args.train_batch_size)


def fine_tune(
    train: Sequence[Text],
    held_out: Sequence[Text],
    policy: str | Path,
    config: SftConfig,
    out: str | Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    loading: Loading | None = None,
) -> dict[str, Any]:
    """Fine-tune a policy on responses and write it to ``out`` as a checkpoint that ``from_pretrained`` loads.

    A policy without a chat template gets the plain one, ``Human:`` and ``Assistant:`` in turn, which is saved
    with its tokenizer, so that other commands give it prompts as it learned them.

    Parameters
    ----------
    train, held_out
        Texts to learn from, and texts to measure the loss on.
    policy
        Folder of a causal language model of transformers.
    config
        The settings; written beside the checkpoint as ``sft_config.json``, with the figures.
    out
        Folder for the checkpoint, its tokenizer, ``metrics.jsonl``, and with LoRA ``adapter/``, the adapters
        alone.
    resume
        Continue from the last checkpoint of an earlier call that was stopped; texts, policy and settings
        must be the same.
    progress
        Called after each step with steps done, steps in all, and ``loss=`` once it was logged.
    loading
        Precision, quantisation and attention of the policy; float32 by default.

    Returns
    -------
    Training ``loss``; ``held_out_loss`` after the training, ``held_out_loss_before`` it, and both for
    revisions and helpful samples alone, in nats per token; the numbers of texts.

    Raises
    ------
    ValueError
        If there is nothing to learn from, or the training to continue began with something else.
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, when the step in progress is done and a checkpoint is saved.
    """
    out, loading = Path(out), loading or Loading()
    trainer_trackers(config.report_to)
    check_four_bits(loading, config.lora_rank)
    if process().num_processes > 1:
        raise ValueError(
            f"fine-tuning on revisions works in one process, not in {process().num_processes}; start it "
            "without torchrun"
        )
    model, tokenizer = initial_policy(policy, config, loading)
    trainer, tests = make_trainer(
        model, tokenizer, train, held_out, config, out / "checkpoints", progress
    )
    if not resume:
        clear(trainer, out)
    trainer.origin = _origin(model, train, held_out, config)
    collator: Any = trainer.data_collator
    before = held_out_losses(trainer.model.to(trainer.args.device), tests, collator, config)
    with trainer.report.noting():
        trainer.resume(out / "checkpoints")
    figures = {f"{name}_before": value for name, value in before.items()}
    figures |= held_out_losses(trainer.model, tests, collator, config)
    log = log_lines(trainer.state.log_history)
    losses = [line["loss"] for line in log if "loss" in line]
    counts = _counts(trainer.train_dataset, tests)
    figures = {"loss": losses[-1] if losses else float("nan"), **figures, **counts}
    _write(trainer, tokenizer, config, figures, out)
    write_jsonl(out / "metrics.jsonl", [*log, {"final": True, **figures}])
    clear(trainer, out)
    return figures


def initial_policy(
    policy: str | Path, config: SftConfig, loading: Loading | None = None
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """The policy with which a training begins, with adapters if there are some, and its tokenizer."""
    loading = loading or Loading()
    model = load_policy(policy, loading)
    check_generation_config(model)
    tokenizer = load_tokenizer(policy, trust_remote_code=loading.trust_remote_code)
    if not tokenizer.chat_template:
        warnings.warn(
            f"the policy {policy} has no chat template, so it learns conversations as plain text, Human: and "
            "Assistant: in turn, and gets a template that says so",
            stacklevel=3,
        )
    if config.gradient_checkpointing:
        checkpoint_layers(model)
    if config.lora_rank:
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            options = lora_options(config)
            model = with_adapters(model, config.lora_rank, task_type="CAUSAL_LM", **options)
    return model, with_template(tokenizer)


def make_trainer(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    train: Sequence[Text],
    held_out: Sequence[Text],
    config: SftConfig,
    folder: Path,
    progress: Progress | None = None,
) -> tuple[SupervisedTrainer, EncodedTexts]:
    """The trainer with its data and callbacks, and the held-out texts; ``folder`` holds its checkpoints.

    Raises
    ------
    ValueError
        If no text to learn from is left.
    """
    inner = inside_adapters(model)
    end = closing_token(tokenizer, inner)
    positions = _positions(inner)
    length = min(config.max_length, positions or config.max_length)
    cure = remedy(length, config.max_length, positions)
    data, tests = (EncodedTexts(one, tokenizer, end, length) for one in (train, held_out))
    for texts, what in ((data, "training"), (tests, "held-out")):
        total = len(texts) + texts.left_out
        if texts.truncated:
            warnings.warn(
                f"{texts.truncated} of {total} {what} texts are longer than {length} tokens and lose the "
                f"beginning of their prompt; {cure} it",
                stacklevel=3,
            )
        if texts.left_out:
            warnings.warn(
                f"{texts.left_out} of {total} {what} texts have a response of {length} tokens or more and "
                f"are left out; {cure} them",
                stacklevel=3,
            )
    if not len(data):
        raise ValueError("there is no text to learn from; give at least one")
    check_vocabulary(model, [prompt + response for prompt, response in data.items], [end])
    report = Report(progress)
    trainer = SupervisedTrainer(
        model=model,
        report=report,
        args=training_arguments(config, folder, len(data)),
        train_dataset=data,
        data_collator=Collator(own_pad_id(tokenizer, inner, end)),
        callbacks=[report],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer, tests


@torch.no_grad()
def held_out_losses(
    model: Any, texts: EncodedTexts, collator: Collator, config: SftConfig
) -> dict[str, float]:
    """The mean loss per response token of held-out texts, of all and of each kind; nothing without texts."""
    sums: dict[str, list[float]] = {}
    training = model.training
    model.eval()
    for kind in dict.fromkeys(texts.kinds):
        numbers = [number for number, one in enumerate(texts.kinds) if one == kind]
        loader = DataLoader(
            Subset(texts, numbers), batch_size=config.batch_size, collate_fn=collator,
            generator=torch.Generator().manual_seed(0),  # draws nothing from the training's randomness
        )  # fmt: skip
        parts = [{k: v.to(model.device) for k, v in batch.items()} for batch in loader]
        nll = sum(float(response_nll(model, batch).sum()) for batch in parts)
        sums[kind] = [nll, sum(float(response_tokens(batch)) for batch in parts)]
    model.train(training)
    if not sums:
        return {}
    total, tokens = (sum(one[i] for one in sums.values()) for i in (0, 1))
    by_kind = {f"held_out_loss_{kind}": one[0] / one[1] for kind, one in sums.items()}
    return {"held_out_loss": total / tokens, **by_kind}


def _positions(model: "PreTrainedModel") -> int | None:
    """The number of positions of a model, if it has a limit."""
    return getattr(model.config, "max_position_embeddings", None)


def _counts(train: EncodedTexts, held_out: EncodedTexts) -> dict[str, Any]:
    """Numbers of texts of each kind, and of those that were too long."""
    revisions, helpful = train.kinds.count("revision"), train.kinds.count("helpful")
    return {
        "revisions": revisions,
        "helpful": helpful,
        "helpful_per_revision": helpful / revisions if revisions else None,
        "held_out_texts": len(held_out),
        "response_tokens": sum(len(response) for _, response in train.items),
        "truncated_texts": train.truncated,
        "left_out_texts": train.left_out,
    }


def _origin(
    model: Any, train: Sequence[Text], held_out: Sequence[Text], config: SftConfig
) -> Origin:
    """What a training begins with."""
    return {
        "settings": json.loads(json.dumps(asdict(config))),
        "examples": checksum([list(train), list(held_out)]),
        "model": weights_checksum(model),
    }


def _write(
    trainer: SupervisedTrainer,
    tokenizer: "PreTrainedTokenizerBase",
    config: SftConfig,
    figures: dict[str, Any],
    out: Path,
) -> None:
    """Write the trained policy, LoRA merged, with its tokenizer, settings and figures."""
    model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    keep_activations(model)
    if config.lora_rank:
        save_adapters(model, out)
        model = merged(model)
    model.save_pretrained(out)
    save_tokenizer(tokenizer, out)
    length = min(config.max_length, _positions(model) or config.max_length)
    write_json(out / SETTINGS, asdict(config) | {"max_length": length} | figures)
