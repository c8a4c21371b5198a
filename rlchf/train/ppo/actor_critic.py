"""The models of a PPO run: the policy, the reference it started as, and the critic."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rlchf.train.models.adapters import with_adapters
from rlchf.train.models.checkpointing import checkpoint_layers
from rlchf.train.models.padding import positions
from rlchf.train.ppo.responses import Rollout, response_logits
from rlchf.train.ppo.sampling import Sampler
from rlchf.train.ppo.token_statistics import token_statistics
from rlchf.train.reward.model import Readout, RewardModel

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
        critic: "PreTrainedModel | RewardModel | None" = None,
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
            self.critic = _zeros(state_width(policy), 1, policy)
        self.eval()  # no dropout: it would make the ratio random
        self._no_split_modules = policy._no_split_modules  # the layers that FSDP shards one by one

    def checkpoint_layers(self) -> None:
        """Compute the activations of trained layers again in the backward pass, in place of keeping them."""
        checkpoint_layers(self.policy)
        if isinstance(self.critic, OwnCritic):
            checkpoint_layers(self.critic.trunk)

    def forward(
        self, rollout: Rollout, temperature: float, entropies: bool = False
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """(B, T) log-probabilities, values and, if wanted, entropies where response tokens were chosen."""
        logits, hidden = response_logits(self.policy, rollout)
        logp, entropy = token_statistics(
            logits, rollout.responses, temperature, entropies=entropies
        )
        if self.critic is None:
            values = logp.new_zeros(logp.shape)
        elif isinstance(self.critic, nn.Linear):
            states = hidden.detach().to(self.critic.weight.dtype)
            values = self.critic(states).sum(-1)  # the one output; FSDP warns of views
        else:
            values = self.critic(rollout)
        return logp, values, entropy

    def reference_logprobs(self, rollout: Rollout, temperature: float) -> Tensor:
        """Log-probabilities (B, T) of the responses under the policy as it was before training."""
        if self.reference is not None:
            logits = response_logits(self.reference, rollout)[0]
        else:
            with self.policy.disable_adapter():
                logits = response_logits(self.policy, rollout)[0]
        return token_statistics(logits, rollout.responses, temperature)[0]

    def sample(self, sampler: Sampler, *args: Any, **options: Any) -> Rollout:
        """Responses that the sampler draws from the policy."""
        return sampler(self.policy, *args, **options)


class OwnCritic(nn.Module):
    """A critic with a trunk of its own, copied from a model such as the reward model.

    The ``score`` head is copied too, and so is what a `RewardModel` makes of its outputs, its shift
    included: values begin as the reward of a response that ends there. Without a head they begin at 0.

    Raises
    ------
    ValueError
        If the model does not read the policy's tokens with the policy's architecture.
    """

    def __init__(self, critic: "PreTrainedModel | RewardModel", policy: "PreTrainedModel") -> None:
        super().__init__()
        model = critic.model if isinstance(critic, RewardModel) else critic
        self.readout = critic.readout if isinstance(critic, RewardModel) else Readout()
        check_critic(model, policy)
        self.trunk = copy.deepcopy(model.base_model).requires_grad_(True).to(policy.device)
        score = getattr(model, "score", None)
        if not isinstance(score, nn.Linear) or (score.out_features > 1 and critic is model):
            self.readout = Readout()
            self.head = _zeros(state_width(model), 1, policy)
            return
        self.head = _zeros(score.in_features, score.out_features, policy)
        with torch.no_grad():
            self.head.weight.copy_(score.weight)
            if score.bias is not None:
                self.head.bias.copy_(score.bias)
            if self.readout.head == "scalar" and self.readout.shift:
                self.head.bias.sub_(self.head.bias.new_tensor(self.readout.shift))
                self.readout = replace(self.readout, shift=())

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
        outputs: Tensor = self.head(states.to(self.head.weight.dtype))  # (B, T, n)
        if outputs.shape[2] == 1:
            return outputs.sum(-1)
        return self.readout.reward(outputs.flatten(0, 1)).view(outputs.shape[:2])


def check_critic(model: "PreTrainedModel", policy: "PreTrainedModel") -> None:
    """Refuse a model that does not read the policy's tokens with the policy's architecture.

    It may have more embeddings than the policy, such as that of a padding token of its own.
    """
    trunk, policy_trunk = model.base_model, policy.base_model
    sizes = [m.get_input_embeddings().num_embeddings for m in (trunk, policy_trunk)]
    if type(trunk) is not type(policy_trunk) or sizes[0] < sizes[1]:
        raise ValueError(
            f"the critic is a {type(trunk).__name__} with {sizes[0]} tokens, and the policy a "
            f"{type(policy_trunk).__name__} with {sizes[1]}; give a critic of the policy's "
            "architecture and tokenizer, or none"
        )


def state_width(model: "PreTrainedModel") -> int:
    """The width of the last hidden states, from which a model's head reads.

    It need not be ``hidden_size``: OPT-350m projects its states to the width of its embeddings.
    """
    head = model.get_output_embeddings() or getattr(model, "score", None)
    if isinstance(head, nn.Linear):
        return head.in_features
    config = model.config.get_text_config()
    return int(getattr(config, "word_embed_proj_dim", None) or config.hidden_size)


def _zeros(width: int, outputs: int, policy: "PreTrainedModel") -> nn.Linear:
    """A linear layer of zeros on hidden states, in float32 at least."""
    dtype = torch.promote_types(policy.dtype, torch.float32)
    head = nn.Linear(width, outputs, device=policy.device, dtype=dtype)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head
