"""Sampling responses from a policy."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, TopKLogitsWarper, TopPLogitsWarper

from rlchf.prompts import Prompt
from rlchf.train.models.adapters import inside_adapters
from rlchf.train.models.ends import StopTokens, end_ids, ends_of
from rlchf.train.models.padding import own_pad_id, pad
from rlchf.train.ppo.prompts import encode_prompts
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sharding import is_sharded
from rlchf.train.ppo.stop_texts import StopTexts, cut_at_stop_texts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Key = tuple[int, ...]
"""Integers that seed the draws of one response: equal keys give equal draws."""


class Sampler(Protocol):
    """Samples one response to each encoded prompt: `sample`, or another backend.

    PPO computes the log-probabilities itself, so a backend only returns token ids. It must draw from the
    whole distribution at the temperature, without top-k, top-p or penalties, with the current weights of
    `policy`; runs are repeatable if `keys` are its only source of randomness. `Rollout.of` makes a
    rollout of token ids; `rlchf.train.ppo.vllm_sampler` is an example. The samplers that a setting
    names are in `rlchf.train.ppo.samplers`.
    """

    def __call__(
        self,
        policy: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
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

    def __init__(
        self,
        uniforms: Tensor,
        prompt_width: int,
        temperature: float,
        warpers: Sequence[LogitsProcessor] = (),
    ) -> None:
        self.uniforms, self.prompt_width, self.temperature = uniforms, prompt_width, temperature
        self.warpers = warpers

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        scores = scores / self.temperature
        for warper in self.warpers:
            scores = warper(input_ids, scores)
        return only_drawn(scores, self.uniforms[:, input_ids.shape[1] - self.prompt_width])


def only_drawn(logits: Tensor, u: Tensor) -> Tensor:
    """The logits (B, V) with all tokens ruled out but the one drawn by each row's uniform number (B,)."""
    cumulative = torch.softmax(logits, dim=-1).cumsum(-1)
    # Rounding may make the total differ from 1; `right` steps over tokens of probability 0.
    drawn = torch.searchsorted(cumulative, u[:, None] * cumulative[:, -1:], right=True)
    drawn = drawn.clamp(max=logits.shape[1] - 1)  # where the logits are NaN
    return torch.full_like(logits, -torch.inf).scatter_(1, drawn, 0.0)


def uniforms(keys: Sequence[Key], count: int) -> Tensor:
    """(keys, count) uniform numbers in [0, 1), below 1 in float32 products too."""
    rows = [np.random.default_rng(key).random(count, dtype=np.float32) for key in keys]
    return torch.from_numpy(np.stack(rows)).clamp(max=1 - 2**-22)


@contextmanager
def sampling_mode(model: "PreTrainedModel", settings: GenerationConfig) -> Any:
    """Switch dropout off and replace the checkpoint's generation settings within a context.

    A call to `generate` takes settings that it is not given from the checkpoint (its top-k, its
    repetition penalty ...), and the samples would not come from the policy being trained.
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
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    encoded: Sequence[Sequence[int]],
    keys: Sequence[Key],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    ends: Sequence[int] = (),
    stop_texts: Sequence[str] = (),
    top_k: int = 0,
    top_p: float = 1.0,
) -> Rollout:
    """Sample one response to each encoded prompt from the policy at the given temperature.

    Parameters
    ----------
    policy : a causal language model of transformers, or a peft model around one.
    encoded : token ids of each prompt, as `encode_prompts` returns them.
    keys : one key per prompt; a response depends on its prompt, its key and the policy only.
    ends : ids of the tokens that end a response; by default the end tokens of tokenizer and checkpoint.
    stop_texts : texts that end a response where one of them first appears in it.
    top_k, top_p : draw from the most probable tokens only: so many, or so few that their probability is
        at least `top_p`. By default from all, as training needs.
    """
    model = inside_adapters(policy)
    ends = list(ends) or end_ids(tokenizer, model=policy)
    pad_id = own_pad_id(tokenizer, model, ends[0])
    prompts = pad(encoded, pad_id, "left")
    mask, width = prompts["attention_mask"].to(model.device), prompts["input_ids"].shape[1]
    numbers = uniforms(keys, max_new_tokens).to(model.device)
    warpers = [TopKLogitsWarper(top_k)] if top_k else []
    warpers += [TopPLogitsWarper(top_p)] if top_p < 1 else []
    settings = GenerationConfig(
        max_new_tokens=max_new_tokens, do_sample=False, eos_token_id=ends, pad_token_id=pad_id
    )
    with sampling_mode(model, settings):
        ids = model.generate(
            prompts["input_ids"].to(model.device),
            attention_mask=mask,
            generation_config=settings,
            logits_processor=[_InverseTransform(numbers, width, temperature, warpers)],
            stopping_criteria=[StopTexts(tokenizer, stop_texts, width)] if stop_texts else None,
            logits_to_keep=torch.tensor([-1], device=model.device),  # see `response_logits`
            synced_gpus=is_sharded(model),  # then all processes take part in each token
        )
    is_end = torch.isin(ids[:, width:], torch.tensor(ends, device=ids.device))
    ended_before = is_end.cumsum(1) - is_end.long() > 0
    attention = torch.cat([mask.bool(), ~ended_before], 1)
    rollout = Rollout(ids, attention, ~ended_before, is_end.any(1))
    return cut_at_stop_texts(rollout, tokenizer, stop_texts) if stop_texts else rollout


def with_stop_texts(sampler: Sampler, texts: Sequence[str]) -> Sampler:
    """A sampler whose responses also end where one of the texts first appears in them."""
    if not texts:
        return sampler
    if sampler is sample:
        return partial(sample, stop_texts=texts)

    def stopped(
        policy: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        encoded: Sequence[Sequence[int]],
        keys: Sequence[Key],
        **options: Any,
    ) -> Rollout:
        rollout = sampler(policy, tokenizer, encoded, keys, **options)
        return cut_at_stop_texts(rollout, tokenizer, texts)

    return stopped


def sample_texts(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[Prompt],
    *,
    n_per_prompt: int = 1,
    batch_size: int = 16,
    max_new_tokens: int = 64,
    temperature: float = 1.0,
    stop_tokens: StopTokens = (),
    seed: int = 0,
    encoded: Sequence[Sequence[int]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Sample responses as texts: `n_per_prompt` to the first prompt, then to the next.

    The batch size changes speed and memory, not the samples. `stop_tokens` are as in
    `rlchf.train.ppo.config.PPOConfig`. `encoded` are the token ids of the prompts, as
    `rlchf.train.ppo.prompts.fit_prompts` returns them, if they are known. `progress` is called with the
    number of responses done and the number to do.
    """
    if encoded is None:
        encoded = encode_prompts(policy, tokenizer, prompts, max_new_tokens)
    ends = ends_of(tokenizer, policy, stop_tokens)
    pairs = [(i, j) for i in range(len(prompts)) for j in range(n_per_prompt)]
    texts: list[str] = []
    for start in range(0, len(pairs), batch_size):
        batch = pairs[start : start + batch_size]
        rollout = sample(
            policy,
            tokenizer,
            [encoded[i] for i, _ in batch],
            [(seed, 1, i, j) for i, j in batch],
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            ends=ends.tokens,
            stop_texts=ends.texts,
        )
        texts += rollout.texts(tokenizer, ends.texts)
        if progress:
            progress(len(texts), len(pairs))
    return texts
