"""LoRA in PPO: where the adapters go, their dropout, and the folders that hold them."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch
from peft import AutoPeftModelForCausalLM, LoraConfig, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, GraniteConfig, GraniteForCausalLM

from rlchf.train.models.load import load_policy, load_tokenizer
from rlchf.train.ppo import PPOConfig, ppo
from tests.support.cli import rlchf as call
from tests.support.ppo_jobs import arguments, job_folder
from tests.support.ppo_runs import PROMPTS, SMALL, lines, vowels
from tests.support.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer

IDS = torch.arange(8, 24)[None]


def base(folder: Path) -> Path:
    tiny_llama().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def adapters(folder: Path, model: Path, task: str = "CAUSAL_LM") -> Path:
    """A folder of adapters that do something, as plain peft writes it."""
    start = AutoModelForCausalLM.from_pretrained(model)
    adapted = get_peft_model(start, LoraConfig(r=2, task_type=task))
    torch.manual_seed(5)
    for name, parameter in adapted.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    adapted.save_pretrained(folder)
    return folder


@torch.no_grad()
def logits(model: Any) -> Tensor:
    out: Tensor = model.eval()(input_ids=IDS).logits
    return out


def run(policy: Path, out: Path, **settings: Any) -> Any:
    config = PPOConfig(**SMALL | {"lora_rank": 2, "learning_rate": 1e-2} | settings)
    return ppo(load_policy(policy), load_tokenizer(policy), PROMPTS, vowels, config, out)


def test_adapters_are_kept_beside_the_merged_weights_and_peft_loads_them(tmp_path: Path) -> None:
    folder = base(tmp_path / "base")
    policy = run(folder, tmp_path / "out", lora_alpha=6, lora_targets=("q_proj", "up_proj"))
    config = json.loads((tmp_path / "out/adapter/adapter_config.json").read_text())
    assert set(config["target_modules"]) == {"q_proj", "up_proj"}
    assert (config["r"], config["lora_alpha"]) == (2, 6)
    assert config["base_model_name_or_path"] == str(folder.resolve())
    moved = logits(policy)
    assert float((moved - logits(load_policy(folder))).abs().max()) > 1e-3
    plain = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "out/adapter")
    for model in (plain, load_policy(tmp_path / "out"), load_policy(tmp_path / "out/adapter")):
        torch.testing.assert_close(logits(model), moved, atol=1e-5, rtol=0)


def test_a_run_goes_on_from_a_folder_of_adapters_which_are_part_of_the_reference(
    tmp_path: Path,
) -> None:
    folder = adapters(tmp_path / "adapters", base(tmp_path / "base"))
    assert not list(folder.glob("tokenizer*"))
    start = load_policy(folder)
    expected = AutoPeftModelForCausalLM.from_pretrained(folder)
    torch.testing.assert_close(logits(start), logits(expected), atol=1e-5, rtol=0)
    assert float((logits(start) - logits(load_policy(tmp_path / "base"))).abs().max()) > 0.1
    policy = run(folder, tmp_path / "out")
    first = lines(tmp_path / "out/metrics.jsonl")[0]
    assert (first["kl"], first["first_ratio_error"]) == (0, 0)
    again = load_policy(tmp_path / "out/adapter")  # its adapters on those of the start
    torch.testing.assert_close(logits(again), logits(policy), atol=1e-5, rtol=0)


def test_the_policys_tokenizer_is_saved_as_it_came(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    tokenizer.pad_token = None
    tiny_llama(len(tokenizer)).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    run(tmp_path / "base", tmp_path / "out", updates=1, lora_rank=0)
    assert AutoTokenizer.from_pretrained(tmp_path / "out").pad_token is None


def test_a_model_that_came_from_no_folder_leaves_no_adapters(tmp_path: Path) -> None:
    config = PPOConfig(**SMALL | {"lora_rank": 2, "updates": 1})
    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    assert not (tmp_path / "adapter").exists()


def test_architectures_that_peft_does_not_know_have_adapters_on_all_linear_layers(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    config = GraniteConfig(
        vocab_size=320, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=4, num_key_value_heads=2, pad_token_id=1, eos_token_id=0, bos_token_id=None,
    )  # fmt: skip
    GraniteForCausalLM(config).save_pretrained(tmp_path / "base")
    tiny_tokenizer().save_pretrained(tmp_path / "base")
    run(tmp_path / "base", tmp_path / "out", updates=1)
    modules = json.loads((tmp_path / "out/adapter/adapter_config.json").read_text())[
        "target_modules"
    ]
    names = {name.rpartition(".")[2] for name in modules}
    assert names == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_dropout_is_on_in_optimiser_steps_only(tmp_path: Path) -> None:
    """And a run that was stopped goes on with the same draws."""
    folder = base(tmp_path / "base")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*first ratio differs.*")
        run(folder, tmp_path / "whole", lora_dropout=0.5)
    rows = lines(tmp_path / "whole/metrics.jsonl")
    assert rows[0]["first_ratio_error"] == 0  # the adapters begin at 0
    assert rows[1]["first_ratio_error"] > 0
    run(folder, tmp_path / "none")
    without = lines(tmp_path / "none/metrics.jsonl")
    assert all(row["first_ratio_error"] == 0 for row in without)
    run(folder, tmp_path / "parts", lora_dropout=0.5, updates=2)
    config = PPOConfig(**SMALL | {"lora_rank": 2, "learning_rate": 1e-2, "lora_dropout": 0.5})
    args = (load_policy(folder), load_tokenizer(folder), PROMPTS, vowels, config)
    ppo(*args, tmp_path / "parts", resume=True)
    assert lines(tmp_path / "parts/metrics.jsonl") == rows


def test_settings_of_lora_need_a_rank() -> None:
    with pytest.raises(ValueError, match="lora_dropout is for LoRA, and lora_rank is 0"):
        PPOConfig(lora_dropout=0.1)


def test_a_policy_must_write_text(tmp_path: Path) -> None:
    tiny_classifier().save_pretrained(tmp_path / "reward")
    tiny_tokenizer().save_pretrained(tmp_path / "reward")
    with pytest.raises(ValueError, match="writes no text"):
        load_policy(tmp_path / "reward")
    folder = adapters(tmp_path / "adapters", base(tmp_path / "base"))
    file = folder / "adapter_config.json"
    task = {"task_type": "SEQ_CLS"}
    file.write_text(json.dumps(json.loads(file.read_text()) | task))
    with pytest.raises(ValueError, match="writes no text"):
        load_policy(folder)


def test_the_command_takes_the_settings(tmp_path: Path) -> None:
    for _ in job_folder(tmp_path):
        more = (
            "--lora-rank",
            2,
            "--lora-alpha",
            4,
            "--lora-targets",
            "q_proj",
            "--lora-targets",
            "k_proj",
        )
        done = call(*arguments("--reward", "tastes:vowels", "--out", "out", "--updates", 1, *more))
        assert done.returncode == 0, done.stderr
        config = json.loads((tmp_path / "out/adapter/adapter_config.json").read_text())
        assert (set(config["target_modules"]), config["lora_alpha"]) == ({"q_proj", "k_proj"}, 4)
