"""Whether a sampler draws what `generate` draws, on a small batch before a run begins."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rlchf.train.models.adapters import inside_adapters
from rlchf.train.ppo.responses import Rollout, response_logits
from rlchf.train.ppo.sampling import Key, Sampler, sample, uniforms
from rlchf.train.ppo.sharding import is_sharded

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from rlchf.train.ppo.setup import Setup

PROMPTS, TOKENS = 8, 12
"""Size of the small batch."""


def check_draws(policy: "PreTrainedModel", setup: "Setup") -> None:
    """Refuse a sampler that does not draw the responses of `generate` on a small batch.

    Some architectures are read in another way by it, and then the responses come from another
    distribution than the policy's, which no later figure shows.

    Raises
    ------
    ValueError
        If a response differs by more than rounding explains, or the sampler fails.
    """
    config, sampler = setup.config, setup.sampler
    assert sampler is not None
    if is_sharded(policy):
        return  # the sampler says itself that it does not work then
    # Prompts of different lengths, the shortest and the longest among them.
    by_length = sorted(range(len(setup.encoded)), key=lambda i: len(setup.encoded[i]))
    steps = torch.linspace(0, len(by_length) - 1, min(PROMPTS, len(by_length))).long().tolist()
    encoded = [setup.encoded[by_length[step]] for step in steps]
    encoded *= -(-PROMPTS // len(encoded))
    keys: list[Key] = [(config.seed, 5, number) for number in range(len(encoded))]
    tokens = min(TOKENS, config.max_new_tokens)

    def draw(one: Sampler) -> Rollout:
        return one(
            policy, setup.tokenizer, encoded, keys,
            max_new_tokens=tokens, temperature=config.temperature, ends=setup.ends.tokens,
        )  # fmt: skip

    name = type(inside_adapters(policy)).__name__
    expected = draw(sample)
    try:
        rollout = draw(sampler)
    except Exception as error:  # whatever an engine raises for a model that it was not made for
        raise ValueError(
            f"sampler '{config.sampler}' does not work with a {name} ({error}); choose 'generate'"
        ) from error
    different = differing(rollout, expected)
    if not different.any():
        return
    errors = draw_errors(policy, rollout, keys, config.temperature)[different]
    if errors.max() > max(1e-3, 10 * torch.finfo(_precision(policy)).eps):
        raise ValueError(
            f"sampler '{config.sampler}' does not draw from the policy, a {name}: {int(different.sum())} of "
            f"{len(encoded)} responses differ from those of 'generate' by more than rounding; choose "
            "'generate'"
        )


def differing(rollout: Rollout, expected: Rollout) -> Tensor:
    """(B,) whether a response differs from the expected one."""
    pairs = zip(_rows(rollout), _rows(expected), strict=True)
    return torch.tensor([row != other for row, other in pairs], device=rollout.ids.device)


def _rows(rollout: Rollout) -> list[list[int]]:
    masked = zip(rollout.responses, rollout.response_mask, strict=True)
    return [ids[mask].tolist() for ids, mask in masked]


@torch.no_grad()
def draw_errors(
    policy: "PreTrainedModel", rollout: Rollout, keys: Sequence[Key], temperature: float
) -> Tensor:
    """(B,) the largest distance of a uniform number from the interval of the token that was drawn with it.

    The interval is that of the token in the policy's distribution function. For responses of the policy the
    distance is 0 up to rounding, wherever an earlier token may have fallen by rounding.
    """
    logits, _ = response_logits(policy, rollout, temperature)
    total = torch.softmax(logits.float(), -1).cumsum(-1)
    tokens = rollout.responses[..., None]
    upper = total.gather(2, tokens)[..., 0]
    lower = torch.where(tokens[..., 0] > 0, total.gather(2, (tokens - 1).clamp(min=0))[..., 0], 0.0)
    u = uniforms(keys, tokens.shape[1]).to(total)
    distance = torch.maximum(lower - u, u - upper).clamp(min=0)
    return torch.where(rollout.response_mask, distance, 0).amax(1)


def _precision(policy: "PreTrainedModel") -> torch.dtype:
    """The precision in which the policy computes."""
    device = policy.device.type
    mixed = torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if mixed else policy.dtype
