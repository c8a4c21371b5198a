"""The reward model's losses: what each promises, by hand, by symmetry, and at its optimum."""

import itertools
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from rlchf.preferences import Example
from rlchf.rules import get_rule
from rlchf.train.reward import losses
from rlchf.train.reward.batch_loss import scalar_loss
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.losses import bradley_terry, plackett_luce
from rlchf.train.reward.pairs import Reduce, weighted_mean
from rlchf.train.reward.targets import targets_of as targets_of_example
from tests.support.free_scores import (
    NAN,
    ONE,
    close,
    optimum,
    order_of,
    pair_table,
    shares_of,
    targets_of,
)

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def on_targets(loss: Callable[..., Tensor], **options: float) -> Loss:
    return lambda scores, ranks, weights: loss(scores, targets_of(ranks), weights, **options)


def fixed_table(scores: Tensor, ranks: Tensor, weights: Tensor) -> Tensor:
    """Bradley-Terry with margins and pair weights that follow the ranks."""
    gaps = (ranks[:, None, :] - ranks[:, :, None]).double()
    return bradley_terry(
        scores,
        targets_of(ranks),
        weights,
        margins=0.3 * gaps,
        pair_weights=1 + gaps.abs(),
        smoothing=0.1,
    )


CASES: dict[str, Loss] = {
    "bradley_terry": on_targets(bradley_terry),
    "bradley_terry, all options": fixed_table,
    "majority": on_targets(losses.majority),
    "soft_copeland": on_targets(losses.soft_copeland, temperature=0.7),
    "soft_kemeny": on_targets(losses.soft_kemeny, temperature=0.7),
    "plackett_luce": plackett_luce,
    "plackett_luce, top 2": partial(plackett_luce, top=2),
    "best_of_k": losses.best_of_k,
}
RANKS = torch.tensor([[2, 1, 3, 3, 5], [1, 1, 3, 0, 4], [2, 0, 0, 1, 0], [1, 2, 2, 2, 2]])
WEIGHTS = torch.tensor([1.0, 2.5, 0.5, 1.0], dtype=torch.float64)
every_loss = pytest.mark.parametrize("loss", CASES.values(), ids=CASES)


def random_scores(seed: int = 0, shape: tuple[int, ...] = tuple(RANKS.shape)) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# -- what holds for all ----------------------------------------------------------------------------


@every_loss
def test_the_gradient_is_that_of_the_loss(loss: Loss) -> None:
    scores = random_scores().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, RANKS, WEIGHTS), (scores,))


@every_loss
def test_a_shift_of_all_scores_changes_nothing(loss: Loss) -> None:
    scores = random_scores()
    shifts = torch.tensor([[3.0], [-7.0], [0.5], [100.0]], dtype=torch.float64)
    close(loss(scores + shifts, RANKS, WEIGHTS), loss(scores, RANKS, WEIGHTS))


@every_loss
def test_the_order_of_the_responses_changes_nothing(loss: Loss) -> None:
    scores = random_scores()
    for order in itertools.islice(itertools.permutations(range(5)), 1, None, 17):
        close(loss(scores[:, order], RANKS[:, order], WEIGHTS), loss(scores, RANKS, WEIGHTS))


@every_loss
def test_a_weight_is_a_number_of_copies(loss: Loss) -> None:
    scores = random_scores()
    copies = torch.tensor([0, 0, 1, 3, 3, 3])  # 2, 1, 0 and 3 times
    weights = torch.tensor([2.0, 1.0, 0.0, 3.0], dtype=torch.float64)
    ones = torch.ones(6, dtype=torch.float64)
    close(loss(scores, RANKS, weights), loss(scores[copies], RANKS[copies], ones))


@every_loss
def test_padding_changes_neither_loss_nor_gradient(loss: Loss) -> None:
    narrow = random_scores().requires_grad_()
    padding = torch.tensor([99.0, NAN, math.inf], dtype=torch.float64).expand(4, 3)
    padding = padding.clone().requires_grad_()
    wide_ranks = torch.cat([RANKS, torch.zeros(4, 3, dtype=torch.int64)], 1)
    alone, padded = (
        loss(narrow, RANKS, WEIGHTS),
        loss(torch.cat([narrow, padding], 1), wide_ranks, WEIGHTS),
    )
    close(padded, alone)
    (expected,) = torch.autograd.grad(alone, narrow)
    gradient, of_padding = torch.autograd.grad(padded, (narrow, padding))
    close(gradient, expected)
    assert not of_padding.any()


