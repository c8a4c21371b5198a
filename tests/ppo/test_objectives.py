"""PPO's quantities against slow definitions, exact gradients and closed forms."""

import math

import pytest
import torch

from rlchf.train.ppo import objectives
from rlchf.train.ppo.advantages import gae
from rlchf.train.ppo.objectives import policy_loss, value_loss
from tests.support.ppo_enumeration import Enumeration
from tests.support.ppo_runs import ragged


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_gradient_at_ratio_1_is_that_of_expected_reward_minus_kl(beta: float) -> None:
    every = Enumeration()
    exact = every.gradient(beta)
    advantages = gae(every.rewards(beta), every.baseline, every.mask, 1.0, 1.0)
    weighted = advantages * every.log_prob.exp().detach()[:, None]  # as often as it is sampled
    loss, clipped = policy_loss(every.logp, every.logp.detach(), weighted, every.mask, 0.2)
    (gradient,) = torch.autograd.grad(-loss, every.table)
    assert exact.abs().max() > 0.1
    torch.testing.assert_close(gradient, exact, atol=1e-13, rtol=0)
    assert clipped == 0


def test_token_logprobs_are_the_log_softmax_at_the_ids() -> None:
    logits = torch.randn(2, 3, 5, dtype=torch.float64)
    ids = torch.tensor([[0, 4, 2], [1, 1, 3]])
    expected = logits.log_softmax(-1).gather(-1, ids[..., None]).squeeze(-1)
    torch.testing.assert_close(objectives.token_logprobs(logits, ids), expected)


def test_log_probabilities_of_bfloat16_logits_are_computed_in_float32() -> None:
    logits = torch.randn(1, 2, 50).bfloat16()
    ids = torch.tensor([[3, 7]])
    logprobs = objectives.token_logprobs(logits, ids)
    assert logprobs.dtype == torch.float32
    assert torch.equal(logprobs, objectives.token_logprobs(logits.float(), ids))


def test_entropy_is_log_of_the_number_of_equally_likely_tokens() -> None:
    logits = torch.zeros(1, 2, 8)
    logits[0, 1, 3:] = -torch.inf
    expected = torch.tensor([[math.log(8), math.log(3)]])
    torch.testing.assert_close(objectives.entropy(logits), expected)


def test_masked_mean_counts_only_the_mask_and_all_processes() -> None:
    values = torch.tensor([[1.0, 2.0, torch.nan], [6.0, torch.nan, torch.nan]])
    mask = ~values.isnan()
    assert objectives.masked_mean(values, mask) == 3
    # A second process that holds the sum 21 over 7 tokens, which it tells apart by their dtype.
    other = {torch.float32: 21, torch.int64: 7}
    assert objectives.masked_mean(values, mask, lambda t: t + other[t.dtype]) == 3


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.1, 2.0, -2.2, -2.2),  # inside the clip: -ratio * advantage, and so is its slope
        (1.5, 2.0, -2.4, 0.0),  # already likelier by more than the clip: nothing more to gain
        (0.5, 2.0, -1.0, -1.0),  # made unlikelier by mistake: never clipped
        (0.5, -2.0, 1.6, 0.0),
        (1.5, -2.0, 3.0, 3.0),
    ],
)
def test_policy_loss_is_clipped_only_where_the_policy_has_gained(
    ratio: float, advantage: float, loss: float, slope: float
) -> None:
    logp = torch.tensor([[math.log(ratio)]], dtype=torch.float64, requires_grad=True)
    one = torch.ones(1, 1, dtype=torch.bool)
    computed, clipped = policy_loss(logp, torch.zeros(1, 1), torch.tensor([[advantage]]), one, 0.2)
    computed.backward()
    assert computed.item() == pytest.approx(loss)
    assert logp.grad is not None
    assert logp.grad.item() == pytest.approx(slope)
    assert bool(clipped) == (slope == 0)


def test_tokens_outside_the_mask_add_nothing_to_losses_and_gradients() -> None:
    _, values, mask = ragged(5)
    logp = values.clone().requires_grad_()
    loss, clipped = policy_loss(logp, values + 0.5, values, mask, 0.1)
    error = value_loss(logp, values + 0.5, values - 1, mask, 0.1)
    (loss + error).backward()
    assert logp.grad is not None
    assert not logp.grad[~mask].any()
    assert logp.grad[mask].any()
    garbage = torch.where(mask, values, 30.0)
    again, clipped_again = policy_loss(garbage, values + 0.5, values, mask, 0.1)
    assert torch.equal(again, loss)
    assert torch.equal(clipped_again, clipped)
    assert torch.equal(value_loss(garbage, values + 0.5, values - 1, mask, 0.1), error)


def test_value_loss_without_a_clip_is_half_the_squared_error() -> None:
    rewards, values, mask = ragged(6)
    expected = sum((v - r) ** 2 / 2 for v, r in zip(values[mask], rewards[mask], strict=True))
    torch.testing.assert_close(value_loss(values, rewards * 9, rewards, mask), expected)


def test_a_clipped_value_takes_the_worse_of_two_errors() -> None:
    one = torch.ones(1, 1, dtype=torch.bool)
    old, target = torch.tensor([[0.0]]), torch.tensor([[1.0]])
    # Moved to 0.9, held at 0.2: the error counts as 0.8, so the gain beyond the clip does not count.
    assert value_loss(torch.tensor([[0.9]]), old, target, one, 0.2).item() == pytest.approx(0.32)
    # Moved away to -1: held at -0.2, but the true error of 2 is worse.
    assert value_loss(torch.tensor([[-1.0]]), old, target, one, 0.2).item() == pytest.approx(2.0)
