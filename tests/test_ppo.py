"""PPO: rollouts, the loop against known optima, checkpoints and resuming, on tiny random models."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlchf.train import ppo as ppo_module
from rlchf.train.checkpoint import append_rows, keep_rows
from rlchf.train.objectives import policy_loss, token_logprobs
from rlchf.train.ppo import ActorCritic, PPOConfig, _Run, ppo
from rlchf.train.rollout import (
    Rollout,
    _uniforms,
    encode_prompts,
    response_logits,
    sample,
    sample_texts,
)
from tests.tiny_models import STORIES, TEXTS, tiny_gpt2, tiny_llama, tiny_tokenizer, word_tokenizer

PROMPTS = ["the", "a committee votes on", "once upon a time there was", "fox", "what should the"]
MODELS = {"llama": tiny_llama, "gpt2": tiny_gpt2}
SMALL: dict[str, Any] = {
    "updates": 3,
    "batch_size": 8,
    "minibatch_size": 4,
    "forward_size": 4,
    "max_new_tokens": 6,
    "lr": 3e-3,
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


# -- rollouts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_padding_does_not_change_log_probabilities(kind: str) -> None:
    policy, tokenizer = MODELS[kind](), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer)
    padded = token_logprobs(response_logits(policy, rollout)[0], rollout.responses)
    assert not rollout.attention_mask[:, 0].all(), "the prompts should differ in length"
    for row in range(len(rollout)):
        ids = rollout.ids[row][rollout.attention_mask[row]][None]
        length = int(rollout.lengths[row])
        plain = policy(input_ids=ids).logits[:, -length - 1 : -1]
        expected = token_logprobs(plain, ids[:, -length:])[0]
        torch.testing.assert_close(padded[row, :length], expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("temperature", [0.7, 1.3])
@pytest.mark.parametrize("kind", MODELS)
def test_sampled_tokens_come_from_the_distributions_that_are_trained(
    kind: str, temperature: float
) -> None:
    policy, tokenizer = MODELS[kind](), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer, temperature=temperature)
    logits, _ = response_logits(policy, rollout, temperature)
    uniforms = _uniforms([(7, i) for i in range(len(PROMPTS))], 10)[:, : logits.shape[1], None]
    drawn = torch.searchsorted(logits.softmax(-1).cumsum(-1), uniforms, right=True)[..., 0]
    mask = rollout.response_mask
    assert torch.equal(drawn[mask], rollout.responses[mask])


def test_samples_have_the_frequencies_of_the_policy_at_its_temperature() -> None:
    tokenizer = word_tokenizer(["<eos>", *"abcdefg"], eos="<eos>")
    policy = tiny_llama(8, hidden=16, layers=1, pad_token_id=None)
    n = 4000
    rollout = sample(
        policy, tokenizer, [[1]] * n, [(i,) for i in range(n)], max_new_tokens=1, temperature=0.5
    )
    p = (policy(input_ids=torch.tensor([[1]])).logits[0, -1] / 0.5).softmax(-1).detach()
    assert 0.2 < p.max() < 0.9
    found = rollout.responses[:, 0].bincount(minlength=8) / n
    assert ((found - p).abs() < 4 * (p * (1 - p) / n).sqrt() + 1e-3).all()


def test_the_checkpoints_own_generation_settings_do_not_reach_the_samples() -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    expected = sample_texts(policy, tokenizer, PROMPTS, max_new_tokens=8)
    own = policy.generation_config
    own.do_sample, own.temperature, own.top_k, own.top_p = True, 0.1, 1, 0.1
    own.repetition_penalty, own.no_repeat_ngram_size, own.min_new_tokens = 9.0, 1, 8
    own.suppress_tokens, own.num_beams = list(range(100, 300)), 3
    assert sample_texts(policy, tokenizer, PROMPTS, max_new_tokens=8) == expected
    assert policy.generation_config is own
    assert own.top_k == 1


@pytest.mark.parametrize("kind", MODELS)
def test_a_response_does_not_depend_on_its_batch(kind: str) -> None:
    policy, tokenizer = MODELS[kind]().train(), tiny_tokenizer()

    def texts(batch_size: int, seed: int = 0) -> list[str]:
        return sample_texts(
            policy, tokenizer, PROMPTS, n_per_prompt=3, batch_size=batch_size,
            max_new_tokens=8, seed=seed,
        )  # fmt: skip

    assert texts(1) == texts(4) == texts(15)
    assert len(set(texts(15))) > 12
    assert texts(15) != texts(15, seed=1)
    assert policy.training, "sampling switches dropout off for a while, not for good"


def test_progress_of_sampling_reaches_its_total() -> None:
    seen: list[tuple[int, int]] = []
    sample_texts(
        tiny_llama(), tiny_tokenizer(), PROMPTS, n_per_prompt=2, batch_size=4, max_new_tokens=2,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(4, 10), (8, 10), (10, 10)]


@pytest.mark.parametrize("pad_is_eos", [True, False])
def test_a_response_ends_with_its_first_end_token_whatever_the_padding(pad_is_eos: bool) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer(pad_is_eos=pad_is_eos)
    eos, pad = 0, tokenizer.pad_token_id
    assert (eos == pad) == pad_is_eos
    a, b, c = tokenizer("abc")["input_ids"]
    responses = [[a, b, eos, pad], [1, a, 1, c], [eos, pad, pad, pad]]  # 1 is a token like another
    policy.generate = lambda ids, **_: torch.cat([ids, torch.tensor(responses)], 1)
    rollout = sample(policy, tokenizer, [[a], [b, c], [c]], [(0,)] * 3, max_new_tokens=4)
    assert rollout.response_mask.tolist() == [[1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]]
    assert rollout.attention_mask[:, :2].tolist() == [[0, 1], [1, 1], [0, 1]]
    assert torch.equal(rollout.attention_mask[:, 2:], rollout.response_mask)
    assert rollout.finished.tolist() == [True, False, True]
    assert rollout.lengths.tolist() == [3, 4, 1]
    assert rollout.texts(tokenizer)[::2] == ["ab", ""]
    assert torch.equal(rollout[1:].ids, rollout.ids[1:])


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        (["fine", ""], "prompt 1 has no tokens"),
        (["a b " * 100], "prompt 0 has .* tokens, with 10 new ones more than the model's 128"),
    ],
)
def test_prompts_that_the_model_cannot_take_are_named(prompts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_prompts(tiny_gpt2(), tiny_tokenizer(), prompts, 10)


def test_a_tokenizer_without_an_end_token_is_refused() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(ValueError, match="no end-of-sequence token"):
        encode_prompts(tiny_llama(), tokenizer, PROMPTS, 10)


# -- step 0 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lora_rank", [0, 4])
@pytest.mark.parametrize("kind", MODELS)
def test_at_step_0_the_kl_is_0_and_the_first_ratio_exactly_1(
    kind: str, lora_rank: int, tmp_path: Path
) -> None:
    policy = MODELS[kind]().train()  # GPT-2 brings dropout, which must be off
    config = PPOConfig(**SMALL | {"updates": 2, "lora_rank": lora_rank, "forward_size": 3})
    ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    first, second = lines(tmp_path / "metrics.jsonl")
    assert first["kl"] == first["kl_k3"] == 0
    assert second["kl_k3"] > 0
    for row in (first, second):
        assert row["first_ratio"] == 1
        assert row["first_ratio_error"] == 0
        assert row["approx_kl"] > 0, "later minibatches have moved"


def test_a_policy_that_cannot_repeat_its_log_probabilities_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(logits: Tensor, ids: Tensor) -> Tensor:
        return token_logprobs(logits, ids) + 0.1 * torch.is_grad_enabled()

    monkeypatch.setattr(ppo_module, "token_logprobs", off)
    config = PPOConfig(**SMALL | {"updates": 1})
    with pytest.warns(UserWarning, match="first ratio is off 1 by 0.11"):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)


def test_the_log_has_a_line_per_update_with_figures_in_their_ranges(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"updates": 4})
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int, **facts: float) -> None:
        seen.append((done, total))
        assert facts.keys() == {"reward", "kl"}

    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path, progress=progress)
    rows = lines(tmp_path / "metrics.jsonl")
    assert [row["update"] for row in rows] == [1, 2, 3, 4]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for row in rows:
        assert 0 <= row["clip_fraction"] <= 1
        assert 0 <= row["eos_share"] <= 1
        assert 0 < row["entropy"] <= math.log(320)
        assert row["kl_k3"] >= 0
        assert 1 <= row["response_length"] <= 6
        assert row["objective"] == pytest.approx(row["reward_mean"] - 0.05 * row["kl"])
        assert all(math.isfinite(value) for value in row.values())
    samples = lines(tmp_path / "samples.jsonl")
    assert [row["update"] for row in samples] == [1] * 4 + [2] * 4 + [4] * 4
    for row in samples:
        assert row["prompt"] in PROMPTS
        assert row["score"] == vowels([], [row["response"]])[0]
        assert (row["kl"] == 0) == (row["update"] == 1)
    assert json.loads((tmp_path / "ppo_config.json").read_text())["updates"] == 4


# -- known optima ----------------------------------------------------------------------------------

REWARDS = torch.tensor([0.0, 1, -0.5, 0.3, 0.8, -1, 0.2, 0.5])
ACTIONS = ["<eos>", *"abcdefg"]


def bandit(scale: float) -> tuple[Any, Any]:
    """A policy over 8 tokens in which only the last layer learns, and its tokenizer."""
    policy = tiny_llama(8, hidden=16, layers=1, scale=1.0, seed=1, pad_token_id=None)
    policy.requires_grad_(False)
    policy.lm_head.requires_grad_(True).weight.data.mul_(scale)
    return policy, word_tokenizer(ACTIONS, eos="<eos>")


def reward_of_letters(prompts: list[Any], responses: list[str]) -> Tensor:
    """Sum of the rewards of the letters; an end token is worth the 0 of its action."""
    ids = [[ACTIONS.index(letter) for letter in response.split()] for response in responses]
    return torch.stack([REWARDS[i].sum() for i in ids])


def test_ppo_finds_the_optimum_of_a_bandit(tmp_path: Path) -> None:
    """The policy ends at reference * exp(reward / beta) / Z, the maximiser of reward - beta KL."""
    beta = 0.5
    policy, tokenizer = bandit(scale=4.0)

    def distribution() -> Tensor:
        with torch.no_grad():
            logits: Tensor = policy(input_ids=torch.tensor([[1]])).logits[0, -1]
            return logits.double().softmax(-1)

    reference = distribution()
    z = (reference * (REWARDS / beta).exp()).sum()
    optimum = reference * (REWARDS / beta).exp() / z
    config = PPOConfig(
        updates=100, batch_size=512, minibatch_size=512, forward_size=512, max_new_tokens=1,
        kl_coef=beta, lr=5e-3, max_grad_norm=100.0, whiten=False, checkpoint_every=1000,
    )  # fmt: skip
    assert (reference - optimum).abs().sum() / 2 > 0.2
    ppo(policy, tokenizer, ["a"], reward_of_letters, config, tmp_path)
    found = distribution()
    assert (found - optimum).abs().sum() / 2 < 1e-3
    objective = (found * (REWARDS - beta * (found / reference).log())).sum()
    assert objective.item() == pytest.approx((beta * z.log()).item(), abs=1e-5)


def test_ppo_nearly_reaches_the_optimum_over_two_tokens(tmp_path: Path) -> None:
    """Reward minus beta KL of the whole policy, by enumeration, against beta log Z."""
    beta = 0.5
    policy, tokenizer = bandit(scale=4.0)
    policy.requires_grad_(True)
    prompt = torch.tensor([[1]])

    @torch.no_grad()
    def log_probabilities() -> Tensor:
        """(64,) of the pairs (first, second); one that ends at once keeps all in its first slot."""
        both = torch.cat([prompt.expand(8, 1), torch.arange(8)[:, None]], 1)
        logp: Tensor = policy(input_ids=both).logits.double().log_softmax(-1)  # (8, 2, 8)
        pairs = logp[0, 0][:, None] + logp[:, 1]
        pairs[0] = -torch.inf
        pairs[0, 0] = logp[0, 0, 0]
        return pairs.flatten()

    rewards = (REWARDS[:, None] + REWARDS[None]).flatten().double()
    reference = log_probabilities()
    assert reference.exp().sum().item() == pytest.approx(1)
    best = beta * torch.logsumexp(reference + rewards / beta, 0).item()

    def objective() -> float:
        logp = log_probabilities()
        gains = rewards - beta * (logp - reference).nan_to_num(0.0)
        return float((logp.exp() * gains).sum())

    before = objective()
    config = PPOConfig(
        updates=40, batch_size=256, minibatch_size=128, forward_size=128, max_new_tokens=2,
        kl_coef=beta, lr=3e-3, lam=1.0, checkpoint_every=1000,
    )  # fmt: skip
    ppo(policy, tokenizer, ["a"], reward_of_letters, config, tmp_path)
    assert best - before > 0.3
    assert best - objective() < 0.02 * (best - before)


# -- what is learnt from ---------------------------------------------------------------------------


def ending_policy(share: float) -> Any:
    """A policy that ends its response at each token with about this probability."""
    policy = tiny_llama(seed=3)
    with torch.no_grad():
        policy.lm_head.weight.mul_(0.0)
    bias = torch.zeros(320)
    bias[0] = math.log(share / (1 - share) * 319)
    policy.lm_head.bias = torch.nn.Parameter(bias)
    return policy


def experience(tmp_path: Path, **options: Any) -> Any:
    config = PPOConfig(**SMALL | {"batch_size": 16, "whiten": False} | options)
    policy, tokenizer = ending_policy(0.25), tiny_tokenizer()
    run = _Run(policy, tokenizer, PROMPTS, vowels, config, tmp_path, Accelerator())
    batch, metrics, _ = run.collect()
    finished = batch.rollout.finished
    assert 0 < finished.sum() < len(finished), "both kinds of response are needed"
    return run, batch, metrics


def test_the_score_is_paid_at_the_end_token_and_the_penalty_only_without_one(
    tmp_path: Path,
) -> None:
    run, batch, metrics = experience(tmp_path, gamma=0.9, lam=1.0, missing_eos_penalty=3.0)
    rollout = batch.rollout
    scores = vowels([], rollout.texts(run.tokenizer))
    for row, (score, done) in enumerate(zip(scores, rollout.finished.tolist(), strict=True)):
        length = int(rollout.lengths[row])
        assert (rollout.responses[row, length - 1] == 0) == done
        paid = score - (0 if done else 3.0)
        # The critic is 0 and so is the KL: the return at t is the discounted score and no more.
        expected = [paid * 0.9 ** (length - 1 - t) for t in range(length)]
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
    other = ppo_module.Experience(
        Rollout(garbage, *(getattr(batch.rollout, name) for name in
                           ("attention_mask", "response_mask", "finished"))),
        *(torch.where(after, 5.0, getattr(batch, name)) for name in
          ("logp", "values", "advantages", "returns")),
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
    run, _, _ = experience(tmp_path, lam=1.0, kl_coef=0.3)
    with torch.no_grad():
        run.model.policy.lm_head.bias[5:50] += 1.0
    batch, metrics, samples = run.collect()
    rollout, mask = batch.rollout, batch.rollout.response_mask
    ref = token_logprobs(response_logits(run.model.reference[0], rollout)[0], rollout.responses)
    log_ratio = torch.where(mask, batch.logp - ref, 0)
    scores = torch.tensor(vowels([], rollout.texts(run.tokenizer)))
    torch.testing.assert_close(batch.returns[:, 0], scores - 0.3 * log_ratio.sum(1))
    assert metrics["kl"] == pytest.approx(log_ratio.sum(1).mean().item(), abs=1e-6)
    assert metrics["kl_k3"] > 0.05
    assert samples[2]["kl"] == pytest.approx(log_ratio[2].sum().item(), abs=1e-6)


# -- the critic ------------------------------------------------------------------------------------


def test_the_critic_fits_a_constant_and_leaves_the_policy_alone(tmp_path: Path) -> None:
    policy = tiny_llama()
    before = weights(policy).clone()
    config = PPOConfig(**SMALL | {"updates": 40, "lr": 0.0, "value_lr": 3e-2, "lam": 1.0})
    ppo(policy, tiny_tokenizer(), PROMPTS, lambda p, r: [2.5] * len(r), config, tmp_path)
    errors = [row["value_loss"] for row in lines(tmp_path / "metrics.jsonl")]
    assert errors[0] > 1.5
    assert errors[-1] < 0.01 * errors[0]
    assert torch.equal(weights(policy), before)


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_value_gradients_stop_at_the_critic(lora_rank: int) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer)
    model = ActorCritic(policy, lora_rank)
    model(rollout, 1.0)[1].square().sum().backward()
    assert all(p.grad is None for p in model.policy.parameters())
    (model(rollout, 1.0)[1] - 1).square().sum().backward()
    assert model.critic.weight.grad is not None
    assert model.critic.weight.grad.any()


def test_values_do_not_see_the_token_they_are_the_baseline_of() -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer)
    model = ActorCritic(policy, 0)
    torch.nn.init.normal_(model.critic.weight)
    values = model(rollout, 1.0)[1]
    changed = rollout.ids.clone()
    changed[:, -4] = 50  # the 7th of 10 response tokens
    rest = (rollout.attention_mask, rollout.response_mask, rollout.finished)
    again = model(Rollout(changed, *rest), 1.0)[1]
    assert torch.equal(again[:, :7], values[:, :7])
    assert not torch.isclose(again[:, 7], values[:, 7]).any()


# -- the reference ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_reference_stays_while_the_policy_moves(lora_rank: int, tmp_path: Path) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    rollout = rollouts(policy, tokenizer)
    with torch.no_grad():
        before = response_logits(policy, rollout)[0]
    config = PPOConfig(**SMALL | {"lora_rank": lora_rank, "lr": 1e-2})
    run = _Run(policy, tokenizer, PROMPTS, vowels, config, tmp_path, Accelerator())
    for _ in range(2):
        run.optimise(run.collect()[0])
    with torch.no_grad():
        assert torch.equal(run.model.reference_logits(rollout, 1.0), before)
        assert (response_logits(run.model.policy, rollout)[0] - before).abs().max() > 0.05


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_the_result_is_a_plain_checkpoint_of_the_trained_policy(
    lora_rank: int, tmp_path: Path
) -> None:
    policy, tokenizer = tiny_llama(), tiny_tokenizer()
    before = sample_texts(policy, tokenizer, PROMPTS, max_new_tokens=8)
    config = PPOConfig(**SMALL | {"lora_rank": lora_rank, "lr": 1e-2})
    trained = ppo(policy, tokenizer, PROMPTS, vowels, config, tmp_path)
    assert not any("lora" in name for name, _ in trained.named_parameters())
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    loaded_tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    after = sample_texts(loaded, loaded_tokenizer, PROMPTS, max_new_tokens=8)
    assert after == sample_texts(trained, tokenizer, PROMPTS, max_new_tokens=8)
    assert after != before
    assert torch.equal(weights(loaded), weights(trained))
    assert (tmp_path / "critic.safetensors").exists()
    assert not (tmp_path / "policy.new").exists()


# -- numbers that must not depend on how they are computed -----------------------------------------


@pytest.mark.parametrize("whiten", [True, False])
def test_gradient_accumulation_does_not_change_the_result(whiten: bool, tmp_path: Path) -> None:
    found = []
    for size in (4, 3, 1):
        policy = tiny_llama().double()
        config = PPOConfig(**SMALL | {"forward_size": size, "whiten": whiten})
        found.append(weights(ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)))
    torch.testing.assert_close(found[1], found[0], atol=1e-9, rtol=0)
    torch.testing.assert_close(found[2], found[0], atol=1e-9, rtol=0)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tmp_path: Path) -> None:
    def run(name: str, seed: int) -> tuple[Tensor, Any]:
        config = PPOConfig(**SMALL | {"seed": seed, "lora_rank": 2})
        trained = ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, tmp_path / name)
        return weights(trained), lines(tmp_path / name / "metrics.jsonl")

    (first, log), (again, log_again), (other, _) = run("a", 0), run("b", 0), run("c", 1)
    assert torch.equal(first, again)
    assert log == log_again
    assert not torch.equal(first, other)


# -- stopping and going on -------------------------------------------------------------------------


def stopping(at: int, stop: Callable[[], None]) -> Callable[..., Tensor]:
    """`noisy`, except that it calls `stop` on the given call."""
    calls = 0

    def reward(prompts: list[Any], responses: list[str]) -> Tensor:
        nonlocal calls
        calls += 1
        scores = noisy(prompts, responses)
        if calls == at:
            stop()
        return scores

    return reward


def interrupt() -> None:
    raise KeyboardInterrupt


def crash() -> None:
    raise OSError("the reward's server is gone")


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


STOPPED: dict[str, Any] = SMALL | {"updates": 5, "checkpoint_every": 2}


@pytest.fixture(scope="module", params=[0, 2], ids=["full", "lora"])
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PPOConfig, Path, Tensor]:
    """A run that nothing stops: its settings, its folder and the weights it ends with."""
    config, out = (
        PPOConfig(**STOPPED | {"lora_rank": request.param}),
        tmp_path_factory.mktemp("ppo"),
    )
    return config, out, weights(ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, out))


@pytest.mark.parametrize(
    ("stop", "error", "saved"),
    [
        (interrupt, KeyboardInterrupt, 3),  # in the fourth update: back to the third
        (crash, OSError, 2),  # back to the last regular checkpoint
        (terminate, KeyboardInterrupt, 4),  # the update in progress is finished
        (press_ctrl_c, KeyboardInterrupt, 4),
    ],
)
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    whole: tuple[PPOConfig, Path, Tensor],
    stop: Callable[[], None],
    error: type[BaseException],
    saved: int,
    tmp_path: Path,
) -> None:
    config, expected, expected_weights = whole
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    out = tmp_path
    with pytest.raises(error):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, stopping(4, stop), config, out)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert torch.load(out / "checkpoint" / "state.pt")["done"] == saved
    assert not (out / "config.json").exists(), "a policy is there only when it is finished"
    with (out / "samples.jsonl").open("ab") as file:
        file.write('{"update": 5, "response": "é'.encode()[:-1])  # as a kill leaves it
    resumed = ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, out, resume=True)
    assert torch.equal(weights(resumed), expected_weights)
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert lines(out / name) == lines(expected / name)
    critics = [folder / "critic.safetensors" for folder in (out, expected)]
    assert critics[0].read_bytes() == critics[1].read_bytes()


def test_a_finished_run_can_be_given_more_updates(tmp_path: Path) -> None:
    def run(updates: int, out: Path) -> Tensor:
        config = PPOConfig(**SMALL | {"updates": updates})
        policy = tiny_llama()
        return weights(ppo(policy, tiny_tokenizer(), PROMPTS, noisy, config, out, resume=True))

    short = run(2, tmp_path / "parts")
    assert torch.equal(run(2, tmp_path / "parts"), short), "nothing left to do"
    assert torch.equal(run(4, tmp_path / "parts"), run(4, tmp_path / "whole"))


def test_rows_are_kept_whatever_line_breaks_are_in_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    rows = [{"update": i, "response": "a\u2028b\x85c\r\nd\x0c"} for i in (1, 2, 3)]
    append_rows(path, rows)
    keep_rows(path, 2)
    assert lines(path) == rows[:2]


def test_a_policy_is_in_the_folder_only_while_its_run_is_finished(tmp_path: Path) -> None:
    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), tmp_path)
    assert (tmp_path / "config.json").exists()
    reward = stopping(1, interrupt)
    with pytest.raises(KeyboardInterrupt):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, reward, PPOConfig(**SMALL), tmp_path)
    assert not (tmp_path / "config.json").exists()


def test_a_run_that_is_not_resumed_starts_afresh(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL)
    first = weights(ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, tmp_path))
    again = weights(ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, tmp_path))
    assert torch.equal(first, again)
    assert [row["update"] for row in lines(tmp_path / "metrics.jsonl")] == [1, 2, 3]


def test_resuming_with_other_settings_is_refused_by_name(tmp_path: Path) -> None:
    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), tmp_path)
    other = PPOConfig(**SMALL | {"kl_coef": 0.2})
    with pytest.raises(ValueError, match=r"kl_coef=0\.05 and cannot .* kl_coef=0\.2"):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, other, tmp_path, resume=True)


def test_an_interrupted_save_leaves_the_checkpoint_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = PPOConfig(**SMALL | {"updates": 4, "checkpoint_every": 1})
    saved = torch.save
    calls = 0

    def half(state: Any, path: Path) -> None:
        nonlocal calls
        calls += 1
        saved(state, path)
        if calls == 3:
            path.write_bytes(path.read_bytes()[:1000])
            raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, tmp_path / "parts")
    assert torch.load(tmp_path / "parts" / "checkpoint" / "state.pt")["done"] == 2
    args = (tiny_tokenizer(), PROMPTS, noisy, config)
    resumed = ppo(tiny_llama(), *args, tmp_path / "parts", resume=True)
    assert torch.equal(weights(resumed), weights(ppo(tiny_llama(), *args, tmp_path / "whole")))


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def broken(*args: Any) -> tuple[Tensor, Tensor]:
        nonlocal calls
        calls += 1
        loss, clipped = policy_loss(*args)
        return loss * (math.nan if calls == 10 else 1), clipped  # 4 calls an update

    monkeypatch.setattr(ppo_module, "policy_loss", broken)
    config = PPOConfig(**SMALL | {"updates": 4, "checkpoint_every": 1})
    policy = tiny_llama()
    with pytest.raises(RuntimeError, match="update 3: the loss or its gradient is not a finite"):
        ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    assert weights(policy).isfinite().all()
    state = torch.load(tmp_path / "checkpoint" / "state.pt")
    assert state["done"] == 2
    assert all(w.isfinite().all() for w in state["weights"].values())


def test_a_run_without_prompts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no prompts"):
        ppo(tiny_llama(), tiny_tokenizer(), [], vowels, PPOConfig(**SMALL), tmp_path)


def test_the_loop_runs_outside_the_main_thread(tmp_path: Path) -> None:
    args = (tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL | {"updates": 1}), tmp_path)
    thread = threading.Thread(target=lambda: ppo(tiny_llama(), *args))
    thread.start()
    thread.join()
    assert (tmp_path / "config.json").exists()


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0] * 7, r"shape \(7,\) for 8 responses"),
        ([[1.0]] * 8, r"shape \(8, 1\) for 8 responses"),
        ([1.0, math.nan] * 4, "the reward of response 1 is nan"),
        ([1.0] * 7 + [math.inf], "the reward of response 7 is inf"),
    ],
)
def test_rewards_of_the_wrong_shape_or_not_finite_are_refused(
    scores: list[float], message: str, tmp_path: Path
) -> None:
    config = PPOConfig(**SMALL)
    with pytest.raises(ValueError, match=message):
        ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, lambda p, r: scores, config, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 10, "minibatch_size": 4}, "batch_size 10 is not a multiple"),
        ({"temperature": 0.0}, "temperature is 0.0; it must be above 0"),
        ({"updates": 0}, "updates is 0; it must be above 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PPOConfig(**options)


def test_importing_the_loop_brings_in_neither_peft_nor_the_trainer() -> None:
    code = "import sys, rlchf.train.ppo; print([m for m in sys.modules if m in sys.argv])"
    unwanted = ["peft", "transformers.trainer"]
    found = subprocess.run(
        [sys.executable, "-c", code, *unwanted], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


# -- a real model ----------------------------------------------------------------------------------


@pytest.mark.skipif(not STORIES.exists(), reason="the story model is not on this machine")
def test_a_story_model_learns_to_write_what_is_rewarded(tmp_path: Path) -> None:
    policy = AutoModelForCausalLM.from_pretrained(STORIES)
    tokenizer = AutoTokenizer.from_pretrained(STORIES)
    prompts = ["Once upon a time", "Lily and her dog", "One day, a boy named Tim", "The sun"]

    def letters(prompts: list[Any], responses: list[str]) -> list[float]:
        return [float(response.count("o")) for response in responses]

    config = PPOConfig(
        updates=8, batch_size=32, minibatch_size=16, max_new_tokens=16, lr=1e-3, kl_coef=0.02
    )
    ppo(policy, tokenizer, prompts, letters, config, tmp_path)
    rows = lines(tmp_path / "metrics.jsonl")
    assert rows[0]["kl"] == rows[0]["kl_k3"] == rows[0]["first_ratio_error"] == 0
    assert rows[-1]["reward_mean"] > rows[0]["reward_mean"] + 1
    assert rows[-1]["kl_k3"] > 0


def test_the_reward_rises_on_a_random_model(tmp_path: Path) -> None:
    config = PPOConfig(
        **SMALL | {"updates": 15, "batch_size": 32, "minibatch_size": 16, "lr": 3e-3}
    )
    ppo(tiny_gpt2(), tiny_tokenizer(TEXTS), PROMPTS, vowels, config, tmp_path)
    rewards = [row["reward_mean"] for row in lines(tmp_path / "metrics.jsonl")]
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 1
