"""Free scores in place of a reward model: their targets from ballots, and the optimum of a loss."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

import rlchf
from rlchf.preferences import ballots_by_prompt

ONE = torch.ones(1, dtype=torch.float64)
NAN = math.nan


def targets_of(ranks: Tensor) -> Tensor:
    """Probability that i is preferred to j by the ranks alone, NaN where one is not ranked."""
    known = (ranks > 0)[:, :, None] & (ranks > 0)[:, None, :]
    known &= ~torch.eye(ranks.shape[1], dtype=torch.bool, device=ranks.device)
    signs = (ranks[:, None, :] - ranks[:, :, None]).sign()
    return torch.where(known, (1 + signs.double()) / 2, NAN)


def close(actual: Tensor, expected: Tensor | float, atol: float = 1e-12) -> None:
    wanted = torch.as_tensor(expected, dtype=actual.dtype)
    torch.testing.assert_close(actual, wanted, atol=atol, rtol=0)


def pair_table(p: float) -> Tensor:
    return torch.tensor([[[NAN, p], [1 - p, NAN]]], dtype=torch.float64)


def shares_of(ballots: list[list[int]]) -> tuple[Tensor, rlchf.Profiles]:
    """The shares of wins (1, M, M) of ballots that list responses best first, and the profile."""
    entries = [("p", f"v{v}", [[f"r{i}"] for i in ballot]) for v, ballot in enumerate(ballots)]
    rankings = rlchf.Rankings.from_ballots(entries)
    ((_, profiles),) = rankings.profiles()
    return torch.from_numpy(ballots_by_prompt(rankings)["p"].shares())[None], profiles


def order_of(scores: Tensor | np.ndarray) -> list[int]:
    return [int(i) for i in np.argsort(-np.asarray(scores), kind="stable")]


def optimum(loss: Callable[[Tensor], Tensor], k: int, steps: int = 300) -> Tensor:
    """Free scores (k,) that make the loss of (1, k) scores least; they sum to 0 and begin unequal."""
    scores = torch.linspace(1, -1, k, dtype=torch.float64)[None].requires_grad_()
    optimizer = torch.optim.LBFGS(
        [scores], max_iter=steps, tolerance_grad=1e-12, tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(scores)
        value.backward()
        return value

    optimizer.step(closure)
    return scores.detach()[0]
