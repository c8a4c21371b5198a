"""How far share targets swing around their targets, on a small softmax policy, over many runs at once.

    python benchmarks/share_audit/swing.py

A policy answers 80 prompts with one of four texts of each kind. Its logits are linear in features of kind,
prompt and text, Adam trains them by RLOO on 16 prompts times 4 responses at a time with a linear learning
rate, and the reward is that of `rlchf.train.ppo.rewards.ShareTargets`, written again for many runs. The
shares of the policy itself are exact, so that what is left at the end is no sampling error of texts. The
settings are none of three, each alone, and all, which are the defaults:

- window: the shares are averaged over 32 texts, not 128;
- wait: the slow correction waits until the shares are near their targets, and its step is 0.02, not 0.05;
- square: the multipliers follow the square of what a kind's mean has gained, not the gain itself.

The table has the mean and the standard deviation of the smallest kind's share, and in how many runs a kind
ends more than 0.03 from its target. Takes about two minutes of one core.
"""

import argparse
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from rich.console import Console
from rich.table import Table

from rlchf.optima import ShareConstrained, share_constrained

PROMPTS, TEXTS, TRAITS = 80, 4, 6
"""Prompts, texts of each kind to each, and features of a prompt."""


@dataclass(frozen=True)
class World:
    """Prompts and texts: what the reference writes, what is better, and what the policy can tell apart."""

    targets: tuple[float, ...]
    reference: tuple[float, ...]
    beta: float
    seed: int = 0

    @cached_property
    def kinds(self) -> np.ndarray:
        """(M,) the kind of each text."""
        return np.asarray(np.repeat(np.arange(len(self.targets)), TEXTS))

    @cached_property
    def members(self) -> np.ndarray:
        """(M, K) 1 at each text's kind."""
        return np.asarray(np.eye(len(self.targets))[self.kinds])

    @cached_property
    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(P, M) log-probabilities and quality, and (P, M, F) features."""
        rng, M, K = np.random.default_rng(self.seed), len(self.kinds), len(self.targets)
        traits = rng.normal(size=(PROMPTS, TRAITS)) / np.sqrt(TRAITS)
        logits = np.log(self.reference)[self.kinds] + 0.6 * rng.normal(size=(PROMPTS, M))
        logits -= np.log(np.exp(logits).sum(1, keepdims=True))
        quality = 0.25 * rng.normal(size=(PROMPTS, M)) + 0.25 * rng.normal(size=M)
        quality += 0.2 * rng.normal(size=(PROMPTS, K))[:, self.kinds]
        quality -= (self.by_kind(np.exp(logits), quality))[self.kinds]
        parts = []
        for one in (self.members, np.eye(M)):
            parts.append(np.broadcast_to(one, (PROMPTS, *one.shape)))
            crossed = traits[:, None, :, None] * one[None, :, None, :]
            parts.append(crossed.reshape(PROMPTS, M, -1))
        return logits, quality, np.concatenate(parts, axis=2)

    def by_kind(self, policy: np.ndarray, values: np.ndarray) -> np.ndarray:
        """(K,) means over the texts of each kind under a policy."""
        weights = policy[..., None] * self.members
        return np.asarray((weights * values[..., None]).sum((0, 1)) / weights.sum((0, 1)))

    @cached_property
    def optimum(self) -> ShareConstrained:
        """The policy that the multipliers are found from."""
        logits, quality, _ = self.tables
        kinds = np.broadcast_to(self.kinds, quality.shape)
        return share_constrained(np.exp(logits), quality, kinds, self.targets, self.beta)


@dataclass(frozen=True)
class Controller:
    """The settings of the share targets; those of `ShareTargets` by default."""

    window: float = 32
    step: float = 0.02
    near: float = 0.5
    power: int = 2


NONE = Controller(window=128, step=0.05, near=np.inf, power=1)
CONTROLLERS = {
    "none": NONE,
    "window": replace(NONE, window=32),
    "wait": replace(NONE, step=0.02, near=0.5),
    "square": replace(NONE, power=2),
    "all": Controller(),
}


def final_shares(
    world: World, controller: Controller, runs: int, updates: int, rate: float = 0.03
) -> np.ndarray:
    """(runs, K) the policy's exact shares after training."""
    logits, quality, features = world.tables
    rng, targets = np.random.default_rng(1), np.array(world.targets)
    weights, first, second = np.zeros((3, runs, features.shape[2]))
    state = Multipliers(world, controller, runs)
    orders = [
        np.concatenate([rng.permutation(PROMPTS) for _ in range(-(-updates // 5))])
        for _ in range(runs)
    ]
    for update in range(updates):
        rows = np.array(orders)[:, 16 * update : 16 * (update + 1)]
        policy = softmax(logits[rows] + np.einsum("rpmf,rf->rpm", features[rows], weights))
        drawn = rng.random((runs, 16, 4, 1)) > policy.cumsum(2)[:, :, None, :]
        texts = drawn.sum(3).clip(0, len(world.kinds) - 1)  # (runs, 16, 4)
        values = np.take_along_axis(quality[rows], texts, 2)
        ratios = np.log(np.take_along_axis(policy, texts, 2))
        ratios -= np.take_along_axis(logits[rows], texts, 2)
        raised = state(world.members[texts].reshape(runs, 64, -1), values.reshape(runs, 64))
        bonus = np.take_along_axis(raised, world.kinds[texts].reshape(runs, 64), 1)
        scores = values + bonus.reshape(values.shape) - world.beta * ratios
        advantages = (scores - scores.mean(2, keepdims=True)) * 4 / 3
        for half in (slice(0, 8), slice(8, 16)):
            seen = features[rows[:, half]]
            now = softmax(logits[rows[:, half]] + np.einsum("rpmf,rf->rpm", seen, weights))
            chosen = np.take_along_axis(seen, texts[:, half, :, None], 2)
            centred = chosen - np.einsum("rpm,rpmf->rpf", now, seen)[:, :, None]
            gradient = np.einsum("rpn,rpnf->rf", advantages[:, half], centred) / 32
            steps = 2 * update + (1 if half.start == 0 else 2)
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            scale = np.sqrt(second / (1 - 0.999**steps)) + 1e-5
            weights += rate * (1 - update / updates) * first / (1 - 0.9**steps) / scale
    policy = softmax(logits + np.einsum("pmf,rf->rpm", features, weights))
    shares = np.einsum("rpm,mk->rk", policy, world.members) / PROMPTS
    assert np.allclose(shares.sum(1), 1)
    assert len(targets) == shares.shape[1]
    return np.asarray(shares)


class Multipliers:
    """What each kind is raised by, in many runs."""

    def __init__(self, world: World, controller: Controller, runs: int) -> None:
        logits, quality, _ = world.tables
        self.controller, self.targets, best = controller, np.array(world.targets), world.optimum
        reference, beta = np.exp(logits), world.beta
        shares = (reference[..., None] * world.members).sum((0, 1)) / PROMPTS
        self.gains = world.by_kind(best.policy, quality)
        self.last = best.multipliers + self.gains
        self.first = beta * np.log(self.targets / shares)
        if controller.power == 2:
            ratios = world.by_kind(best.policy, np.log(best.policy) - logits)
            self.first = self.first + self.targets @ (self.last - beta * ratios)
        self.unit = beta + np.sqrt((reference * quality**2).sum() / PROMPTS)
        self.means, self.correction = np.zeros((2, runs, len(shares)))
        self.shares = np.tile(shares, (runs, 1))

    def __call__(self, members: np.ndarray, values: np.ndarray) -> np.ndarray:
        """(runs, K) given a batch's (runs, B, K) kinds and (runs, B) quality."""
        counts, totals = members.sum(1), (members * values[..., None]).sum(1)
        weight = self.controller.window * self.targets
        self.means = (self.means * weight + totals) / (weight + counts)
        B = members.shape[1]
        self.shares += (counts / B - self.shares) * B / (B + self.controller.window)
        lacking = np.log(self.targets / self.shares.clip(1e-9)).clip(-2, 2)
        done = (self.means / self.gains).clip(0, 1) ** self.controller.power
        multipliers = self.first + (self.last - self.first) * done + self.correction
        near = np.abs(lacking).max(1, keepdims=True) < self.controller.near
        self.correction += self.controller.step * self.unit * lacking * near
        self.correction -= (self.correction @ self.targets)[:, None]
        return np.asarray(multipliers - self.means + self.unit * lacking)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--updates", type=int, default=60)
    arguments = parser.parse_args()
    table = Table("targets", "beta", "settings", "mean", "deviation", "over 0.03 away")
    worlds: dict[tuple[float, ...], tuple[float, ...]] = {
        (0.6, 0.4): (0.5, 0.5),
        (0.5, 0.3, 0.2): (0.28, 0.33, 0.39),
        (0.79, 0.2, 0.01): (0.5, 0.49, 0.01),
    }
    for targets, reference in worlds.items():
        for beta in (1.0, 0.2):
            world = World(targets, reference, beta)
            for name, controller in CONTROLLERS.items():
                shares = final_shares(world, controller, arguments.runs, arguments.updates)
                away = (np.abs(shares - np.array(targets)).max(1) > 0.03).mean()
                smallest = shares[:, -1]
                figures = f"{smallest.mean():.3f}", f"{smallest.std():.3f}", f"{away:.2f}"
                table.add_row("/".join(map(str, targets)), f"{beta:g}", name, *figures)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
