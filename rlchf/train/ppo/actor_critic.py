"""The models of a PPO run: the policy, the reference it started as, and the critic."""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rlchf.train.models.adapters import with_adapters
from rlchf.train.models.padding import positions
from rlchf.train.ppo.responses import Rollout, response_logits
from rlchf.train.ppo.sampling import Sampler

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class ActorCritic(nn.Module):
    """The policy, the reference, and a critic: by default one linear layer on the policy's states.

    That critic reads the policy's last hidden states detached: a trunk of its own would double the cost
    of a step, and a value gradient through the shared trunk would move the policy to fit the critic. It
    begins at 0 and has its own learning rate.

    Parameters
    ----------
    policy
        A causal language model of transformers; it is trained in place.
    lora_rank
        Rank of LoRA adapters on the policy, whose base is then the reference; 0 copies the policy.
    critic
        A model from whose trunk the critic starts (see `OwnCritic`).
    has_critic
        Whether there is a critic.
    lora
        Options of `with_adapters`.
    """

    def __init__(
        self,
        policy: "PreTrainedModel",
        lora_rank: int,
        critic: "PreTrainedModel | None" = None,
        has_critic: bool = True,
        lora: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.reference: Any = None
        own_critic = OwnCritic(critic, policy) if critic is not None else None
        if lora_rank:
            self.policy: Any = with_adapters(policy, lora_rank, **lora or {})
        else:
            self.reference = copy.deepcopy(policy).requires_grad_(False)
            self.policy = policy
        self.critic: nn.Module | None = own_critic
        if own_critic is None and has_critic:
            self.critic = _head(policy, policy)
        self.eval()  # no dropout: it would make the ratio random
        self._no_split_modules = policy._no_split_modules  # the layers that FSDP shards one by one

    def forward(self, rollout: Rollout, temperature: float) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and values (B, T) where each response token was chosen."""
        logits, hidden = response_logits(self.policy, rollout, temperature)
        if self.critic is None:
            return logits, logits.new_zeros(logits.shape[:2])
        if isinstance(self.critic, nn.Linear):
            states = hidden.detach().to(self.critic.weight.dtype)
            return logits, self.critic(states).sum(-1)  # the one output; FSDP warns of views
        return logits, self.critic(rollout)

    def reference_logits(self, rollout: Rollout, temperature: float) -> Tensor:
        """Logits (B, T, V) of the policy as it was before training."""
        if self.reference is not None:
            return response_logits(self.reference, rollout, temperature)[0]
        with self.policy.disable_adapter():
            return response_logits(self.policy, rollout, temperature)[0]

    def sample(self, sampler: Sampler, *args: Any, **options: Any) -> Rollout:
        """Responses that the sampler draws from the policy."""
        return sampler(self.policy, *args, **options)


class OwnCritic(nn.Module):
    """A critic with a trunk of its own, copied from a model such as the reward model.

    A scalar ``score`` head is copied too, so that values begin as the reward model's score of a response
    that ends there; without one they begin at 0.

    Raises
    ------
    ValueError
        If the model does not read the policy's tokens with the policy's architecture.
    """

    def __init__(self, model: "PreTrainedModel", policy: "PreTrainedModel") -> None:
        super().__init__()
        check_critic(model, policy)
        self.trunk = copy.deepcopy(model.base_model).requires_grad_(True).to(policy.device)
        self.head = _head(model, policy)
        score = getattr(model, "score", None)
        if isinstance(score, nn.Linear) and score.out_features == 1:
            with torch.no_grad():
                self.head.weight.copy_(score.weight)
                if score.bias is not None:
                    self.head.bias.copy_(score.bias)

    def forward(self, rollout: Rollout) -> Tensor:
        """Values (B, T) before each token of the responses."""
        length = rollout.response_mask.shape[1]
        mask = rollout.attention_mask
        states = self.trunk(
            input_ids=rollout.ids,
            attention_mask=mask.long(),
            position_ids=positions(mask),
            use_cache=False,
        ).last_hidden_state[:, -length - 1 : -1]
        values: Tensor = self.head(states.to(self.head.weight.dtype)).sum(-1)
        return values


def check_critic(model: "PreTrainedModel", policy: "PreTrainedModel") -> None:
    """Refuse a model that does not read the policy's tokens with the policy's architecture."""
    trunk, policy_trunk = model.base_model, policy.base_model
    sizes = [m.get_input_embeddings().num_embeddings for m in (trunk, policy_trunk)]
    if type(trunk) is not type(policy_trunk) or sizes[0] != sizes[1]:
        raise ValueError(
            f"the critic is a {type(trunk).__name__} with {sizes[0]} tokens, and the policy a "
            f"{type(policy_trunk).__name__} with {sizes[1]}; give a critic of the policy's "
            "architecture and tokenizer, or none"
        )


def _head(model: "PreTrainedModel", policy: "PreTrainedModel") -> nn.Linear:
    """A linear layer of zeros on the hidden states of `model`, in float32 at least."""
    size = model.config.get_text_config().hidden_size
    dtype = torch.promote_types(policy.dtype, torch.float32)
    head = nn.Linear(size, 1, device=policy.device, dtype=dtype)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head
