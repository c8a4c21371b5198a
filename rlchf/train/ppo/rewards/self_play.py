"""Self-play: a response is worth what it gets against the policy's other responses."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.rewards.groups import Comparing, Group
from rlchf.train.ppo.rewards.preferences import Preference


class SelfPlay(Comparing):
    """Nash learning from human feedback: the mean share of votes against the other responses.

    The opponents are the other responses that the policy gave to the same prompt in this batch. The
    policy that no longer improves is `rlchf.optima.regularised_nash` of the win shares, at the run's
    reference and price of divergence; for a small price it is near a maximal lottery, so whoever
    would win against every other response gets all, and a cycle is shared.

    With n responses to a prompt, a baseline that is the mean of the others' rewards (RLOO) counts each
    comparison n / (n - 1) times, because what one wins another loses: multiply `kl_coef` by that, or
    use GAE, which does not.

    References
    ----------
    R. Munos et al., "Nash learning from human feedback", 2024, https://arxiv.org/abs/2312.00886, with
    plain regularised self-play in place of its mixture. For the maximal lottery: R.-R. Maura-Rivero
    et al., "Jackpot! Alignment as a maximal lottery", 2025, https://arxiv.org/abs/2501.19266.

    Examples
    --------
    >>> from rlchf.train.ppo.rewards import Pairwise
    >>> longer = Pairwise(lambda prompts, a, b: [float(len(x) > len(y)) for x, y in zip(a, b)])
    >>> SelfPlay(longer)(["p"] * 3, ["long", "mid", "mid"])
    tensor([1.0000, 0.2500, 0.2500])
    """

    def __init__(self, preference: Preference) -> None:
        self.preference = preference

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores."""
        groups = self.groups(prompts, responses)
        tables = zip(groups, self.preference(groups), strict=True)
        return torch.cat([against_others(group, self.payoff(table)) for group, table in tables])

    def payoff(self, shares: Tensor) -> Tensor:
        """(K, K) what a text gets against another."""
        return shares


class WinShare(SelfPlay):
    """The mean log-odds of a response's win shares against the policy's other responses.

    Where the shares follow a Bradley-Terry model, and for two responses they always do, that is the
    model's reward up to a constant, without the training of a model. With beta = 1 and a uniform
    reference the policy then keeps the shares: 0.40 for a minority of 0.40. With another beta or
    reference it is `rlchf.optima.kl_optimum`; shares that follow no such model lead to the
    `regularised_nash` of their log-odds.

    Parameters
    ----------
    floor
        Shares are held between `floor` and 1 - `floor`, because the log-odds of a unanimous vote are
        infinite.

    Examples
    --------
    >>> from rlchf.train.ppo.rewards import Electorate
    >>> plain = lambda prompts, texts: [float(text.isascii()) for text in texts]
    >>> emoji = lambda prompts, texts: [float(not text.isascii()) for text in texts]
    >>> WinShare(Electorate([plain, emoji], [6, 4]))(["p", "p"], ["Hi.", "Hi 😀"]).exp()
    tensor([1.5000, 0.6667])
    """

    def __init__(self, preference: Preference, floor: float = 0.01) -> None:
        super().__init__(preference)
        self.floor = checked_floor(floor)

    def payoff(self, shares: Tensor) -> Tensor:
        """(K, K) log-odds."""
        return shares.clamp(self.floor, 1 - self.floor).logit()


def against_others(group: Group, payoff: Tensor) -> Tensor:
    """(n,) each row's mean payoff against the other rows of its group; 0 where there are none."""
    n = len(group.at)
    if n < 2:
        return torch.zeros(n)
    counts = group.counts.to(payoff)
    totals = payoff @ counts - payoff.diagonal()  # nobody meets itself
    return (totals / (n - 1))[group.at].float()


def checked_floor(floor: float) -> float:
    """Refuse a floor that leaves no room between it and 1 - floor."""
    if not 0 < floor < 0.5:
        raise ValueError(f"floor is {floor}; it must be above 0 and below 0.5")
    return floor