@every_loss
def test_an_order_without_a_comparison_does_not_count(loss: Loss) -> None:
    ranks = torch.cat([RANKS, torch.tensor([[0, 1, 0, 0, 0], [0, 0, 0, 0, 0]])])
    weights = torch.cat([WEIGHTS, WEIGHTS[:2]])
    scores = random_scores(shape=(6, 5)).requires_grad_()
    loss(scores, ranks, weights).backward()
    close(loss(scores, ranks, weights), loss(scores[:4], RANKS, WEIGHTS))
    assert scores.grad is not None
    assert scores.grad[4:].abs().max() == 0
    assert loss(scores[4:], ranks[4:], weights[4:]) == 0


@every_loss
def test_losses_are_finite_at_scores_of_1000(loss: Loss) -> None:
    scores = (1000 * torch.tensor([1.0, -1.0, 1.0, -1.0, 0.0]).expand(4, 5)).clone()
    scores.requires_grad_()
    value = loss(scores, RANKS, WEIGHTS.float())
    value.backward()
    assert value.isfinite()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


@every_loss
def test_everything_stays_on_the_device_of_the_scores(loss: Loss) -> None:
    scores, ranks, weights = (x.to("meta") for x in (random_scores(), RANKS, WEIGHTS))
    assert loss(scores, ranks, weights).device.type == "meta"


@every_loss
def test_shapes_that_do_not_fit_are_refused(loss: Loss) -> None:
    scores = random_scores()
    with pytest.raises(ValueError, match=r"weights have shape \(4, 5\).*nothing is broadcast"):
        loss(scores, RANKS, WEIGHTS[:, None].expand(4, 5))
    with pytest.raises(ValueError, match=r"weights have shape \(1,\)"):
        loss(scores, RANKS, WEIGHTS[:1])
    with pytest.raises(ValueError, match=r"\(1, 5.*nothing is broadcast"):
        loss(scores, RANKS[:1], WEIGHTS)
    with pytest.raises(ValueError, match="scores have shape"):
        loss(scores[0], RANKS, WEIGHTS)


@pytest.mark.parametrize("shape", [(4,), (4, 5), (1, 5, 5), (4, 1, 1), (4, 5, 1)])
@pytest.mark.parametrize("name", ["margins", "pair_weights"])
def test_margins_and_weights_of_pairs_are_not_broadcast(name: str, shape: tuple[int, ...]) -> None:
    targets = targets_of(RANKS)
    fits: dict[str, Any] = {name: torch.ones(4, 5, 5, dtype=torch.float64)}
    assert bradley_terry(random_scores(), targets, WEIGHTS, **fits).isfinite()
    wrong: dict[str, Any] = {name: torch.ones(shape, dtype=torch.float64)}
    with pytest.raises(ValueError, match=rf"{name} have shape .*nothing is broadcast"):
        bradley_terry(random_scores(), targets, WEIGHTS, **wrong)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_reduce_gets_the_loss_and_the_weight_of_each_order(name: str) -> None:
    loss, calls = getattr(losses, name), []
    ranks = torch.cat([RANKS, torch.zeros(1, 5, dtype=torch.int64)])
    table = ranks if losses.LOSSES[name].takes_ranks else targets_of(ranks)
    scores, weights = random_scores(shape=(5, 5)), torch.cat([WEIGHTS, ONE])

    def spy(values: Tensor, counts: Tensor) -> Tensor:
        calls.append((values, counts))
        return values.sum()

    loss(scores, table, weights, reduce=spy)
    ((values, counts),) = calls
    close(counts, torch.cat([WEIGHTS, 0 * ONE]))  # the last order says nothing
    for r in range(4):
        close(values[r], loss(scores[[r]], table[[r]], ONE))


# -- Bradley-Terry ---------------------------------------------------------------------------------


def test_two_responses_give_the_textbook_bradley_terry_loss() -> None:
    scores = torch.tensor([[1.3, -0.4]], dtype=torch.float64)
    close(bradley_terry(scores, pair_table(1.0), ONE), math.log(1 + math.exp(-1.7)))


@pytest.mark.parametrize("p", [0.5, 0.8, 0.03])
def test_a_soft_target_is_reached_at_its_logit(p: float) -> None:
    """For a tie, p = 1/2, the scores become equal."""
    scores = optimum(lambda s: bradley_terry(s, pair_table(p), ONE), 2)
    close(scores[0] - scores[1], math.log(p / (1 - p)), atol=1e-5)


