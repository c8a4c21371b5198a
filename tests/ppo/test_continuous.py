"""Sampling by continuous batching: what is drawn, and what is left behind."""

import random
import sys
import threading
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    FalconConfig,
    FalconForCausalLM,
    GPTJConfig,
    GPTJForCausalLM,
    MptConfig,
    MptForCausalLM,
)

from rlchf.train.ppo import PPO, PPOConfig, Setup, ppo, samplers
from rlchf.train.ppo.continuous import TOGETHER, sample_continuous
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampler_check import differing, draw_errors
from rlchf.train.ppo.sampling import sample
from tests.support.ppo_runs import MODELS, PROMPTS, SMALL, lines, vowels, weights
from tests.support.tiny_models import tiny_llama, tiny_tokenizer, word_tokenizer

N = TOGETHER + 9  # so that some responses wait for others to end
ENDS = [0, *range(7, 17)]


def prompts(n: int = N) -> list[list[int]]:
    """Of 1 to 40 tokens."""
    generator = random.Random(0)
    return [generator.choices(range(5, 300), k=generator.randint(1, 40)) for _ in range(n)]


def drawn(sampler: Any, policy: Any, encoded: Any, **options: Any) -> list[list[int]]:
    """The responses, after a look at the rest of the rollout."""
    settings: dict[str, Any] = {"max_new_tokens": 24, "temperature": 1.0, "ends": ENDS} | options
    keys = [(3, i) for i in range(len(encoded))]
    rollout: Rollout = sampler(policy, tiny_tokenizer(), encoded, keys, **settings)
    rows = [
        ids[mask].tolist() for ids, mask in zip(rollout.ids, rollout.attention_mask, strict=True)
    ]
    for row, prompt in zip(rows, encoded, strict=True):
        assert row[: len(prompt)] == prompt
    responses = [row[len(prompt) :] for row, prompt in zip(rows, encoded, strict=True)]
    for response, finished in zip(responses, rollout.finished, strict=True):
        assert finished == (response[-1] in settings["ends"])
        assert not set(response[:-1]) & set(settings["ends"])
        assert finished or len(response) == settings["max_new_tokens"]
    return responses


@pytest.mark.parametrize(("kind", "attention"), [("llama", "sdpa"), ("gpt2", "eager")])
def test_the_responses_are_those_of_generate(kind: str, attention: str) -> None:
    policy = MODELS[kind]().double()
    policy.set_attn_implementation(attention)
    expected = drawn(sample, policy, prompts(), temperature=1.3)
    assert drawn(sample_continuous, policy, prompts(), temperature=1.3) == expected
    assert len({len(response) for response in expected}) > 10, "lengths should differ"
    assert policy.config._attn_implementation == attention


def test_a_policy_with_adapters_is_sampled_with_them() -> None:
    policy = tiny_llama()
    plain = drawn(sample, policy, prompts(8))
    torch.manual_seed(0)
    adapted = peft.get_peft_model(policy, peft.LoraConfig(r=2, init_lora_weights=False))
    responses = drawn(sample_continuous, adapted, prompts(8))
    assert responses == drawn(sample, adapted, prompts(8))
    assert responses != plain


def test_the_frequencies_are_those_of_the_policy_at_its_temperature() -> None:
    tokenizer = word_tokenizer(["<eos>", *"abcdefg"], eos="<eos>")
    policy = tiny_llama(8, hidden=16, layers=1, pad_token_id=None)
    policy.generation_config.top_k, policy.generation_config.repetition_penalty = 2, 5.0
    n = 2000
    rollout = sample_continuous(
        policy, tokenizer, [[1]] * n, [(i,) for i in range(n)], max_new_tokens=2, temperature=0.5
    )
    first = (policy(input_ids=torch.tensor([[1]])).logits[0, -1] / 0.5).softmax(-1).detach()
    pairs = torch.tensor([[1, letter] for letter in range(8)])
    second = (policy(input_ids=pairs).logits[:, -1] / 0.5).softmax(-1).detach()
    expected = torch.cat([first[:1], (first[1:, None] * second[1:]).flatten()])
    codes = rollout.responses[:, 0] * 8 + rollout.responses[:, 1] - 7
    counts = codes.where(rollout.responses[:, 0] > 0, torch.zeros(())).long().bincount(minlength=57)
    chi_square = ((counts - n * expected) ** 2 / (n * expected)).sum()
    assert len(counts) == 57
    assert 0.2 < first.max() < 0.9
    assert chi_square < 56 + 4 * (2 * 56) ** 0.5


