"""Estimators of divergence and the schedules of the KL coefficient."""

import math

import pytest
import torch
from torch import Tensor

from rlchf.train.ppo import PPOConfig
from rlchf.train.ppo.config import KLEstimator
from rlchf.train.ppo.kl import kl_estimate, kl_in_loss, next_kl_coef


def test_kl_estimators_have_the_bias_and_the_sign_they_should() -> None:
    generator = torch.Generator().manual_seed(0)
    p, q = (torch.randn(10, generator=generator, dtype=torch.float64) for _ in range(2))
    p, q = p.log_softmax(0), (1.2 * q).log_softmax(0)
    true = (p.exp() * (p - q)).sum().item()
    tokens = torch.multinomial(p.exp(), 400_000, replacement=True, generator=generator)
    estimators: tuple[KLEstimator, ...] = ("k1", "k2", "k3")
    k1, k2, k3 = (kl_estimate(p[tokens], q[tokens], estimator) for estimator in estimators)

    def off(estimates: Tensor) -> float:
        """Distance of the mean from the truth, in standard errors."""
        return abs(estimates.mean().item() - true) / (estimates.std().item() / math.sqrt(400_000))

    assert off(k1) < 4
    assert off(k3) < 4
    assert off(k2) > 20
    assert k1.min() < 0
    assert k2.min() >= 0
    assert k3.min() >= 0


def test_kl_estimates_of_equal_policies_are_0() -> None:
    logp = torch.tensor([[-0.1, -7.0]])
    for estimator in ("k1", "k2", "k3"):
        assert not kl_estimate(logp, logp, estimator).any()


def test_an_unknown_kl_estimator_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'k4'; choose from k1, k2, k3"):
        kl_estimate(torch.zeros(1), torch.zeros(1), "k4")  # type: ignore[arg-type]


def test_in_a_loss_each_estimator_has_the_gradient_of_another_divergence() -> None:
    """Over all tokens, each as often as it is sampled."""
    generator = torch.Generator().manual_seed(1)
    table, other = torch.randn(2, 6, generator=generator, dtype=torch.float64)
    table.requires_grad_()
    p, q = table.log_softmax(0), other.log_softmax(0)

    def gradient(of: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(of, table, retain_graph=True)
        assert isinstance(slope, Tensor)
        return slope

    def of_loss(estimator: KLEstimator) -> Tensor:
        return gradient((p.exp().detach() * kl_estimate(p, q, estimator)).sum())

    assert of_loss("k1").abs().max() < 1e-15
    torch.testing.assert_close(of_loss("k2"), gradient((p.exp() * (p - q)).sum()))
    torch.testing.assert_close(of_loss("k3"), gradient((q.exp() * (q - p)).sum()))
    assert of_loss("k2").abs().max() > 0.1


def test_after_a_step_the_loss_still_has_the_gradient_of_the_divergence() -> None:
    """Over all tokens, each as often as the policy before the step sampled it."""
    generator = torch.Generator().manual_seed(1)
    table, other, before = torch.randn(3, 6, generator=generator, dtype=torch.float64)
    table.requires_grad_()
    p, q, old = (logits.log_softmax(0) for logits in (table, other, before))

    def gradient(of: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(of, table, retain_graph=True)
        assert isinstance(slope, Tensor)
        return slope

    def of_loss(estimator: KLEstimator) -> Tensor:
        return gradient((old.exp() * kl_in_loss(p, old, q, estimator)).sum())

    torch.testing.assert_close(of_loss("k2"), gradient((p.exp() * (p - q)).sum()))
    torch.testing.assert_close(of_loss("k3"), gradient((q.exp() * (q - p)).sum()))
    unweighted = gradient((old.exp() * kl_estimate(p, q, "k2")).sum())
    assert (unweighted - of_loss("k2")).abs().max() > 0.1
    assert torch.equal(kl_in_loss(p, p, q, "k2"), kl_estimate(p, q, "k2")), "at the first step"


# -- the KL coefficient ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (6.0, 0.5),
        (6.6, 0.505),  # a tenth over the target: K = 1 / horizon = 0.1 of that
        (7.2, 0.51),
        (90.0, 0.51),  # held at a fifth
        (5.4, 0.495),
        (0.0, 0.49),
        (-3.0, 0.49),  # k1 can be negative
    ],
)
def test_the_adaptive_coefficient_follows_the_divergence(kl: float, expected: float) -> None:
    config = PPOConfig(kl_schedule="adaptive", kl_schedule_target=6.0, kl_horizon=10, kl_coef=99.0)
    assert next_kl_coef(config, 0.5, kl, 3) == pytest.approx(expected)


def test_the_linear_coefficient_ends_at_its_horizon() -> None:
    config = PPOConfig(kl_schedule="linear", kl_coef=0.5, kl_coef_end=0.1, kl_horizon=4)
    coefficients = [next_kl_coef(config, 0.3, 7.0, done) for done in (0, 1, 2, 4, 9)]
    assert coefficients == pytest.approx([0.5, 0.4, 0.3, 0.1, 0.1])


def test_the_fixed_coefficient_stays() -> None:
    assert next_kl_coef(PPOConfig(kl_coef=0.5), 0.5, 1e9, 3) == 0.5
