"""The heads of distributional preference learning: their losses, their r², their quantiles."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from rlchf.train.reward import heads
from rlchf.train.reward.heads import categorical, mean_variance
from rlchf.train.reward.losses import bradley_terry
from tests.support.free_scores import NAN, ONE, close, targets_of

Head = Callable[[Tensor, Tensor, Tensor], Tensor]


def normal_head(outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    return mean_variance(*heads.mean_and_spread(outputs), targets, weights)


HEADS: dict[str, tuple[Head, int]] = {
    "mean_variance": (normal_head, 2),
    "categorical": (categorical, 4),
}
every_head = pytest.mark.parametrize(("head", "width"), HEADS.values(), ids=HEADS)
RANKS = torch.tensor([[2, 1, 3, 3], [1, 1, 3, 0], [2, 0, 0, 1]])
WEIGHTS = torch.tensor([1.0, 2.5, 0.5], dtype=torch.float64)


def random_outputs(width: int, seed: int = 0, rows: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 4, width, generator=generator, dtype=torch.float64)


# -- what holds for both ---------------------------------------------------------------------------


@every_head
def test_the_gradient_is_that_of_the_loss(head: Head, width: int) -> None:
    outputs = random_outputs(width).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: head(x, targets_of(RANKS), WEIGHTS), (outputs,))


@every_head
def test_a_shift_of_all_responses_changes_nothing(head: Head, width: int) -> None:
    """Of the means by one number; of a response's logits too, which are only known up to one."""
    outputs = random_outputs(width)
    moved = outputs + torch.tensor([5.0, 0.0]) if width == 2 else outputs + 5 * outputs[:, :, :1]
    close(head(moved, targets_of(RANKS), WEIGHTS), head(outputs, targets_of(RANKS), WEIGHTS))


@every_head
def test_the_order_of_the_responses_changes_nothing(head: Head, width: int) -> None:
    outputs = random_outputs(width)
    expected = head(outputs, targets_of(RANKS), WEIGHTS)
    for order in itertools.permutations(range(4)):
        close(head(outputs[:, order], targets_of(RANKS[:, order]), WEIGHTS), expected)


@every_head
def test_a_weight_is_a_number_of_copies(head: Head, width: int) -> None:
    outputs, targets = random_outputs(width), targets_of(RANKS)
    copies = torch.tensor([0, 0, 2, 2, 2])
    weights = torch.tensor([2.0, 0.0, 3.0], dtype=torch.float64)
    ones = torch.ones(5, dtype=torch.float64)
    close(head(outputs, targets, weights), head(outputs[copies], targets[copies], ones))


@every_head
def test_padding_changes_neither_loss_nor_gradient(head: Head, width: int) -> None:
    outputs = random_outputs(width).requires_grad_()
    padding = torch.full((3, 2, width), 99.0, dtype=torch.float64).requires_grad_()
    targets = torch.full((3, 6, 6), NAN, dtype=torch.float64)
    targets[:, :4, :4] = targets_of(RANKS)
    alone = head(outputs, targets_of(RANKS), WEIGHTS)
    padded = head(torch.cat([outputs, padding], 1), targets, WEIGHTS)
    close(padded, alone)
    (expected,) = torch.autograd.grad(alone, outputs)
    gradient, of_padding = torch.autograd.grad(padded, (outputs, padding))
    close(gradient, expected)
    assert not of_padding.any()


@every_head
def test_losses_are_finite_at_outputs_of_1000(head: Head, width: int) -> None:
    outputs = (1000 * random_outputs(width).sign()).float().requires_grad_()
    value = head(outputs, targets_of(RANKS), WEIGHTS.float())
    value.backward()
    assert value.isfinite()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()


@every_head
def test_everything_stays_on_the_device_of_the_outputs(head: Head, width: int) -> None:
    outputs, ranks, weights = (x.to("meta") for x in (random_outputs(width), RANKS, WEIGHTS))
    assert head(outputs, targets_of(ranks), weights).device.type == "meta"


@every_head
def test_shapes_that_do_not_fit_are_refused(head: Head, width: int) -> None:
    outputs, targets = random_outputs(width), targets_of(RANKS)
    with pytest.raises(ValueError, match=r"weights have shape \(3, 4\).*nothing is broadcast"):
        head(outputs, targets, WEIGHTS[:, None].expand(3, 4))
    with pytest.raises(ValueError, match="targets have shape"):
        head(outputs, targets[:1], WEIGHTS)
    with pytest.raises(ValueError, match="have shape"):
        head(outputs[0], targets, WEIGHTS)


def test_spreads_and_outputs_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="spreads have shape"):
        mean_variance(torch.zeros(1, 2), torch.ones(2), targets_of(torch.tensor([[1, 2]])), ONE)
    with pytest.raises(ValueError, match="the last must be 2"):
        heads.mean_and_spread(torch.zeros(3, 1))
    with pytest.raises(ValueError, match="variances have shape"):
        heads.r_squared(torch.zeros(3), torch.zeros(1))


def test_no_figure_of_a_padded_response_is_read() -> None:
    means = torch.tensor([[1.0, 0.5, NAN]], requires_grad=True)
    spreads = torch.tensor([[3.0, 4.0, NAN]], requires_grad=True)
    logits = torch.tensor([[[0.0, 1.0], [2.0, 1.0], [NAN, NAN]]], requires_grad=True)
    targets = targets_of(torch.tensor([[1, 2, 0]]))
    loss = mean_variance(means, spreads, targets, ONE) + categorical(logits, targets, ONE)
    for gradient in torch.autograd.grad(loss, (means, spreads, logits)):
        assert gradient[0, :2].abs().min() > 0
        assert not gradient[0, 2].any()


