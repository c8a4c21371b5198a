"""PPO with weights in bfloat16."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from rlchf.train.optimiser import MasterAdamW, adam
from rlchf.train.ppo import PPO, PPOConfig, Setup, ppo
from rlchf.train.ppo.checks import check_sharded_precision
from tests.support.ppo_runs import MODELS, PROMPTS, SMALL, lines, vowels
from tests.support.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer

BF16 = torch.bfloat16
FULL = {"batch_size": 4, "minibatch_size": 4, "ppo_epochs": 2, "updates": 6}


def moved(folder: Path, dtype: torch.dtype) -> float:
    """Share of the weights that 12 steps of 1e-6 move, in the precision of the optimiser."""
    policy = tiny_llama(scale=1.0).to(BF16).to(dtype)  # both begin at the same weights
    before = [p.detach().float().clone() for p in policy.parameters()]
    config = PPOConfig(**SMALL | FULL | {"learning_rate": 1e-6, "max_kl": 1e9})
    run = PPO(Setup(policy, tiny_tokenizer(), PROMPTS, vowels, config, folder))
    run.train()
    states = run.optimizer.state
    weights = run.optimizer.param_groups[0]["params"]
    now = [states[p].get("master", p.detach()) for p in weights]
    changed = sum(int((a != b).sum()) for a, b in zip(now, before, strict=True))
    return float(changed / sum(b.numel() for b in before))


def test_small_steps_move_as_many_weights_in_bfloat16_as_in_float32(tmp_path: Path) -> None:
    single, half = moved(tmp_path / "a", torch.float32), moved(tmp_path / "b", BF16)
    assert single > 0.5
    assert half == pytest.approx(single, abs=0.01)


def test_small_steps_add_up_in_bfloat16() -> None:
    weight = torch.nn.Parameter(torch.ones(4, dtype=BF16))
    optimizer = MasterAdamW([{"params": [weight], "lr": 1e-4}])
    for _ in range(200):  # each of which is an eightieth of the spacing below 1
        weight.grad = torch.ones(4, dtype=BF16)
        optimizer.step()
    assert weight.tolist() == pytest.approx([0.98] * 4, abs=2**-8)


def test_its_steps_are_those_of_adamw_in_float32() -> None:
    start, gradients = torch.randn(5, 3), torch.randn(6, 5, 3)
    settings: dict[str, Any] = {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    groups = [[{"params": [weight], "lr": 1e-2}] for weight in (ours, theirs)]
    optimizers = MasterAdamW(groups[0], **settings), torch.optim.AdamW(groups[1], **settings)
    for gradient in gradients:
        for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
            weight.grad = gradient.clone()
            optimizer.step()
    assert torch.equal(ours, theirs)
    assert isinstance(adam(groups[0], **settings), torch.optim.AdamW)


def test_the_state_of_the_optimiser_is_restored_to_the_last_bit() -> None:
    def trained(steps: int) -> tuple[Tensor, MasterAdamW]:
        weight = torch.nn.Parameter(torch.linspace(1, 2, 8).to(BF16))
        optimizer = MasterAdamW([{"params": [weight], "lr": 1e-4}])
        for step in range(steps):
            weight.grad = torch.full((8,), 0.3 + step).to(BF16)
            optimizer.step()
        return weight, optimizer

    whole, _ = trained(5)
    half, optimizer = trained(3)
    again = torch.nn.Parameter(half.detach().clone())
    resumed = MasterAdamW([{"params": [again], "lr": 1e-4}])
    resumed.load_state_dict(optimizer.state_dict())
    assert resumed.state[again]["master"].dtype == torch.float32
    for step in (3, 4):
        again.grad = torch.full((8,), 0.3 + step).to(BF16)
        resumed.step()
    assert torch.equal(again, whole)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("lora_rank", [0, 4])
@pytest.mark.parametrize("kind", MODELS)
def test_in_bfloat16_the_kl_begins_at_0_and_the_first_ratio_is_1(
    kind: str, lora_rank: int, checkpointing: bool, tmp_path: Path
) -> None:
    policy = MODELS[kind](scale=2.0).to(BF16)
    config = PPOConfig(
        **SMALL
        | {"lora_rank": lora_rank, "gradient_checkpointing": checkpointing, "forward_size": 3}
    )
    trained = ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    rows = lines(tmp_path / "metrics.jsonl")
    assert rows[0]["kl"] == 0
    assert max(row["first_ratio_error"] for row in rows) == 0
    assert rows[-1]["kl"] != 0
    assert trained.dtype == BF16


def test_base_and_reference_are_in_bfloat16_and_what_is_trained_in_float32(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"lora_rank": 4})
    policy = tiny_llama().to(BF16)
    run = PPO(Setup(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path))
    frozen = {p.dtype for p in run.model.policy.parameters() if not p.requires_grad}
    trained = {p.dtype for p in run.model.policy.parameters() if p.requires_grad}
    assert (frozen, trained) == ({BF16}, {torch.float32})
    full = PPO(Setup(tiny_llama().to(BF16), tiny_tokenizer(), PROMPTS, vowels,
                     PPOConfig(**SMALL), tmp_path))  # fmt: skip
    assert full.model.reference.dtype == BF16


@pytest.mark.parametrize("lora_rank", [0, 4])
def test_a_policy_in_bfloat16_is_saved_in_bfloat16(lora_rank: int, tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"lora_rank": lora_rank})
    ppo(tiny_llama().to(BF16), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    saved = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {BF16}


def test_a_run_in_bfloat16_resumes_to_the_same_weights(tmp_path: Path) -> None:
    def trained(out: str, *updates: int) -> dict[str, Tensor]:
        critic = tiny_classifier().to(BF16)
        for number in updates:
            config = PPOConfig(**SMALL | {"updates": number, "learning_rate": 1e-4})
            ppo(
                tiny_llama().to(BF16), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path / out,
                critic=critic, resume=True,
            )  # fmt: skip
        state = torch.load(tmp_path / out / "checkpoint" / "state.pt", weights_only=True)
        moments = state["optimizer"]["state"]
        return {f"{n}.{name}": t for n, one in moments.items() for name, t in one.items()}

    whole, resumed = trained("whole", 4), trained("resumed", 2, 4)
    assert whole.keys() == resumed.keys()
    assert any(name.endswith("master") for name in whole)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_critic_in_bfloat16_learns_by_master_weights(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"lora_rank": 4, "value_learning_rate": 1e-5})
    setup = Setup(
        tiny_llama().to(BF16), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path,
        critic=tiny_classifier().to(BF16),
    )  # fmt: skip
    run = PPO(setup)
    run.optimise(run.collect()[0])
    policy, critic = (group["params"] for group in run.optimizer.param_groups)
    assert not any("master" in run.optimizer.state[p] for p in policy)  # adapters are in float32
    masters = [
        run.optimizer.state[p]["master"] for p in critic if "master" in run.optimizer.state[p]
    ]
    assert masters
    assert all(master.dtype == torch.float32 for master in masters)
    assert run.model.critic.head.weight.dtype == torch.float32  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings", "critic", "named"),
    [
        ({}, None, "policy"),
        ({"lora_rank": 4}, tiny_classifier, "critic"),
        ({"lora_rank": 4}, None, ""),
    ],
)
def test_weights_trained_in_bfloat16_are_not_sharded(
    settings: dict[str, Any], critic: Any, named: str
) -> None:
    accelerator: Any = SimpleNamespace(distributed_type="FSDP")
    model = critic().to(BF16) if critic else None
    config = PPOConfig(**SMALL | settings)
    refused = pytest.raises(ValueError, match=f"the {named} is trained in torch.bfloat16")
    with refused if named else nullcontext():
        check_sharded_precision(tiny_llama().to(BF16), model, accelerator, config)


@pytest.mark.parametrize("name", ["adam_beta1", "adam_beta2", "adam_eps", "weight_decay"])
def test_adam_is_as_the_settings_say(name: str, tmp_path: Path) -> None:
    values = {"adam_beta1": 0.5, "adam_beta2": 0.6, "adam_eps": 1e-8, "weight_decay": 0.1}
    usual = {"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_eps": 1e-5, "weight_decay": 0.0}
    for value in (usual[name], values[name]):
        config = PPOConfig(**SMALL | ({} if value == usual[name] else {name: value}))
        run = PPO(Setup(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path))
        group = run.optimizer.param_groups[0]
        found = dict(zip(("adam_beta1", "adam_beta2"), group["betas"], strict=True))
        found |= {"adam_eps": group["eps"], "weight_decay": group["weight_decay"]}
        assert found[name] == value


def test_the_learning_rates_rise_over_the_warm_up(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"updates": 4, "lr_warmup": 3, "learning_rate": 3e-3})
    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    rates = [row["learning_rate"] for row in lines(tmp_path / "metrics.jsonl")]
    assert rates == pytest.approx([1e-3, 2e-3, 3e-3, 3e-3])
