"""The base classes of ways to combine several rewards into one."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, get_type_hints

import torch
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.rewards.groups import Group, groups_of
from rlchf.train.ppo.rewards.preferences import Preference, VoterPreferences
from rlchf.train.ppo.shaping import Reward


class Combination(ABC):
    """Several rewards combined into one reward."""

    compares: ClassVar[bool] = False
    """Whether it compares the responses to one prompt, so that it needs several of them."""
    keeps_shares: ClassVar[bool] = False
    """Whether groups keep their shares under it, with a KL coefficient of 1."""
    normalises: ClassVar[bool] = False
    """Whether its scores are normalised among the responses to a prompt, as GRPO does."""
    follows_kl: ClassVar[bool] = False
    """Whether its scores follow from the KL coefficient and from samples of the reference."""
    mappings: ClassVar[tuple[str, ...]] = ()
    """Parameters of `combine` that hold values by names, and are no options of the command line."""
    weighting: ClassVar[Literal["any", "positive", "none"]] = "positive"
    """The weights of rewards that it takes: any numbers, numbers above 0, or none at all."""
    responses_per_prompt = 0
    """Responses to a prompt, if known: PPO sets it, so that a prompt that comes twice is two groups."""
    whole_batch = False
    """Whether each of several processes is given the rows of all, and not its share of them."""
    moves = True
    """Whether its state moves with each batch; PPO holds it still on held-out prompts."""

    @abstractmethod
    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores."""

    @classmethod
    @abstractmethod
    def combine(
        cls, rewards: Mapping[str, Reward], weights: Sequence[float] | None, **options: Any
    ) -> Self:
        """Combine rewards by name, given their weights (all equal by default) and the options."""

    @property
    def reference_samples(self) -> int:
        """Number of samples of the reference that `fit` is to be given before training; 0 for none."""
        return 0

    def fit(  # noqa: B027
        self, prompts: Sequence[Prompt], responses: Sequence[str], beta: float = 0.0
    ) -> None:
        """Learn from samples of the reference, given the KL coefficient."""

    def figures(self) -> dict[str, float]:
        """Figures of the last batch to log, the same on all processes."""
        return {}

    @classmethod
    def option_types(cls) -> dict[str, Any]:
        """The type of each option: the keyword-only parameters of the class."""
        hints = get_type_hints(cls.__init__)
        parameters = inspect.signature(cls).parameters.values()
        return {p.name: hints[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY}

    def compared_groups(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> list[Group]:
        """The groups of a batch whose responses are compared.

        Raises
        ------
        ValueError
            If no prompt has more than one response.
        """
        groups = groups_of(prompts, responses, self.responses_per_prompt)
        if groups and all(len(group.index) < 2 for group in groups):
            raise ValueError(
                f"{type(self).__name__} compares the responses to one prompt, but every prompt is "
                "answered once; set responses_per_prompt to 2 or more, better 4 to 8"
            )
        return groups


class PreferenceObjective(Combination):
    """An objective on the win shares between the responses to one prompt.

    Parameters
    ----------
    preference
        The win shares: `VoterPreferences` or `Pairwise`.
    """

    compares = True

    def __init__(self, preference: Preference) -> None:
        self.preference = preference

    @classmethod
    def combine(
        cls, rewards: Mapping[str, Reward], weights: Sequence[float] | None, **options: Any
    ) -> Self:
        """The objective on the win shares among the rewards, each of which is a voter."""
        return cls(VoterPreferences(list(rewards.values()), weights), **options)

    @abstractmethod
    def scores(self, group: Group, shares: Tensor) -> Tensor:
        """(n,) scores of a group's rows, given the win shares (K, K) between its texts."""

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores."""
        groups = self.compared_groups(prompts, responses)
        tables = zip(groups, self.preference(groups), strict=True)
        return torch.cat([self.scores(group, shares) for group, shares in tables])
