"""The last hidden state of each response in a frozen language model."""

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from rlchf.prompts import Prompt
from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
from rlchf.train.models.text import encode_responses, text_front
from rlchf.train.reward.backbone import positions_of

if TYPE_CHECKING:
    from rlchf.rankings import Rankings

LONGEST = 1024
"""Tokens of a prompt with its response at most."""
TOKENS = 4096
"""Tokens of a forward pass."""


@torch.no_grad()
def response_states(
    name: str,
    rankings: "Rankings",
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Mapping[str, str]],
    tick: Callable[..., object] | None = None,
) -> np.ndarray:
    """Read each prompt with each of its responses, and keep the last layer's state of the last token.

    Parameters
    ----------
    name
        The language model, as `rlchf.train.models.load_policy` takes it.
    prompts, responses
        The texts, by id.
    tick
        Called with the number of responses done, and of all.

    Returns
    -------
    (R, d) float64, in the order of ``rankings.response_ids``.
    """
    quieten_transformers()
    model, tokenizer = load_policy(name).eval(), load_tokenizer(name)
    limit = positions_of(model)[1]
    longest = LONGEST if limit is None else min(LONGEST, limit)
    rows: list[list[int]] = []
    cut, front = 0, text_front(tokenizer)
    for prompt in rankings.prompt_ids:
        texts = [responses[prompt][one] for one in rankings.responses(prompt)]
        encoded, too_long = encode_responses(tokenizer, prompts[prompt], texts, longest, front)
        rows += encoded
        cut += too_long
    if cut:
        warnings.warn(
            f"{cut:,} of {len(rows):,} responses are longer than {longest} tokens with their prompt, and "
            "lose its beginning",
            stacklevel=2,
        )
    states: np.ndarray | None = None
    order, done = sorted(range(len(rows)), key=lambda n: len(rows[n])), 0
    while done < len(order):
        most = min(done + max(1, TOKENS // len(rows[order[done]])), len(order))
        length = len(rows[order[most - 1]])  # the rows are in order, shortest first
        chosen = order[done : done + max(1, TOKENS // length)]
        found = _last_states(model, [rows[n] for n in chosen])
        if states is None:
            states = np.empty((len(rows), found.shape[1]))
        states[chosen] = found
        done += len(chosen)
        if tick is not None:
            tick(done, len(order))
    assert states is not None, "rankings have a response"
    if not np.isfinite(states).all():
        raise ValueError(f"the model {name} gives states that are not finite; give another")
    return states


def _last_states(model: torch.nn.Module, rows: list[list[int]]) -> np.ndarray:
    """(n, d) the state of the last token of each row; rows are padded on the right."""
    length = max(map(len, rows))
    ids, mask = torch.zeros(2, len(rows), length, dtype=torch.long)
    for n, row in enumerate(rows):
        ids[n, : len(row)] = torch.tensor(row)
        mask[n, : len(row)] = 1
    last = mask.sum(dim=1) - 1
    found = model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state  # type: ignore[operator]
    return np.asarray(found[torch.arange(len(rows)), last].double())