# -- each by hand ----------------------------------------------------------------------------------


def test_equal_spreads_make_mean_variance_bradley_terry() -> None:
    means, targets = random_outputs(1)[:, :, 0], targets_of(RANKS)
    loss = mean_variance(means, torch.full_like(means, 0.7), targets, WEIGHTS)
    close(loss, bradley_terry(math.sqrt(math.pi) / 0.7 * means, targets, WEIGHTS))


def test_mean_variance_by_hand() -> None:
    means, spreads = torch.tensor([[1.0, 0.5]]).double(), torch.tensor([[3.0, 4.0]]).double()
    loss = mean_variance(means, spreads, targets_of(torch.tensor([[1, 2]])), ONE)
    close(loss, math.log(1 + math.exp(-math.sqrt(2 * math.pi) * 0.5 / 5)))


def test_categorical_by_hand() -> None:
    first, second = [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]
    above = 0.5 * 0.6 + 0.3 * (0.6 + 0.3) + (0.2 * 0.6 + 0.5 * 0.3 + 0.3 * 0.1) / 2
    mean = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
    entropy = -sum(m * math.log(m) for m in mean)
    logits = torch.tensor([[first, second]], dtype=torch.float64).log()
    targets = torch.tensor([[[NAN, 0.7], [0.3, NAN]]], dtype=torch.float64)
    expected = -0.7 * math.log(above) - 0.3 * math.log(1 - above)
    close(categorical(logits, targets, ONE, entropy=0.0), expected)
    close(categorical(logits, targets, ONE, entropy=0.5), expected - 0.5 * entropy)


def test_moments_and_quantiles_by_hand() -> None:
    logits = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64).log()
    mean, variance = heads.category_moments(logits)
    close(mean, 0.55)
    close(variance, 0.5 * 0.25 + 0.3 - 0.55**2)
    for level, expected in [(0.1, 0.5 / 3), (0.2, 1 / 3), (0.45, 1.5 / 3), (0.85, 2.5 / 3)]:
        close(heads.category_quantile(logits, level), expected)
    certain = torch.tensor([-1000.0, 0.0, -1000.0], dtype=torch.float64)
    close(heads.category_quantile(certain, 0.999), (1 + 0.999) / 3)
    means, spreads = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 3.0])
    close(heads.quantile(means, spreads, 0.5), means)
    close(heads.quantile(means, spreads, 0.975), torch.tensor([1.0, 2 + 3 * 1.959964]), atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 1.0, NAN])
def test_a_level_out_of_range_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        heads.quantile(torch.zeros(1), torch.ones(1), level)
    with pytest.raises(ValueError, match="between 0 and 1"):
        heads.category_quantile(torch.zeros(1, 3), level)


# -- hidden context --------------------------------------------------------------------------------


def fit(head: Head, width: int, shares: np.ndarray) -> Tensor:
    """Free outputs (K, width) for the shares of all votes, from nearly 0."""
    targets = torch.from_numpy(shares)[None]
    K = len(shares)
    outputs = 0.1 * torch.randn(1, K, width, generator=torch.Generator().manual_seed(0)).double()
    outputs.requires_grad_()
    optimizer = torch.optim.Adam([outputs], lr=0.05)
    for _ in range(600):
        optimizer.zero_grad()
        head(outputs, targets, ONE).backward()
        optimizer.step()
    return outputs.detach()[0]


def shares_by_utility(groups: list[tuple[float, list[float]]], noise: float = 0.05) -> np.ndarray:
    """Win shares of groups (size, utilities), whose members err with the probability ``noise``."""
    total = np.zeros((len(groups[0][1]),) * 2)
    for size, utility in groups:
        total += size * (1 + np.sign(np.subtract.outer(utility, utility))) / 2
    return np.where(np.eye(len(total)), NAN, noise + (1 - 2 * noise) * total)


LADDER = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]  # what all agree on
RISKY, SAFE = 6, 7


def two_groups() -> np.ndarray:
    """Most like the risky response best, the others least; all put the safe one in the middle."""
    return shares_by_utility([(0.6, [*LADDER, 9.0, 2.5]), (0.4, [*LADDER, -9.0, 2.5])])


def moments(width: int, outputs: Tensor) -> tuple[Tensor, Tensor]:
    if width == 2:
        means, spreads = heads.mean_and_spread(outputs)
        return means, spreads**2
    return heads.category_moments(outputs)


def risk_averse(width: int, outputs: Tensor) -> Tensor:
    if width == 2:
        return heads.quantile(*heads.mean_and_spread(outputs))
    return heads.category_quantile(outputs)


@pytest.mark.slow
@pytest.mark.parametrize(("head", "width"), [(normal_head, 2), (categorical, 10)])
def test_disagreement_shows_as_spread_and_the_low_quantile_avoids_it(
    head: Head, width: int
) -> None:
    outputs = fit(head, width, two_groups())
    means, variances = moments(width, outputs)
    assert int(variances.argmax()) == RISKY
    assert means[RISKY] > means[SAFE]
    low = risk_averse(width, outputs)
    assert low[SAFE] > low[RISKY]


@pytest.mark.slow
@pytest.mark.parametrize(("head", "width"), [(normal_head, 2), (categorical, 10)])
def test_explained_variance_falls_with_hidden_context(head: Head, width: int) -> None:
    agreed = shares_by_utility([(1.0, LADDER)])
    split = shares_by_utility([(0.5, LADDER), (0.5, [3.0, 5.0, 0.0, 4.0, 1.0, 2.0])])
    r_squared = [
        float(heads.r_squared(*moments(width, fit(head, width, table))))
        for table in (agreed, split)
    ]
    assert r_squared[0] > 0.5 > r_squared[1]
