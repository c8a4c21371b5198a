"""Win shares as log-odds, under which groups keep their shares."""

from torch import Tensor

from rlchf.train.ppo.rewards.combination import PreferenceObjective
from rlchf.train.ppo.rewards.groups import Group, checked_floor, mean_payoffs
from rlchf.train.ppo.rewards.preferences import Preference


class WinShare(PreferenceObjective):
    """The mean log-odds of a response's win shares against the policy's other responses.

    Where the shares follow a Bradley-Terry model, and for two responses they always do, that is the
    model's reward up to a constant, without the training of a model. With beta = 1 and a uniform
    reference the policy then keeps the shares: 0.40 for a minority of 0.40. With another beta or
    reference it is `rlchf.optima.kl_optimum`; shares that follow no such model lead to the
    `regularised_nash` of their log-odds. What `SelfPlay` says of RLOO holds here too.

    Parameters
    ----------
    preference
        The win shares: `VoterPreferences` or `Pairwise`.
    floor
        Shares are clipped to between `floor` and 1 - `floor`, because the log-odds of a unanimous vote
        are infinite.

    Examples
    --------
    >>> from rlchf.train.ppo.rewards import VoterPreferences
    >>> plain = lambda prompts, texts: [float(text.isascii()) for text in texts]
    >>> emoji = lambda prompts, texts: [float(not text.isascii()) for text in texts]
    >>> WinShare(VoterPreferences([plain, emoji], [6, 4]))(["p", "p"], ["Hi.", "Hi 😀"]).exp()
    tensor([1.5000, 0.6667])
    """

    keeps_shares = True

    def __init__(self, preference: Preference, *, floor: float = 0.01) -> None:
        super().__init__(preference)
        self.floor = checked_floor(floor)

    def scores(self, group: Group, shares: Tensor) -> Tensor:
        """(n,) mean log-odds of each row's text against the other rows."""
        return mean_payoffs(group, shares.clamp(self.floor, 1 - self.floor).logit())
