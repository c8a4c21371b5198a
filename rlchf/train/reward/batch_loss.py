"""From a batch's outputs to its loss: which scores belong together, and how orders are weighed."""

from collections.abc import Mapping

import torch
from torch import Tensor

from rlchf.train.reward import heads, losses
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.group_weights import GroupWeights
from rlchf.train.reward.pairs import Reduce

Batch = Mapping[str, Tensor]
TINY = torch.finfo(torch.float32).tiny


def extent(batch: Batch) -> Tensor:
    """(2,) the weight of a batch's orders, over all heads, and how many of its prompts have any."""
    weights = batch["weights"]
    weight = (weights[:, None] * batch["draws"]).sum()
    return torch.stack([weight, weights.new_tensor(len(batch["owner"][weights > 0].unique()))])


def ranking_loss(
    outputs: Tensor,
    batch: Batch,
    config: RewardConfig,
    whole: Tensor,
    *,
    processes: int = 1,
    parts: int = 1,
    group_weights: GroupWeights | None = None,
) -> Tensor:
    """What one batch contributes to the loss of a step.

    Summed over the batches of a step and averaged over processes it is the weighted mean over all of the
    step's orders, however they were divided. The groups' weights move with each batch, so the loss of
    the worst group is the batches' mean.

    Parameters
    ----------
    outputs
        (N, n) outputs of the head for the batch's rows.
    batch
        From the `Collator`.
    config
        Says which loss and head.
    whole
        (2,) sum of `extent` over all batches of the step on all processes.
    processes, parts
        How many processes share the step, and how many batches each of them has in it.
    group_weights
        When given, the loss of the worst group takes the place of the mean.
    """
    B, K, n = int(batch["prompt"][-1]) + 1, batch["ranks"].shape[1], outputs.shape[1]
    place = (batch["prompt"], batch["slot"])
    by_prompt = outputs.new_zeros((B, K, n)).index_put(place, outputs)
    table = by_prompt[batch["owner"]]  # (R, K, n), one for each order
    weights = (batch["weights"][:, None] * batch["draws"]).T.reshape(-1)  # (E R,), head by head
    every = {
        name: batch[name].repeat(config.ensemble, *[1] * (batch[name].ndim - 1))
        for name in ("ranks", "targets", "pair_weights", "margins", "group")
    }  # the same orders for each head of an ensemble
    share = processes * extent(batch) / whole.clamp(min=TINY)  # of the step

    def reduce(each: Tensor, counted: Tensor) -> Tensor:
        if group_weights is None:
            return (counted * each).sum() / whole[0].clamp(min=TINY) * processes
        worst: Tensor = group_weights(each, counted, every["group"])
        return worst / parts

    if config.head == "mean_variance":
        return heads.mean_variance(
            *heads.mean_and_spread(table), every["targets"], weights,
            pair_weights=every["pair_weights"], reduce=reduce,
        )  # fmt: skip
    if config.head == "categorical":
        return heads.categorical(
            table, every["targets"], weights, entropy=0.1 * float(share[0]),
            pair_weights=every["pair_weights"], reduce=reduce,
        )  # fmt: skip
    scores = table.permute(2, 0, 1).reshape(-1, K)  # (E R, K)
    loss = _scalar_loss(scores, every, weights, config, reduce)
    if config.centring:
        heavy = torch.zeros(B, dtype=torch.bool, device=outputs.device)
        heavy[batch["owner"][batch["weights"] > 0]] = True
        known = torch.zeros((B, K), dtype=torch.bool, device=outputs.device)
        known[place] = heavy[batch["prompt"]]
        flat = by_prompt.permute(2, 0, 1).reshape(-1, K)  # (E B, K)
        spread = losses.centring(flat, known.repeat(config.ensemble, 1))
        loss = loss + config.centring * share[1] * spread
    return loss


def _scalar_loss(
    scores: Tensor, orders: Batch, weights: Tensor, config: RewardConfig, reduce: Reduce
) -> Tensor:
    ranks, targets, pair_weights = orders["ranks"], orders["targets"], orders["pair_weights"]
    soft = {"temperature": config.temperature} if config.temperature else {}
    match config.loss:
        case "bradley_terry":
            return losses.bradley_terry(
                scores, targets, weights, pair_weights=pair_weights, margins=orders["margins"],
                smoothing=config.smoothing, reduce=reduce,
            )  # fmt: skip
        case "soft_copeland":
            return losses.soft_copeland(
                scores, targets, weights, pair_weights=pair_weights, reduce=reduce, **soft
            )
        case "soft_kemeny":
            return losses.soft_kemeny(
                scores, targets, weights, pair_weights=pair_weights, reduce=reduce, **soft
            )
        case "majority":
            return losses.majority(
                scores, targets, weights, pair_weights=pair_weights, reduce=reduce
            )
        case "best_of_k":
            return losses.best_of_k(scores, ranks, weights, reduce=reduce)
        case "plackett_luce":
            return losses.plackett_luce(
                scores, ranks, weights, top=config.top or None, reduce=reduce
            )
