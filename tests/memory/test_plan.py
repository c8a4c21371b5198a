"""The memory that a training needs, counted before anything is loaded."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoConfig, GPT2Config, LlamaConfig, MistralConfig, MixtralConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from rlchf.jobs.plan import _advice, plan_ppo_job, plan_reward_job
from rlchf.jobs.settings import PPOJob, RewardJob
from rlchf.train.memory.counter import Counter
from rlchf.train.memory.fakes import counted
from rlchf.train.memory.parts import FOUR_BITS, optimiser_bytes, step_bytes
from rlchf.train.memory.plan import GB, Bytes, Plan
from rlchf.train.memory.ppo import RewardShape, plan_ppo
from rlchf.train.memory.reward import plan_reward
from rlchf.train.models.checkpointing import checkpoint_layers
from rlchf.train.ppo import PPOConfig
from rlchf.train.reward import RewardConfig
from tests.support.cli import rlchf
from tests.support.ppo_jobs import job_folder, write

LLAMA_8B = Path(__file__).parents[1] / "data" / "llama-3.1-8b.json"
LONG: dict[str, Any] = {"batch_size": 64, "max_new_tokens": 512, "lora_rank": 16}
has_checkpointing = "gradient_checkpointing" in {one.name for one in fields(PPOConfig)}


@pytest.fixture(scope="module")
def memory_plan() -> Any:
    """The benchmark, which is a script."""
    path = Path(__file__).parents[2] / "benchmarks/ppo/memory_plan.py"
    spec = importlib.util.spec_from_file_location("memory_plan", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["memory_plan"] = module  # where its dataclass looks
    spec.loader.exec_module(module)
    return module


def llama_8b(**options: Any) -> LlamaConfig:
    return LlamaConfig(**json.loads(LLAMA_8B.read_text()) | options)


def small(**options: Any) -> LlamaConfig:
    sizes = {"vocab_size": 1000, "hidden_size": 64, "intermediate_size": 160}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3}
    return LlamaConfig(**sizes | heads | options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the small models, prompts and functions are, and the tests too."""
    yield from job_folder(tmp_path_factory.mktemp("plan"))


def test_the_counter_counts_what_is_held_at_a_time() -> None:
    model = nn.Linear(10, 7, bias=False)
    with Counter(model, vocabulary=7) as counter:
        x = torch.zeros(100, 10)  # 4,000 bytes
        y = model(x)  # 2,800 of logits
        del y
        z = torch.zeros(100, 12)  # 4,800
        view = z[:50].T
        assert counter.peak == Bytes(activations=8800)
        del z, x
        assert counter.now == {"logits": 0, "other": 4800}
        del view
        assert counter.now["other"] == 0
        model(torch.zeros(1000, 10)).sum().backward()
        assert counter.peak.logits == 28_000
        assert counter.now["other"] == 280, "the gradient"
        assert counter.gradients() == 280


@pytest.mark.slow
def test_weights_optimiser_and_cache_of_an_8b_model() -> None:
    short = {"lora_rank": 0, "forward_size": 1, "sampler": "continuous", "max_new_tokens": 64}
    plan = plan_ppo(PPOConfig(**LONG | short), llama_8b(), 64)
    layer = 4096 * (4096 * 2 + 1024 * 2) + 3 * 4096 * 14336 + 2 * 4096
    weights = 32 * layer + 2 * 128256 * 4096 + 4096
    assert weights == 8_030_261_248
    assert plan.held["reference"] == 4 * weights
    assert plan.held["policy"] == pytest.approx(4 * weights, rel=1e-5)  # and a table of angles
    assert plan.held["Adam"] == pytest.approx(8 * weights, rel=1e-4)  # and the critic
    assert plan.phases["training"].gradients <= 4 * weights + 5 * 4096
    assert plan.phases["step"].total == pytest.approx(8 * weights, rel=1e-4)
    tokens, per_token = 64 * 128, 32 * 2 * 8 * 128 * 4
    assert plan.phases["sampling"].cache == tokens * per_token