def test_margins_and_smoothing_by_hand_and_at_their_optimum() -> None:
    scores = torch.tensor([[1.3, -0.4]], dtype=torch.float64)
    margins = torch.tensor([[[0.0, 0.5], [-0.5, 0.0]]], dtype=torch.float64)
    loss = bradley_terry(scores, pair_table(1.0), ONE, margins=margins, smoothing=0.1)
    agree, differ = math.log(1 + math.exp(-1.2)), math.log(1 + math.exp(1.2))
    close(loss, 0.9 * agree + 0.1 * differ)
    best = optimum(
        lambda s: bradley_terry(s, pair_table(1.0), ONE, margins=margins, smoothing=0.1), 2
    )
    close(best[0] - best[1], 0.5 + math.log(0.9 / 0.1), atol=1e-5)
    tie = optimum(lambda s: bradley_terry(s, pair_table(0.5), ONE, smoothing=0.1), 2)
    close(tie[0] - tie[1], 0.0, atol=1e-6)


@pytest.mark.parametrize("smoothing", [-0.1, 0.5, NAN])
def test_smoothing_out_of_range_is_refused(smoothing: float) -> None:
    with pytest.raises(ValueError, match="below 1/2"):
        bradley_terry(torch.zeros(1, 2), pair_table(1.0), ONE, smoothing=smoothing)


