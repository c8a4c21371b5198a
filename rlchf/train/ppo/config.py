"""Settings of a PPO run; reading them needs no torch."""

from dataclasses import dataclass
from typing import Literal

from rlchf.options import fitting

KLEstimator = Literal["k1", "k2", "k3"]
Advantages = Literal["gae", "rloo", "grpo"]


@dataclass(frozen=True)
class PPOConfig:
    """Settings of a PPO run; sizes count over all processes together.

    Everything that is 0 or empty by default is off.
    """

    # -- how much ----------------------------------------------------------------------------------
    updates: int = 100
    """How often to sample a batch of responses and learn from it."""
    batch_size: int = 64
    """Responses per update; a multiple of `minibatch_size`."""
    minibatch_size: int = 16
    """Responses per optimiser step; a multiple of processes times `responses_per_prompt`."""
    forward_size: int = 16
    """Responses per forward pass on each process: lower it to save memory, the gradient stays."""
    ppo_epochs: int = 2
    """Passes over each batch of responses."""

    # -- sampling ----------------------------------------------------------------------------------
    responses_per_prompt: int = 1
    """Responses sampled to each prompt; they stand in consecutive rows of the batch."""
    max_new_tokens: int = 64
    """Longest response."""
    temperature: float = 1.0
    """Temperature of the policy, in sampling, in its log-probabilities and in the reference."""
    sampler: Literal["generate", "continuous", "vllm"] = "generate"
    """How responses are sampled: in batches, by continuous batching of the same draws, or by vLLM."""
    stop: tuple[str | int, ...] = ()
    """Tokens that end a response beside the end token, as ids or as texts of one token each. The
    token that ended a response is not part of the text that the reward reads."""

    # -- score -------------------------------------------------------------------------------------
    missing_eos_penalty: float = 0.0
    """Taken off the score of a response that did not end within `max_new_tokens`."""
    overlong_penalty: float = 0.0
    """Taken off the score of a response of full length; less, in a straight line, over the last
    fifth of `max_new_tokens`, and nothing below."""
    normalise_reward: bool = False
    """Whether scores are brought to mean 0 and variance 1 over the run so far. The divergence is
    then paid for in standard deviations of the reward."""
    reward_clip: float = 0.0
    """Scores (normalised, if they are) are held between minus and plus this."""

    # -- divergence --------------------------------------------------------------------------------
    kl_coef: float = 0.05
    """Price of one nat of divergence from the reference (beta)."""
    kl_estimator: KLEstimator = "k1"
    """Estimator of that divergence; see `rlchf.train.ppo.kl.kl_estimate`."""
    kl_in: Literal["reward", "loss"] = "reward"
    """Whether the price comes off the reward, or is added to the loss token by token."""
    kl_schedule: Literal["fixed", "adaptive", "linear"] = "fixed"
    """Whether the price stays, follows `kl_target`, or moves to `kl_end` in a straight line."""
    kl_target: float = 6.0
    """Nats per response that the adaptive price steers to."""
    kl_end: float = 0.0
    """Where the linear price ends."""
    kl_horizon: int = 10
    """Adaptive: updates in which the price may change by about a fifth. Linear: updates until
    `kl_end`."""
    reference: Literal["policy", "uniform"] = "policy"
    """What divergence is paid for: from where the policy started, or none but minus the entropy of
    its responses, so that it approaches exp(score / kl_coef) (preference matching)."""

    # -- objective ---------------------------------------------------------------------------------
    advantages: Advantages = "gae"
    """Baseline of a response: a critic (gae), or its prompt's other responses (rloo, grpo)."""
    gamma: float = 1.0
    """Discount per token, in GAE."""
    lam: float = 0.95
    """GAE's lambda: 1 trusts sampled returns, 0 trusts the critic."""
    whiten: bool = True
    """Whether GAE's advantages are brought to mean 0 and variance 1 over the batch."""
    clip: float = 0.2
    """How far the probability ratio may move from 1 before its gradient stops."""
    value_clip: float = 0.0
    """How far a value may move from its old one before its loss is clipped; 0 is plain MSE."""
    entropy_coef: float = 0.0
    """Bonus per nat of the next token's entropy."""

    # -- optimiser ---------------------------------------------------------------------------------
    lr: float = 1e-5
    """Learning rate of the policy; LoRA usually takes ten times as much."""
    value_lr: float = 1e-3
    """Learning rate of the critic; a critic with a trunk of its own takes about as little as `lr`."""
    lr_schedule: Literal["constant", "linear"] = "constant"
    """Whether the learning rates stay, or fall to 0 in a straight line over `updates`."""
    max_grad_norm: float = 1.0
    """Gradients longer than this are shortened to it, those of policy and critic separately; 0 is off."""
    critic_warmup: int = 0
    """First updates in which only the critic learns."""
    lora_rank: int = 0
    """Rank of LoRA adapters; 0 trains all weights and keeps a frozen copy as the reference."""

    # -- safety and records ------------------------------------------------------------------------
    stop_kl: float = 0.0
    """Nats per token that an update may move the policy before the rest of its steps is left out."""
    max_kl: float = 500.0
    """Nats per response from the start at which the run stops with an error."""
    checkpoint_every: int = 10
    """Updates between checkpoints from which a stopped run goes on."""
    samples_every: int = 10
    """Updates between samples written to `samples.jsonl`."""
    report_to: str = "none"
    """Where else the figures go, such as ``tensorboard`` or ``wandb``, separated by commas."""
    seed: int = 0
    """Seed of sampling, of the order of the prompts and of new weights."""

    def __post_init__(self) -> None:
        for name, value in fitting(PPOConfig, vars(self)).items():
            object.__setattr__(self, name, value)
        above_0 = "updates batch_size minibatch_size forward_size ppo_epochs max_new_tokens max_kl"
        above_0 += " temperature checkpoint_every samples_every responses_per_prompt"
        for name in f"{above_0} kl_target kl_horizon".split():
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        least_0 = "lr value_lr max_grad_norm kl_coef kl_end gamma lam clip value_clip entropy_coef"
        least_0 += (
            " reward_clip critic_warmup lora_rank stop_kl missing_eos_penalty overlong_penalty"
        )
        for name in least_0.split():
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        for name in ("gamma", "lam"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 at most")
        for name, multiple in (
            ("batch_size", "minibatch_size"),
            ("minibatch_size", "responses_per_prompt"),
        ):
            if getattr(self, name) % getattr(self, multiple):
                raise ValueError(
                    f"{name} {getattr(self, name)} is not a multiple of "
                    f"{multiple} {getattr(self, multiple)}"
                )
        if isinstance(self.stop, str | int):
            shown = f'"{self.stop}"' if isinstance(self.stop, str) else self.stop
            raise ValueError(f"stop is {self.stop!r}; write it as a list, [{shown}]")
        object.__setattr__(self, "stop", tuple(self.stop))  # TOML has lists
        for wrong, problem in self._contradictions():
            if wrong:
                raise ValueError(problem)

    def _contradictions(self) -> list[tuple[bool, str]]:
        alone = self.advantages != "gae"
        return [
            (
                alone and self.responses_per_prompt < 2,
                f"advantages is '{self.advantages}', which compares responses to one prompt; set "
                "responses_per_prompt to 2 or more, better 4 to 8",
            ),
            (
                alone and self.critic_warmup > 0,
                f"advantages is '{self.advantages}', which has no critic to warm up; set "
                "critic_warmup to 0",
            ),
            (
                self.kl_in == "loss" and self.kl_estimator == "k1",
                "kl_in is 'loss' and kl_estimator is 'k1', whose gradient is 0 on average; choose "
                "'k2', whose gradient is that of the divergence, or 'k3'",
            ),
            (
                self.kl_schedule == "adaptive" and self.kl_coef == 0,
                "kl_schedule is 'adaptive' and kl_coef is 0, which no factor changes; begin above 0",
            ),
            (
                self.reference == "uniform" and self.kl_estimator == "k3",
                "reference is 'uniform' and kl_estimator is 'k3', which needs a distribution to "
                "compare with; choose 'k1', or 'k2' with kl_in = 'loss'",
            ),
        ]
