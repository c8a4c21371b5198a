"""What PPO holds in memory at once, which changes no figure."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rlchf.train.ppo import PPO, PPOConfig, Setup, ppo, token_statistics
from rlchf.train.ppo.actor_critic import ActorCritic
from rlchf.train.ppo.chunks import in_chunks, joined
from rlchf.train.ppo.experience import Experience, read
from rlchf.train.ppo.objectives import entropy, token_logprobs
from rlchf.train.ppo.optimise import summed_loss
from rlchf.train.ppo.prompts import encode_prompts
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampling import sample
from tests.support.memory import peak_bytes
from tests.support.ppo_runs import MODELS, PROMPTS, SMALL, lines, vowels, weights
from tests.support.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer

# --- log-probabilities and entropy a few rows at a time


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("entropies", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_chunks_have_the_values_and_gradients_of_the_whole(
    temperature: float, entropies: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(4, 7, 50, generator=generator)).to(dtype)
    logits[0, 0, 3] = -torch.inf  # a token that the policy rules out
    ids = torch.randint(4, 50, (4, 7), generator=generator)
    weights = torch.randn(2, 4, 7, generator=generator)

    def whole(leaf: Tensor) -> list[Tensor]:
        scaled = leaf if temperature == 1 else leaf / temperature
        return [token_logprobs(scaled, ids), *([entropy(scaled)] if entropies else [])]

    def parts(leaf: Tensor) -> list[Tensor]:
        monkeypatch.setattr(token_statistics, "AT_ONCE", 100)
        monkeypatch.setattr(token_statistics, "PARTS", 10**9)
        found = token_statistics.token_statistics(leaf, ids, temperature, entropies=entropies)
        return [one for one in found if one is not None]

    values, gradients = [], []
    for function in (whole, parts):
        leaf = logits.clone().requires_grad_()
        values.append(function(leaf))
        sum((w * v).sum() for w, v in zip(weights, values[-1], strict=False)).backward()
        gradients.append(leaf.grad)
        with torch.no_grad():
            assert all(map(torch.equal, function(logits), values[-1]))
    assert all(map(torch.equal, *values))
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-6, equal_nan=True)


def test_reading_and_training_hold_two_copies_of_the_logits_at_most() -> None:
    vocabulary, rows, length = 20_000, 8, 64
    model = ActorCritic(tiny_llama(vocabulary, hidden=8, layers=1, scale=1.0), 0)
    ids = torch.randint(3, vocabulary, (rows, length + 4))
    mask = torch.ones_like(ids, dtype=torch.bool)
    rollout = Rollout(ids, mask, mask[:, 4:], mask[:, 0])
    one_copy = rows * length * vocabulary * 4

    def step(config: PPOConfig) -> None:
        table = torch.zeros(rows, length)
        summed_loss(Experience(rollout, *[table] * 5), model, config, 0.05)[0].backward()

    for temperature in (1.0, 0.7):
        whole = [[slice(0, rows)]]
        reading = partial(read, model, rollout, whole, temperature)
        assert peak_bytes(reading) < 1.3 * one_copy
        for bonus in (0.0, 0.01):
            config = PPOConfig(entropy_coef=bonus, temperature=temperature)
            assert peak_bytes(partial(step, config)) < 2.3 * one_copy


# --- sampling in chunks


def test_no_more_responses_are_sampled_at_once_than_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    policy = tiny_llama()
    generate = type(policy).generate

    def counted(self: Any, ids: Tensor, **options: Any) -> Any:
        sizes.append(len(ids))
        return generate(self, ids, **options)

    monkeypatch.setattr(type(policy), "generate", counted)
    settings = SMALL | {"updates": 1, "batch_size": 32, "minibatch_size": 16, "forward_size": 3}
    ppo(policy, tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**settings), tmp_path / "a")
    assert sizes == [12, 12, 8]  # four times forward_size
    sizes.clear()
    config = PPOConfig(**settings | {"sample_size": 20})
    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path / "b")
    assert sizes == [20, 12]
    assert lines(tmp_path / "a" / "metrics.jsonl") == lines(tmp_path / "b" / "metrics.jsonl")


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_responses_do_not_depend_on_the_chunks(kind: str, size: int) -> None:
    policy, tokenizer = MODELS[kind](), tiny_tokenizer()
    encoded = encode_prompts(policy, tokenizer, PROMPTS, 10)
    keys = [(7, i) for i in range(len(PROMPTS))]
    ends = [0, *range(300, 320)]  # so that the responses differ in length
    options: dict[str, Any] = {"max_new_tokens": 10, "temperature": 1.0, "ends": ends}
    whole = sample(policy, tokenizer, encoded, keys, **options)
    parts = in_chunks(sample, size)(policy, tokenizer, encoded, keys, **options)
    assert len(set(whole.lengths.tolist())) > 1
    for name in ("attention_mask", "response_mask", "finished"):
        assert torch.equal(getattr(whole, name), getattr(parts, name))
    assert torch.equal(whole.ids * whole.attention_mask, parts.ids * parts.attention_mask)


def test_rollouts_of_any_widths_are_joined() -> None:
    parts = [
        Rollout.of([[7]], [[8, 9, 2]], ends=[2]),
        Rollout.of([[5, 6], [7]], [[4], [3]], ends=[2]),
    ]
    both = joined(parts)
    assert both.ids.tolist() == [[2, 7, 8, 9, 2], [5, 6, 4, 2, 2], [2, 7, 3, 2, 2]]
    assert both.lengths.tolist() == [3, 1, 1]
    assert both.finished.tolist() == [True, False, False]
    assert len(joined(parts[:1])) == 1


# --- gradient checkpointing


def gradients(kind: str, lora_rank: int, checkpointing: bool, folder: Path) -> tuple[Tensor, int]:
    """The gradient of a minibatch, and the memory that its pass needs."""
    policy = MODELS[kind](layers=8).train()  # GPT-2 brings dropout, which must stay off
    config = PPOConfig(
        **SMALL
        | {"lora_rank": lora_rank, "gradient_checkpointing": checkpointing, "max_new_tokens": 40}
    )
    setup = Setup(
        policy, tiny_tokenizer(), PROMPTS, vowels, config, folder, critic=tiny_classifier(kind)
    )
    run = PPO(setup)
    batch = run.collect()[0]

    def step() -> None:
        summed_loss(batch, run.model, config, 0.05)[0].backward()

    peak = peak_bytes(step)
    trained = [p.grad.flatten() for p in run.model.parameters() if p.requires_grad]  # type: ignore[union-attr]
    return torch.cat(trained), peak


@pytest.mark.parametrize("lora_rank", [0, 4])
@pytest.mark.parametrize("kind", MODELS)
def test_checkpointing_saves_memory_and_keeps_the_gradient(
    kind: str, lora_rank: int, tmp_path: Path
) -> None:
    kept, much = gradients(kind, lora_rank, False, tmp_path)
    again, little = gradients(kind, lora_rank, True, tmp_path)
    torch.testing.assert_close(again, kept, rtol=1e-5, atol=1e-6)
    assert kept.abs().max() > 0
    assert little < 0.6 * much


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_a_run_with_checkpointing_ends_like_one_without(lora_rank: int, tmp_path: Path) -> None:
    ends = []
    for checkpointing in (False, True):
        config = PPOConfig(
            **SMALL | {"lora_rank": lora_rank, "gradient_checkpointing": checkpointing}
        )
        out = tmp_path / str(checkpointing)
        trained = ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, out)
        assert not any("forward" in vars(module) for module in trained.modules())
        assert max(row["first_ratio_error"] for row in lines(out / "metrics.jsonl")) == 0
        ends.append(weights(trained))
    torch.testing.assert_close(*ends, rtol=0, atol=1e-5)


def test_a_model_without_layers_to_checkpoint_is_refused(tmp_path: Path) -> None:
    from rlchf.train.models.checkpointing import checkpoint_layers

    with pytest.raises(ValueError, match="gradient_checkpointing does not work with a Linear"):
        checkpoint_layers(torch.nn.Linear(2, 2))
