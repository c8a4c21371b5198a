"""What a response was worth beyond what was to be expected: GAE, leave-one-out, group-relative.

``rewards`` are (B, T) per token, as in `rlchf.train.ppo.objectives`, and ``mask`` is true on the first
tokens of each row.
"""

import torch
from torch import Tensor
from torch.nn import functional

from rlchf.train.ppo.objectives import Reduce, masked_mean, one_process


def gae(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimates, and the returns that the critic should fit.

    Rows may differ in length, and the value after a row's last token is 0 because the response has
    ended.

    Returns
    -------
    advantages, returns : (B, T) tensors, 0 outside the mask. ``returns = advantages + values``.

    References
    ----------
    J. Schulman et al., "High-dimensional continuous control using generalized advantage
    estimation", 2016, equations 10 and 16.
    """
    rewards, values = torch.where(mask, rewards, 0), torch.where(mask, values, 0)
    following = functional.pad(values, (0, 1))[:, 1:]  # V(s_{t+1}), 0 past the end
    delta = rewards + gamma * following - values  # equation 10
    advantages = torch.zeros_like(values)
    carried = torch.zeros_like(values[:, 0])
    for t in reversed(range(values.shape[1])):
        carried = delta[:, t] + gamma * lam * carried  # equation 16, as a recursion
        advantages[:, t] = carried
    return advantages, advantages + values


def whiten(values: Tensor, mask: Tensor, reduce: Reduce = one_process) -> Tensor:
    """Bring the masked values to mean 0 and variance 1 over all processes; 0 elsewhere."""
    centred = values - masked_mean(values, mask, reduce)
    variance = masked_mean(centred.square(), mask, reduce)
    return torch.where(mask, centred * torch.rsqrt(variance + 1e-8), 0)


def rloo(rewards: Tensor, mask: Tensor, n: int) -> Tensor:
    """REINFORCE leave-one-out: a response's reward minus the mean of the others to its prompt.

    Each `n` consecutive rows belong to one prompt. A response is one action, so its tokens share its
    advantage, and the gradient is unbiased because no baseline knows the response it is taken off.

    References
    ----------
    A. Ahmadian et al., "Back to basics: revisiting REINFORCE style optimization for learning from
    human feedback in LLMs", 2024, https://arxiv.org/abs/2402.14740.
    """
    totals = _totals(rewards, mask, n)  # (B / n, n)
    others = (totals.sum(1, keepdim=True) - totals) / (n - 1)
    return torch.where(mask, (totals - others).view(-1, 1), 0)


def grpo(rewards: Tensor, mask: Tensor, n: int) -> Tensor:
    """Group-relative: rewards of a prompt's `n` responses at mean 0 and standard deviation 1.

    The standard deviation is that of a sample, over n - 1. Dividing by it makes every prompt count
    alike, however little its responses differ.

    References
    ----------
    Z. Shao et al., "DeepSeekMath", 2024, https://arxiv.org/abs/2402.03300, section 4.1.2.
    """
    totals = _totals(rewards, mask, n)
    centred = totals - totals.mean(1, keepdim=True)
    spread = totals.std(1, keepdim=True)
    return torch.where(mask, (centred / (spread + 1e-4)).view(-1, 1), 0)


def _totals(rewards: Tensor, mask: Tensor, n: int) -> Tensor:
    return torch.where(mask, rewards, 0).sum(1).view(-1, n)
