"""Held-out prompts during PPO, the best policy, and policies written on the way."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from rlchf.train.ppo import PPOConfig, ppo
from rlchf.train.ppo.actor_critic import ActorCritic
from rlchf.train.ppo.checkpoint import RunFolder
from rlchf.train.ppo.policies import Policies, write_policy
from rlchf.train.ppo.prompts import encode_prompts
from rlchf.train.ppo.responses import response_logits
from rlchf.train.ppo.rewards import MaxMin, Vote
from rlchf.train.ppo.sampling import sample
from rlchf.train.ppo.shaping import share_of
from tests.support.ppo_runs import PROMPTS, SMALL, lines, noisy, vowels, weights
from tests.support.tiny_models import tiny_llama, tiny_tokenizer

HELD_OUT = ["Lily", "a fox", "the model should", "once"]
LONG: dict[str, Any] = SMALL | {
    "updates": 6,
    "evaluate_every": 2,
    "save_every": 1,
    "save_last": 0,
    "checkpoint_every": 2,
}


def run(out: Path, reward: Any = vowels, resume: bool = False, **options: Any) -> Any:
    held_out = options.pop("held_out", HELD_OUT)
    measure = options.pop("measure", None)
    config = PPOConfig(**LONG | options)
    return ppo(
        tiny_llama(), tiny_tokenizer(), PROMPTS, reward, config, out,
        held_out=held_out, measure=measure, resume=resume,
    )  # fmt: skip


def evaluations(out: Path) -> dict[int, dict[str, float]]:
    rows = lines(out / "metrics.jsonl")
    return {
        row["update"]: {n: v for n, v in row.items() if n.startswith("held_out_")}
        for row in rows
        if "held_out_reward" in row
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def by_hand(folder: Path, temperature: float) -> dict[str, float]:
    """The figures of the policy in a folder, from its samples with the same seeds."""
    policy = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer, start = AutoTokenizer.from_pretrained(folder), tiny_llama()
    encoded = encode_prompts(policy, tokenizer, HELD_OUT, 6)
    keys = [(0, 5, i) for i in range(len(HELD_OUT))]
    options: dict[str, Any] = {"max_new_tokens": 6, "temperature": temperature}
    rollout = sample(policy, tokenizer, encoded, keys, **options)
    with torch.no_grad():
        chosen = rollout.responses[..., None]
        after, before = (
            response_logits(model, rollout, temperature)[0]
            .log_softmax(-1)
            .gather(2, chosen)[..., 0]
            for model in (policy, start)
        )
    kl = ((after - before) * rollout.response_mask).sum(1)
    texts = rollout.texts(tokenizer)
    return {
        "held_out_reward": sum(vowels(HELD_OUT, texts)) / len(texts),
        "held_out_kl": kl.mean().item(),
        "held_out_length": rollout.lengths.double().mean().item(),
        "held_out_eos_share": rollout.finished.double().mean().item(),
        "held_out_short": sum(len(text) < 8 for text in texts) / len(texts),
    }


@pytest.mark.parametrize("lora_rank", [0, 2])
def test_the_figures_are_those_of_the_policy_in_the_folder(tmp_path: Path, lora_rank: int) -> None:
    measure = share_of("short", lambda text: len(text) < 8)
    run(tmp_path, measure=measure, lora_rank=lora_rank, temperature=0.7)
    found = evaluations(tmp_path)
    assert list(found) == [0, 2, 4, 6]
    assert found[0]["held_out_kl"] == 0
    for update in (2, 4, 6):
        expected = by_hand(tmp_path / f"checkpoints/update-{update:06d}", 0.7)
        assert found[update] == pytest.approx(expected, abs=1e-4)
    assert len({each["held_out_reward"] for each in found.values()}) > 1


def test_the_best_policy_is_that_with_the_highest_held_out_reward(tmp_path: Path) -> None:
    run(tmp_path)
    found = {n: each["held_out_reward"] for n, each in evaluations(tmp_path).items() if n}
    best = max(found, key=lambda update: found[update])
    record = json.loads((tmp_path / "best/held_out.json").read_text())
    assert record == {"update": best, **evaluations(tmp_path)[best]}
    kept = contents(tmp_path / "best")
    del kept["held_out.json"]
    assert kept == contents(tmp_path / f"checkpoints/update-{best:06d}")


@pytest.mark.parametrize("kind", ["noisy", "max_min"])
def test_evaluating_does_not_change_what_is_learned(tmp_path: Path, kind: str) -> None:
    trained, rows = [], []
    for held_out in ([], HELD_OUT):
        reward = noisy if kind == "noisy" else MaxMin({"a": vowels, "b": noisy})
        out = tmp_path / str(len(held_out))
        trained.append(weights(run(out, reward, held_out=held_out, save_every=0)))
        plain = [row for row in lines(out / "metrics.jsonl") if row["update"]]
        rows.append([{k: v for k, v in row.items() if "held_out" not in k} for row in plain])
    assert torch.equal(*trained)
    assert rows[0] == rows[1]


def test_a_run_without_held_out_prompts_or_saving_leaves_no_such_folders(tmp_path: Path) -> None:
    run(tmp_path, held_out=[], save_every=0, updates=2)
    assert not {"best", "checkpoints"} & {path.name for path in tmp_path.iterdir()}
    assert [row["update"] for row in lines(tmp_path / "metrics.jsonl")] == [1, 2]


def test_the_newest_policies_are_kept(tmp_path: Path) -> None:
    run(tmp_path, held_out=[], save_every=2, save_last=2, updates=7)
    assert [path.name for path in sorted((tmp_path / "checkpoints").iterdir())] == [
        "update-000004",
        "update-000006",
    ]


class Stop:
    """A reward that fails at a call."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __call__(self, prompts: list[Any], responses: list[str]) -> list[float]:
        self.calls += 1
        if self.calls == self.at:
            raise OSError("the server is gone")
        return vowels(prompts, responses)


