"""Settings of critiques and revisions; reading them needs no torch."""

from dataclasses import dataclass
from typing import Literal

from rlchf.settings import setting
from rlchf.train.candidates.config import DrawConfig

LongPrompts = Literal["refuse", "drop"]


@dataclass(frozen=True)
class ReviseConfig(DrawConfig):
    """How often responses are revised, and how critiques and revisions are drawn."""

    rounds: int = setting(4, "Number of revisions of each response.", at_least=1)
    critique: bool = setting(True, "Critique before each revision.")
    long_prompts: LongPrompts = setting(
        "refuse",
        "Prompts that leave the context no room for examples, response, critique and revision: refused, or "
        "left out (drop).",
        group="Sampling",
    )
