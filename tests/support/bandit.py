"""A policy over a few tokens: small enough that PPO reaches the optimum of any objective."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlchf.train.ppo import PPOConfig, ppo
from tests.support.tiny_models import tiny_llama, word_tokenizer

LETTERS = ["", *"abcdefghij"]
"""The first response is the empty one: the policy ends at once."""


class Bandit:
    """A policy over a few one-token responses, in which only the last layer learns.

    With ``scale=0`` it begins uniform; a larger scale makes it prefer some.
    """

    def __init__(self, actions: int, scale: float = 0.0, seed: int = 1) -> None:
        self.responses = LETTERS[:actions]
        self.policy = tiny_llama(
            actions, hidden=16, layers=1, scale=1.0, seed=seed, pad_token_id=None
        )
        self.policy.requires_grad_(False)
        self.policy.lm_head.requires_grad_(True).weight.data.mul_(scale)
        self.tokenizer = word_tokenizer(["<eos>", *self.responses[1:]], eos="<eos>")
        self.reference = self.distribution()

    def distribution(self) -> np.ndarray:
        """The probabilities of the responses."""
        with torch.no_grad():
            logits = self.policy(input_ids=torch.tensor([[1]])).logits[0, -1]
        return np.asarray(logits.double().softmax(-1).numpy())

    def train(self, reward: Callable[..., Any], out: Path, **options: Any) -> np.ndarray:
        """The probabilities where PPO ends, all responses of a batch answering the same prompt."""
        settings: dict[str, Any] = {
            "updates": 120, "batch_size": 512, "minibatch_size": 512, "forward_size": 512,
            "ppo_epochs": 1, "max_new_tokens": 1, "learning_rate": 3e-3, "value_learning_rate": 1e-2,
            "max_grad_norm": 100.0, "kl_coef": 1.0, "whiten": False, "checkpoint_every": 1000,
        }  # fmt: skip
        config = PPOConfig(**settings | options)
        ppo(self.policy, self.tokenizer, ["a"], reward, config, out)
        return self.distribution()

    def rewarding(self, values: Sequence[float] | np.ndarray) -> Callable[..., Any]:
        """A reward from a table; a response of several letters gets the sum of theirs."""
        table = dict(zip(self.responses, values, strict=True))

        def reward(prompts: list[Any], responses: list[str]) -> list[float]:
            return [
                float(sum(table[letter] for letter in response.split() or [""]))
                for response in responses
            ]

        return reward


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Total variation: half the sum of differences."""
    return float(np.abs(one - other).sum() / 2)
