"""Win shares between the responses to a prompt: from voters, or from a model of pairs."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.rewards.groups import Group, scores_of, voter_weights
from rlchf.train.ppo.shaping import Reward

Preference = Callable[[Sequence[Group]], list[Tensor]]
"""For each group a (K, K) table: the share of votes that text i gets against text j, 1/2 if i is j."""


class VoterPreferences:
    """Win shares among voters, each a reward: the higher score wins the voter's vote, equal halves it.

    Examples
    --------
    >>> from rlchf.train.ppo.rewards.groups import groups_of
    >>> plain = lambda prompts, texts: [1.0 if text.isascii() else 0.0 for text in texts]
    >>> emoji = lambda prompts, texts: [0.0 if text.isascii() else 1.0 for text in texts]
    >>> VoterPreferences([plain, emoji], [6, 4])(groups_of(["p", "p"], ["Hi.", "Hi 😀"]))[0]
    tensor([[0.5000, 0.6000],
            [0.4000, 0.5000]], dtype=torch.float64)
    """

    def __init__(self, voters: Sequence[Reward], weights: Sequence[float] | None = None) -> None:
        self.voters = list(voters)
        self.weights = voter_weights(weights, len(self.voters))

    def __call__(self, groups: Sequence[Group]) -> list[Tensor]:
        """(K, K) win shares of each group."""
        by_voter = [scores_of(voter, groups, f"voter {v}") for v, voter in enumerate(self.voters)]
        shares = self.weights / self.weights.sum()
        tables = []
        for group_scores in zip(*by_voter, strict=True):
            scores = torch.stack(group_scores)  # (V, K)
            votes = (1 + (scores[:, :, None] - scores[:, None, :]).sign()) / 2  # (V, K, K)
            tables.append((shares[:, None, None] * votes).sum(0))
        return tables


class Pairwise:
    """Win shares from a model of pairs: any callable ``(prompts, firsts, seconds) -> shares``.

    The model reads each pair in both orders, and the two answers are averaged, so that the order of the
    responses does not matter.
    """

    def __init__(
        self, model: Callable[[list[Prompt], list[str], list[str]], Sequence[float] | Tensor]
    ) -> None:
        self.model = model

    def __call__(self, groups: Sequence[Group]) -> list[Tensor]:
        """(K, K) win shares of each group."""
        pairs = [
            (group.prompt, first, second)
            for group in groups
            for first in group.responses
            for second in group.responses
            if first != second
        ]
        columns = [list(column) for column in zip(*pairs, strict=True)] or [[], [], []]
        shares = torch.as_tensor(self.model(*columns)).detach().double().cpu()
        if shares.shape != (len(pairs),) or not ((shares >= 0) & (shares <= 1)).all():
            raise ValueError(
                f"the preference model returned shape {tuple(shares.shape)} for {len(pairs)} pairs, or "
                "a number that is no share; it must return one number from 0 to 1 per pair"
            )
        tables, start = [], 0
        for group in groups:
            K = len(group.responses)
            table = torch.full((K, K), 0.5, dtype=torch.float64)
            table[~torch.eye(K, dtype=torch.bool)] = shares[start : start + K * (K - 1)]
            tables.append((table + 1 - table.T) / 2)
            start += K * (K - 1)
        return tables
