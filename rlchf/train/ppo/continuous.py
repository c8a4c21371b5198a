"""Sampling responses by the continuous batching of transformers."""

import gc
import logging
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.generation.continuous_batching.cb_logits_processors import (
    ContinuousBatchingLogitsProcessor,
    ContinuousBatchingLogitsProcessorList,
)

from rlchf.train.models.adapters import inside_adapters
from rlchf.train.models.ends import end_ids
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampling import Key, only_drawn, sampling_mode, uniforms
from rlchf.train.ppo.sharding import is_sharded

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PAGE = 32
"""Tokens per page of the key-value cache."""

TOGETHER = 64
"""Responses sampled at a time. They determine the memory, and without flash attention the work too,
because each token then attends over the tokens of all of them."""

READ = 512
"""Prompt tokens read at a time."""


class _Draws(ContinuousBatchingLogitsProcessor):  # type: ignore[misc]
    """Draws each response's next token at its own next uniform number."""

    supported_kwargs: ClassVar[dict[str, type]] = {}
    ignored_kwargs = ()

    def __init__(self, numbers: Tensor, temperature: float) -> None:
        self.numbers, self.temperature = numbers, temperature

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: Sequence[Any]) -> Tensor:
        states = [request.state for request in requests_with_new_token]
        indices = [(int(state.request_id), state.generated_len()) for state in states]
        rows, columns = torch.tensor(indices, dtype=torch.long).view(-1, 2).unbind(1)
        return self.numbers[rows, columns].view(torch.int32)  # the engine carries int32

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        u = tensor_arg[: len(scores)].view(torch.float32)
        return only_drawn(scores / self.temperature, u)


@torch.no_grad()
def sample_continuous(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    encoded: Sequence[Sequence[int]],
    keys: Sequence[Key],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    ends: Sequence[int] = (),
) -> Rollout:
    """Sample the responses of `rlchf.train.ppo.sampling.sample` by continuous batching.

    When a response ends, the next one takes its place, so that none waits for the longest, and
    prompts need no padding. The draws are those of `sample`: the responses differ only where
    rounding moves a probability across a uniform number. The engine uses the attention implementation
    and the precision with which the policy was loaded: `torch.autocast` does not reach its thread.

    Raises
    ------
    RuntimeError
        If the engine fails, with its message.
    """
    if is_sharded(policy):
        raise ValueError(
            "sampler 'continuous' does not work with sharded weights; under FSDP choose 'generate'"
        )
    model = inside_adapters(policy)
    ends = list(ends) or end_ids(tokenizer, model=policy)
    settings = GenerationConfig(
        max_new_tokens=max_new_tokens, do_sample=False, eos_token_id=ends, pad_token_id=ends[0]
    )
    with sampling_mode(model, settings), _isolated(model.device):
        engine = model.init_continuous_batching(
            generation_config=settings,
            continuous_batching_config=_bounds([len(ids) for ids in encoded], max_new_tokens),
        )
        draws = _Draws(uniforms(keys, max_new_tokens), temperature)
        engine.logit_processor = ContinuousBatchingLogitsProcessorList([draws])
        engine.logit_processor.tensors_required = 1
        responses = _run(engine, encoded)
    return Rollout.of(encoded, responses, ends, model.device)


@contextmanager
def _isolated(device: torch.device) -> Any:
    """Restore the global generators, which the engine seeds, spare the objects of the process its garbage
    collections, and keep from the screen the traceback of an error that is raised anyway."""
    devices = [] if device.type == "cpu" else [device]
    logger = logging.getLogger("ContinuousBatchingLogger")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    gc.freeze()
    try:
        with torch.random.fork_rng(devices, device_type=device.type if devices else "cuda"):
            yield
    finally:
        gc.unfreeze()
        logger.setLevel(level)


def _bounds(prompts: Sequence[int], max_new_tokens: int) -> ContinuousBatchingConfig:
    """Settings with room for the `TOGETHER` longest responses; the engine takes most memory by default."""
    pages = sorted((-(-(length + max_new_tokens) // PAGE) for length in prompts), reverse=True)
    together = min(TOGETHER, len(prompts))
    return ContinuousBatchingConfig(
        page_size=PAGE,
        num_blocks=sum(pages[:together]),
        max_batch_tokens=max(together, min(sum(prompts), READ)),
        max_requests_per_batch=together,
        safety_margin=0.0,
        allow_block_sharing=False,
        use_async_batching=False,  # the number of a response's tokens is then known
        use_cuda_graph=False,  # the engine lives for one batch
        auto_switch_to_flash=False,  # it may fetch a kernel from the Hub
        disable_nccl_graph_mixing=False,  # it writes to the environment
        seed=0,  # nothing is drawn from it
    )


def _run(engine: Any, encoded: Sequence[Sequence[int]]) -> list[list[int]]:
    """The ids of each response; the engine's thread ends also if it fails."""
    responses: dict[int, Any] = {}
    engine.start()
    try:
        for number, ids in enumerate(encoded):
            engine.add_request(list(ids), request_id=str(number))
        while len(responses) < len(encoded):
            result = engine.get_result(timeout=1)
            if result is None and not engine.is_running():
                raise RuntimeError("continuous batching stopped before all responses were sampled")
            if result is not None:
                if result.error is not None:
                    raise RuntimeError(f"continuous batching failed: {result.error}")
                responses[int(result.request_id)] = result.generated_tokens
    finally:
        engine.stop(block=True, hard_stop=True)
        engine.destroy()
    return [responses[number] for number in range(len(encoded))]
