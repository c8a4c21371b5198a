"""Settings of sampling candidates; reading them needs no torch."""

from dataclasses import dataclass
from typing import Literal

from rlchf.settings import Settings, seed_setting, setting

Method = Literal["independent", "system_prompts", "one_prompt"]


@dataclass(frozen=True)
class DrawConfig(Settings):
    """Settings of sampling texts from a policy."""

    max_new_tokens: int = setting(
        256, "Maximum length of a response in tokens.", at_least=1, group="Sampling"
    )
    temperature: float = setting(1.0, "Temperature of the policy.", above=0, group="Sampling")
    top_k: int = setting(
        0, "Number of most probable tokens to draw from; 0 for all.", at_least=0, group="Sampling"
    )
    top_p: float = setting(
        1.0,
        "Smallest total probability of the most probable tokens to draw from (nucleus sampling).",
        above=0,
        at_most=1,
        group="Sampling",
    )
    stop_tokens: tuple[str | int, ...] = setting(
        (),
        "Token that ends a response besides the end tokens of tokenizer and checkpoint, as an id or a text; "
        "repeatable. A text of several tokens ends it where it first appears.",
        group="Sampling",
    )
    batch_size: int = setting(
        16, "Number of responses sampled at a time.", at_least=1, group="Sampling"
    )
    seed: int = seed_setting(group="Sampling")


@dataclass(frozen=True)
class CandidateConfig(DrawConfig):
    """Number of candidates for each prompt, and the method of sampling them."""

    responses_per_prompt: int = setting(
        4, "Number of responses to each prompt; exact duplicates are merged.", at_least=2
    )
    method: Method = setting(
        "independent",
        "Method of making candidates differ: independent draws, a different system prompt for each, or "
        "one prompt that asks for all of them, deliberately different.",
    )
    distinct: bool = setting(
        False,
        "Further draws in place of exact duplicates, at most ten times.",
        group="Candidates",
    )
    baseline: int = setting(
        8,
        "Number of prompts on which the diversity is compared with that of independent draws; 0 for no "
        "comparison.",
        at_least=0,
        group="Candidates",
    )
