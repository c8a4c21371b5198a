"""How the outputs of a reward model's head become rewards, and how sure of them it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rlchf.train.reward.heads import category_moments, category_quantile, mean_and_spread, quantile


@dataclass(frozen=True)
class Readout:
    """What a head's outputs (N, n) mean.

    Attributes
    ----------
    head
        ``scalar`` (with several outputs, an ensemble), ``mean_variance`` or ``categorical``.
    quantile
        The reward is this quantile of a head with a distribution; 0 is the mean.
    uncertainty_penalty
        The reward of an ensemble is its mean less this many standard deviations (the lower bound).
    shift
        What is taken from each output of a scalar head, or from the reward of another.
    """

    head: str = "scalar"
    quantile: float = 0.0
    uncertainty_penalty: float = 0.0
    shift: tuple[float, ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Readout":
        """From what ``reward_config.json`` says; nothing said is a plain score."""
        return cls(
            head=settings.get("head", "scalar"),
            quantile=settings.get("quantile", 0.0),
            uncertainty_penalty=settings.get("uncertainty_penalty", 0.0),
            shift=tuple(settings.get("shift", ())),
        )

    def reward(self, outputs: Tensor) -> Tensor:
        """(N,) reward of each response."""
        mean, spread = self.moments(outputs)
        if self.head == "categorical" and self.quantile:
            return category_quantile(outputs, self.quantile) - self._shift(outputs)[0]
        if self.head == "mean_variance" and self.quantile:
            return quantile(mean, spread, self.quantile)
        return mean - self.uncertainty_penalty * spread if self.uncertainty_penalty else mean

    def moments(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """(N,) mean and standard deviation: of the distribution, or of the ensemble's heads."""
        shift = self._shift(outputs)
        if self.head == "mean_variance":
            mean, spread = mean_and_spread(outputs)
            return mean - shift[0], spread
        if self.head == "categorical":
            mean, variance = category_moments(outputs)
            return mean - shift[0], variance.sqrt()
        scores = outputs - shift if self.shift else outputs
        if scores.shape[1] == 1:
            return scores[:, 0], scores.new_zeros(len(scores))
        return scores.mean(1), scores.std(1)

    def _shift(self, outputs: Tensor) -> Tensor:
        return outputs.new_tensor(self.shift or (0.0,))
