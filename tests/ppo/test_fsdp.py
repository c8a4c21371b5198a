"""PPO with weights that FSDP shards over two processes must be PPO on one: the same weights and files.

Accelerate runs FSDP on GPUs only; torch runs it on processors too, once accelerate is told that this is what
it does.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from safetensors.torch import load_file

from rlchf.train.ppo import PPOConfig, ppo
from rlchf.train.ppo.sharding import is_sharded, plain_weights
from tests.support.ppo_runs import PROMPTS, lines
from tests.support.processes import on_two_processes
from tests.support.tiny_models import tiny_classifier, tiny_gpt2, tiny_llama, tiny_tokenizer

pytestmark = pytest.mark.slow

CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "llama": (tiny_llama, {}),
    "lora-gpt2": (tiny_gpt2, {"lora_rank": 2, "forward_size": 4}),
    "rloo": (tiny_llama, {"responses_per_prompt": 2, "advantages": "rloo", "stop_tokens": ("e",)}),
    "critic": (tiny_llama, {"critic_warmup": 1, "value_learning_rate": 1e-3}),
}


def train(case: str, out: Path, updates: int, **more: Any) -> Any:
    """Double precision, so that the order of a sum is not blown up by Adam."""
    model, options = CASES[case]
    settings: dict[str, Any] = {
        "updates": updates, "batch_size": 8, "minibatch_size": 4, "forward_size": 1,
        "max_new_tokens": 6, "learning_rate": 3e-3, "checkpoint_every": 2, "evaluate_every": 2,
        "save_every": 2,
    }  # fmt: skip
    critic = tiny_classifier(seed=4).double() if case == "critic" else None
    return ppo(
        model().double(), tiny_tokenizer(), PROMPTS,
        lambda prompts, responses: [float(len(r)) for r in responses],
        PPOConfig(**settings | options), out, critic=critic, held_out=["Lily", "a fox", "once"], **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the cases on two processes, the third update resumed from the second."""
    folder = tmp_path_factory.mktemp("fsdp")
    on_two_processes(train_sharded, folder, ACCELERATE_USE_CPU="true")
    return folder


@pytest.mark.parametrize("case", list(CASES))
def test_sharded_weights_learn_what_unsharded_ones_do(
    sharded: Path, tmp_path: Path, case: str
) -> None:
    train(case, tmp_path, updates=3)
    for name in ("checkpoints/update-000002", "best"):
        one, two = (
            load_file(out / name / "model.safetensors") for out in (tmp_path, sharded / case)
        )
        assert one.keys() == two.keys()
        for key, tensor in one.items():
            torch.testing.assert_close(two[key], tensor, atol=1e-8, rtol=0)
    one, two = (load_file(out / "model.safetensors") for out in (tmp_path, sharded / case))
    assert one.keys() == two.keys()
    moved = False
    for name, start in CASES[case][0]().double().state_dict().items():
        if name in one:
            torch.testing.assert_close(two[name], one[name], atol=1e-8, rtol=0)
            moved = moved or bool((one[name] - start).abs().max() > 1e-3)
    assert moved, "nothing was learnt"
    assert (tmp_path / "critic.safetensors").exists() == (case != "rloo")
    if case != "rloo":
        one, two = (load_file(out / "critic.safetensors") for out in (tmp_path, sharded / case))
        for name in one.keys() | two.keys():
            torch.testing.assert_close(two[name], one[name], atol=1e-8, rtol=0)
    logs = (lines(out / "metrics.jsonl") for out in (tmp_path, sharded / case))
    for row, other in zip(*logs, strict=True):
        assert other.get("first_ratio_error", 0) == 0
        assert other == pytest.approx(row, abs=2e-6)


@pytest.mark.parametrize("case", ["llama", "lora-gpt2"])
def test_one_process_goes_on_with_a_run_of_sharded_weights(
    sharded: Path, tmp_path: Path, case: str
) -> None:
    train(case, tmp_path, updates=4)
    train(case, sharded / case, updates=4, resume=True)
    one, two = (load_file(out / "model.safetensors") for out in (tmp_path, sharded / case))
    for name in one:
        torch.testing.assert_close(two[name], one[name], atol=1e-8, rtol=0)


@pytest.mark.parametrize("model", [tiny_llama, tiny_gpt2])
def test_plain_weights_are_those_of_the_checkpoint(model: Any, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(model(), LoraConfig(r=2, lora_alpha=4, init_lora_weights=False))
    for policy, merged in (
        (model(), model()),
        (adapted, copy.deepcopy(adapted).merge_and_unload()),
    ):
        plain = dict(plain_weights(policy))
        merged.save_pretrained(tmp_path)
        saved = load_file(tmp_path / "model.safetensors")
        assert plain.keys() == saved.keys()
        for name, tensor in saved.items():
            torch.testing.assert_close(plain[name], tensor, atol=1e-7, rtol=0)


def fsdp(accelerator: Accelerator) -> None:
    """Tell accelerate that it runs FSDP, with settings that have seen no model yet."""
    accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        reshard_after_forward=True,
        auto_wrap_policy="transformer_based_wrap",
        cpu_ram_efficient_loading=False,
        state_dict_type="FULL_STATE_DICT",
    )
    accelerator.state.distributed_type = DistributedType.FSDP
    PartialState._shared_state["distributed_type"] = DistributedType.FSDP
    assert accelerator.is_fsdp2
    assert accelerator.num_processes == 2


def train_sharded(folder: Path) -> None:
    """Two updates of each case, then a third one resumed from their checkpoint."""
    accelerator = Accelerator()
    for case in CASES:
        for updates, resume in ((2, False), (3, True)):
            fsdp(accelerator)
            policy = train(case, folder / case, updates, resume=resume, accelerator=accelerator)
        assert is_sharded(policy)
        local_size = sum(p.to_local().numel() for p in policy.parameters())
        assert local_size < 0.6 * sum(p.numel() for p in policy.parameters())
    torch.distributed.destroy_process_group()