@pytest.mark.parametrize("at", [1, 4, 5, 6, 9])
@pytest.mark.parametrize("lora_rank", [0, 2])
def test_a_resumed_run_ends_with_the_same_files(tmp_path: Path, at: int, lora_rank: int) -> None:
    """Calls 1, 4, 7 and 10 of the reward are those of evaluations."""
    run(tmp_path / "whole", lora_rank=lora_rank)
    parts = tmp_path / "parts"
    with pytest.raises(OSError, match="server"):
        run(parts, Stop(at), lora_rank=lora_rank)
    run(parts, resume=True, lora_rank=lora_rank)
    for name in ("best", "checkpoints"):
        assert contents(parts / name) == contents(tmp_path / "whole" / name)
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert lines(parts / name) == lines(tmp_path / "whole" / name)
    assert contents(parts)["model.safetensors"] == contents(tmp_path / "whole")["model.safetensors"]


def test_a_run_killed_before_it_wrote_its_best_policy_writes_it_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "whole")
    parts = tmp_path / "parts"

    def killed(self: Policies, run: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Policies, "save_best", killed)
        with pytest.raises(SystemExit):
            run(parts)
    assert not (parts / "best").exists()
    run(parts, resume=True)
    assert contents(parts / "best") == contents(tmp_path / "whole" / "best")


def test_going_back_drops_the_policies_of_the_updates_that_are_undone(tmp_path: Path) -> None:
    run(tmp_path, updates=4)
    folder = RunFolder(tmp_path, PPOConfig(**LONG), None)
    state = torch.load(folder.checkpoint)
    assert state["done"] == 4
    shutil.copytree(tmp_path / "checkpoints/update-000004", tmp_path / "checkpoints/update-000009")
    (tmp_path / "checkpoints/.update-000010.new").mkdir()
    record = tmp_path / "best/held_out.json"
    record.write_text(record.read_text().replace('"update": ', '"update": 1'))  # 12 or 14
    run(tmp_path, updates=4, resume=True)
    names = [path.name for path in sorted((tmp_path / "checkpoints").iterdir())]
    assert names == [f"update-00000{n}" for n in (1, 2, 3, 4)]
    kept = tmp_path / "best/held_out.json"
    assert not kept.exists() or json.loads(kept.read_text())["update"] == 4


