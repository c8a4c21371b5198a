"""Self-play: a response's reward is its mean win share against the policy's other responses."""

from torch import Tensor

from rlchf.train.ppo.rewards.combination import PreferenceObjective
from rlchf.train.ppo.rewards.groups import Group, mean_payoffs


class SelfPlay(PreferenceObjective):
    """Nash learning from human feedback: the mean share of votes against the other responses.

    The opponents are the other responses that the policy gave to the same prompt in this batch. The
    policy that no longer improves is `rlchf.optima.regularised_nash` of the win shares, at the run's
    reference and KL coefficient; for a small coefficient it is near a maximal lottery, so a response
    that wins against every other one gets all, and a cycle is shared.

    With n responses to a prompt, a baseline that is the mean of the others' rewards (RLOO) counts each
    comparison n / (n - 1) times, because what one response wins another loses: multiply `kl_coef` by
    that, or use GAE, which does not.

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

    def scores(self, group: Group, shares: Tensor) -> Tensor:
        """(n,) mean win share of each row's text against the other rows."""
        return mean_payoffs(group, shares)
