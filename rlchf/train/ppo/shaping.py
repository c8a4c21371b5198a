"""Scores of responses: checks of what a reward returned, normalisation, clipping and penalties."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rlchf.io.files import shown
from rlchf.prompts import Prompt
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.objectives import Reduce, one_process
from rlchf.train.ppo.responses import Rollout

Reward = Callable[[list[Prompt], list[str]], Sequence[float] | Tensor]
"""Scores responses to prompts, one number each, higher is better."""
Measure = Callable[[list[Prompt], list[str]], Mapping[str, float]]
"""Measures responses to prompts: numbers by name, to be shown and logged."""


def share_of(name: str, label: Callable[[str], object]) -> Measure:
    """A measure: the share of responses that have a label.

    Examples
    --------
    >>> share_of("short", lambda text: len(text) < 4)(["p"] * 4, ["a", "b", "c", "long"])
    {'short': 0.75}
    """

    def share(prompts: list[Prompt], responses: list[str]) -> dict[str, float]:
        return {name: sum(bool(label(text)) for text in responses) / len(responses)}

    return share


def check_scores(scores: Sequence[float] | Tensor, texts: list[str]) -> Tensor:
    """The scores that a reward returned as a tensor, checked: one finite number per response."""
    try:
        scores = torch.as_tensor(scores).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"the reward returned {shown(scores)}; it must return one number per response"
        ) from error
    if scores.shape != (len(texts),):
        raise ValueError(
            f"the reward returned shape {tuple(scores.shape)} for {len(texts)} responses; "
            "it must return one number per response"
        )
    if not scores.isfinite().all():
        bad = int((~scores.isfinite()).nonzero()[0, 0])
        raise ValueError(f"the reward of response {bad} is {scores[bad].item()}: {texts[bad]!r}")
    return scores


def keeps_state(reward: Any) -> bool:
    """Whether a reward has a state that changes as it is used, which a checkpoint has to hold."""
    return hasattr(reward, "load_state_dict") and not isinstance(reward, nn.Module)


@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of all scores so far."""

    count: float = 0.0
    mean: float = 0.0
    squares: float = 0.0

    def with_batch(self, scores: Tensor, reduce: Reduce = one_process) -> "Moments":
        """The moments with those of one more batch, over all processes.

        References
        ----------
        T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979.
        """
        scores = scores.double()
        count = float(reduce(torch.tensor(float(len(scores)), device=scores.device)))
        mean = float(reduce(scores.sum())) / count
        squares = float(reduce((scores - mean).square().sum()))
        total, step = self.count + count, mean - self.mean
        return Moments(
            total,
            self.mean + step * count / total,
            self.squares + squares + step**2 * self.count * count / total,
        )

    def normalise(self, scores: Tensor) -> Tensor:
        """The scores, normalised so that all scores so far have mean 0 and variance 1.

        They are 0 where all scores were equal.
        """
        deviation = (self.squares / self.count) ** 0.5
        normalised: Tensor = (scores - self.mean) / max(deviation, 1e-4)
        return normalised


def shape_scores(scores: Tensor, rollout: Rollout, config: PPOConfig, moments: Moments) -> Tensor:
    """(B,) reward of each response after normalisation, clipping and penalties.

    References
    ----------
    The penalty of long responses: Q. Yu et al., "DAPO", 2025, https://arxiv.org/abs/2503.14476,
    equation 13, whose interval is a fifth of the longest response as well.
    """
    if config.normalise_reward:
        scores = moments.normalise(scores)
    if config.reward_clip:
        scores = scores.clamp(-config.reward_clip, config.reward_clip)
    scores = scores - config.missing_eos_penalty * ~rollout.finished
    if config.overlong_penalty:
        excess = (rollout.lengths / config.max_new_tokens - 0.8) / 0.2
        scores = scores - config.overlong_penalty * excess.clamp(0, 1)
    return scores