def test_adapters_leave_no_reference_and_little_to_train() -> None:
    plan = plan_ppo(PPOConfig(lora_rank=4, advantages="rloo", responses_per_prompt=2), small(), 20)
    per_layer = 4 * (64 + 64) + 4 * (64 + 32)  # of queries and values
    assert plan.held["adapters"] == 4 * 3 * per_layer
    assert plan.held["Adam"] == 2 * plan.held["adapters"]
    assert not {"reference", "critic"} & plan.held.keys()


def test_weights_in_4_bits_take_an_eighth() -> None:
    options: dict[str, Any] = {"dtype": torch.bfloat16}
    config = PPOConfig(lora_rank=4)
    plain = plan_ppo(config, small(), 20, **options)
    four = plan_ppo(config, small(), 20, four_bits=True, **options)
    linear = 3 * (64 * (64 * 2 + 32 * 2) + 3 * 64 * 160)
    saved = plain.held["policy"] - four.held["policy"]
    assert saved == round(linear * (2 - FOUR_BITS))
    assert four.phases["training"].total - plain.phases["training"].total == 2 * 64 * 160


def test_weights_trained_in_bfloat16_have_a_copy_in_float32() -> None:
    weights = [torch.zeros(10, dtype=torch.bfloat16), torch.zeros(5)]
    assert optimiser_bytes(weights) == 10 * 12 + 5 * 8
    assert step_bytes(weights, on_gpu=True) == Bytes(activations=40 + 20 + 40, gradients=20 + 20)


def test_layers_with_a_window_keep_no_more_than_it() -> None:
    config = PPOConfig(batch_size=4, minibatch_size=4, max_new_tokens=500, forward_size=4)
    sizes = dict(vocab_size=500, hidden_size=64, intermediate_size=64, num_hidden_layers=2)
    options: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2, **sizes}
    whole = plan_ppo(config, MistralConfig(sliding_window=None, **options), 30)
    window = plan_ppo(config, MistralConfig(sliding_window=40, **options), 30)
    per_token = 2 * 2 * 2 * 16 * 4
    assert whole.phases["sampling"].cache == 4 * 530 * per_token
    assert window.phases["sampling"].total < whole.phases["sampling"].total / 3


def test_the_plan_grows_with_what_is_read_at_a_time() -> None:
    totals = []
    for size in (1, 4, 16):
        plan = plan_ppo(PPOConfig(forward_size=size), small(), 30)
        totals.append(plan.phases["training"].activations)
    assert totals[0] < totals[1] < totals[2]
    assert totals[2] - totals[1] == pytest.approx(4 * (totals[1] - totals[0]), rel=0.05)


def test_a_critic_of_its_own_and_a_reward_model_are_counted() -> None:
    scorer = small(num_labels=1, pad_token_id=0)
    shape = RewardShape(scorer, torch.bfloat16, tokens=50, rows=8)
    config = PPOConfig(lora_rank=4)
    alone = plan_ppo(config, small(), 20)
    plan = plan_ppo(config, small(), 20, rewards={"r": shape}, critic=shape)
    trunk = alone.held["policy"] - 4 * 1000 * 64  # without the output layer
    assert plan.held["reward model r"] == pytest.approx(trunk / 2, rel=0.01)
    assert plan.held["critic"] > 100 * alone.held["critic"]
    assert plan.phases["scoring"].total > 8 * 50 * 64 * 2
    wider = RewardShape(scorer, torch.bfloat16, tokens=50, rows=32)
    more = plan_ppo(config, small(), 20, rewards={"r": wider}).phases["scoring"]
    assert more.total > 3.5 * plan.phases["scoring"].total


def test_a_reward_model_of_an_8b_backbone_with_adapters() -> None:
    config = RewardConfig(lora_rank=16, batch_size=1)
    plan = plan_reward(config, llama_8b(num_hidden_layers=2), 2, 256, dtype=torch.bfloat16)
    layer = 4096 * (4096 * 2 + 1024 * 2) + 3 * 4096 * 14336 + 2 * 4096
    assert plan.held["model"] == pytest.approx(2 * (2 * layer + 128256 * 4096), rel=1e-3)
    assert plan.held["adapters and head"] < 0.01 * plan.held["model"]
    full = plan_reward(RewardConfig(batch_size=1), small(), 2, 256)
    assert full.held["Adam"] == pytest.approx(2 * full.held["model"], rel=1e-2)


