"""The responses of a batch grouped by prompt, their scores, and payoffs within a group."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.shaping import Reward, check_scores


@dataclass(frozen=True)
class Group:
    """The rows of a batch that answer one prompt.

    Attributes
    ----------
    prompt
        The prompt.
    responses
        The K different texts among the responses, in the order in which they appear.
    index
        (n,) index into `responses` for each row.
    """

    prompt: Prompt
    responses: list[str]
    index: Tensor

    @property
    def counts(self) -> Tensor:
        """(K,) number of rows with each text."""
        return torch.bincount(self.index, minlength=len(self.responses))


def groups_of(
    prompts: Sequence[Prompt], responses: Sequence[str], responses_per_prompt: int = 0
) -> list[Group]:
    """Cut a batch where the prompt changes, and every `responses_per_prompt` rows of the same prompt.

    Examples
    --------
    >>> [group.responses for group in groups_of(["p", "p", "p", "q"], ["x", "y", "x", "z"])]
    [['x', 'y'], ['z']]
    >>> groups = groups_of(["p"] * 4, ["x", "y", "x", "z"], responses_per_prompt=2)
    >>> [group.responses for group in groups]
    [['x', 'y'], ['x', 'z']]
    """
    groups = []
    rows = zip(prompts, responses, strict=True)
    for prompt, members in groupby(rows, key=lambda row: row[0]):
        run = [text for _, text in members]
        divides = responses_per_prompt and len(run) % responses_per_prompt == 0
        size = responses_per_prompt if divides else len(run)
        for start in range(0, len(run), size):
            texts = run[start : start + size]
            number = {text: k for k, text in enumerate(dict.fromkeys(texts))}
            index = torch.tensor([number[text] for text in texts])
            groups.append(Group(prompt, list(number), index))
    return groups


def scores_of(reward: Reward, groups: Sequence[Group], name: str) -> list[Tensor]:
    """(K,) scores of each group's texts; the reward reads every text once."""
    prompts = [group.prompt for group in groups for _ in group.responses]
    texts = [text for group in groups for text in group.responses]
    try:
        scores = check_scores(reward(prompts, texts), texts).double().cpu()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return list(scores.split([len(group.responses) for group in groups]))


def voter_weights(weights: Sequence[float] | None, count: int) -> Tensor:
    """(count,) the voters' weights, 1 each by default; checked to be one for each, and above 0."""
    if not count:
        raise ValueError("there are no voters; give at least one")
    if weights is None:
        return torch.ones(count, dtype=torch.float64)
    tensor = torch.tensor(list(weights), dtype=torch.float64)
    if len(tensor) != count:
        raise ValueError(f"there are {len(tensor)} weights for {count} voters; give one for each")
    if not ((tensor > 0) & tensor.isfinite()).all():
        raise ValueError(f"the weights are {tensor.tolist()}; each must be above 0")
    return tensor


def mean_payoffs(group: Group, payoff: Tensor) -> Tensor:
    """(n,) each row's mean payoff (K, K) against the other rows of its group; 0 if it is alone."""
    n = len(group.index)
    if n < 2:
        return torch.zeros(n)
    counts = group.counts.to(payoff)
    totals = payoff @ counts - payoff.diagonal()  # no row meets itself
    return (totals / (n - 1))[group.index].float()


def checked_floor(floor: float) -> float:
    """The floor of win shares, checked to leave room between it and 1 - floor."""
    if not 0 < floor < 0.5:
        raise ValueError(f"floor is {floor}; it must be above 0 and below 0.5")
    return floor
