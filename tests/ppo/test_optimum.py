"""The loop against known optima, and on small models."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlchf.optima import kl_optimum, preference_matching
from rlchf.train.ppo import PPOConfig, ppo
from tests.support.bandit import Bandit, distance
from tests.support.ppo_runs import PROMPTS, SMALL, lines, vowels
from tests.support.tiny_models import STORIES, TEXTS, tiny_gpt2, tiny_tokenizer

REWARDS = np.array([0.0, 1, -0.5, 0.3, 0.8, -1, 0.2, 0.5])
BANDIT: dict[str, Any] = {
    "ppo_epochs": 2, "learning_rate": 5e-3, "value_learning_rate": 1e-3, "kl_coef": 0.5,
}  # fmt: skip
SMALLER = {"batch_size": 256, "minibatch_size": 256}


@pytest.mark.slow
def test_ppo_finds_the_optimum_of_a_bandit(tmp_path: Path) -> None:
    """The policy ends at reference * exp(reward / beta) / Z, the maximiser of reward - beta KL."""
    beta = 0.5
    bandit = Bandit(8, scale=4.0)
    weights = bandit.reference * np.exp(REWARDS / beta)
    optimum = weights / weights.sum()
    assert distance(bandit.reference, optimum) > 0.2
    assert distance(kl_optimum(bandit.reference, REWARDS, beta), optimum) < 1e-12
    policy = bandit.train(bandit.rewarding(REWARDS), tmp_path, **BANDIT | {"updates": 100})
    assert distance(policy, optimum) < 1e-3
    objective = (policy * (REWARDS - beta * np.log(policy / bandit.reference))).sum()
    assert objective == pytest.approx(beta * np.log(weights.sum()), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "within"),
    [
        # At the optimum reward - beta log(policy / reference) is the same for all responses: nothing
        # is left to learn from, not even noise.
        ({"advantages": "rloo", "responses_per_prompt": 4}, 1e-3),
        # Whitening makes the last differences as large as the first: the steps have to shrink.
        ({"whiten": True, "updates": 150, "lr_schedule": "linear"}, 4e-3),
        # Dividing by the group's deviation makes the last differences as large as the first.
        ({"advantages": "grpo", "responses_per_prompt": 16}, 0.03),
        # In the loss the divergence does not cancel the reward of each sample, only on average.
        ({"kl_in": "loss", "kl_estimator": "k2"}, 0.03),
    ],
    ids=["rloo", "whitened", "grpo", "kl in the loss"],
)
def test_other_advantages_and_losses_find_the_optimum_too(
    options: dict[str, Any], within: float, tmp_path: Path
) -> None:
    bandit = Bandit(8, scale=4.0)
    settings = BANDIT | {"updates": 90} | options
    policy = bandit.train(bandit.rewarding(REWARDS), tmp_path, **settings)
    assert distance(policy, kl_optimum(bandit.reference, REWARDS, 0.5)) < within


@pytest.mark.slow
def test_preference_matching_forgets_the_reference(tmp_path: Path) -> None:
    """With a penalty on negative entropy the policy ends at exp(reward / beta) / Z (Xiao et al. 2024).

    Where rewards are log-odds of people's choices and beta is 1, it chooses as people do.
    """
    bandit = Bandit(8, scale=4.0)
    choices = np.exp(REWARDS) / np.exp(REWARDS).sum()
    assert distance(preference_matching(REWARDS), choices) < 1e-12
    options = {"reference": "uniform", "kl_coef": 1.0, "advantages": "rloo"}
    settings = BANDIT | SMALLER | {"updates": 100, "responses_per_prompt": 4} | options
    policy = bandit.train(bandit.rewarding(REWARDS), tmp_path, **settings)
    assert distance(policy, choices) < 1e-3
    assert distance(kl_optimum(bandit.reference, REWARDS, 1.0), choices) > 0.1
    last = lines(tmp_path / "metrics.jsonl")[-1]
    assert last["objective"] == pytest.approx(np.log(np.exp(REWARDS).sum()), abs=0.01)
    assert last["kl"] > 0.1, "still the divergence from the start"


@pytest.mark.parametrize(
    ("beta", "share"),
    [
        pytest.param(1.0, 0.4, marks=pytest.mark.slow),
        (0.5, 0.308),
        pytest.param(0.2, 0.116, marks=pytest.mark.slow),
    ],
)
def test_a_minoritys_share_in_the_texts_follows_the_kl_coefficient(
    beta: float, share: float, tmp_path: Path
) -> None:
    """Four of eight texts have an emoji, which 40 % like: a Bradley-Terry reward of log(0.4 / 0.6)."""
    bandit = Bandit(8)
    assert bandit.reference.tolist() == [0.125] * 8
    reward = bandit.rewarding(math.log(0.4 / 0.6) * np.isin(bandit.responses, list("abcd")))
    settings = BANDIT | SMALLER | {"updates": 60, "kl_coef": beta}
    assert bandit.train(reward, tmp_path, **settings)[1:5].sum() == pytest.approx(share, abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tokens", "options", "gap", "within"),
    [
        (2, {}, 0.02, 0.06),
        (2, {"whiten": False}, 0.02, 0.06),
        (2, {"clip": 1000.0}, 0.03, 0.09),
        (3, {}, 0.04, 0.2),  # rare beginnings are learnt slowly
    ],
    ids=["two", "not whitened", "not clipped", "three"],
)
def test_ppo_nearly_reaches_the_optimum_over_several_tokens(
    tokens: int, options: dict[str, Any], gap: float, within: float, tmp_path: Path
) -> None:
    """Reward minus beta KL of the whole policy, by enumeration, against beta log Z."""
    beta = 0.5
    bandit = Bandit(8, scale=4.0)
    policy = bandit.policy.requires_grad_(True)
    texts = [  # which end with the end token, 0, or are as long as they may be
        text
        for n in range(1, tokens + 1)
        for text in itertools.product(range(8), repeat=n)
        if 0 not in text[:-1] and (text[-1] == 0 or n == tokens)
    ]
    padded = torch.tensor([text + (0,) * (tokens - len(text)) for text in texts])
    real = torch.tensor([[n < len(text) for n in range(tokens)] for text in texts])
    rewards = torch.where(real, torch.from_numpy(REWARDS)[padded], 0).sum(1)

    @torch.no_grad()
    def log_probabilities() -> Tensor:
        ids = torch.cat([torch.ones(len(texts), 1, dtype=torch.long), padded], 1)
        logp = policy(input_ids=ids).logits.double().log_softmax(-1)[:, :-1]
        token_logp: Tensor = logp.gather(2, padded[..., None])[..., 0]
        return torch.where(real, token_logp, 0).sum(1)

    reference = log_probabilities()
    assert reference.exp().sum().item() == pytest.approx(1)
    log_z = torch.logsumexp(reference + rewards / beta, 0)
    optimum, best = (reference + rewards / beta - log_z).exp(), beta * log_z.item()

    def objective() -> float:
        logp = log_probabilities()
        return float((logp.exp() * (rewards - beta * (logp - reference))).sum())

    before = objective()
    settings: dict[str, Any] = {
        "updates": 40, "batch_size": 256, "minibatch_size": 128, "forward_size": 128,
        "max_new_tokens": tokens, "kl_coef": beta, "learning_rate": 3e-3, "gae_lambda": 1.0,
        "value_learning_rate": 1e-3, "ppo_epochs": 2, "whiten": True, "max_grad_norm": 1.0,
    }  # fmt: skip
    bandit.train(bandit.rewarding(REWARDS), tmp_path, **settings | options)
    assert best - before > 0.3
    assert best - objective() < gap * (best - before)
    best_policy, start = optimum.numpy(), reference.exp().numpy()
    assert distance(log_probabilities().exp().numpy(), best_policy) < within
    assert distance(start, best_policy) > 2 * within


@pytest.mark.slow
@pytest.mark.skipif(not STORIES.exists(), reason="the story model is not on this machine")
def test_a_story_model_learns_to_write_what_is_rewarded(tmp_path: Path) -> None:
    policy = AutoModelForCausalLM.from_pretrained(STORIES)
    tokenizer = AutoTokenizer.from_pretrained(STORIES)
    prompts = ["Once upon a time", "Lily and her dog", "One day, a boy named Tim", "The sun"]

    def letters(prompts: list[Any], responses: list[str]) -> list[float]:
        return [float(response.count("o")) for response in responses]

    config = PPOConfig(
        updates=8,
        batch_size=32,
        minibatch_size=16,
        max_new_tokens=16,
        learning_rate=1e-3,
        kl_coef=0.02,
    )
    ppo(policy, tokenizer, prompts, letters, config, tmp_path)
    rows = lines(tmp_path / "metrics.jsonl")
    assert rows[0]["kl"] == rows[0]["kl_k3"] == rows[0]["first_ratio_error"] == 0
    assert rows[-1]["reward_mean"] > rows[0]["reward_mean"] + 1
    assert rows[-1]["kl_k3"] > 0


@pytest.mark.slow
def test_the_reward_rises_on_a_random_model(tmp_path: Path) -> None:
    config = PPOConfig(
        **SMALL | {"updates": 15, "batch_size": 32, "minibatch_size": 16, "learning_rate": 3e-3}
    )
    ppo(tiny_gpt2(), tiny_tokenizer(TEXTS), PROMPTS, vowels, config, tmp_path)
    rewards = [row["reward_mean"] for row in lines(tmp_path / "metrics.jsonl")]
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 1
