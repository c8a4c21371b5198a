"""From the head's outputs on a batch to the batch's part of the loss of an optimiser step."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rlchf.train.reward import heads, losses
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.group_weights import GroupWeights
from rlchf.train.reward.pairs import Reduce

Batch = Mapping[str, Tensor]
TINY = torch.finfo(torch.float32).tiny


def batch_weight(batch: Batch) -> Tensor:
    """(2,) total weight of a batch's orders over all heads, and number of its prompts with any weight."""
    weights = batch["weights"]
    total = (weights[:, None] * batch["draws"]).sum()
    return torch.stack([total, weights.new_tensor(len(batch["owner"][weights > 0].unique()))])


def ranking_loss(
    outputs: Tensor,
    batch: Batch,
    config: RewardConfig,
    step_weight: Tensor,
    *,
    n_processes: int = 1,
    n_batches: int = 1,
    group_weights: GroupWeights | None = None,
) -> Tensor:
    """One batch's part of the loss of an optimiser step.

    Summed over the step's batches and averaged over processes, the parts give the weighted mean over all
    orders of the step, independent of gradient accumulation and number of processes. Group weights move
    with each batch, so the loss of the worst-off group is the mean over batches.

    Parameters
    ----------
    outputs
        (N, n) outputs of the head for the batch's rows.
    batch
        From the `Collator`.
    config
        The loss and the head.
    step_weight
        (2,) sum of `batch_weight` over all batches of the step on all processes.
    n_processes, n_batches
        Number of processes that share the step, and of batches that each of them has in it.
    group_weights
        When given, the loss of the worst-off group takes the place of the mean.
    """
    B, K, n = int(batch["prompt"][-1]) + 1, batch["ranks"].shape[1], outputs.shape[1]
    rows = (batch["prompt"], batch["slot"])
    by_prompt = outputs.new_zeros((B, K, n)).index_put(rows, outputs)
    by_order = by_prompt[batch["owner"]]  # (R, K, n)
    weights = (batch["weights"][:, None] * batch["draws"]).T.reshape(-1)  # (E R,), head by head
    orders = {
        name: batch[name].repeat(config.ensemble, *[1] * (batch[name].ndim - 1))
        for name in ("ranks", "targets", "pair_weights", "margins", "group")
    }  # the same orders for each head of an ensemble
    share = n_processes * batch_weight(batch) / step_weight.clamp(min=TINY)  # of the step

    def reduce(per_order: Tensor, counted: Tensor) -> Tensor:
        if group_weights is None:
            return (counted * per_order).sum() / step_weight[0].clamp(min=TINY) * n_processes
        worst: Tensor = group_weights(per_order, counted, orders["group"])
        return worst / n_batches

    options: dict[str, Any] = {"pair_weights": orders["pair_weights"], "reduce": reduce}
    if config.head == "mean_variance":
        means, spreads = heads.mean_and_spread(by_order)
        return heads.mean_variance(means, spreads, orders["targets"], weights, **options)
    if config.head == "categorical":
        options["entropy"] = 0.1 * float(share[0])
        return heads.categorical(by_order, orders["targets"], weights, **options)
    scores = by_order.permute(2, 0, 1).reshape(-1, K)  # (E R, K)
    loss = scalar_loss(scores, orders, weights, config, reduce)
    if config.centring:
        has_weight = torch.zeros(B, dtype=torch.bool, device=outputs.device)
        has_weight[batch["owner"][batch["weights"] > 0]] = True
        known = torch.zeros((B, K), dtype=torch.bool, device=outputs.device)
        known[rows] = has_weight[batch["prompt"]]
        every_score = by_prompt.permute(2, 0, 1).reshape(-1, K)  # (E B, K)
        penalty = losses.centring(every_score, known.repeat(config.ensemble, 1))
        loss = loss + config.centring * share[1] * penalty
    return loss


def scalar_loss(
    scores: Tensor, orders: Batch, weights: Tensor, config: RewardConfig, reduce: Reduce
) -> Tensor:
    """The loss that the settings name, with the options that its signature names."""
    loss = losses.LOSSES[config.loss]
    tables = {name: orders[name] for name in ("pair_weights", "margins") if name in loss.options}
    settings = {name: getattr(config, name) for name in loss.settings if getattr(config, name)}
    order = orders["ranks" if loss.takes_ranks else "targets"]
    return loss.function(scores, order, weights, reduce=reduce, **tables, **settings)
