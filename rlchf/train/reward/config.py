"""Settings of the reward model's training; reading them needs no torch."""

from dataclasses import dataclass
from typing import Literal

LearnFrom = Literal["ranking", "shares", "ballots"]
Loss = Literal[
    "bradley_terry", "plackett_luce", "best_of_k", "soft_copeland", "soft_kemeny", "majority"
]
Head = Literal["scalar", "mean_variance", "categorical"]

OF_PLACES = ("plackett_luce", "best_of_k")
"""Losses of an order's places; the others are losses of its pairs."""


@dataclass(frozen=True)
class RewardConfig:
    """Settings of the reward model's training.

    Attributes
    ----------
    epochs
        Passes over the training prompts.
    learning_rate
        Peak of the schedule, which warms up over a twentieth of the steps.
    batch_size
        Prompts (not texts) per forward pass and process.
    max_length
        Tokens of prompt and response together; a longer prompt loses its beginning.
    lora_rank
        Rank of the LoRA adapters, on the layers that peft chooses for the architecture (the attention's
        queries and values, mostly); 0 trains all weights.
    held_out
        Share of the prompts kept for measuring accuracy.
    learn_from
        ``ranking``: the collective ranking, or its pair probabilities where the rule gives them.
        ``shares``: the share of the ballots that prefers one response to another. ``ballots``: every
        annotator's own ranking, pooled by the ballots' weights.
    loss
        A function of `rlchf.train.reward.losses`.
    head
        ``scalar``: one score. ``mean_variance``, ``categorical``: a distribution of scores, whose
        spread shows what annotators do not agree on (see `rlchf.train.reward.heads`).
    atoms
        Values of the categorical head.
    quantile
        Reward of a head with a distribution: the value that this share of it lies below; 0 is the mean.
    ensemble
        Scalar heads on the shared backbone, each started anew; the reward is their mean.
    bootstrap
        Let each head of an ensemble learn from its own draw, with replacement, of the annotators.
    uncertainty_penalty
        How many standard deviations of an ensemble's heads the reward stays below their mean.
    smoothing
        Of Bradley-Terry: probability that a preference is the wrong way round.
    top
        Of Plackett-Luce: how many choices from the top count; 0 is all.
    temperature
        Of soft Copeland and soft Kemeny; 0 is the loss's own default.
    centring
        Weight of the regulariser that holds each prompt's scores around 0.
    group_dro_step
        Step size of the groups' weights when training for the worst-off group of annotators; 0 trains
        for the mean.
    normalise
        What is done to the scores after training, so that those of the held-out examples (the training
        examples if there are none) have mean 0 (``centre``) and standard deviation 1 (``scale``).
        Centring changes no preference; scaling changes how sure of them the model is.
    lr_schedule
        How the learning rate goes on after the warm-up.
    gradient_accumulation
        Forward passes per step.
    bf16
        Compute in bfloat16; the weights stay in float32.
    group_by_length
        Put prompts with similarly many tokens into the same batch.
    share_prompt
        Read each prompt once for all of its responses, by the keys and values of a causal model. It
        saves the more, the longer the prompts are against the responses.
    early_stopping
        Stop after so many measurements of the held-out loss without a better one, and keep the best
        weights; 0 goes on to the end. The held-out figures are then those of a model chosen by them.
    checkpoint_every
        Steps between the checkpoints that a stopped training goes on from, and between measurements
        of the held-out loss; 0 is once per epoch.
    report_to
        Where else the figures go, such as ``tensorboard`` or ``wandb``, separated by commas.
    """

    epochs: float = 3.0
    learning_rate: float = 1e-4
    batch_size: int = 8
    max_length: int = 512
    lora_rank: int = 0
    held_out: float = 0.2
    weight_decay: float = 0.0
    seed: int = 0
    learn_from: LearnFrom = "ranking"
    loss: Loss = "bradley_terry"
    head: Head = "scalar"
    atoms: int = 10
    quantile: float = 0.0
    ensemble: int = 1
    bootstrap: bool = False
    uncertainty_penalty: float = 0.0
    smoothing: float = 0.0
    top: int = 0
    temperature: float = 0.0
    centring: float = 0.0
    group_dro_step: float = 0.0
    normalise: Literal["none", "centre", "scale"] = "centre"
    lr_schedule: Literal["linear", "cosine", "constant"] = "linear"
    gradient_accumulation: int = 1
    bf16: bool = False
    group_by_length: bool = False
    share_prompt: bool = False
    early_stopping: int = 0
    checkpoint_every: int = 0
    report_to: str = "none"

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate", "batch_size", "max_length"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in ("ensemble", "gradient_accumulation"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        for name in ("uncertainty_penalty", "top", "temperature", "centring", "group_dro_step", "early_stopping",
                     "checkpoint_every", "lora_rank"):  # fmt: skip
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if self.atoms < 2:
            raise ValueError(f"atoms is {self.atoms}; it must be 2 or more")
        for name, top in (("held_out", 1.0), ("quantile", 1.0), ("smoothing", 0.5)):
            if not 0 <= getattr(self, name) < top:
                value = getattr(self, name)
                raise ValueError(f"{name} is {value}; it must be 0 or more and below {top:g}")
        for wrong, problem in self._contradictions():
            if wrong:
                raise ValueError(problem)

    def _contradictions(self) -> list[tuple[bool, str]]:
        pairwise = self.loss not in OF_PLACES
        return [
            (
                not pairwise and self.learn_from == "shares",
                f"loss is '{self.loss}', which needs places, and learn_from is 'shares'; learn from "
                "'ranking' or 'ballots', or choose loss = 'bradley_terry'",
            ),
            (
                self.learn_from == "ballots" and self.loss in ("majority", "soft_copeland"),
                f"loss is '{self.loss}', which needs the shares of all ballots, and learn_from is "
                "'ballots'; set learn_from = 'shares'",
            ),
            (
                self.head != "scalar" and self.loss != "bradley_terry",
                f"head is '{self.head}', which has its own likelihood, and loss is '{self.loss}'; "
                "leave loss at 'bradley_terry'",
            ),
            (
                self.head != "scalar" and self.ensemble > 1,
                f"head is '{self.head}' and ensemble is {self.ensemble}; an ensemble has scalar heads",
            ),
            (
                self.head != "scalar" and (self.smoothing > 0 or self.centring > 0),
                f"head is '{self.head}'; smoothing and centring are for head = 'scalar'",
            ),
            (
                self.head != "scalar" and self.normalise == "scale",
                f"head is '{self.head}', whose scale is its spread; choose normalise = 'centre'",
            ),
            (
                self.head == "scalar" and self.quantile > 0,
                "quantile is for head = 'mean_variance' or 'categorical'",
            ),
            (
                self.ensemble == 1 and (self.bootstrap or self.uncertainty_penalty > 0),
                "bootstrap and uncertainty_penalty are for an ensemble; set ensemble to 2 or more",
            ),
            (
                self.learn_from != "ballots" and (self.bootstrap or self.group_dro_step > 0),
                f"learn_from is '{self.learn_from}', and bootstrap and group_dro_step tell annotators "
                "apart; set learn_from = 'ballots'",
            ),
            (
                self.smoothing > 0 and self.loss != "bradley_terry",
                f"smoothing is for loss = 'bradley_terry', not '{self.loss}'",
            ),
            (
                self.top > 0 and self.loss != "plackett_luce",
                f"top is for loss = 'plackett_luce', not '{self.loss}'",
            ),
            (
                self.temperature > 0 and self.loss not in ("soft_copeland", "soft_kemeny"),
                f"temperature is for the losses soft_copeland and soft_kemeny, not '{self.loss}'",
            ),
        ]

    @property
    def outputs(self) -> int:
        """Outputs of the head, ``num_labels`` of the checkpoint."""
        return {"scalar": self.ensemble, "mean_variance": 2, "categorical": self.atoms}[self.head]
