"""AdamW for weights in bfloat16."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw


class MasterAdamW(torch.optim.Optimizer):
    """AdamW with a float32 copy of each weight of lower precision.

    A weight in bfloat16 has eight significant bits, so that a step of less than about 1/500 of the weight is
    rounded away. The steps are therefore taken on a copy in float32, the master weight, which the optimiser
    holds and saves, and which is rounded to the weight. The moments are in float32 too; weights in float32
    need no copy.

    Parameters
    ----------
    groups
        Groups of parameters, each with its ``lr``, as `torch.optim.AdamW` takes them.
    betas, eps, weight_decay
        As in `torch.optim.AdamW`, for groups without their own.

    References
    ----------
    P. Micikevicius et al., "Mixed precision training", 2018, section 3.1.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": 1e-3, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(groups, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            states = [self._state(weight) for weight in weights]
            masters = [s.get("master", w) for s, w in zip(states, weights, strict=True)]
            adamw(
                masters,
                [weight.grad.to(m.dtype) for weight, m in zip(weights, masters, strict=True)],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                amsgrad=False,
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=False,
            )
            for weight, master in zip(weights, masters, strict=True):
                if master is not weight:
                    weight.copy_(master)
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state as it was saved: torch would round it to the precision of the weights."""
        super().load_state_dict(state_dict)
        numbers = [n for group in state_dict["param_groups"] for n in group["params"]]
        weights = [weight for group in self.param_groups for weight in group["params"]]
        for number, weight in zip(numbers, weights, strict=True):
            saved = state_dict["state"].get(number, {})
            for name, value in saved.items():
                device = value.device if name == "step" else weight.device
                self.state[weight][name] = value.detach().clone().to(device)

    def _state(self, weight: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[weight]
        if not state:
            if needs_master(weight):
                state["master"] = weight.detach().to(torch.float32, copy=True)
            like = state.get("master", weight.detach())
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(like), torch.zeros_like(like)
        return state


def needs_master(weight: Tensor) -> bool:
    """Whether a weight has too few bits for small steps."""
    return weight.dtype in (torch.bfloat16, torch.float16)


def adam(
    groups: list[dict[str, Any]], *, betas: tuple[float, float], eps: float, weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW for groups of weights of any precision; that of torch if all are in float32."""
    weights: list[nn.Parameter] = [weight for group in groups for weight in group["params"]]
    kind = MasterAdamW if any(map(needs_master, weights)) else torch.optim.AdamW
    return kind(groups, betas=betas, eps=eps, weight_decay=weight_decay)
