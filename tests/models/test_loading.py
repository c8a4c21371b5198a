"""How models are loaded: precision, attention, their own code, and 4 bits where bitsandbytes is installed."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from rlchf.train.models import quantised
from rlchf.train.models.load import load_policy, load_tokenizer
from rlchf.train.models.loading import Loading
from rlchf.train.ppo import PPO, PPOConfig, Setup, ppo
from rlchf.train.reward import RewardConfig, RewardModel, train_reward
from rlchf.train.reward.backbone import load_backbone
from tests.support.ppo_runs import PROMPTS, SMALL, lines, vowels
from tests.support.reward_examples import fox_examples, tiny_backbone
from tests.support.tiny_models import tiny_llama, tiny_tokenizer

FOUR = Loading(load_in_4bit=True)
needs_bitsandbytes = pytest.mark.skipif(
    not find_spec("bitsandbytes"), reason="needs the package bitsandbytes"
)
slow_on_cpus = pytest.mark.filterwarnings("ignore:load_in_4bit is meant for a GPU")


def test_a_model_is_loaded_in_the_precision_and_attention_of_the_settings(tmp_path: Path) -> None:
    folder = tiny_backbone(tmp_path)
    assert load_policy(folder).dtype == torch.float32
    assert load_policy(folder).config._attn_implementation == "sdpa"
    asked = load_policy(folder, Loading(dtype="bfloat16", attn_implementation="eager"))
    assert asked.dtype == torch.bfloat16
    assert asked.config._attn_implementation == "eager"
    backbone, _ = load_backbone(folder, loading=Loading(attn_implementation="eager"))
    assert backbone.config._attn_implementation == "eager"


def test_an_attention_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = tiny_backbone(tmp_path)
    with pytest.raises(ValueError, match="attn_implementation is 'flash_attention_2', with which"):
        load_policy(folder, Loading(attn_implementation="flash_attention_2"))


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A model whose folder holds the code of its class and of its tokenizer."""
    folder = tiny_backbone(tmp_path / "foreign")
    (folder / "own.py").write_text(
        "from pathlib import Path\n"
        "Path(__file__).with_name('ran').touch()\n"
        "from transformers import (AutoModel, LlamaConfig, LlamaForCausalLM, LlamaModel,\n"
        "                          LlamaForSequenceClassification, PreTrainedTokenizerFast)\n"
        "class OwnConfig(LlamaConfig):\n    model_type = 'own'\n"
        "class OwnModel(LlamaModel):\n    config_class = OwnConfig\n"
        "AutoModel.register(OwnConfig, OwnModel)\n"
        "class Own(LlamaForCausalLM):\n    config_class = OwnConfig\n"
        "class OwnScore(LlamaForSequenceClassification):\n    config_class = OwnConfig\n"
        "class OwnTokenizer(PreTrainedTokenizerFast):\n    pass\n"
    )
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {
            "AutoConfig": "own.OwnConfig",
            "AutoModelForCausalLM": "own.Own",
            "AutoModelForSequenceClassification": "own.OwnScore",
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {
        "tokenizer_class": "OwnTokenizer",
        "auto_map": {"AutoTokenizer": [None, "own.OwnTokenizer"]},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def test_code_of_a_model_is_run_only_if_asked(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        transformers.dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules")
    )
    loads: list[Any] = [load_policy, load_backbone, RewardModel.load]
    for load in [*loads, load_tokenizer]:
        with pytest.raises(ValueError, match="comes with code of its own, which is not run"):
            load(foreign)
    assert not list(tmp_path.rglob("ran"))
    asked = Loading(trust_remote_code=True)
    assert type(load_policy(foreign, asked)).__name__ == "Own"
    assert type(load_tokenizer(foreign, trust_remote_code=True)).__name__ == "OwnTokenizer"
    backbone, _ = load_backbone(foreign, loading=asked)
    assert type(backbone).__name__ == "OwnScore"
    weights = {name: weight.contiguous() for name, weight in backbone.state_dict().items()}
    save_file(weights, foreign / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((foreign / "config.json").read_text()) | {"num_labels": 1}
    (foreign / "config.json").write_text(json.dumps(config))
    assert type(RewardModel.load(foreign, trust_remote_code=True).model).__name__ == "OwnScore"
    assert list(tmp_path.rglob("ran"))


# --- 4 bits


def test_4_bits_without_bitsandbytes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlchf.train.models import arguments

    monkeypatch.setattr(arguments, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="load_in_4bit needs bitsandbytes, which is not installed"):
        load_policy(tiny_backbone(tmp_path), FOUR)


def test_4_bits_are_for_a_base_under_adapters(tmp_path: Path) -> None:
    data, backbone = fox_examples(4), tiny_backbone(tmp_path / "backbone")
    with pytest.raises(ValueError, match="set lora_rank"):
        train_reward(data, [], backbone, RewardConfig(), tmp_path / "out", loading=FOUR)


def test_a_quantised_policy_is_trained_by_adapters_only(tmp_path: Path) -> None:
    policy = tiny_llama()
    policy.is_quantized = True
    for settings, problem in (
        ({}, "only adapters can be trained; set lora_rank"),
        ({"lora_rank": 4, "sampler": "vllm"}, "choose another sampler"),
    ):
        config = PPOConfig(**SMALL | settings)
        with pytest.raises(ValueError, match=problem):
            Setup(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)


def four_bits(folder: Path, dtype: Any = "float32") -> Any:
    if not folder.exists():
        tiny_llama(hidden=64, scale=2.0).save_pretrained(folder)
        tiny_tokenizer().save_pretrained(folder)
    return load_policy(folder, Loading(load_in_4bit=True, dtype=dtype))


@needs_bitsandbytes
@slow_on_cpus
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_policy_in_4_bits_learns_by_adapters_and_is_saved_plain(
    dtype: Any, checkpointing: bool, tmp_path: Path
) -> None:
    config = PPOConfig(
        **SMALL | {"lora_rank": 4, "learning_rate": 1e-2, "gradient_checkpointing": checkpointing}
    )
    policy = four_bits(tmp_path / "base", dtype)
    ids = torch.arange(5, 40)[None]
    run = PPO(Setup(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path / "out"))
    for _ in range(2):
        run.optimise(run.collect()[0])
    with torch.no_grad():
        expected = run.model.policy(ids).logits.float()
        with run.model.policy.disable_adapter():
            assert (run.model.policy(ids).logits - expected).abs().max() > 0.01
        plain = quantised.merged(run.model.policy)
        tolerance = 1e-4 if dtype == "float32" else 0.1
        torch.testing.assert_close(plain(ids).logits.float(), expected, rtol=0, atol=tolerance)
    assert plain.dtype == getattr(torch, dtype)

    policy = four_bits(tmp_path / "base", dtype)
    ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path / "out")
    rows = lines(tmp_path / "out" / "metrics.jsonl")
    assert rows[0]["kl"] == 0
    assert rows[-1]["kl"] != 0
    assert all(row["grad_norm"] > 0 and row["first_ratio_error"] == 0 for row in rows)
    saved = load_file(tmp_path / "out" / "model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {getattr(torch, dtype)}
    assert "quantization_config" not in json.loads((tmp_path / "out" / "config.json").read_text())


@needs_bitsandbytes
@slow_on_cpus
def test_a_run_in_4_bits_resumes_to_the_same_weights(tmp_path: Path) -> None:
    settings = SMALL | {"lora_rank": 4, "updates": 4}
    for out, numbers in (("whole", [4]), ("resumed", [2, 4])):
        for number in numbers:
            config = PPOConfig(**settings | {"updates": number})
            policy = four_bits(tmp_path / "base")
            ppo(policy, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path / out, resume=True)
    whole, resumed = (
        load_file(tmp_path / out / "model.safetensors") for out in ("whole", "resumed")
    )
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@needs_bitsandbytes
def test_4_bits_without_a_gpu_are_warned_of(tmp_path: Path) -> None:
    if torch.accelerator.is_available():
        pytest.skip("there is a GPU")
    with pytest.warns(UserWarning, match="load_in_4bit is meant for a GPU, and there is none"):
        four_bits(tmp_path / "base")


@needs_bitsandbytes
@slow_on_cpus
def test_a_reward_model_in_4_bits_is_saved_plain(tmp_path: Path) -> None:
    data = fox_examples(24)
    config = RewardConfig(epochs=3, batch_size=4, learning_rate=5e-2, lora_rank=4)
    backbone = tiny_backbone(tmp_path / "backbone", hidden=64)
    trained = train_reward(data[:16], data[16:], backbone, config, tmp_path / "out", loading=FOUR)
    assert trained.figures["held_out_pair_accuracy"] > 0.9
    loaded = RewardModel.load(tmp_path / "out")
    assert not quantised.is_quantised(loaded.model)
    for one, other in zip(loaded.score_examples(data[16:]), trained.held_out_scores, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@needs_bitsandbytes
@slow_on_cpus
def test_a_gradient_of_exactly_0_is_warned_of(tmp_path: Path) -> None:
    policy = four_bits(tmp_path / "base")
    config = PPOConfig(**SMALL | {"lora_rank": 4, "updates": 1, "kl_coef": 0.0})

    def same(prompts: list[Any], responses: list[str]) -> list[float]:
        return [0.0] * len(responses)

    with pytest.warns(UserWarning, match="gradient of the policy was exactly 0"):
        ppo(policy, tiny_tokenizer(), PROMPTS, same, config, tmp_path / "out")