def test_sampling_leaves_generators_threads_and_the_policy_as_they_were() -> None:
    policy = tiny_llama().train()
    generation_config, before = policy.generation_config, weights(policy)
    threads = threading.active_count()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = drawn(sample_continuous, policy, prompts(6))
    assert torch.equal(torch.rand(3), expected), "the global generators"
    assert policy.training
    assert policy.generation_config is generation_config
    assert not hasattr(policy, "_cached_continuous_batching_manager")
    assert threading.active_count() == threads
    assert torch.equal(weights(policy), before)
    torch.rand(7)
    assert drawn(sample_continuous, policy, prompts(6)) == first
    with torch.no_grad():
        policy.lm_head.weight.mul_(-1)
    assert drawn(sample_continuous, policy, prompts(6)) != first, "the weights that it has now"


def test_a_failure_is_raised_and_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, threads = tiny_llama(), threading.active_count()
    policy.set_attn_implementation("eager")

    def broken(*args: Any, **kwargs: Any) -> None:
        raise ArithmeticError("no forward pass today")

    monkeypatch.setattr(policy.model, "forward", broken)
    with pytest.raises(RuntimeError, match="continuous batching failed: no forward pass today"):
        drawn(sample_continuous, policy, prompts(3))
    assert threading.active_count() == threads
    assert policy.config._attn_implementation == "eager"


@pytest.mark.parametrize("rank", [0, 2])
def test_a_run_is_that_of_generate(rank: int, tmp_path: Path) -> None:
    logs = []
    for name in ("generate", "continuous"):
        options = {"updates": 2, "lora_rank": rank, "sampler": name, "samples_every": 1}
        start = tiny_llama().double()
        before = weights(start).clone()
        policy = ppo(
            start, tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL | options), tmp_path / name
        )
        assert (weights(policy) - before).abs().max() > 1e-4
        logs.append(lines(tmp_path / name / "metrics.jsonl"))
        assert [row["first_ratio_error"] for row in logs[-1]] == [0, 0]
    for row, other in zip(*logs, strict=True):
        assert other == pytest.approx(row, abs=1e-9)


# -- models that it does not read ------------------------------------------------------------------


def opinionated(model: Any) -> Any:
    """A random model that is sure of its next tokens."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
        model.get_output_embeddings().weight.mul_(3)
    return model.eval()


def unread(kind: str) -> Any:
    torch.manual_seed(0)
    ids: dict[str, Any] = {
        "vocab_size": 320,
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": 1,
    }
    if kind == "gptj":
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 128}
        return opinionated(GPTJForCausalLM(GPTJConfig(**ids | sizes)))
    if kind == "bloom":
        return opinionated(
            BloomForCausalLM(BloomConfig(hidden_size=32, n_layer=2, n_head=4, **ids))
        )
    if kind == "mpt":
        config = MptConfig(d_model=32, n_layers=2, n_heads=4, max_seq_len=128, **ids)
        return opinionated(MptForCausalLM(config))
    config = FalconConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, **ids)
    return opinionated(FalconForCausalLM(config))


@pytest.mark.parametrize("kind", ["gptj", "bloom", "mpt", "falcon"])
def test_a_model_that_is_sampled_otherwise_is_refused_before_anything_is_written(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    policy, out = unread(kind), tmp_path / "out"
    config = PPOConfig(**SMALL | {"sampler": "continuous"})
    message = (
        r"sampler 'continuous' does not work with a FalconForCausalLM \(.*\); choose 'generate'"
        if kind == "falcon"
        else rf"does not draw from the policy, a {type(policy).__name__}: \d+ of \d+ responses differ"
    )
    with pytest.raises(ValueError, match=message):
        ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, out)
    assert not out.exists()
    assert "Traceback" not in capfd.readouterr().err
    assert PPO(Setup(unread(kind), tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), out))


def test_what_rounding_explains_is_not_refused() -> None:
    """Two tokens next to each other in the distribution function may be drawn for one number."""
    policy, tokenizer = opinionated(tiny_llama(scale=1.0)), tiny_tokenizer()
    keys = [(3, i) for i in range(12)]
    rollout = sample(policy, tokenizer, prompts(12), keys, max_new_tokens=8)
    assert draw_errors(policy, rollout, keys, 1.0).max() < 1e-5
    other = sample(policy.bfloat16(), tokenizer, prompts(12), keys, max_new_tokens=8)
    errors = draw_errors(policy.float(), other, keys, 1.0)
    assert errors.max() < 0.08
    wrong = sample(policy, tokenizer, prompts(12), [(4, i) for i in range(12)], max_new_tokens=8)
    assert draw_errors(policy, wrong, keys, 1.0).max() > 0.2
    assert differing(wrong, rollout).all()
    assert not differing(rollout, rollout).any()


def test_a_transformers_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rlchf.train.ppo.continuous", None)
    with pytest.raises(ValueError, match=r"install 5\.23 or later, or choose 'generate'"):
        samplers.SAMPLERS["continuous"](30)
