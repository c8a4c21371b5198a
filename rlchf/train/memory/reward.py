"""The memory of a reward model's training, its forward and backward pass run on fake tensors."""

import copy
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from rlchf.train.memory.counter import Counter
from rlchf.train.memory.fakes import empty_model, fake_tensors, make_fake
from rlchf.train.memory.parts import (
    dequantised,
    optimiser_bytes,
    quantised_bytes,
    step_bytes,
    weight_bytes,
)
from rlchf.train.memory.plan import Bytes, Plan
from rlchf.train.models.adapters import lora_options, with_adapters
from rlchf.train.models.checkpointing import checkpoint_layers
from rlchf.train.reward.config import RewardConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def plan_reward(
    config: RewardConfig,
    backbone: "PretrainedConfig",
    responses: int,
    tokens: int,
    *,
    dtype: torch.dtype = torch.float32,
    four_bits: bool = False,
    on_gpu: bool = True,
) -> Plan:
    """Count what a training with these settings holds on one device.

    Parameters
    ----------
    backbone
        The config of the model that is trained.
    responses
        Number of responses to a prompt.
    tokens
        Length of a prompt with a response, at most `max_length`.
    dtype
        Precision of the weights.
    four_bits
        Whether the weights under the adapters are held in 4 bits.
    on_gpu
        Whether the optimiser takes its step for all weights at once, as it does on GPUs.
    """
    labelled = copy.deepcopy(backbone)
    labelled.num_labels, labelled.pad_token_id = config.outputs, 0
    inner = model = empty_model(labelled, dtype, "classifier")
    with torch.device("meta"):
        if config.lora_rank:
            model = with_adapters(
                inner, config.lora_rank, task_type="SEQ_CLS", **lora_options(config)
            )
    if config.gradient_checkpointing:
        checkpoint_layers(inner)
    with fake_tensors():
        make_fake(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    held = {"model": weight_bytes([*model.parameters(), *model.buffers()])}
    if config.lora_rank:
        held["adapters and head"] = weight_bytes(trained)
        held["model"] -= held["adapters and head"]
    if four_bits:
        held["model"] += quantised_bytes(inner)
    held["Adam"] = optimiser_bytes(trained)
    rows = config.batch_size * responses
    phases = {
        "training": _training(model, config, rows, tokens, backbone),
        "step": step_bytes(trained, on_gpu),
    }
    if four_bits:
        phases["training"] = dequantised(phases["training"], inner)
    notes: tuple[str, ...] = ()
    if config.share_prompt:
        notes = (
            "share_prompt is left out: the prompts are counted as if each were read for itself.",
        )
    return Plan(held, phases, notes=notes)


def _training(
    model: Any, config: RewardConfig, rows: int, tokens: int, backbone: "PretrainedConfig"
) -> Bytes:
    autocast = torch.autocast("cpu", torch.bfloat16) if config.bf16 else nullcontext()
    with fake_tensors():
        ids = torch.ones((rows, tokens), dtype=torch.long)
        counter = Counter(model, backbone.get_text_config().vocab_size)
        with counter, autocast:
            output = model(input_ids=ids, attention_mask=torch.ones_like(ids))
            output.logits.float().sum().backward()
    return counter.peak
