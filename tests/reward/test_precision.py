"""Reward models in bfloat16, with gradient checkpointing, and how they are read."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from rlchf.train.models.loading import Loading
from rlchf.train.reward import RewardConfig, train_reward
from rlchf.train.reward.backbone import last_layer, load_backbone
from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.trainer import make_trainer
from tests.support.memory import peak_bytes
from tests.support.reward_examples import fox_examples, ragged_examples, tiny_backbone

HALF = Loading(dtype="bfloat16")
SETTINGS: dict[str, Any] = {"epochs": 2, "batch_size": 4, "learning_rate": 5e-3}


def dtypes(folder: Path) -> set[torch.dtype]:
    return {tensor.dtype for tensor in load_file(folder / "model.safetensors").values()}


@pytest.mark.parametrize("normalise", ["centre", "scale"])
@pytest.mark.parametrize("lora_rank", [0, 4])
def test_a_reward_model_in_bfloat16_is_saved_so_and_scores_as_it_was_measured(
    lora_rank: int, normalise: Any, tmp_path: Path
) -> None:
    data = fox_examples(24)
    rate = 5e-2 if lora_rank else 5e-3
    config = RewardConfig(
        **SETTINGS | {"learning_rate": rate}, lora_rank=lora_rank, normalise=normalise
    )
    backbone = tiny_backbone(tmp_path / "backbone")
    trained = train_reward(data[:16], data[16:], backbone, config, tmp_path / "out", loading=HALF)
    assert trained.figures["held_out_pair_accuracy"] > 0.9
    assert dtypes(tmp_path / "out") == {torch.bfloat16}
    loaded = RewardModel.load(tmp_path / "out")
    assert loaded.model.dtype == torch.bfloat16
    scores = loaded.score_examples(data[16:])
    for one, other in zip(scores, trained.held_out_scores, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_the_head_scores_in_float32_on_a_backbone_in_bfloat16(tmp_path: Path) -> None:
    model, _ = load_backbone(tiny_backbone(tmp_path), loading=HALF)
    assert model.dtype == torch.bfloat16
    ids = torch.arange(10, 40).view(3, 10)
    scores = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    assert scores.dtype == torch.float32
    assert not torch.equal(scores, scores.to(torch.bfloat16).float())


def steps_of(folder: Path, loading: Loading | None, **settings: Any) -> tuple[Any, list[Tensor]]:
    """A trainer after its training, and its weights before."""
    config = RewardConfig(**SETTINGS | {"seed": 1} | settings)
    model, tokenizer = load_backbone(folder, config.lora_rank, loading=loading)
    before = [p.detach().float().clone() for p in model.parameters() if p.requires_grad]
    trainer = make_trainer(
        model, tokenizer, ragged_examples(16), [], config, folder / "checkpoints"
    )
    trainer.train()
    return trainer, before


def test_small_steps_move_as_many_weights_in_bfloat16_as_in_float32(tmp_path: Path) -> None:
    shares = []
    for loading in (None, HALF):
        folder = tiny_backbone(tmp_path / str(loading is None))
        trainer, before = steps_of(folder, loading, learning_rate=1e-6)
        weights = [p for p in trainer.model.parameters() if p.requires_grad]
        states = (
            trainer.optimizer.optimizer.state if hasattr(trainer.optimizer, "optimizer") else {}
        )
        now = [states.get(p, {}).get("master", p.detach()) for p in weights]
        changed = sum(int((a != b).sum()) for a, b in zip(now, before, strict=True))
        shares.append(changed / sum(b.numel() for b in before))
    assert shares[0] > 0.2
    assert shares[1] == pytest.approx(shares[0], abs=0.05)


def test_a_training_in_bfloat16_resumes_to_the_same_weights(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stopping(done: int, *_: Any, **__: Any) -> None:
        if done == 5:
            raise StoppedError

    data, backbone = ragged_examples(16), tiny_backbone(tmp_path / "backbone")
    config = RewardConfig(**SETTINGS, checkpoint_every=3)
    train_reward(data, [], backbone, config, tmp_path / "whole", loading=HALF)
    out = tmp_path / "stopped"
    with pytest.raises(StoppedError):
        train_reward(data, [], backbone, config, out, loading=HALF, progress=stopping)
    train_reward(data, [], backbone, config, out, loading=HALF, resume=True)
    whole, resumed = (load_file(f / "model.safetensors") for f in (tmp_path / "whole", out))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize("lora_rank", [0, 4])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_checkpointing_saves_memory_and_keeps_the_gradient(
    kind: str, lora_rank: int, tmp_path: Path
) -> None:
    folder = tiny_backbone(tmp_path / kind, kind, layers=8)
    gradients, peaks = [], []
    for checkpointing in (False, True):
        config = RewardConfig(gradient_checkpointing=checkpointing, lora_rank=lora_rank)
        model, tokenizer = load_backbone(folder, lora_rank)
        data = ragged_examples(16)
        trainer = make_trainer(model, tokenizer, data, [], config, tmp_path / "checkpoints")
        batch = next(iter(trainer.get_train_dataloader()))
        model.train()
        peaks.append(peak_bytes(lambda: trainer.compute_loss(model, batch).backward()))  # noqa: B023
        trained = [p.grad.flatten() for p in model.parameters() if p.requires_grad]
        gradients.append(torch.cat(trained))
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)
    assert gradients[0].abs().max() > 0
    assert peaks[1] < 0.6 * peaks[0]


def test_a_model_trained_with_checkpointing_is_that_trained_without(tmp_path: Path) -> None:
    data, backbone = ragged_examples(12), tiny_backbone(tmp_path / "backbone")
    states = []
    for checkpointing in (False, True):
        out = tmp_path / str(checkpointing)
        config = RewardConfig(**SETTINGS, gradient_checkpointing=checkpointing)
        trained = train_reward(data, [], backbone, config, out)
        assert trained.model is not None
        assert not any("forward" in vars(module) for module in trained.model.model.modules())
        states.append(load_file(out / "model.safetensors"))
    for name, weight in states[0].items():
        torch.testing.assert_close(states[1][name], weight, rtol=0, atol=1e-5)


def test_shared_prompts_and_checkpointing_are_refused_together() -> None:
    with pytest.raises(ValueError, match="choose one of them"):
        RewardConfig(share_prompt=True, gradient_checkpointing=True)


def test_a_reward_model_is_read_as_asked(tmp_path: Path) -> None:
    data, backbone = fox_examples(8), tiny_backbone(tmp_path / "backbone")
    train_reward(data, [], backbone, RewardConfig(**SETTINGS), tmp_path / "out")
    usual = RewardModel.load(tmp_path / "out")
    assert (usual.model.dtype, usual.batch_size, usual.max_length) == (torch.float32, 32, 128)
    assert last_layer(usual.model).weight.dtype == torch.float32
    asked = RewardModel.load(
        tmp_path / "out",
        "cpu",
        dtype="bfloat16",
        batch_size=2,
        max_length=9,
        attn_implementation="eager",
    )
    assert (asked.model.dtype, asked.batch_size, asked.max_length) == (torch.bfloat16, 2, 9)
    assert asked.model.config._attn_implementation == "eager"
    one = torch.cat(usual.score_examples(data))
    half = torch.cat(RewardModel.load(tmp_path / "out", dtype="bfloat16").score_examples(data))
    assert 0 < (one - half).abs().max() < 0.1 * one.std()
    spread = RewardModel.load(tmp_path / "out", "auto")
    assert torch.equal(torch.cat(spread.score_examples(data)), one)
