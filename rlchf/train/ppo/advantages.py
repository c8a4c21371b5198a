"""Advantage estimators: generalised advantage estimation, leave-one-out, group-relative.

An estimator is a function in the table `ADVANTAGES`. It takes what its parameters name: ``rewards``,
``values`` and ``mask``, which are (B, T) with ``mask`` true on the first tokens of each row; ``reduce``,
which sums a tensor over the processes; and settings of `rlchf.train.ppo.config.PPOConfig`. It returns
(B, T) advantages, 0 outside the mask. One that takes ``values`` has a critic, and one that takes
``responses_per_prompt`` compares the consecutive rows of each prompt. The settings read the table, so
importing this module needs no torch.
"""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def gae(
    rewards: "Tensor", values: "Tensor", mask: "Tensor", gamma: float, gae_lambda: float
) -> "Tensor":
    """Generalised advantage estimates.

    Rows may differ in length, and the value after a row's last token is 0 because the response has
    ended.

    References
    ----------
    J. Schulman et al., "High-dimensional continuous control using generalized advantage
    estimation", 2016, equations 10 and 16.
    """
    rewards, values = rewards.where(mask, 0), values.where(mask, 0)
    next_values = values.roll(-1, 1)  # V(s_{t+1})
    next_values[:, -1] = 0
    delta = rewards + gamma * next_values - values  # equation 10
    advantages = values.new_zeros(values.shape)
    carried = values.new_zeros(len(values))
    for t in reversed(range(values.shape[1])):
        carried = delta[:, t] + gamma * gae_lambda * carried  # equation 16, as a recursion
        advantages[:, t] = carried
    return advantages


def rloo(rewards: "Tensor", mask: "Tensor", responses_per_prompt: int) -> "Tensor":
    """REINFORCE leave-one-out: a response's reward minus the mean of the others to its prompt.

    A response is one action, so its tokens share its advantage, and the gradient is unbiased because
    the baseline does not depend on the response from which it is subtracted.

    References
    ----------
    A. Ahmadian et al., "Back to basics: revisiting REINFORCE style optimization for learning from
    human feedback in LLMs", 2024, https://arxiv.org/abs/2402.14740.
    """
    totals = _totals(rewards, mask, responses_per_prompt)
    others = (totals.sum(1, keepdim=True) - totals) / (responses_per_prompt - 1)
    return (totals - others).view(-1, 1).where(mask, 0)


def grpo(rewards: "Tensor", mask: "Tensor", responses_per_prompt: int) -> "Tensor":
    """Group-relative: a prompt's rewards normalised to mean 0 and standard deviation 1.

    The standard deviation is that of a sample, over n - 1. Dividing by it gives every prompt the same
    weight, however little its responses differ.

    References
    ----------
    Z. Shao et al., "DeepSeekMath", 2024, https://arxiv.org/abs/2402.03300, section 4.1.2.
    """
    totals = _totals(rewards, mask, responses_per_prompt)
    centred = totals - totals.mean(1, keepdim=True)
    deviation = totals.std(1, keepdim=True)
    return (centred / (deviation + 1e-4)).view(-1, 1).where(mask, 0)


def _totals(rewards: "Tensor", mask: "Tensor", responses_per_prompt: int) -> "Tensor":
    """(prompts, responses_per_prompt) total reward of each response."""
    return rewards.where(mask, 0).sum(1).view(-1, responses_per_prompt)


ADVANTAGES: "dict[str, Callable[..., Tensor]]" = {"gae": gae, "rloo": rloo, "grpo": grpo}
"""Advantage estimators by their names in the settings; see the module's docstring."""


def needs_critic(name: str) -> bool:
    """Whether an estimator takes the values of a critic.

    Examples
    --------
    >>> [name for name in ADVANTAGES if needs_critic(name)]
    ['gae']
    """
    return "values" in inspect.signature(ADVANTAGES[name]).parameters


def compares_responses(name: str) -> bool:
    """Whether an estimator compares the responses to one prompt.

    Examples
    --------
    >>> [name for name in ADVANTAGES if compares_responses(name)]
    ['rloo', 'grpo']
    """
    return "responses_per_prompt" in inspect.signature(ADVANTAGES[name]).parameters
