"""Reading a prompt once for all of its responses: the scores and gradients of reading it every time."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
import transformers

from rlchf.train.reward.backbone import last_layer, load_backbone
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.trainer import make_trainer
from tests.support.reward_examples import ragged_examples
from tests.support.tiny_models import tiny_tokenizer

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 320}
IDS = {"pad_token_id": 1, "eos_token_id": 0, "bos_token_id": 0}
GATED = {**SMALL, "intermediate_size": 64, "num_key_value_heads": 2, "max_position_embeddings": 128}
MODELS: dict[str, tuple[type, dict[str, Any]]] = {
    "Mistral": (transformers.MistralConfig, GATED | {"sliding_window": 4}),
    "Gemma2": (transformers.Gemma2Config, GATED | {"sliding_window": 4, "head_dim": 8}),
    "Falcon": (transformers.FalconConfig, SMALL),
    "Mpt": (
        transformers.MptConfig,
        {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 128, "vocab_size": 320},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_prompts_of_different_lengths_are_shared_exactly(name: str, tmp_path: Path) -> None:
    """Windows of attention, and positions that the model counts itself, see no padding."""
    kind, options = MODELS[name]
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForCausalLM")(kind(**options, **IDS))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4 if parameter.dim() > 1 else 1)
    model.save_pretrained(tmp_path / "backbone")
    tiny_tokenizer().save_pretrained(tmp_path / "backbone")
    data, results = ragged_examples(6), []
    for share in (False, True):
        model, tokenizer = load_backbone(tmp_path / "backbone")
        with torch.no_grad():
            last_layer(model).weight.mul_(30)
        config = RewardConfig(share_prompt=share)
        trainer = make_trainer(model, tokenizer, data, [], config, tmp_path / "checkpoints")
        batch = trainer.data_collator([trainer.train_dataset[i] for i in range(len(data))])
        assert ("prefix_ids" in batch) is share
        loss, outputs = trainer.compute_loss(model, batch, return_outputs=True)
        loss.backward()
        gradient = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        results.append((outputs.logits.detach(), torch.cat(gradient)))
    for separate, shared in zip(*results, strict=True):
        assert separate.std() > 1e-3
        torch.testing.assert_close(shared, separate, atol=2e-5, rtol=1e-5)
