"""A `transformers.Trainer` whose batches are prompts and whose loss compares their responses.

`transformers.Trainer` brings schedules, gradient accumulation, mixed precision, several processes (DDP,
FSDP, DeepSpeed), trackers and resuming. This class adds the order of the prompts, the loss, and the
weights of a step's batches.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rlchf.train.callbacks import Report
from rlchf.train.damage import naming_damage
from rlchf.train.models.adapters import inside_adapters
from rlchf.train.models.padding import positions
from rlchf.train.order import PromptSampler
from rlchf.train.resumable import ResumableTrainer
from rlchf.train.reward.backbone import positions_of
from rlchf.train.reward.batch_loss import batch_weight, ranking_loss
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.group_weights import GroupWeights

GROUPS = "group_weights.pt"


class RankingTrainer(ResumableTrainer):
    """Score each response once and compare the scores of a prompt's responses.

    Parameters
    ----------
    config
        The loss and the head.
    group_weights
        The group weights when training for the worst-off group; saved with each checkpoint.
    report
        The callback that stops the training on a signal; it has to be among the callbacks as well.
    args, kwargs
        As `transformers.Trainer` takes them; the data set is an `EncodedExamples`.
    """

    usual, made_of = RewardConfig(), "rankings, texts, or what the rule makes of them"

    def __init__(
        self,
        *args: Any,
        config: RewardConfig,
        group_weights: GroupWeights | None = None,
        report: Report | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, report=report, **kwargs)
        self.config = config
        self.group_weights = group_weights
        self.takes_positions = positions_of(inside_adapters(self.model))[0]
        if group_weights is not None:
            group_weights.to(self.args.device)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Tensor]:
        """The batches of one step, and the sum of their `batch_weight` over all processes."""
        batches = list(islice(epoch_iterator, num_batches))
        weights = torch.stack([batch_weight(batch) for batch in batches] or [torch.zeros(2)])
        return batches, self.accelerator.reduce(weights.sum(0).to(device), reduction="sum")

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        """One batch's part of the loss of its step; without ``num_items_in_batch`` it is the whole step."""
        outputs = self._read(model, inputs)
        alone = num_items_in_batch is None
        loss = ranking_loss(
            outputs.logits.float(),
            inputs,
            self.config,
            batch_weight(inputs) if num_items_in_batch is None else num_items_in_batch,
            n_processes=1 if alone else self.accelerator.num_processes,
            n_batches=1 if alone else self.current_gradient_accumulation_steps,
            group_weights=self.group_weights,
        )
        return (loss, outputs) if return_outputs else loss

    def _read(self, model: Any, inputs: dict[str, Tensor]) -> Any:
        """The model's outputs for the batch's rows; shared prompts are read first, once each."""
        texts: dict[str, Any] = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        if self.takes_positions:
            texts["position_ids"] = inputs["position_ids"]
        if "prefix_ids" in inputs:
            mask = inputs["prefix_mask"]
            prompts = {"input_ids": inputs["prefix_ids"], "attention_mask": mask}
            if self.takes_positions:
                prompts["position_ids"] = positions(mask)
            cache = model(**prompts, use_cache=True).past_key_values
            cache.batch_select_indices(inputs["prompt"])  # one copy for each response
            texts["past_key_values"] = cache
        return model(**texts)

    @torch.no_grad()
    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The loss of the held-out examples over all processes, without the regulariser."""
        model, config = self.model_wrapped.eval(), replace(self.config, centring=0.0)
        sums = torch.zeros(2, device=self.args.device)  # weighted losses, weights
        for batch in self.get_eval_dataloader():
            inputs = self._prepare_inputs(batch)
            outputs = self._read(model, inputs).logits.float()
            loss = ranking_loss(outputs, inputs, config, torch.ones_like(sums))
            sums += torch.stack([loss, batch_weight(inputs)[0]])
        total, weight = self.accelerator.reduce(sums, reduction="sum").tolist()
        metrics = {"eval_loss": total / weight if weight else float("nan")}
        self.log(metrics)
        control = self.control  # type: ignore[has-type]
        self.control = self.callback_handler.on_evaluate(self.args, self.state, control, metrics)
        return metrics

    def _get_train_sampler(self, train_dataset: Any = None) -> PromptSampler:
        data, batch_size = train_dataset or self.train_dataset, self.args.train_batch_size
        accumulation = self.args.gradient_accumulation_steps
        lengths = data.tokens() if self.config.group_by_length else None
        return self._sampler(len(data), batch_size, lengths, accumulation)

    def _get_eval_sampler(self, eval_dataset: Any) -> PromptSampler:
        return self._sampler(len(eval_dataset), self.args.eval_batch_size)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the model, what the training began with, and the group weights."""
        super().save_model(output_dir, _internal_call)
        if self.group_weights is not None and self.args.should_save:
            torch.save(
                self.group_weights.state_dict(), Path(output_dir or self.args.output_dir) / GROUPS
            )

    def load_more(self, checkpoint: Path) -> None:
        """Load the group weights."""
        if self.group_weights is not None:
            file = checkpoint / GROUPS
            with naming_damage(file, "begin anew in another folder"):
                state = torch.load(file, map_location=self.args.device, weights_only=True)
                self.group_weights.load_state_dict(state)
