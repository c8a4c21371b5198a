"""Sampling responses by vLLM, where it is installed."""

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rlchf.train.models.adapters import inside_adapters
from rlchf.train.models.ends import end_ids
from rlchf.train.ppo.random_states import random_states, restore_random_states
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampling import Key
from rlchf.train.ppo.sharding import plain_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class VllmSampler:
    """Samples by an engine of vLLM in this process, which gets the policy's weights before each batch.

    The engine starts with the first batch, and holds a copy of the weights and the key-value cache. Later
    batches copy the weights into those that it has; it is not started anew. A
    response depends on its key, its prompt and the policy, and, as far as the engine's kernels round
    differently, on its batch. Under `torch.autocast` the engine computes in that precision.

    Parameters
    ----------
    longest
        Maximum number of tokens of a prompt and its response together.
    memory
        Fraction of the GPU's memory that the engine may take.

    Raises
    ------
    ValueError
        If the engine has packed its weights, as on CPUs, and cannot take others, or is of a version that
        reads weights from files only.
    """

    def __init__(self, longest: int, memory: float = 0.3) -> None:
        self.longest, self.memory = longest, memory
        self.engine: Any = None

    def __call__(
        self,
        policy: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        encoded: Sequence[Sequence[int]],
        keys: Sequence[Key],
        *,
        max_new_tokens: int,
        temperature: float = 1.0,
        ends: Sequence[int] = (),
    ) -> Rollout:
        """Sample as `rlchf.train.ppo.sampling.sample` does."""
        with _generators_kept():
            self.engine = self.engine or self._start(policy)
            from vllm import SamplingParams, TokensPrompt

            ends = list(ends) or end_ids(tokenizer, model=policy)
            self._refresh(policy)
            settings = [
                SamplingParams(
                    seed=int(np.random.SeedSequence(key).generate_state(1)[0]),
                    temperature=temperature,
                    max_tokens=max_new_tokens,
                    stop_token_ids=ends,
                    detokenize=False,
                )
                for key in keys
            ]
            prompts = [TokensPrompt(prompt_token_ids=list(ids)) for ids in encoded]
            outputs = self.engine.generate(prompts, settings, use_tqdm=False)
        responses = [list(each.outputs[0].token_ids) for each in outputs]
        return Rollout.of(encoded, responses, ends, policy.device)

    def _refresh(self, policy: "PreTrainedModel") -> None:
        """Copy the policy's weights into those of the engine."""
        weights = {"weights_iterator": plain_weights(policy)}
        try:
            self.engine.collective_rpc("reload_weights", kwargs=weights)
        except TypeError as error:
            if "weights_iterator" not in str(error):
                raise
            from vllm import __version__

            raise ValueError(
                f"sampler is 'vllm', and vLLM {__version__} takes no weights from memory; install a newer "
                "one (0.32 does), or choose 'generate'"
            ) from error

    def _start(self, policy: "PreTrainedModel") -> Any:
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # in the process that has the weights
        from vllm import LLM

        model = inside_adapters(policy)
        device = model.device.type
        mixed = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if mixed else model.dtype
        config = copy.deepcopy(model.config)
        config.architectures = [type(model).__name__]
        with TemporaryDirectory() as folder:  # the engine reads the config of a model's folder
            config.save_pretrained(folder)
            engine = LLM(
                folder,
                load_format="dummy",
                skip_tokenizer_init=True,
                generation_config="vllm",  # not the checkpoint's top-k and the like
                dtype=str(dtype).removeprefix("torch."),
                max_model_len=self.longest,
                gpu_memory_utilization=self.memory,
                enable_prefix_caching=False,  # it would outlive the weights
            )
        if not all(engine.apply_model(_takes_weights)):
            raise ValueError(
                "sampler is 'vllm', whose engine has packed its weights, as it does on CPUs, and "
                "cannot take the policy's; choose 'generate' or 'continuous'"
            )
        return engine


def _takes_weights(model: Any) -> bool:
    """Whether all weights of an engine's model can be written."""
    return all(weight.numel() for weight in model.parameters())


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Restore the global random generators, which the engine seeds."""
    states = random_states()
    try:
        yield
    finally:
        restore_random_states(states)
