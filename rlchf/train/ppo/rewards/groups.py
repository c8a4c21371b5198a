"""What rewards share: the responses of a batch that answer the same prompt, and scores per voter."""

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
        What is answered.
    responses
        The K different texts among the answers, in the order in which they appear.
    at
        For each row, which of them it is: (n,) whole numbers.
    """

    prompt: Prompt
    responses: list[str]
    at: Tensor

    @property
    def counts(self) -> Tensor:
        """(K,) how many rows give each text."""
        return torch.bincount(self.at, minlength=len(self.responses))


def groups_of(prompts: Sequence[Prompt], responses: Sequence[str], each: int = 0) -> list[Group]:
    """Cut a batch where the prompt changes, and after `each` responses if the prompt comes again.

    Examples
    --------
    >>> [group.responses for group in groups_of(["p", "p", "p", "q"], ["x", "y", "x", "z"])]
    [['x', 'y'], ['z']]
    >>> [group.responses for group in groups_of(["p"] * 4, ["x", "y", "x", "z"], each=2)]
    [['x', 'y'], ['x', 'z']]
    """
    found = []
    rows = zip(prompts, responses, strict=True)
    for prompt, members in groupby(rows, key=lambda row: row[0]):
        run = [text for _, text in members]
        size = each if each and len(run) % each == 0 else len(run)
        for start in range(0, len(run), size):
            texts = run[start : start + size]
            number = {text: k for k, text in enumerate(dict.fromkeys(texts))}
            at = torch.tensor([number[text] for text in texts])
            found.append(Group(prompt, list(number), at))
    return found


class Comparing:
    """A reward that compares the responses to one prompt."""

    each = 0
    """Responses to a prompt, if known: PPO sets it, so that a prompt that comes twice is two groups."""
    called = ""
    """What messages call it; by default its class's name."""

    def groups(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> list[Group]:
        """The groups of a batch; one in which no prompt is answered twice is refused."""
        found = groups_of(prompts, responses, self.each)
        need_several(found, self.called or type(self).__name__)
        return found


def need_several(groups: Sequence[Group], what: str) -> None:
    """Refuse a batch in which no prompt is answered twice."""
    if groups and all(len(group.at) < 2 for group in groups):
        raise ValueError(
            f"{what} compares the responses to one prompt, but every prompt is answered once; "
            "set responses_per_prompt to 2 or more, better 4 to 8"
        )


def scores_of(reward: Reward, groups: Sequence[Group], name: str) -> list[Tensor]:
    """(K,) scores of each group's texts; every text is read once."""
    prompts = [group.prompt for group in groups for _ in group.responses]
    texts = [text for group in groups for text in group.responses]
    try:
        scores = check_scores(reward(prompts, texts), texts).double().cpu()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return list(scores.split([len(group.responses) for group in groups]))


def weights_of(weights: Sequence[float] | None, count: int, what: str) -> Tensor:
    """(count,) the weights as given, or 1 each; checked to be one for each, and above 0."""
    if not count:
        raise ValueError(f"there are no {what}; give at least one")
    if weights is None:
        return torch.ones(count, dtype=torch.float64)
    found = torch.tensor(list(weights), dtype=torch.float64)
    if len(found) != count:
        raise ValueError(f"there are {len(found)} weights for {count} {what}; give one for each")
    if not ((found > 0) & found.isfinite()).all():
        raise ValueError(f"the weights are {found.tolist()}; each must be above 0")
    return found
