"""All sequences of a small tabular policy, so that expectations are finite sums."""

import itertools

import torch
from torch import Tensor

from rlchf.train.ppo.kl import kl_estimate
from rlchf.train.ppo.objectives import token_logprobs

V, T = 4, 3  # token 0 ends a sequence


def all_sequences() -> list[tuple[int, ...]]:
    """Closed by token 0, or T tokens long."""
    longest = [s for s in itertools.product(range(V), repeat=T) if 0 not in s[:-1]]
    shorter = [
        (*s, 0) for n in range(T - 1) for s in itertools.product(range(1, V), repeat=n)
    ]  # fmt: skip
    return longest + shorter


class Enumeration:
    """A random policy, reference, baseline and reward, and the exact objective."""

    def __init__(self, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        sequences = all_sequences()
        prefixes = sorted({s[:t] for s in sequences for t in range(len(s))})
        assert len(prefixes) == 1 + 3 + 9

        def random(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.table = random(len(prefixes), V).requires_grad_()
        reference, baseline, self.r = random(len(prefixes), V), random(len(prefixes)), random(40)
        states = torch.zeros(len(sequences), T, dtype=torch.long)  # rows of the table
        ids = torch.zeros(len(sequences), T, dtype=torch.long)
        for row, sequence in enumerate(sequences):
            for t, token in enumerate(sequence):
                states[row, t], ids[row, t] = prefixes.index(sequence[:t]), token
        self.lengths = torch.tensor([len(s) for s in sequences])
        self.mask = torch.arange(T) < self.lengths[:, None]
        self.logp = token_logprobs(self.table[states], ids)
        self.ref_logp = token_logprobs(reference[states], ids)
        self.baseline = baseline[states]
        self.log_prob = torch.where(self.mask, self.logp, 0).sum(1)
        self.ref_log_prob = torch.where(self.mask, self.ref_logp, 0).sum(1)
        assert abs(self.log_prob.exp().sum().item() - 1) < 1e-12

    def gradient(self, beta: float) -> Tensor:
        """Of the expected reward minus beta KL, by autograd."""
        gains = self.r - beta * (self.log_prob - self.ref_log_prob)
        objective = (self.log_prob.exp() * gains).sum()
        (gradient,) = torch.autograd.grad(objective, self.table, retain_graph=True)
        assert isinstance(gradient, Tensor)
        return gradient

    def rewards(self, beta: float) -> Tensor:
        """(40, T) rewards per token, as PPO computes them."""
        rewards = -beta * kl_estimate(self.logp, self.ref_logp, "k1").detach()
        return rewards.scatter_add(1, self.lengths[:, None] - 1, self.r[:, None])
