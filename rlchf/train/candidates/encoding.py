"""What is asked of a policy as token ids."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rlchf.prompts import Prompt, with_system, with_text_before
from rlchf.train.candidates.asking import BEGINNING, in_template
from rlchf.train.candidates.config import CandidateConfig
from rlchf.train.candidates.draws import Draw
from rlchf.train.models.text import takes_system
from rlchf.train.ppo.checks import check_vocabulary, fingerprint
from rlchf.train.ppo.prompts import encode_prompts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

HEADING_TOKENS = 16
"""Room for the heading of each of several answers."""


class Encoder:
    """Encodes what is asked of a policy, checked when it is built.

    Parameters
    ----------
    system_prompts
        System prompts by name.
    source
        Name of the prompts file, for messages.

    Raises
    ------
    ValueError
        If a prompt is too long, empty, or a conversation while the policy has no chat template.
    """

    def __init__(
        self,
        policy: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        prompts: Mapping[str, Prompt],
        config: CandidateConfig,
        system_prompts: Mapping[str, str],
        template: str,
        source: str = "",
    ) -> None:
        self.policy, self.tokenizer, self.config = policy, tokenizer, config
        self.prompts, self.system_prompts, self.template = prompts, dict(system_prompts), template
        self.source = f"{source}: " if source else ""
        self.takes_system = config.method != "system_prompts" or takes_system(tokenizer)
        self.cache: dict[tuple[str, str, str], list[int]] = {}
        n = config.responses_per_prompt
        for prompt_id in prompts:
            self(Draw("independent", prompt_id, 0))
            asked = max(n, len(self.system_prompts)) if config.distinct else n
            if config.method == "system_prompts":
                for number in range(asked):
                    self(Draw("system_prompts", prompt_id, number))
            if config.method == "one_prompt":
                self(Draw("one_prompt", prompt_id, 0))

    @property
    def list_tokens(self) -> int:
        """Maximum number of new tokens for several answers together."""
        return self.config.responses_per_prompt * (self.config.max_new_tokens + HEADING_TOKENS)

    @property
    def fingerprint(self) -> dict[str, int]:
        """Of the policy and of all that it is asked."""
        return fingerprint(self.policy, list(self.cache.values()))

    def system_name(self, draw: Draw) -> str:
        """The name of a draw's system prompt.

        Each prompt has them in an order of its own, so that no response id stands for a system prompt, and
        goes through all before one comes again.
        """
        rng = np.random.default_rng((1, *draw.key(self.config.seed)[:-1]))
        names = list(self.system_prompts)
        return names[int(rng.permutation(len(names))[draw.number % len(names)])]

    def __call__(self, draw: Draw) -> list[int]:
        """Token ids of what is asked in a draw."""
        name = self.system_name(draw) if draw.kind == "system_prompts" else ""
        key = draw.kind, draw.prompt_id, name
        if key not in self.cache:
            self.cache[key] = self._encode(draw, name)
        return self.cache[key]

    def _encode(self, draw: Draw, name: str) -> list[int]:
        prompt, added, new_tokens = self.prompts[draw.prompt_id], "", self.config.max_new_tokens
        beginning: list[int] = []
        if name:
            system, added = self.system_prompts[name], f" with the system prompt {name!r}"
            add = with_system if self.takes_system else with_text_before
            prompt = add(prompt, system)
        if draw.kind == "one_prompt":
            prompt = in_template(prompt, self.config.responses_per_prompt, self.template)
            beginning = self.tokenizer(BEGINNING, add_special_tokens=False)["input_ids"]
            added, new_tokens = " in the template", len(beginning) + self.list_tokens
        called = [f"{self.source}prompt {draw.prompt_id!r}{added}"]
        (ids,) = encode_prompts(self.policy, self.tokenizer, [prompt], new_tokens, called)
        check_vocabulary(self.policy, [ids, beginning], [])
        return ids + beginning
