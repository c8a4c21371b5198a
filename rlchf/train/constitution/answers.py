"""Answers of a policy to prompts, some to each, such as the helpful samples among revisions."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from rlchf.prompts import Prompt
from rlchf.train.candidates.config import DrawConfig
from rlchf.train.candidates.draws import Draw, Drawer, Recorder, Text
from rlchf.train.constitution.plain import in_turns
from rlchf.train.ppo.checks import check_vocabulary, fingerprint
from rlchf.train.ppo.prompts import encode_prompts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def sample_answers(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Mapping[str, Prompt],
    n: int,
    config: DrawConfig,
    *,
    source: str = "",
    recorder: Recorder | None = None,
    precision: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> dict[str, list[Text]]:
    """Sample ``n`` answers to each prompt, as first responses are drawn for revisions.

    Raises
    ------
    ValueError
        If a prompt does not fit the policy; nothing has been sampled then.
    """
    tokenizer, config, turn_of = in_turns(tokenizer, config)
    names = [f"{source}: prompt {prompt_id!r}" for prompt_id in prompts]
    rows = encode_prompts(policy, tokenizer, list(prompts.values()), config.max_new_tokens, names)
    check_vocabulary(policy, rows, [])
    asked = {
        Draw("answer", prompt_id, number): row
        for prompt_id, row in zip(prompts, rows, strict=True)
        for number in range(n)
    }
    recorder = recorder or Recorder()
    drawer = Drawer(policy, tokenizer, config, recorder, fingerprint(policy, rows), precision)
    answers: dict[str, list[Text]] = {prompt_id: [] for prompt_id in prompts}
    for draw, (text, finished) in drawer(asked).items():
        answers[draw.prompt_id].append(Text(turn_of(text), finished))
    return answers
