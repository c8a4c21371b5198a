"""Sampling by vLLM, where it is installed: what is drawn, and from which weights."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from rlchf.train.ppo import PPOConfig, Setup, ppo, samplers
from rlchf.train.ppo.checks import check_processes
from rlchf.train.ppo.responses import response_logits
from rlchf.train.ppo.samplers import SAMPLERS
from rlchf.train.ppo.vllm_sampler import VllmSampler
from tests.support.ppo_runs import PROMPTS, SMALL, lines, noisy, vowels, weights
from tests.support.tiny_models import tiny_llama, tiny_tokenizer, word_tokenizer

ENDS = [0, *range(7, 17)]


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Any:
    """vLLM, which on processors is made to leave the weights unpacked, as they are on GPUs."""
    module = pytest.importorskip("vllm")
    if not torch.accelerator.is_available():
        from vllm.model_executor.layers import utils

        def unpacked(layer: Any, remove_weight: bool) -> None:
            layer.cpu_linear = torch.nn.functional.linear

        monkeypatch.setattr(utils, "dispatch_cpu_unquantized_gemm", unpacked)
        monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    return module


def policy_for_vllm() -> Any:
    """Heads of a size that its kernels have; next tokens far apart."""
    policy = tiny_llama(hidden=128)
    with torch.no_grad():
        policy.lm_head.weight.mul_(20)
    return policy


def test_near_temperature_0_the_likeliest_tokens_of_the_present_policy_are_drawn(vllm: Any) -> None:
    policy, tokenizer = policy_for_vllm(), tiny_tokenizer()
    encoded = [tokenizer(prompt)["input_ids"] for prompt in PROMPTS]
    options: dict[str, Any] = {"max_new_tokens": 9, "temperature": 0.01, "ends": ENDS}
    keys = [(3, i) for i in range(len(encoded))]
    engine = SAMPLERS["vllm"](60)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    for change in (None, "weights", "adapters"):
        if change == "weights":
            with torch.no_grad():
                policy.lm_head.weight.mul_(-1)
        if change == "adapters":
            policy = get_peft_model(policy, LoraConfig(r=2, init_lora_weights=False)).eval()
        rollout = engine(policy, tokenizer, encoded, keys, **options)
        for row, mask, prompt in zip(rollout.ids, rollout.attention_mask, encoded, strict=True):
            assert row[mask][: len(prompt)].tolist() == prompt
        with torch.no_grad():
            logits, _ = response_logits(policy, rollout)
        chosen = logits.gather(2, rollout.responses[..., None])[..., 0]
        behind = (logits.max(2).values - chosen)[rollout.response_mask]
        assert behind.max() < 0.15, "a token more than 15 temperatures below the likeliest"
        assert logits.std() > 0.5
        last = rollout.responses.gather(1, rollout.lengths[:, None] - 1)[:, 0]
        assert torch.equal(rollout.finished, torch.isin(last, torch.tensor(ENDS)))
        if change is None:
            assert torch.equal(torch.rand(3), expected), "the global generators"


def test_the_frequencies_are_those_of_the_policy_at_its_temperature(vllm: Any) -> None:
    tokenizer = word_tokenizer(["<eos>", *"abcdefg"], eos="<eos>")
    policy = tiny_llama(8, hidden=128, layers=1, pad_token_id=None)
    n = 2000
    keys = [(i,) for i in range(n)]
    engine = SAMPLERS["vllm"](8)
    options: dict[str, Any] = {"max_new_tokens": 1, "temperature": 0.5, "ends": [0]}
    rollout = engine(policy, tokenizer, [[1]] * n, keys, **options)
    again = engine(policy, tokenizer, [[1]] * n, keys, **options)
    assert torch.equal(rollout.ids, again.ids)
    chances = (policy(input_ids=torch.tensor([[1]])).logits[0, -1] / 0.5).softmax(-1).detach()
    counts = rollout.responses[:, 0].bincount(minlength=8)
    chi_square = ((counts - n * chances) ** 2 / (n * chances)).sum()
    assert len(counts) == 8
    assert chi_square < 7 + 4 * (2 * 7) ** 0.5


def test_a_run_learns_from_responses_of_vllm(vllm: Any, tmp_path: Path) -> None:
    start = policy_for_vllm()
    before = weights(start).clone()
    config = PPOConfig(**SMALL | {"updates": 2, "sampler": "vllm"})
    policy = ppo(start, tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    assert (weights(policy) - before).abs().max() > 1e-4
    assert [row["first_ratio_error"] for row in lines(tmp_path / "metrics.jsonl")] == [0, 0]


def test_an_engine_that_packs_its_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("vllm")
    if torch.accelerator.is_available():
        pytest.skip("on GPUs it does not")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    engine = SAMPLERS["vllm"](60)
    with pytest.raises(ValueError, match=r"packed its weights.* choose 'generate'"):
        engine(
            policy_for_vllm(),
            tiny_tokenizer(),
            [[5]],
            [(1,)],
            max_new_tokens=2,
            temperature=1.0,
            ends=ENDS,
        )


def test_vllm_that_is_not_installed_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    config = PPOConfig(**SMALL | {"sampler": "vllm"})
    args = (tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, tmp_path)
    with pytest.raises(ValueError, match="'vllm', which is not installed; pip install vllm, or"):
        Setup(*args)


def test_several_processes_do_not_sample_by_vllm() -> None:
    class Two:
        num_processes = 2
        mixed_precision = "no"

    with pytest.raises(ValueError, match="in one process, not in 2; choose 'generate'"):
        check_processes(Two(), PPOConfig(**SMALL | {"sampler": "vllm"}))


class Engine:
    """An engine that ends every response at once, and notes the weights that it is given."""

    def __init__(self) -> None:
        self.given: list[dict[str, torch.Tensor]] = []

    def collective_rpc(self, method: str, kwargs: dict[str, Any]) -> None:
        assert method == "reload_weights"
        self.given.append({name: tensor.clone() for name, tensor in kwargs["weights_iterator"]})

    def generate(self, prompts: list[Any], settings: list[Any], use_tqdm: bool) -> list[Any]:
        output = SimpleNamespace(token_ids=[0])
        return [SimpleNamespace(outputs=[output]) for _ in prompts]


class OldEngine(Engine):
    def collective_rpc(self, method: str, kwargs: dict[str, Any]) -> None:
        raise TypeError("reload_weights() got an unexpected keyword argument 'weights_iterator'")


def named_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the name, for machines without vLLM."""
    module = ModuleType("vllm")
    module.__dict__.update(SamplingParams=dict, TokensPrompt=dict, __version__="0.9.0")
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setattr(samplers, "find_spec", lambda name: module)


def test_one_engine_gets_the_weights_of_every_batch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named_vllm(monkeypatch)
    engine, started = Engine(), []

    def start(self: VllmSampler, policy: Any) -> Engine:
        started.append(self.memory)
        return engine

    monkeypatch.setattr(VllmSampler, "_start", start)
    config = PPOConfig(**SMALL | {"sampler": "vllm", "vllm_memory": 0.45})
    trained = ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, noisy, config, tmp_path)
    assert started == [0.45]
    assert len(engine.given) == 3
    first, *_, last = [given["model.norm.weight"] for given in engine.given]
    assert torch.equal(first, tiny_llama().model.norm.weight)
    assert not torch.equal(last, first)
    assert not torch.equal(last, trained.model.norm.weight), "the last step comes after sampling"


def test_a_version_that_takes_no_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    named_vllm(monkeypatch)
    sampler: Any = SAMPLERS["vllm"](60, 0.3)
    sampler.engine = OldEngine()
    with pytest.raises(
        ValueError, match=r"vLLM 0\.9\.0 takes no weights from memory; install a newer"
    ):
        sampler(tiny_llama(), tiny_tokenizer(), [[5]], [(1,)], max_new_tokens=2, ends=ENDS)
