"""Group distributionally robust optimisation (group DRO): training for the worst-off group of annotators."""

import torch
import torch.distributed as dist
from torch import Tensor, nn

from rlchf.train.reward.pairs import expect


class GroupWeights(nn.Module):
    """Turn the losses of orders into ``Σ_g q_g L_g``, with weights q that follow the worst group.

    ``L_g`` is the weighted mean loss of group g in the batch. In training mode each call first updates the
    weights, ``q_g ← q_g exp(step L_g) / Z`` (exponentiated gradient ascent), so that training minimises
    the loss of the worst mixture of groups. For a group without orders in the batch, the weighted mean of
    the other groups' losses takes the place of L_g, so that rare groups do not lose weight.

    Give it as ``reduce`` to a loss: ``bradley_terry(..., reduce=partial(group_weights, groups=groups))``.
    The weights are a buffer, saved and loaded with ``state_dict``. With several processes the group means
    are those of the whole batch, the weights are equal on all processes, and the mean of the processes'
    losses and gradients is that of one process.

    Parameters
    ----------
    n_groups
        Number of groups; their initial weights are equal.
    step
        Step size of the weights.

    References
    ----------
    S. Sagawa, P. W. Koh, T. B. Hashimoto, P. Liang, "Distributionally robust neural networks for group
    shifts", 2020, algorithm 1. For preferences: S. S. Ramesh et al., "Group robust preference
    optimization in reward-free RLHF", 2024.

    Examples
    --------
    >>> robust = GroupWeights(2, step=1.0)
    >>> losses, groups = torch.tensor([0.0, 1.0986]), torch.tensor([0, 1])
    >>> loss = robust(losses, torch.ones(2), groups)  # exp(1.0986) is 3
    >>> robust.weights
    tensor([0.2500, 0.7500])
    >>> loss
    tensor(0.8239)
    """

    log_weights: Tensor

    def __init__(self, n_groups: int, *, step: float = 0.01) -> None:
        super().__init__()
        if n_groups < 1:
            raise ValueError(f"n_groups is {n_groups}; there must be at least one group")
        if not 0 < step < float("inf"):
            raise ValueError(f"step is {step}; it must be above 0")
        self.step = step
        self.register_buffer("log_weights", torch.zeros(n_groups).log_softmax(0))

    @property
    def weights(self) -> Tensor:
        """(G,) weight of each group; they sum to 1."""
        return self.log_weights.exp()

    def forward(self, losses: Tensor, weights: Tensor, groups: Tensor) -> Tensor:
        """The loss to minimise.

        Parameters
        ----------
        losses, weights, groups
            (R,) loss and weight of each order, and the index of its group; weight 0 does not count.
        """
        expect("losses", losses, 1)
        expect("weights", weights, losses.shape)
        expect("groups", groups, losses.shape)
        n_groups, weights = len(self.log_weights), weights.to(losses.dtype)
        sums = losses.new_zeros(2, n_groups)  # per group: weighted losses, weights
        sums[0].index_add_(0, groups, (weights * losses).detach())
        sums[1].index_add_(0, groups, weights)
        n_processes = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
        if n_processes > 1:
            dist.all_reduce(sums)
        present = sums[1] > 0
        totals = torch.where(present, sums[1], 1.0)
        if self.training:
            self._move(sums[0] / totals, present)
        per_order = (self.weights.to(losses.dtype) / totals)[groups] * weights
        return n_processes * (per_order * losses).sum()

    def _move(self, means: Tensor, present: Tensor) -> None:
        q = self.weights * present
        mean = (q * means).sum() / q.sum().clamp(min=torch.finfo(q.dtype).tiny)
        moved = self.log_weights + self.step * torch.where(present, means - mean, 0.0)
        self.log_weights.copy_(moved.log_softmax(0))
