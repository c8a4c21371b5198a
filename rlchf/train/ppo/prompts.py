"""The prompts of a PPO run as token ids: which of them fit, and in which order they come."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from rlchf.prompts import Prompt
from rlchf.train.models.text import front_ids, prompt_ids, text_front

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

LongPrompts = Literal["refuse", "drop", "truncate_left"]
KEPT_ORDERS = 4
"""Orders of the prompts that are kept: a batch may reach into the next epoch."""


class HasConfig(Protocol):
    """A model, or what has its config."""

    config: "PretrainedConfig"


@dataclass(frozen=True)
class FittedPrompts:
    """The prompts that a policy can answer.

    Attributes
    ----------
    prompts
        The prompts that were kept, as they came.
    encoded
        Token ids of each of them.
    dropped, truncated
        Number of prompts that were too long, and were left out or lost their beginning.
    """

    prompts: list[Prompt]
    encoded: list[list[int]]
    dropped: int = 0
    truncated: int = 0


def fit_prompts(
    policy: "HasConfig",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    names: Sequence[str] | None = None,
    *,
    max_prompt_length: int = 0,
    long_prompts: LongPrompts | None = "refuse",
) -> FittedPrompts:
    """Encode prompts, and refuse, drop or truncate those that are too long.

    Parameters
    ----------
    policy
        The policy, or anything with its config.
    names
        What error messages call the prompts, which are numbered by default.
    max_prompt_length
        Maximum number of tokens of a prompt; 0 for as many as leave room for the response.
    long_prompts
        What happens to a longer one; see `rlchf.train.ppo.config.PPOConfig`. A warning counts them. None
        refuses it without naming the setting.

    Raises
    ------
    ValueError
        If a prompt has no tokens, is too long and not to be changed, or none is left.
    """
    encoded = _encoded(tokenizer, prompts, names)
    room = Room.of(policy.config, max(map(len, encoded)), max_new_tokens, max_prompt_length)
    limit = room.limit
    long = {number: len(ids) for number, ids in enumerate(encoded) if len(ids) > limit}
    if not long:
        return FittedPrompts(list(prompts), encoded)
    if long_prompts in (None, "refuse") or limit < 1:
        number, length = next(iter(long.items()))
        others = f" ({len(long):,} of {len(prompts):,} prompts are too long)"
        problem = room.problem(length, changes=bool(long_prompts))
        raise ValueError(f"{_name(number, names)} has {problem}{others * (len(long) > 1)}")
    problem = f"{len(long):,} of {len(prompts):,} prompts are longer than {limit} tokens"
    if long_prompts == "truncate_left":
        warnings.warn(f"{problem}, and the policy reads them without their beginning", stacklevel=3)
        front = front_ids(tokenizer)
        encoded = [without_beginning(ids, limit, front) for ids in encoded]
        return FittedPrompts(list(prompts), encoded, truncated=len(long))
    kept = [number for number in range(len(prompts)) if number not in long]
    if not kept:
        raise ValueError(
            f"{problem}, so that none is left; let long_prompts be truncate_left, or give shorter prompts"
        )
    warnings.warn(f"{problem}, and are left out", stacklevel=3)
    kept_ids = [encoded[number] for number in kept]
    return FittedPrompts([prompts[number] for number in kept], kept_ids, dropped=len(long))


@dataclass(frozen=True)
class Room:
    """The number of tokens that a prompt may have.

    Attributes
    ----------
    limit
        That number.
    positions
        The model's positions, if they set the limit; 0 if the settings do.
    max_new_tokens
        Tokens of the response.
    """

    limit: int
    positions: int
    max_new_tokens: int

    @classmethod
    def of(
        cls, config: "PretrainedConfig", longest: int, max_new_tokens: int, max_prompt_length: int
    ) -> "Room":
        """The room that a model has for prompts, of which the longest has so many tokens."""
        positions = getattr(config, "max_position_embeddings", None)
        room = longest if positions is None else positions - max_new_tokens
        limit = min(max_prompt_length or longest, room)
        return cls(limit, positions or 0 if limit == room else 0, max_new_tokens)

    def problem(self, length: int, *, changes: bool = True) -> str:
        """Why a prompt of a length is too long, and what would work.

        Parameters
        ----------
        changes
            Whether the setting `long_prompts` is among that.

        Examples
        --------
        >>> Room(10, 0, 5).problem(12)
        '12 tokens, more than max_prompt_length 10; shorten the prompt, or let long_prompts be drop or \
truncate_left'
        """
        problem = f"more than max_prompt_length {self.limit}; shorten the prompt"
        if self.positions:
            problem = (
                f"with {self.max_new_tokens} new ones more than the model's {self.positions} positions; "
                "shorten the prompt or lower max_new_tokens"
            )
        remedy = ", or let long_prompts be drop or truncate_left" * (changes and self.limit > 0)
        return f"{length} tokens, {problem}{remedy}"


def fit_length(
    config: "PretrainedConfig",
    length: int,
    max_new_tokens: int,
    *,
    max_prompt_length: int = 0,
    long_prompts: LongPrompts = "refuse",
) -> int:
    """The length of the longest prompt that a policy reads, where the longest one given has ``length``.

    Raises
    ------
    ValueError
        As `fit_prompts`, if that is too long and not to be changed.
    """
    room = Room.of(config, length, max_new_tokens, max_prompt_length)
    if length > room.limit and (long_prompts == "refuse" or room.limit < 1):
        raise ValueError(f"a prompt has {room.problem(length)}")
    return min(length, room.limit)


def _encoded(
    tokenizer: "PreTrainedTokenizerBase", prompts: Sequence[Prompt], names: Sequence[str] | None
) -> list[list[int]]:
    """Token ids of each prompt, which has some."""
    front = text_front(tokenizer)
    encoded = []
    for number, prompt in enumerate(prompts):
        try:
            encoded.append(prompt_ids(tokenizer, prompt, front))
        except ValueError as error:
            raise ValueError(f"{_name(number, names)}: {error}") from None
        if not encoded[-1]:
            name = _name(number, names)
            raise ValueError(f"{name} has no tokens; give the model something to continue")
    return encoded


def encode_prompts(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[Prompt],
    max_new_tokens: int,
    names: Sequence[str] | None = None,
) -> list[list[int]]:
    """Token ids of each prompt, checked to be non-empty and to leave room for the response.

    Error messages call a prompt by its name; without `names`, by its number.
    """
    return fit_prompts(policy, tokenizer, prompts, max_new_tokens, names, long_prompts=None).encoded


def _name(number: int, names: Sequence[str] | None) -> str:
    return names[number] if names else f"prompt {number}"


def without_beginning(ids: list[int], limit: int, front: Sequence[int]) -> list[int]:
    """The last tokens of a prompt, behind what the tokenizer puts in front of a text, if there is room."""
    if len(ids) <= limit:
        return ids
    kept = list(front) if ids[: len(front)] == list(front) and len(front) < limit else []
    return kept + ids[len(ids) - limit + len(kept) :]


def prompt_at(position: int, count: int, seed: int) -> int:
    """Index of the prompt at a position of the endless shuffled stream over `count` prompts.

    Examples
    --------
    >>> sorted(prompt_at(position, 3, seed=0) for position in range(6, 9))
    [0, 1, 2]
    """
    if count == 1:
        return 0
    epoch, index = divmod(position, count)
    return int(_order(count, seed, epoch)[index])


@lru_cache(maxsize=KEPT_ORDERS)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The prompts of one epoch in their random order."""
    return np.random.default_rng((seed, 3, epoch)).permutation(count)
