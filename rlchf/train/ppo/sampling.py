"""Sampling responses from a policy."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import torch
import transformers
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor

from rlchf.prompts import Prompt
from rlchf.train.models.text import prompt_ids
from rlchf.train.ppo.responses import Rollout, response_logits
from rlchf.train.ppo.sharding import inside_adapters, is_divided

__all__ = [
    "Rollout",
    "Sampler",
    "encode_prompts",
    "end_ids",
    "named_sampler",
    "response_logits",
    "sample",
    "sample_texts",
]

Key = tuple[int, ...]
"""Integers from which one response draws its randomness: equal keys, equal draws."""


class Sampler(Protocol):
    """Samples one response to each encoded prompt: `sample`, or a faster backend in its place.

    The loop computes the log-probabilities itself, so a backend need only return token ids. It must
    draw from the whole distribution at the temperature, without top-k, top-p or penalties, and with
    the weights that `policy` has now; `keys` are its only source of randomness if runs are to be
    repeatable. `Rollout.of` lays token ids out; `rlchf.train.ppo.vllm_sampler` is an example.
    """

    def __call__(
        self,
        policy: Any,
        tokenizer: Any,
        encoded: Sequence[Sequence[int]],
        keys: Sequence[Key],
        *,
        max_new_tokens: int,
        temperature: float,
        ends: Sequence[int],
    ) -> Rollout:
        """Sample as `sample` does."""


class _InverseTransform(LogitsProcessor):  # type: ignore[misc]
    """Draws the next token by inverting the distribution function at a given uniform number.

    It leaves the drawn token as the only possible one, so that `generate` needs no randomness of
    its own and a response does not depend on the batch, or the process, in which it is sampled.
    """

    def __init__(self, uniforms: Tensor, prompt_width: int, temperature: float) -> None:
        self.uniforms, self.prompt_width, self.temperature = uniforms, prompt_width, temperature

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        u = self.uniforms[:, input_ids.shape[1] - self.prompt_width]
        return only_drawn(scores / self.temperature, u)


def only_drawn(logits: Tensor, u: Tensor) -> Tensor:
    """Leave of each row of logits (B, V) the token at its uniform number (B,)."""
    cumulative = torch.softmax(logits, dim=-1).cumsum(-1)
    # Rounding may leave the total off 1; `right` steps over tokens of probability 0.
    drawn = torch.searchsorted(cumulative, u[:, None] * cumulative[:, -1:], right=True)
    drawn = drawn.clamp(max=logits.shape[1] - 1)  # where the logits are NaN
    return torch.full_like(logits, -torch.inf).scatter_(1, drawn, 0.0)


def uniforms(keys: Sequence[Key], count: int) -> Tensor:
    """One row of `count` uniform numbers in [0, 1) per key; below 1 in float32 products too."""
    rows = [np.random.default_rng(key).random(count, dtype=np.float32) for key in keys]
    return torch.from_numpy(np.stack(rows)).clamp(max=1 - 2**-22)


def encode_prompts(
    policy: Any,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    names: Sequence[str] | None = None,
) -> list[list[int]]:
    """Token ids of each prompt, checked to be non-empty and to leave room for the response.

    Messages call a prompt by its name; without `names`, by its number.
    """
    if tokenizer.eos_token_id is None:
        raise ValueError("the tokenizer has no end-of-sequence token; set tokenizer.eos_token")
    room = getattr(policy.config, "max_position_embeddings", None)
    encoded = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    for number, ids in enumerate(encoded):
        name = names[number] if names else f"prompt {number}"
        if not ids:
            raise ValueError(f"{name} has no tokens; give the model something to continue")
        if room is not None and len(ids) + max_new_tokens > room:
            raise ValueError(
                f"{name} has {len(ids)} tokens, with {max_new_tokens} new ones more than "
                f"the model's {room} positions; shorten the prompt or lower max_new_tokens"
            )
    return encoded


def end_ids(tokenizer: Any, stop: Sequence[str | int] = ()) -> list[int]:
    """Ids of the tokens that end a response: the tokenizer's end token, then those of `stop`.

    Raises
    ------
    ValueError
        If a text is not exactly one token, or an id is none of the vocabulary's.
    """
    ends = [int(tokenizer.eos_token_id)]
    for token in stop:
        ids: list[Any] = [token]
        if isinstance(token, str):
            ids = tokenizer(token, add_special_tokens=False)["input_ids"]
            if len(ids) != 1:
                raise ValueError(
                    f"stop: {token!r} is {len(ids)} tokens of the policy's tokenizer; give texts of "
                    "one token each, or a token's id"
                )
        elif not 0 <= token < len(tokenizer):
            raise ValueError(
                f"stop: {token} is no token; the vocabulary has ids up to {len(tokenizer) - 1}"
            )
        ends += [i for i in ids if i not in ends]
    return ends


@contextmanager
def sampling_mode(model: Any, settings: GenerationConfig) -> Any:
    """Switch dropout off and replace the checkpoint's own generation settings, for a while.

    Settings that a call to `generate` leaves open are filled from the checkpoint (its top-k, its
    repetition penalty ...), and the samples would no longer come from the policy being trained.
    """
    before, training = model.generation_config, model.training
    model.generation_config = settings
    model.eval()
    try:
        yield
    finally:
        model.generation_config = before
        model.train(training)


@torch.no_grad()
def sample(
    policy: Any,
    tokenizer: Any,
    encoded: Sequence[Sequence[int]],
    keys: Sequence[Key],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    ends: Sequence[int] = (),
) -> Rollout:
    """Sample one response to each encoded prompt from the policy at the given temperature.

    Parameters
    ----------
    policy : a causal language model of transformers, or a peft model around one.
    encoded : token ids of each prompt, as `encode_prompts` returns them.
    keys : one key per prompt; a response depends on its prompt, its key and the policy only.
    ends : ids of the tokens that end a response; by default the tokenizer's end token.
    """
    model = inside_adapters(policy)
    ends = list(ends) or end_ids(tokenizer)
    pad = ends[0] if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    width = max(len(ids) for ids in encoded)
    prompts = torch.tensor([[pad] * (width - len(ids)) + list(ids) for ids in encoded])
    mask = torch.tensor([[False] * (width - len(ids)) + [True] * len(ids) for ids in encoded])
    prompts, mask = prompts.to(model.device), mask.to(model.device)
    numbers = uniforms(keys, max_new_tokens).to(model.device)
    settings = GenerationConfig(
        max_new_tokens=max_new_tokens, do_sample=False, eos_token_id=ends, pad_token_id=pad
    )
    with sampling_mode(model, settings):
        ids = model.generate(
            prompts,
            attention_mask=mask.long(),
            generation_config=settings,
            logits_processor=[_InverseTransform(numbers, width, temperature)],
            logits_to_keep=torch.tensor([-1], device=model.device),  # see `response_logits`
            synced_gpus=is_divided(model),  # then all processes take part in each token
        )
    is_end = torch.isin(ids[:, width:], torch.tensor(ends, device=ids.device))
    ended_before = is_end.cumsum(1) - is_end.long() > 0
    return Rollout(ids, torch.cat([mask, ~ended_before], 1), ~ended_before, is_end.any(1))


def named_sampler(name: str, longest: int) -> Sampler:
    """The sampler of a run's setting `sampler`; prompt and response have at most `longest` tokens."""
    if name == "generate":
        return sample
    if name == "vllm":
        if not find_spec("vllm"):
            raise ValueError(
                "sampler is 'vllm', which is not installed; pip install vllm, or choose 'generate'"
            )
        from rlchf.train.ppo.vllm_sampler import VllmSampler

        return VllmSampler(longest)
    try:
        from rlchf.train.ppo.continuous import sample_continuous
    except ImportError as error:
        raise ValueError(
            f"sampler is 'continuous', for which transformers {transformers.__version__} is too old; "
            "install 5.23 or later, or choose 'generate'"
        ) from error
    return sample_continuous


def sample_texts(
    policy: Any,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    *,
    n_per_prompt: int = 1,
    batch_size: int = 16,
    max_new_tokens: int = 64,
    temperature: float = 1.0,
    stop: Sequence[str | int] = (),
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Sample responses as texts: `n_per_prompt` to the first prompt, then to the next.

    The batch size changes speed and memory, not the samples. `stop` is as in `end_ids`. `progress` is called with the number
    of responses done and the number to do.
    """
    encoded = encode_prompts(policy, tokenizer, prompts, max_new_tokens)
    ends = end_ids(tokenizer, stop)
    jobs = [(i, j) for i in range(len(prompts)) for j in range(n_per_prompt)]
    texts: list[str] = []
    for start in range(0, len(jobs), batch_size):
        batch = jobs[start : start + batch_size]
        rollout = sample(
            policy,
            tokenizer,
            [encoded[i] for i, _ in batch],
            [(seed, 1, i, j) for i, j in batch],
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            ends=ends,
        )
        texts += rollout.texts(tokenizer)
        if progress:
            progress(len(texts), len(jobs))
    return texts
