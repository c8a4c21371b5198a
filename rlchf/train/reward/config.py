"""Settings of the reward model's training; reading them needs no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from rlchf.preferences import BothBad
from rlchf.settings import setting
from rlchf.train.reward.losses import LOSSES
from rlchf.train.trainer_config import TrainerConfig

LearnFrom = Literal["ranking", "shares", "ballots"]
Head = Literal["scalar", "mean_variance", "categorical"]
if TYPE_CHECKING:
    Loss: TypeAlias = str
else:
    Loss = Literal[tuple(LOSSES)]


@dataclass(frozen=True)
class RewardConfig(TrainerConfig):
    """Settings of the reward model's training.

    The collective ranking is learned by its pair
    probabilities where the rule gives them. Centring the scores changes no preference; scaling them changes
    how sure of its preferences the model is.
    """

    epochs: float = setting(
        3.0,
        "Number of passes over the training prompts.",
        above=0,
        at_most=1_000_000,
        group="Training",
    )
    learning_rate: float = setting(
        1e-4, "Peak learning rate.", above=0, at_most=1000, group="Training"
    )
    batch_size: int = setting(
        8, "Prompts (not texts) per forward pass and process.", at_least=1, group="Training"
    )
    max_length: int = setting(
        512,
        "Maximum length in tokens of prompt and response; a longer prompt loses its beginning.",
        at_least=1,
        group="Training",
    )
    held_out: float = setting(
        0.2, "Fraction of prompts held out.", at_least=0, below=1, group="Training"
    )
    early_stopping: int = setting(
        0,
        "Patience: number of evaluations without a lower held-out loss after which training stops and "
        "keeps the best weights; 0 trains to the end.",
        at_least=0,
        group="Training",
    )
    group_by_length: bool = setting(
        False, "Batches of prompts with similar numbers of tokens.", group="Training"
    )
    keep_head: bool = setting(
        False,
        "Training from the head of a reward model; by default every head is initialised anew.",
        group="Training",
    )
    share_prompt: bool = setting(
        False,
        "One forward pass over a prompt for all of its responses, which reuse its keys and values; for "
        "causal models.",
        group="Training",
    )

    learn_from: LearnFrom = setting(
        "ranking",
        "Training signal: the collective ranking, the ballots' share on each pair, or the ballots.",
        group="Loss",
    )
    both_bad: BothBad = setting(
        "skip",
        "Two responses that a ballot ties and disapproves: not compared (skip), or a tie (tie).",
        group="Loss",
    )
    margin_scale: float = setting(
        1.0,
        "Margin of a pair for a strength of 1, where ballots have strengths; 0 leaves them out.",
        at_least=0,
        group="Loss",
    )
    loss: Loss = setting("bradley_terry", "Loss function.", group="Loss")
    smoothing: float = setting(
        0.0,
        "Assumed probability that a preference is recorded the wrong way round.",
        at_least=0,
        below=0.5,
        group="Loss",
    )
    top: int = setting(
        0, "Number of Plackett-Luce choices that count; 0 counts all.", at_least=0, group="Loss"
    )
    temperature: float = setting(
        0.0, "Temperature of a soft loss; 0 takes the loss's default.", at_least=0, group="Loss"
    )
    centring: float = setting(
        0.0,
        "Weight of the regulariser that holds each prompt's scores around 0.",
        at_least=0,
        group="Loss",
    )

    head: Head = setting(
        "scalar",
        "Output of the model: one score, or a distribution of scores whose spread shows disagreement.",
        group="Head",
    )
    atoms: int = setting(
        10, "Number of values of the categorical head.", at_least=2, at_most=4096, group="Head"
    )
    quantile: float = setting(
        0.0,
        "Quantile of the distribution that is the reward; 0 takes the mean.",
        at_least=0,
        below=1,
        group="Head",
    )
    ensemble: int = setting(
        1,
        "Number of scalar heads; 2 or more are an ensemble.",
        at_least=1,
        at_most=1024,
        group="Head",
    )
    bootstrap: bool = setting(
        False, "Bootstrap sample of the annotators for each head of the ensemble.", group="Head"
    )
    uncertainty_penalty: float = setting(
        0.0,
        "Number of standard deviations of the heads that are subtracted from their mean reward.",
        at_least=0,
        group="Head",
    )
    # Unlike PPO's normalise_reward, which follows the rewards of a run, this changes the checkpoint once.
    normalise: Literal["none", "centre", "scale"] = setting(
        "centre",
        "Normalisation of the held-out scores (training scores if none are held out) after training: to "
        "mean 0 (centre), or to mean 0 and standard deviation 1 (scale).",
        group="Head",
    )

    group_dro_step: float = setting(
        0.0,
        "Step size of the group weights in training for the worst-off group; 0 trains for the mean.",
        at_least=0,
        group="Groups",
    )

    checkpoint_every: int = setting(
        0,
        "Number of steps between checkpoints and between evaluations of the held-out loss; 0 means one "
        "epoch.",
        at_least=0,
        group="Records",
    )

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """Pairs of whether something is wrong with the settings together, and what would work."""
        loss, scalar = LOSSES[self.loss], self.head == "scalar"
        yield (
            self.share_prompt and self.gradient_checkpointing,
            "share_prompt keeps the keys and values of a prompt, which gradient_checkpointing does not "
            "keep; choose one of them",
        )
        yield (
            self.learn_from not in loss.learns_from,
            f"loss is '{self.loss}' and learn_from is '{self.learn_from}'; this loss learns from "
            + " or ".join(f"'{signal}'" for signal in loss.learns_from),
        )
        yield from super().contradictions()
        for name in sorted({name for listed in LOSSES.values() for name in listed.settings}):
            takers = [other for other, listed in LOSSES.items() if name in listed.settings]
            yield (
                getattr(self, name) > 0 and self.loss not in takers,
                f"loss is '{self.loss}', and {name} is for {', '.join(takers)}",
            )
        yield (
            not scalar and self.loss != "bradley_terry",
            f"head is '{self.head}', which has its own likelihood, and loss is '{self.loss}'; leave loss at "
            "'bradley_terry'",
        )
        yield (
            not scalar and self.ensemble > 1,
            f"head is '{self.head}' and ensemble is {self.ensemble}; an ensemble has scalar heads",
        )
        yield (
            not scalar and (self.smoothing > 0 or self.centring > 0),
            f"head is '{self.head}'; smoothing and centring are for head = 'scalar'",
        )
        yield (
            not scalar and self.normalise == "scale",
            f"head is '{self.head}', whose scale is its spread; choose normalise = 'centre'",
        )
        yield (
            scalar and self.quantile > 0,
            "quantile is for head = 'mean_variance' or 'categorical'",
        )
        yield (
            self.atoms != type(self).atoms and self.head != "categorical",
            f"atoms is {self.atoms} and head is '{self.head}'; atoms are for head = 'categorical'",
        )
        yield (
            self.ensemble == 1 and (self.bootstrap or self.uncertainty_penalty > 0),
            "bootstrap and uncertainty_penalty are for an ensemble; set ensemble to 2 or more",
        )
        yield (
            self.learn_from != "ballots" and (self.bootstrap or self.group_dro_step > 0),
            f"learn_from is '{self.learn_from}', and bootstrap and group_dro_step tell annotators apart; set "
            "learn_from = 'ballots'",
        )

    @property
    def takes_margins(self) -> bool:
        """Whether the loss takes margins of pairs."""
        return self.head == "scalar" and "margins" in LOSSES[self.loss].options

    @property
    def outputs(self) -> int:
        """Number of outputs of the head, ``num_labels`` of the checkpoint."""
        return {"scalar": self.ensemble, "mean_variance": 2, "categorical": self.atoms}[self.head]