def test_pair_weights_weigh_within_an_order_only() -> None:
    scores, ranks = random_scores(shape=(1, 3)), torch.tensor([[1, 2, 3]])
    pair_weights = torch.tensor([[[0.0, 2.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
    loss = bradley_terry(scores, targets_of(ranks), ONE, pair_weights=pair_weights)
    s = scores[0].tolist()
    first, second = (math.log(1 + math.exp(b - a)) for a, b in itertools.pairwise(s))
    close(loss, (2 * first + second) / 3)


@pytest.mark.slow
def test_pooled_bradley_terry_orders_as_borda() -> None:
    rng = np.random.default_rng(0)
    checked = 0
    while checked < 60:
        shares, profiles = shares_of([rng.permutation(5).tolist() for _ in range(9)])
        borda = get_rule("borda")(profiles)[0]
        if len(set(borda)) < 5 or (shares == 0).any():
            continue  # a tie has no one order; who always loses to another has no finite score
        scores = optimum(lambda s, p=shares: bradley_terry(s, p, ONE), 5)  # type: ignore[misc]
        assert order_of(scores) == order_of(borda)
        checked += 1


# -- Plackett-Luce and the best of K ---------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_plackett_luce_sums_to_one_over_all_strict_orders(k: int) -> None:
    ranks = torch.tensor(list(itertools.permutations(range(1, k + 1))))
    scores = random_scores(k, (1, k)).expand(len(ranks), k)
    total = plackett_luce(
        scores,
        ranks,
        torch.ones(len(ranks)),
        reduce=lambda losses_of_orders, _: (-losses_of_orders).exp().sum(),
    )
    close(total, 1.0)


@pytest.mark.parametrize("ranks", [[1, 2], [2, 1], [1, 1]])
def test_two_responses_make_plackett_luce_bradley_terry(ranks: list[int]) -> None:
    scores, order = random_scores(3, (1, 2)), torch.tensor([ranks])
    expected = bradley_terry(scores, targets_of(order), ONE)
    close(plackett_luce(scores, order, ONE), expected)
    close(losses.best_of_k(scores, order, ONE), expected)


def test_plackett_luce_with_ties_by_hand() -> None:
    """Efron: 1 and 2 tie behind 0, so each counts half once one of them is gone; 3 comes last."""
    scores = random_scores(4, (1, 4))
    a, b, c, d = scores[0].exp().tolist()
    tied = math.log(b + c + d) + math.log(b / 2 + c / 2 + d) - math.log(b * c)
    expected = math.log((a + b + c + d) / a) + tied
    close(plackett_luce(scores, torch.tensor([[1, 2, 2, 4]]), ONE), expected)
    first_two = math.log((a + b + c + d) / a) + math.log(b + c + d) - math.log(b * c) / 2
    close(plackett_luce(scores, torch.tensor([[1, 2, 2, 4]]), ONE, top=2), first_two)


def test_a_weak_order_has_the_loss_of_a_strict_one_at_equal_scores() -> None:
    for ranks in ([1, 1, 1, 1], [1, 2, 2, 4], [1, 1, 3, 3], [4, 3, 2, 1]):
        close(plackett_luce(torch.zeros(1, 4).double(), torch.tensor([ranks]), ONE), math.log(24))


def test_tied_responses_get_equal_scores() -> None:
    ranks = torch.tensor([[1, 1, 3], [3, 2, 1], [2, 3, 1], [1, 1, 1]])
    weights = torch.ones(4, dtype=torch.float64)
    scores = optimum(lambda s: plackett_luce(s.expand(4, 3), ranks, weights), 3)
    close(scores[0] - scores[1], 0.0, atol=1e-6)
    assert scores[2] - scores[0] > 0.1


def test_best_of_k_is_a_softmax_choice() -> None:
    scores = random_scores(5, (1, 4))
    logp = scores.log_softmax(1)[0]
    close(losses.best_of_k(scores, torch.tensor([[2, 1, 3, 4]]), ONE), -logp[1])
    close(losses.best_of_k(scores, torch.tensor([[4, 1, 2, 2]]), ONE), -logp[1])
    close(losses.best_of_k(scores, torch.tensor([[1, 2, 1, 4]]), ONE), -(logp[0] + logp[2]) / 2)
    without_last = -scores[:, :3].log_softmax(1)[0, 1]
    close(losses.best_of_k(scores, torch.tensor([[2, 1, 3, 0]]), ONE), without_last)


def test_top_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="top is 0"):
        plackett_luce(torch.zeros(1, 2), torch.tensor([[1, 2]]), ONE, top=0)


# -- centring and accuracy -------------------------------------------------------------------------


def test_centring_is_the_squared_sum_of_pairs_and_zero_at_the_middle() -> None:
    scores = torch.tensor([[1.0, 2.0, -4.0, 7.0], [3.0, 5.0, NAN, NAN], [9.0, NAN, NAN, NAN]])
    known = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.bool)
    scores.requires_grad_()
    loss = losses.centring(scores, known)
    close(loss, ((9 + 9 + 4) / 3 + 64) / 2, atol=1e-5)
    (gradient,) = torch.autograd.grad(loss, scores)
    assert not gradient[~known].any()
    assert not gradient[2].any()
    assert gradient.isfinite().all()
    both = torch.tensor([[True, True]])
    close(losses.centring(torch.tensor([[2.0, -2.0]]), both), 0.0)
    free = random_scores().requires_grad_()
    everything = torch.ones(free.shape, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda s: losses.centring(s, everything), (free,))
    with pytest.raises(ValueError, match="known have shape"):
        losses.centring(scores, known[0])


# -- the table -------------------------------------------------------------------------------------


def test_every_listed_loss_has_a_case_of_the_shared_tests() -> None:
    assert {name.partition(",")[0] for name in CASES} == set(losses.LOSSES)


def test_an_option_of_another_loss_is_refused() -> None:
    for name in {name for listed in losses.LOSSES.values() for name in listed.settings}:
        takers = [loss for loss, listed in losses.LOSSES.items() if name in listed.settings]
        other = next(loss for loss in losses.LOSSES if loss not in takers)
        value: Any = 1 if name == "top" else 0.1
        with pytest.raises(ValueError, match=f"loss is '{other}', and {name} is for"):
            RewardConfig(loss=other, **{name: value})


def test_every_option_of_a_listed_loss_is_a_setting() -> None:
    settings = {field.name for field in fields(RewardConfig)}
    for name, listed in losses.LOSSES.items():
        assert listed.function.__name__ == name
        assert settings >= set(listed.settings)


def test_a_loss_that_joins_the_table_is_trained_with_the_options_in_its_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing but the table has to know of it."""

    def hinge(
        scores: Tensor,
        targets: Tensor,
        weights: Tensor,
        *,
        smoothing: float = 0.25,
        reduce: Reduce = weighted_mean,
    ) -> Tensor:
        preferred = targets > 0.5
        gaps = scores[:, :, None] - scores[:, None, :]
        per_order = (preferred * (1 - smoothing - gaps).relu()).sum((1, 2))
        return reduce(per_order, weights * preferred.any(2).any(1))

    listed = losses.ListedLoss(hinge, learns_from=("ranking",))
    monkeypatch.setitem(losses.LOSSES, "hinge", listed)
    assert not listed.takes_ranks
    example = Example("p", "Hi", ["a", "b"], ["A", "B"], [1, 2])
    scores = torch.tensor([[0.5, 0.0]])
    for smoothing, expected in ((0.0, 0.25), (0.125, 0.375)):  # 0 is the loss's own default
        config = RewardConfig()
        object.__setattr__(config, "loss", "hinge")  # the choices were read before it joined
        object.__setattr__(config, "smoothing", smoothing)
        order = targets_of_example(example, config)
        tables = {name: torch.from_numpy(getattr(order, name)) for name in ("ranks", "targets")}
        weights = torch.from_numpy(order.weights)
        loss = scalar_loss(scores, tables, weights, config, weighted_mean)
        assert float(loss) == pytest.approx(expected)


def test_settings_and_juries_are_read_without_torch() -> None:
    program = (
        "import sys, rlchf.train.reward.config as config, rlchf.jury; config.RewardConfig();"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