def test_other_held_out_prompts_are_refused_when_a_run_goes_on(tmp_path: Path) -> None:
    run(tmp_path, updates=2)
    with pytest.raises(ValueError, match="the held-out prompts are not those with which"):
        run(tmp_path, updates=3, resume=True, held_out=HELD_OUT[:2])


def test_a_measure_cannot_take_the_name_of_a_held_out_figure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="measure returned 'length', a name that the figures"):
        run(tmp_path, measure=share_of("length", bool))


def test_a_policy_beyond_the_maximum_kl_is_never_the_best(tmp_path: Path) -> None:
    config = PPOConfig(**LONG | {"updates": 2, "learning_rate": 1.0, "max_kl": 1e-3})
    args = (tiny_llama(), tiny_tokenizer(), PROMPTS, vowels)
    with pytest.raises(FloatingPointError, match="max_kl"):
        ppo(*args, replace(config, updates=4, evaluate_every=1), tmp_path, held_out=HELD_OUT)
    assert evaluations(tmp_path)[1]["held_out_kl"] > 1e-3
    assert not (tmp_path / "best").exists()


def test_where_the_reward_compares_responses_there_is_no_best_policy(tmp_path: Path) -> None:
    vote = Vote([vowels, lambda prompts, texts: [-len(text) for text in texts]], "borda")
    with pytest.warns(UserWarning, match=r"compares the responses .* best/ is not written"):
        run(tmp_path, vote, responses_per_prompt=2, updates=2)
    assert list(evaluations(tmp_path)) == [0, 2]
    assert not (tmp_path / "best").exists()


def test_a_saved_policy_of_adapters_is_the_merged_one(tmp_path: Path) -> None:
    trained = run(tmp_path, held_out=[], lora_rank=2, updates=2)
    last = AutoModelForCausalLM.from_pretrained(tmp_path / "checkpoints/update-000002")
    assert torch.equal(weights(last), weights(trained))
    assert (weights(last) - weights(tiny_llama())).abs().max() > 0


def test_a_policy_in_4_bits_is_saved_in_the_precision_of_its_computation(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    tiny_llama(hidden=64).save_pretrained(tmp_path / "base")
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    options: dict[str, Any] = {"dtype": torch.bfloat16, "device_map": {"": "cpu"}}
    policy = AutoModelForCausalLM.from_pretrained(
        tmp_path / "base", quantization_config=four_bits, **options
    )
    model = ActorCritic(policy, lora_rank=2)
    layer = model.policy.get_base_model().model.layers[0].self_attn.q_proj
    with torch.no_grad():
        layer.lora_B["default"].weight.normal_()
    run: Any = SimpleNamespace(model=model, tokenizer=tiny_tokenizer(), accelerator=Accelerator())
    write_policy(run, tmp_path / "saved")
    delta = layer.get_delta_weight("default").float()
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "saved", dtype="auto")
    assert saved.dtype == torch.bfloat16
    assert not hasattr(saved.config, "quantization_config")
    assert hasattr(layer.base_layer.weight, "quant_state"), "the run goes on in 4 bits"
    plain = model.policy.unload().dequantize(dtype=torch.bfloat16).state_dict()
    changed = "model.layers.0.self_attn.q_proj.weight"
    expected = plain | {changed: (plain[changed].float() + delta).bfloat16()}
    assert saved.state_dict().keys() == expected.keys()
    for name, tensor in saved.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
