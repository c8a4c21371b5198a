"""What the tests of PPO share: small runs on tiny random models."""

import json
import math
import random
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rlchf.train.ppo import PPO, PPOConfig, Setup
from rlchf.train.ppo.prompts import encode_prompts
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampling import sample
from tests.support.tiny_models import tiny_gpt2, tiny_llama, tiny_tokenizer

PROMPTS = ["the", "a committee votes on", "once upon a time there was", "fox", "what should the"]
MODELS = {"llama": tiny_llama, "gpt2": tiny_gpt2}
SMALL: dict[str, Any] = {
    "updates": 3,
    "batch_size": 8,
    "minibatch_size": 4,
    "forward_size": 4,
    "max_new_tokens": 6,
    "learning_rate": 3e-3,
    "samples_every": 2,
}


def vowels(prompts: list[Any], responses: list[str]) -> list[float]:
    return [float(sum(c in "aeiou" for c in response)) for response in responses]


def noisy(prompts: list[Any], responses: list[str]) -> Tensor:
    """A reward that draws from the global generators, as a sloppy one may."""
    noise = torch.rand(len(responses)) + random.random()
    return torch.tensor(vowels(prompts, responses)) + noise


def lines(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def weights(model: Any) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def rollouts(policy: Any, tokenizer: Any, **options: Any) -> Rollout:
    encoded = encode_prompts(policy, tokenizer, PROMPTS, 10)
    keys = [(7, i) for i in range(len(PROMPTS))]
    return sample(policy, tokenizer, encoded, keys, max_new_tokens=10, **options)


def ending_policy(share: float) -> Any:
    """A policy that ends its response at each token with about this probability."""
    policy = tiny_llama(seed=3)
    with torch.no_grad():
        policy.lm_head.weight.mul_(0.0)
    bias = torch.zeros(320)
    bias[0] = math.log(share / (1 - share) * 319)
    policy.lm_head.bias = torch.nn.Parameter(bias)
    return policy


def experience(tmp_path: Path, **options: Any) -> tuple[PPO, Any, Any]:
    config = PPOConfig(**SMALL | {"batch_size": 16, "whiten": False} | options)
    policy, tokenizer = ending_policy(0.25), tiny_tokenizer()
    run = PPO(Setup(policy, tokenizer, PROMPTS, vowels, config, tmp_path))
    batch, metrics, _ = run.collect()
    finished = batch.rollout.finished
    assert 0 < finished.sum() < len(finished), "both kinds of response are needed"
    return run, batch, metrics


def ragged(seed: int, rows: int = 6, width: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    """Random rewards and values, and a mask with rows of every kind of length."""
    generator = torch.Generator().manual_seed(seed)
    rewards, values = torch.randn(2, rows, width, generator=generator, dtype=torch.float64)
    lengths = torch.randint(1, width + 1, (rows,), generator=generator)
    lengths[0], lengths[1] = 1, width
    return rewards, values, torch.arange(width) < lengths[:, None]
