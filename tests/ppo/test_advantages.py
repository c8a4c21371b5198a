"""Advantages against slow definitions and by hand."""

import pytest
import torch
from torch import Tensor

from rlchf.train.ppo.advantages import ADVANTAGES, gae, grpo, rloo
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.experience import estimate
from rlchf.train.ppo.objectives import masked_sum, one_process, whiten
from tests.support.ppo_enumeration import Enumeration
from tests.support.ppo_runs import ragged


def gae_and_returns(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """As PPO computes them from its settings."""
    config = PPOConfig(gamma=gamma, gae_lambda=gae_lambda, whiten=False)
    advantages, returns = estimate(config, rewards, values, mask, one_process)
    assert torch.equal(advantages, gae(rewards, values, mask, gamma, gae_lambda))
    return advantages, returns


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("gamma", "gae_lambda"), [(1.0, 0.95), (0.9, 0.5), (0.97, 1.0), (1.0, 0.0)]
)
def test_gae_equals_its_definition_on_ragged_rows(
    seed: int, gamma: float, gae_lambda: float
) -> None:
    rewards, values, mask = ragged(seed)
    advantages, returns = gae_and_returns(rewards, values, mask, gamma, gae_lambda)
    for row, length in enumerate(mask.sum(1).tolist()):
        r, v = rewards[row, :length].tolist(), [*values[row, :length].tolist(), 0.0]
        delta = [r[t] + gamma * v[t + 1] - v[t] for t in range(length)]
        for t in range(length):
            expected = sum((gamma * gae_lambda) ** (u - t) * delta[u] for u in range(t, length))
            assert advantages[row, t].item() == pytest.approx(expected, abs=1e-12)
            assert returns[row, t].item() == pytest.approx(expected + v[t], abs=1e-12)
        assert not advantages[row, length:].any()
        assert not returns[row, length:].any()


def test_gae_at_lambda_1_is_the_return_to_go_minus_the_value() -> None:
    rewards, values, mask = ragged(1)
    advantages, returns = gae_and_returns(rewards, values, mask, 0.9, 1.0)
    for row, length in enumerate(mask.sum(1).tolist()):
        for t in range(length):
            to_go = sum(0.9 ** (u - t) * rewards[row, u] for u in range(t, length))
            torch.testing.assert_close(returns[row, t], to_go)
            torch.testing.assert_close(advantages[row, t], to_go - values[row, t])


def test_gae_at_lambda_0_is_the_temporal_difference_error() -> None:
    rewards, values, mask = ragged(2)
    following = torch.where(mask, values, 0).roll(-1, 1)
    following[:, -1] = 0
    expected = torch.where(mask, rewards + 0.9 * following - values, 0)
    torch.testing.assert_close(gae(rewards, values, mask, 0.9, 0.0), expected)


def test_what_lies_after_a_response_does_not_reach_its_advantages() -> None:
    rewards, values, mask = ragged(3)
    clean = gae_and_returns(rewards, values, mask, 0.9, 0.8)
    dirty = gae_and_returns(
        torch.where(mask, rewards, torch.nan), torch.where(mask, values, torch.inf), mask, 0.9, 0.8
    )
    assert torch.equal(clean[0], dirty[0])
    assert torch.equal(clean[1], dirty[1])


def test_whitened_values_have_mean_0_and_variance_1_on_the_mask() -> None:
    _, values, mask = ragged(4)
    whitened = whiten(5 + 3 * values, mask)
    assert whitened[mask].mean().item() == pytest.approx(0, abs=1e-12)
    assert whitened[mask].var(correction=0).item() == pytest.approx(1, abs=1e-6)
    assert not whitened[~mask].any()
    assert torch.equal(whitened[mask].argsort(), values[mask].argsort())


def test_whitening_equal_values_gives_0_rather_than_nan() -> None:
    assert not whiten(torch.full((2, 2), 7.0), torch.ones(2, 2, dtype=torch.bool)).any()


# -- several responses per prompt ------------------------------------------------------------------


def rewards_of(*totals: float) -> tuple[Tensor, Tensor]:
    """Rewards of ragged rows with these totals, and their mask; NaN where a row has no token."""
    lengths = torch.tensor([1 + i % 3 for i in range(len(totals))])
    mask = torch.arange(3) < lengths[:, None]
    rewards = torch.where(mask, 0.25, torch.nan).double()
    rewards[:, 0] = torch.tensor(totals).double() - 0.25 * (lengths - 1)
    return rewards, mask


def test_leave_one_out_takes_off_the_mean_of_the_others() -> None:
    rewards, mask = rewards_of(1, 2, 6, 0, 0, 3)
    advantages = rloo(rewards, mask, 3)
    expected = torch.tensor([-3.0, -1.5, 4.5, -1.5, -1.5, 3.0]).double()
    assert torch.equal(advantages, torch.where(mask, expected[:, None], 0))


def test_group_relative_advantages_have_mean_0_and_deviation_1() -> None:
    rewards, mask = rewards_of(1, 2, 6, 5, 5, 5)
    advantages = grpo(rewards, mask, 3)
    # Mean 3, squared deviations 4 + 1 + 9 over n - 1 = 2: standard deviation the root of 7.
    expected = torch.tensor([-2.0, -1.0, 3.0, 0.0, 0.0, 0.0]).double() / 7**0.5
    torch.testing.assert_close(
        advantages, torch.where(mask, expected[:, None], 0), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_leave_one_out_gradient_is_unbiased(beta: float) -> None:
    """Over all pairs of sequences, each as often as it is sampled, with the KL penalty."""
    every = Enumeration()
    exact = every.gradient(beta)
    first, second = (
        index.flatten() for index in torch.meshgrid(*[torch.arange(40)] * 2, indexing="ij")
    )
    pairs = torch.stack([first, second], 1).flatten()  # two consecutive rows per pair
    advantages = rloo(every.rewards(beta)[pairs], every.mask[pairs], 2)
    probability = every.log_prob.exp().detach()
    often = (probability[first] * probability[second]).repeat_interleave(2) / 2
    summed = masked_sum(every.logp[pairs] * advantages * often[:, None], every.mask[pairs])
    (gradient,) = torch.autograd.grad(summed, every.table)
    assert exact.abs().max() > 0.1
    torch.testing.assert_close(gradient, exact, atol=1e-13, rtol=0)


def test_a_new_estimator_gets_what_its_parameters_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def discounted(rewards: Tensor, mask: Tensor, gamma: float) -> Tensor:
        return torch.where(mask, gamma * rewards, 0)

    monkeypatch.setitem(ADVANTAGES, "discounted", discounted)
    rewards, values, mask = ragged(0)
    config = PPOConfig(gamma=0.5)
    object.__setattr__(config, "advantages", "discounted")
    advantages, returns = estimate(config, rewards, values, mask, one_process)
    assert torch.equal(advantages, torch.where(mask, 0.5 * rewards, 0))
    assert not returns.any(), "it has no critic"
