"""Worst-group weights: their steps, what they do for the worst group, and two processes."""

import math
import os
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
import torch.distributed as dist
from torch import Tensor

from rlchf.train.reward.group_weights import GroupWeights
from rlchf.train.reward.losses import bradley_terry
from tests.support.free_scores import close, targets_of
from tests.support.processes import on_two_processes


def test_a_step_is_exponentiated_gradient_ascent() -> None:
    robust = GroupWeights(3, step=0.5)
    losses, groups = torch.tensor([1.0, 3.0, 0.4, 0.2]), torch.tensor([0, 0, 1, 2])
    weights = torch.tensor([3.0, 1.0, 1.0, 5.0])
    means = torch.tensor([1.5, 0.4, 0.2])
    for steps in (1, 2, 3):
        expected = (0.5 * steps * means).softmax(0)
        close(robust(losses, weights, groups), float(expected @ means), atol=1e-6)
        close(robust.weights, expected, atol=1e-6)
        close(robust.weights.sum(), 1.0, atol=1e-6)


def test_an_absent_group_keeps_its_share() -> None:
    robust = GroupWeights(3, step=0.1)
    for _ in range(10):
        robust(torch.tensor([1.0, 0.5]), torch.ones(2), torch.tensor([0, 1]))
    q = robust.weights
    close(q[0] / q[1], 1 / math.exp(-0.5), atol=1e-5)  # ten steps of 0.1 times the gap of 0.5
    close(q[2], 1 / 3, atol=0.02)  # losses as a whole may be high: without them it did not fade
    robust(torch.tensor([2.0, 9.0]), torch.tensor([1.0, 0.0]), torch.tensor([2, 1]))
    close(robust.weights, q, atol=1e-6)  # alone in the batch, nothing to compare with


def test_evaluation_moves_no_weight() -> None:
    robust = GroupWeights(2, step=1.0).eval()
    close(robust(torch.tensor([1.0, 3.0]), torch.ones(2), torch.tensor([0, 1])), 2.0, atol=1e-6)
    close(robust.weights, torch.tensor([0.5, 0.5]), atol=1e-6)


def test_the_gradient_is_that_of_the_weighted_group_means() -> None:
    robust = GroupWeights(2, step=0.3)
    losses = torch.tensor([1.0, 2.0, 5.0], requires_grad=True)
    robust(losses, torch.tensor([1.0, 3.0, 2.0]), torch.tensor([0, 0, 1])).backward()
    q = robust.weights
    assert losses.grad is not None
    close(losses.grad, torch.stack([q[0] / 4, 3 * q[0] / 4, q[1]]), atol=1e-6)


def test_weights_are_saved_and_loaded() -> None:
    saved = GroupWeights(2, step=1.0)
    saved(torch.tensor([1.0, 3.0]), torch.ones(2), torch.tensor([0, 1]))
    loaded = GroupWeights(2, step=1.0)
    loaded.load_state_dict(saved.state_dict())
    assert torch.equal(loaded.weights, saved.weights)
    assert loaded.weights[1] > 0.8


def test_everything_stays_on_the_device_of_the_losses() -> None:
    robust, groups = GroupWeights(2).to("meta"), torch.zeros(3, dtype=torch.int64, device="meta")
    losses = torch.zeros(3, device="meta")
    assert robust(losses, losses, groups).device.type == "meta"


def test_groups_and_weights_of_another_shape_are_refused() -> None:
    robust = GroupWeights(2)
    with pytest.raises(ValueError, match="groups have shape"):
        robust(torch.zeros(3), torch.ones(3), torch.zeros(1, dtype=torch.int64))
    with pytest.raises(ValueError, match="weights have shape"):
        robust(torch.zeros(3), torch.ones(3, 1), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match="at least one group"):
        GroupWeights(0)
    with pytest.raises(ValueError, match="step is 0"):
        GroupWeights(2, step=0)


# -- the worst group -------------------------------------------------------------------------------

RANKS = torch.tensor([[1, 2, 3]] * 9 + [[2, 3, 1]])  # nine like c least, one likes it best
GROUPS = torch.tensor([0] * 9 + [1])


def train(robust: GroupWeights | None) -> tuple[float, float]:
    """Loss of each group after learning one order for both."""
    scores = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([scores], lr=0.05)
    targets, ones = targets_of(RANKS), torch.ones(10, dtype=torch.float64)
    for _ in range(400):
        optimizer.zero_grad()
        if robust is None:
            loss = bradley_terry(scores.expand(10, 3), targets, ones)
        else:
            reduce = partial(robust, groups=GROUPS)
            loss = bradley_terry(scores.expand(10, 3), targets, ones, reduce=reduce)
        loss.backward()
        optimizer.step()
    final = scores.detach()
    return (
        float(bradley_terry(final, targets[:1], ones[:1])),
        float(bradley_terry(final, targets[9:], ones[:1])),
    )


def test_the_worst_group_loses_less_than_under_the_mean() -> None:
    plain, robust = train(None), train(GroupWeights(2, step=0.1))
    assert plain[1] > 1.5  # the mean leaves the small group behind
    assert max(robust) < 0.6 * max(plain)
    assert abs(robust[0] - robust[1]) < 0.02  # neither is worse off


# -- several processes -----------------------------------------------------------------------------


def one_batch(rows: slice) -> tuple[Tensor, Tensor, Tensor]:
    """Loss, gradient and weights after three steps on some rows of a batch."""
    robust, scale = GroupWeights(3, step=0.7), torch.ones(6, requires_grad=True)
    losses = torch.tensor([0.5, 2.0, 1.0, 0.1, 3.0, 0.7])
    weights, groups = torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0, 1.0]), torch.tensor([0, 0, 1, 0, 1, 2])
    for _ in range(3):
        loss = robust((losses * scale)[rows], weights[rows], groups[rows])
    loss.backward()
    assert scale.grad is not None
    return loss.detach(), scale.grad, robust.weights


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one_on_a_batch(tmp_path: Path) -> None:
    on_two_processes(train_on_rank, tmp_path)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert torch.equal(first[2], second[2]), "the processes differ"
    for alone, a, b in zip(one_batch(slice(0, 6)), first, second, strict=True):
        close((a + b) / 2, alone, atol=1e-6)


def train_on_rank(folder: Path) -> None:
    """Two rows of the batch on one process, four on the other."""
    rank = int(os.environ["RANK"])
    dist.init_process_group("gloo")
    torch.save(one_batch(slice(0, 2) if rank == 0 else slice(2, 6)), folder / f"{rank}.pt")
    dist.destroy_process_group()
