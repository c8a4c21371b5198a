"""The arithmetic of a vote as an advantage estimator of verl; see ``examples/integrations/verl_vote.py``."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from rlchf.integrations.grouping import grouped_order
from rlchf.train.ppo.rewards.vote import Vote

GUARD = 1e-4
"""Added to a standard deviation before dividing by it, as in `rlchf.train.ppo.advantages.grpo`."""


def vote_advantages(
    scores: Mapping[str, ArrayLike],
    prompts: Sequence[Hashable],
    responses: Sequence[Hashable],
    rule: str | Callable[..., Any] = "kemeny",
    weights: Sequence[float] | None = None,
    *,
    bonuses: Sequence[float] | Tensor = (),
    **options: Any,
) -> Tensor:
    """(B,) advantages of GRPO when the reward is a vote among the responses to each prompt.

    The numbers are those of `rlchf.train.ppo.rewards.Vote` with `rlchf.train.ppo.advantages.grpo`, for
    rows in any order and prompts with any number of responses. A prompt's only response has advantage 0.

    Parameters
    ----------
    scores
        For each voter by name, its score of each of the B responses.
    prompts
        (B,) what tells prompts apart, such as verl's ``uid``.
    responses
        (B,) what tells responses apart, such as their text or a tuple of their tokens: equal responses to
        a prompt stand for election once, with the scores of the first.
    rule, weights, options
        As for `rlchf.train.ppo.rewards.Vote`.
    bonuses
        (B,) rewards to add to those of the vote, such as KL penalties; none by default.

    Examples
    --------
    >>> scores = {"ann": [2.0, 1.0, 0.0], "bob": [1.0, 2.0, 0.0], "eve": [2.0, 1.0, 0.0]}
    >>> vote_advantages(scores, ["p"] * 3, ["a", "b", "c"], "borda").round(decimals=2)
    tensor([ 0.7600,  0.3800, -1.1300])
    """
    values = {name: np.asarray(column, dtype=np.float64) for name, column in scores.items()}
    for name, column in values.items():
        if column.shape != (len(responses),):
            raise ValueError(
                f"voter {name!r} has scores of shape {column.shape} for {len(responses)} responses; give "
                "one number per response"
            )
    if len(set(prompts)) == len(prompts):
        raise ValueError(
            "a vote compares the responses to one prompt, but every prompt has one; set "
            "actor_rollout_ref.rollout.n to 2 or more, better 4 to 8"
        )
    order = grouped_order(prompts)
    names = _numbered(prompts), _numbered(responses)
    asked, texts = ([column[row] for row in order] for column in names)
    row_of = {(asked[n], texts[n]): row for n, row in reversed(list(enumerate(order)))}

    def voter(name: str) -> Callable[[Sequence[Any], Sequence[str]], list[float]]:
        return lambda prompts, texts: [
            float(values[name][row_of[pair]]) for pair in zip(prompts, texts, strict=True)
        ]

    vote = Vote([voter(name) for name in values], rule, weights, **options)
    total = vote(asked, texts)
    if len(bonuses):
        total = total + torch.as_tensor(bonuses, dtype=total.dtype)[order]
    advantages = torch.zeros(len(responses))
    advantages[order] = _group_relative(total, asked)
    return advantages


def _numbered(items: Sequence[Hashable]) -> list[str]:
    """A name for each item, equal for equal ones."""
    numbers = {item: n for n, item in enumerate(dict.fromkeys(items))}
    return [str(numbers[item]) for item in items]


def _group_relative(rewards: Tensor, prompts: Sequence[str]) -> Tensor:
    """Rewards normalised among the consecutive rows of each prompt."""
    groups = rewards.split(list(Counter(prompts).values()))
    parts = [
        (group - group.mean()) / (group.std() + GUARD) if len(group) > 1 else torch.zeros(1)
        for group in groups
    ]
    return torch.cat(parts)
