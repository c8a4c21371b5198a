"""Samples of the reference as tables of probabilities, from which multipliers of shares are found."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rlchf.optima import ShareConstrained, share_constrained


class Samples:
    """Samples of the reference by prompt, as tables of probabilities.

    A row holds a prompt's n samples, each of the probability 1 / (n + 1), and for each kind one entry that
    stands for that kind's samples of all prompts, with their mean quality, together 1 / (n + 1), too. So a
    kind that a prompt's samples lack by chance is not taken to be never written to it.
    """

    def __init__(self, keys: Sequence[str], quality: Tensor, members: Tensor, beta: float) -> None:
        self.keys, self.beta = list(dict.fromkeys(keys)), beta
        rows: list[list[int]] = [[] for _ in self.keys]
        number = {key: p for p, key in enumerate(self.keys)}
        for i, key in enumerate(keys):
            rows[number[key]].append(i)
        q, m = quality.numpy(), members.numpy()
        K, longest = m.shape[1], max(map(len, rows))
        share, mean = m.mean(0), q @ m / m.sum(0)
        self.reference = np.zeros((len(rows), longest + K))
        self.quality = np.zeros((len(rows), longest + K))
        self.members = np.zeros((len(rows), longest + K, K))
        self.members[:, :longest, 0] = 1.0  # where a row is shorter, with probability 0
        for p, indices in enumerate(rows):
            n = len(indices)
            self.reference[p, :n], self.quality[p, :n] = 1 / (n + 1), q[indices]
            self.members[p, :n] = m[indices]
            self.reference[p, longest:] = share / (n + 1)
        self.quality[:, longest:], self.members[:, longest:] = mean, np.eye(K)

    def solve(self, targets: Tensor, names: Sequence[str]) -> ShareConstrained:
        """One multiplier for each kind, for all prompts."""
        tables = self.reference, self.quality, self.members
        return share_constrained(*tables, targets.numpy(), self.beta, names)

    def gains(self, expected: ShareConstrained) -> Tensor:
        """(K,) the mean quality of each kind under a policy."""
        return self._means(expected.policy, self.quality)

    def log_ratios(self, expected: ShareConstrained) -> Tensor:
        """(K,) the mean log-ratio of a policy to the reference over its texts of each kind."""
        used = expected.policy > 0
        ratios = np.zeros_like(expected.policy)
        ratios[used] = np.log(expected.policy[used] / self.reference[used])
        return self._means(expected.policy, ratios)

    def _means(self, policy: np.ndarray, values: np.ndarray) -> Tensor:
        weights = policy[..., None] * self.members
        totals = (weights * values[..., None]).sum((0, 1))
        return torch.from_numpy(totals / weights.sum((0, 1)))

    def solve_each(self, targets: Tensor, names: Sequence[str]) -> dict[str, list[float]]:
        """The multipliers of each prompt."""
        solved = {}
        for p, key in enumerate(self.keys):
            tables = self.reference[p], self.quality[p], self.members[p]
            result = share_constrained(*tables, targets.numpy(), self.beta, names)
            solved[key] = result.multipliers.tolist()
        return solved