@pytest.mark.slow
@pytest.mark.skipif(not has_checkpointing, reason="gradient_checkpointing is not a setting")
@pytest.mark.parametrize(("four_bits", "most"), [(False, 40), (True, 25)])
def test_an_8b_model_with_adapters_and_an_8b_reward_model_fit(four_bits: bool, most: int) -> None:
    saving: dict[str, Any] = {"gradient_checkpointing": True, "forward_size": 2, "sample_size": 16}
    scorer = llama_8b(num_labels=1, pad_token_id=0)
    plan = plan_ppo(
        PPOConfig(**LONG | saving), llama_8b(), 512, dtype=torch.bfloat16, four_bits=four_bits,
        rewards={"reward": RewardShape(scorer, torch.bfloat16, 1024, 4)},
    )  # fmt: skip
    assert plan.peak < most * GB


@pytest.mark.slow
@pytest.mark.parametrize("case", ["gpt2", "llama, LoRA"])
def test_the_plan_is_within_15_percent_of_what_a_run_takes(memory_plan: Any, case: str) -> None:
    plan = memory_plan.planned(memory_plan.CASES[case])
    assert plan == pytest.approx(memory_plan.measure_apart(case), rel=0.15)


def job(folder: Path, **options: Any) -> PPOJob:
    given = {"policy": "policy", "prompts": "prompts.jsonl", "reward": ("reward",)}
    return PPOJob(**given | options)


