"""What PPO learns from: rewards per token, and which weights move."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rlchf.train.ppo import PPO, PPOConfig, Setup, ppo
from rlchf.train.ppo.experience import Experience
from rlchf.train.ppo.objectives import token_logprobs
from rlchf.train.ppo.responses import Rollout, response_logits
from tests.support.ppo_runs import (
    PROMPTS,
    SMALL,
    ending_policy,
    experience,
    lines,
    noisy,
    vowels,
    weights,
)
from tests.support.tiny_models import tiny_llama, tiny_tokenizer


def test_the_score_is_given_at_the_end_token_and_the_penalty_only_without_one(
    tmp_path: Path,
) -> None:
    run, batch, metrics = experience(tmp_path, gamma=0.9, gae_lambda=1.0, missing_eos_penalty=3.0)
    rollout = batch.rollout
    scores = vowels([], rollout.texts(run.tokenizer))
    for row, (score, done) in enumerate(zip(scores, rollout.finished.tolist(), strict=True)):
        length = int(rollout.lengths[row])
        assert (rollout.responses[row, length - 1] == 0) == done
        reward = score - (0 if done else 3.0)
        # The critic is 0 and so is the KL: the return at t is the discounted score and no more.
        expected = [reward * 0.9 ** (length - 1 - t) for t in range(length)]
        assert batch.returns[row, :length].tolist() == pytest.approx(expected, abs=1e-5)
        assert not batch.returns[row, length:].any()
    assert metrics["reward_mean"] == pytest.approx(sum(scores) / 16)
    assert metrics["eos_share"] == rollout.finished.float().mean().item()
    assert metrics["response_length"] == rollout.lengths.float().mean().item()


def test_tokens_after_the_end_change_no_number_and_no_gradient(tmp_path: Path) -> None:
    run, batch, _ = experience(tmp_path)
    after = ~batch.rollout.response_mask
    assert after.any()
    garbage = batch.rollout.ids.clone()
    garbage[:, -after.shape[1] :][after] = 77
    other = Experience(
        Rollout(garbage, *(getattr(batch.rollout, name) for name in
                           ("attention_mask", "response_mask", "finished"))),
        *(torch.where(after, 5.0, getattr(batch, name)) for name in
          ("logp", "ref_logp", "values", "advantages", "returns")),
    )  # fmt: skip
    assert other.rollout.texts(run.tokenizer) == batch.rollout.texts(run.tokenizer)
    start = {name: p.detach().clone() for name, p in run.model.named_parameters()}
    figures = run.optimise(batch)
    moved = weights(run.model)
    with torch.no_grad():
        for name, p in run.model.named_parameters():
            p.copy_(start[name])
    run.optimizer.load_state_dict(torch.optim.AdamW(run.optimizer.param_groups).state_dict())
    again = run.optimise(other)
    assert again == pytest.approx(figures, rel=1e-4)
    torch.testing.assert_close(weights(run.model), moved, atol=1e-6, rtol=0)


def test_the_penalised_reward_is_what_the_kl_coefficient_says(tmp_path: Path) -> None:
    """Moved off its reference, each token costs beta times its log-ratio."""
    run, _, _ = experience(tmp_path, gae_lambda=1.0, kl_coef=0.3)
    with torch.no_grad():
        run.model.policy.lm_head.bias[5:50] += 1.0
    batch, metrics, samples = run.collect()
    rollout, mask = batch.rollout, batch.rollout.response_mask
    ref = token_logprobs(response_logits(run.model.reference, rollout)[0], rollout.responses)
    log_ratio = torch.where(mask, batch.logp - ref, 0)
    scores = torch.tensor(vowels([], rollout.texts(run.tokenizer)))
    torch.testing.assert_close(batch.returns[:, 0], scores - 0.3 * log_ratio.sum(1))
    assert metrics["kl"] == pytest.approx(log_ratio.sum(1).mean().item(), abs=1e-6)
    k3 = torch.where(mask, torch.expm1(ref - batch.logp) + log_ratio, 0).sum(1)
    assert k3.mean() > 0.05
    assert metrics["kl_k3"] == pytest.approx(k3.mean().item(), rel=1e-4)
    logits, _ = response_logits(run.model.policy, rollout)
    chances = logits.softmax(-1)
    entropies = torch.where(mask, -(chances * chances.log()).sum(-1), 0)
    assert metrics["entropy"] == pytest.approx((entropies.sum() / mask.sum()).item(), rel=1e-5)
    penalised = (scores - 0.3 * log_ratio.sum(1)).mean()
    assert metrics["objective"] == pytest.approx(penalised.item(), rel=1e-5)
    assert samples[2]["kl"] == pytest.approx(log_ratio[2].sum().item(), abs=1e-6)


def test_a_stop_token_counts_as_the_end_token_does(tmp_path: Path) -> None:
    stops = tuple(range(2, 60))
    run, batch, metrics = experience(
        tmp_path, gamma=0.9, gae_lambda=1.0, missing_eos_penalty=3.0, stop_tokens=stops
    )
    rollout = batch.rollout
    scores = vowels([], rollout.texts(run.tokenizer))
    last = rollout.responses.gather(1, rollout.lengths[:, None] - 1)[:, 0].tolist()
    assert any(token in stops for token in last)
    assert not all(token == 0 or token in stops for token in last)
    for row, (score, token) in enumerate(zip(scores, last, strict=True)):
        done = token == 0 or token in stops
        assert bool(rollout.finished[row]) == done
        length = int(rollout.lengths[row])
        reward = score - (0 if done else 3.0)
        expected = [reward * 0.9 ** (length - 1 - t) for t in range(length)]
        assert batch.returns[row, :length].tolist() == pytest.approx(expected, abs=1e-5)
    assert metrics["eos_share"] == rollout.finished.float().mean().item()


@pytest.mark.slow
@pytest.mark.parametrize("whiten", [True, False])
def test_gradient_accumulation_does_not_change_the_result(whiten: bool, tmp_path: Path) -> None:
    trained = []
    for size in (4, 3, 1):
        policy = ending_policy(0.25).double()  # responses of all lengths
        config = PPOConfig(**SMALL | {"forward_size": size, "whiten": whiten})
        trained.append(weights(ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)))
    torch.testing.assert_close(trained[1], trained[0], atol=1e-9, rtol=0)
    torch.testing.assert_close(trained[2], trained[0], atol=1e-9, rtol=0)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run_and_another_seed_another(tmp_path: Path) -> None:
    def run(name: str, seed: int) -> tuple[Tensor, Any]:
        config = PPOConfig(**SMALL | {"seed": seed, "lora_rank": 2})
        trained = ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, tmp_path / name)
        return weights(trained), lines(tmp_path / name / "metrics.jsonl")

    (first, log), (again, log_again), (other, _) = run("a", 0), run("b", 0), run("c", 1)
    assert torch.equal(first, again)
    assert log == log_again
    assert not torch.equal(first, other)


# -- several responses per prompt ------------------------------------------------------------------


def test_the_responses_to_one_prompt_stand_together(tmp_path: Path) -> None:
    options = {"batch_size": 12, "minibatch_size": 6, "responses_per_prompt": 3}
    config = PPOConfig(**SMALL | options)
    run = PPO(Setup(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path))
    prompts, rollout = run.draw()
    assert prompts == [prompt for prompt in prompts[::3] for _ in range(3)]
    assert len(set(rollout.texts(run.tokenizer))) > 9
    run.done = 1
    more, _ = run.draw()
    assert {str(prompt) for prompt in [*prompts[::3], more[0]]} == set(PROMPTS), (
        "all five before one comes again"
    )


@pytest.mark.parametrize("advantages", ["rloo", "grpo"])
def test_without_a_critic_a_response_has_one_advantage(advantages: str, tmp_path: Path) -> None:
    run, batch, _ = experience(tmp_path, advantages=advantages, responses_per_prompt=4)
    assert run.model.critic is None
    mask = batch.rollout.response_mask
    scores = torch.tensor(vowels([], batch.rollout.texts(run.tokenizer))).view(-1, 4)
    assert scores.std(1).min() > 0
    centred = scores - scores.mean(1, keepdim=True)
    scale = 4 / 3 if advantages == "rloo" else 1 / (scores.std(1, keepdim=True) + 1e-4)
    expected = torch.where(mask, (centred * scale).view(-1, 1), 0)
    torch.testing.assert_close(batch.advantages, expected)
    assert run.optimise(batch)["value_loss"] == 0


# -- the KL penalty -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "penalty"),
    [
        ({"kl_in": "loss", "kl_estimator": "k2"}, "nothing"),
        ({"reference": "uniform"}, "log-probability"),
    ],
)
def test_the_penalty_of_the_reward_follows_kl_in_and_reference(
    options: dict[str, Any], penalty: str, tmp_path: Path
) -> None:
    run, _, _ = experience(tmp_path, gae_lambda=1.0, kl_coef=0.3, **options)
    with torch.no_grad():
        run.model.policy.lm_head.bias[5:50] += 1.0
    batch, metrics, _ = run.collect()
    scores = torch.tensor(vowels([], batch.rollout.texts(run.tokenizer)))
    log_prob = torch.where(batch.rollout.response_mask, batch.logp, 0).sum(1)
    expected = scores if penalty == "nothing" else scores - 0.3 * log_prob
    torch.testing.assert_close(batch.returns[:, 0], expected)
    assert metrics["kl_k3"] > 0.05, "the divergence from the start is measured in any case"


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["k2", "k3"])
def test_a_kl_penalty_in_the_loss_holds_the_policy_back(estimator: str, tmp_path: Path) -> None:
    def moved(kl_coef: float) -> float:
        in_loss = {"kl_in": "loss", "kl_estimator": estimator, "kl_coef": kl_coef}
        config = PPOConfig(**SMALL | in_loss | {"updates": 8, "learning_rate": 1e-3})
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
        return float(lines(tmp_path / "metrics.jsonl")[-1]["kl_k3"])

    assert moved(20.0) < 0.5 * moved(0.0)


@pytest.mark.slow
def test_the_bonus_on_entropy_raises_it(tmp_path: Path) -> None:
    def last(bonus: float) -> float:
        policy = tiny_llama(scale=8.0)  # far from uniform
        without_critic = {"advantages": "rloo", "responses_per_prompt": 2}
        config = PPOConfig(
            **SMALL
            | without_critic
            | {"updates": 8, "learning_rate": 1e-2, "entropy_coef": bonus, "kl_coef": 0.0}
        )
        ppo(policy, tiny_tokenizer(), PROMPTS, lambda p, r: [0.0] * 8, config, tmp_path)
        rows = lines(tmp_path / "metrics.jsonl")
        return float(rows[-1]["entropy"] - rows[0]["entropy"])

    assert last(0.0) == pytest.approx(0, abs=0.05), "nothing is learnt from equal scores"
    assert last(1.0) > 0.2


# -- which steps are taken -------------------------------------------------------------------------


def test_while_the_critic_warms_up_only_it_learns(tmp_path: Path) -> None:
    run, batch, _ = experience(tmp_path, critic_warmup=1)
    before = weights(run.model.policy).clone()
    run.optimise(batch)
    assert torch.equal(weights(run.model.policy), before)
    assert weights(run.model.critic).abs().max() > 0
    assert len(run.optimizer.state) == 2, "the optimiser has counted no step of the policy"
    run.done = 1
    run.optimise(run.collect()[0])
    assert not torch.equal(weights(run.model.policy), before)


def test_an_update_that_moves_too_far_ends_early(tmp_path: Path) -> None:
    run, batch, _ = experience(tmp_path, learning_rate=1e-2)
    assert run.optimise(batch)["steps"] == 8
    run, batch, _ = experience(tmp_path, learning_rate=1e-2, target_kl=1e-7)
    before = weights(run.model).clone()
    figures = run.optimise(batch)
    assert figures["steps"] == 1, "the first step has moved it, the second is not taken"
    assert figures["approx_kl"] == 0
    assert not torch.equal(weights(run.model), before)
    assert all(p.grad is None for p in run.model.parameters()), "nothing left for the next update"


def test_an_update_that_cannot_take_its_first_step_says_so(tmp_path: Path) -> None:
    """As where the pass with gradients rounds otherwise than the one without."""
    run, batch, _ = experience(tmp_path, target_kl=1e-3)
    moved = replace(batch, logp=batch.logp - 0.3)
    before = weights(run.model).clone()
    figures = run.optimise(moved)
    assert figures["steps"] == 0
    assert figures["approx_kl"] > 1e-3
    assert figures["first_ratio"] == pytest.approx(math.exp(0.3), rel=1e-4)
    assert torch.equal(weights(run.model), before)
    assert all(p.grad is None for p in run.model.parameters())
    (problem,) = [each for each in run.problems(figures) if "no step" in each]
    assert "nats per token, and target_kl is 0.001; raise target_kl" in problem


def test_a_gradient_of_0_is_warned_of(tmp_path: Path) -> None:
    options = {"updates": 1, "advantages": "rloo", "responses_per_prompt": 2, "kl_coef": 0.0}
    args = (tiny_llama(), tiny_tokenizer(), PROMPTS)
    with pytest.warns(UserWarning, match="update 1: the gradient of the policy was exactly 0, so"):
        ppo(*args, lambda p, r: [1.0] * 8, PPOConfig(**SMALL | options), tmp_path / "equal")
    run, batch, _ = experience(tmp_path / "learning")
    assert list(run.problems(run.optimise(batch))) == []


def test_scores_are_normalised_and_measurements_are_logged(tmp_path: Path) -> None:
    shares: list[float] = []

    def share(prompts: list[Any], responses: list[str]) -> dict[str, float]:
        assert len(prompts) == 8
        shares.append(sum("e" in text for text in responses) / 8)
        return {"with_e": shares[-1]}

    reported = []
    config = PPOConfig(**SMALL | {"normalise_reward": True, "reward_clip": 1.0})
    ppo(
        tiny_llama(), tiny_tokenizer(), PROMPTS, lambda p, r: [100.0 + len(t) for t in r], config,
        tmp_path, measure=share, progress=lambda done, total, **facts: reported.append(facts),
    )  # fmt: skip
    rows = lines(tmp_path / "metrics.jsonl")
    assert [row["with_e"] for row in rows] == pytest.approx(shares)
    assert [facts["with_e"] for facts in reported] == pytest.approx(shares)
    assert all(row["reward_mean"] > 100 for row in rows), "the log has the scores as they came"
    assert all(row["value_loss"] < 2 for row in rows), "and the critic sees them normalised"


def test_the_learning_rates_fall_to_0_in_a_straight_line(tmp_path: Path) -> None:
    options = {
        "updates": 4,
        "learning_rate": 1e-3,
        "value_learning_rate": 1e-2,
        "lr_schedule": "linear",
    }
    run, batch, _ = experience(tmp_path, **options)
    rates = []
    for run.done in range(4):
        run.optimise(batch)
        rates.append([group["lr"] for group in run.optimizer.param_groups])
    lr, value_lr = zip(*rates, strict=True)
    assert lr == pytest.approx([1e-3, 0.75e-3, 0.5e-3, 0.25e-3])
    assert value_lr == pytest.approx([1e-2, 0.75e-2, 0.5e-2, 0.25e-2])