def test_a_config_alone_is_enough(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((folder / "policy/config.json").read_text())
    config = PPOConfig(max_new_tokens=20)
    bare = plan_ppo_job(job(folder, policy=str(tmp_path)), config, prompt_tokens=6)
    whole = plan_ppo_job(job(folder), config, prompt_tokens=6)
    assert bare.plan == whole.plan
    with pytest.raises(ValueError, match=r"has no tokenizer .* --prompt-tokens"):
        plan_ppo_job(job(folder, policy=str(tmp_path)), config)
    assert plan_ppo_job(job(folder), config).plan.peak > whole.plan.peak, "the longest prompt"


def test_where_a_plan_does_not_fit_settings_are_named_until_it_does(folder: Path) -> None:
    AutoConfig.from_pretrained("policy")
    config = GPT2Config(n_embd=4096, n_layer=4, n_head=32, vocab_size=320)
    config.save_pretrained("large")
    planned = plan_ppo_job(job(folder, policy="large"), PPOConfig(max_new_tokens=400), 400)
    assert not planned.plan.fits(24 * GB)
    assert planned.advice[0].setting == "--lora-rank 16"
    peaks = [planned.plan.peak, *(one.peak for one in planned.advice)]
    assert peaks == sorted(peaks, reverse=True)
    assert Plan({"all": peaks[-1]}, {"none": Bytes()}).fits(24 * GB)
    assert planned.cards[0][1] is False


def test_a_setting_whose_memory_cannot_be_counted_is_no_advice_and_stops_no_plan() -> None:
    tried = []

    def plan_of(job: PPOJob, config: PPOConfig) -> Plan:
        tried.append((config.lora_rank, config.sample_size))
        if config.lora_rank:
            raise ValueError("cannot be counted")
        return Plan({}, {"training": Bytes(logits=GB)})

    steps = iter([("lora_rank", 16), ("sample_size", 16)])
    large = Plan({}, {"training": Bytes(logits=50 * GB)})
    given = PPOJob(policy="policy", reward=("tastes:vowels",), prompts="prompts.jsonl")
    advice = _advice(large, given, PPOConfig(), steps, plan_of, None, None)
    assert [one.setting for one in advice] == ["--sample-size 16"]
    assert tried == [(16, PPOConfig().sample_size), (0, 16)]


@pytest.mark.parametrize("name", ["cache", "past_key_values"])  # before and since transformers 5.24
def test_a_layer_that_is_computed_again_gets_no_cache(name: str) -> None:
    class Layer(GradientCheckpointingLayer):  # type: ignore[misc]
        def forward(self, x: torch.Tensor, **options: Any) -> torch.Tensor:
            if options[name] is not None:
                options[name].append(x)
            return x * x

    layer, kept = Layer(), list[torch.Tensor]()
    checkpoint_layers(layer)
    layer(torch.ones(2, requires_grad=True), **{name: kept}).sum().backward()
    assert not kept


def test_a_model_that_looks_at_numbers_is_refused_with_a_sentence(folder: Path) -> None:
    sizes = {"vocab_size": 320, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    MixtralConfig(**sizes, **heads).save_pretrained("experts")
    with pytest.raises(ValueError, match=r"the memory of 'experts' cannot be counted.*bfloat16"):
        plan_ppo_job(job(folder, policy="experts"), PPOConfig(), 9)
    with (
        pytest.raises(ValueError, match=r"cannot be counted.*--dtype float32 may") as raised,
        counted("experts", "bfloat16"),
    ):
        raise RuntimeError("torch's own words")
    assert "own words" not in str(raised.value)
    plan = plan_ppo(PPOConfig(), MixtralConfig(**sizes, **heads), 9, dtype=torch.bfloat16)
    assert plan.peak > plan.held_bytes


def test_ppo_prints_its_plan_and_runs_nothing(folder: Path, tmp_path: Path) -> None:
    given = ("ppo", "--plan", "--policy", "policy", "--prompts", "prompts.jsonl")
    done = rlchf(*given, "--reward", "reward", "--reward", "tastes:brief", "--combine", "sum")
    assert done.returncode == 0, done.stderr
    for part in (
        "policy",
        "reference",
        "Adam",
        "reward model reward",
        "training",
        "a GPU of 80 GB",
    ):
        assert part in done.stdout
    assert "what the function tastes:brief holds is not counted" in done.stdout
    assert not (folder / "tastes.pyc").exists()
    as_json = rlchf(*given, "--reward", "tastes:vowels", "--json", "--prompt-tokens", "9")
    plan = json.loads(as_json.stdout)
    assert plan["peak_bytes"] == sum(plan["held"].values()) + max(
        sum(phase.values()) for phase in plan["phases"].values()
    )
    assert plan["subject"] == "policy, prompts of 9 and responses of 64 tokens"
    assert plan["fits"] == {"a GPU of 24 GB": True, "a GPU of 40 GB": True, "a GPU of 80 GB": True}


def test_reward_prints_its_plan(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rankings.csv").write_text("prompt_id,annotator_id,ranking\np0,x,a > b > c\n")
    texts = [{"prompt_id": "p0", "response_id": r, "text": r} for r in "abc"]
    write(tmp_path / "responses.jsonl", texts)
    files: dict[str, Any] = {
        "prompts": "prompts.jsonl",
        "responses": str(tmp_path / "responses.jsonl"),
    }
    given = RewardJob(rankings=(str(tmp_path / "rankings.csv"),), model="policy", **files)
    planned = plan_reward_job(given, RewardConfig())
    assert planned.subject == "policy, 8 prompts of 3 responses, 128 tokens each"
    options = [f"--{name}={value}" for name, value in files.items()]
    done = rlchf("reward", *given.rankings, "--plan", "--model", "policy", *options)
    assert done.returncode == 0, done.stderr
    assert "memory for policy, 8 prompts of 3 responses, 128 tokens each" in done.stdout


def test_a_gpu_that_is_there_is_what_the_plan_is_compared_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlchf.train.memory.models.gpu", lambda: ("Large 9000", 10**6))
    planned = plan_ppo_job(job(folder), PPOConfig(), 9)
    assert planned.cards == [("Large 9000, 0 GB", False)]
    assert planned.advice


def test_the_engine_of_vllm_takes_its_share() -> None:
    plan = plan_ppo(PPOConfig(sampler="vllm", vllm_memory=0.5), small(), 20)
    assert plan.engine == 0.5
    assert plan.phases["sampling"] == Bytes()
    assert plan.fits(plan.peak / 0.41)
    assert not plan.fits(plan.peak / 0.43)
