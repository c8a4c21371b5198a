"""PPO's quantities against slow definitions, exact gradients and closed forms."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from rlchf.train import objectives
from rlchf.train.objectives import KLEstimator, gae, kl_estimate, policy_loss, value_loss, whiten


def ragged(seed: int, rows: int = 6, width: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    """Random rewards and values, and a mask with rows of every kind of length."""
    generator = torch.Generator().manual_seed(seed)
    rewards, values = torch.randn(2, rows, width, generator=generator, dtype=torch.float64)
    lengths = torch.randint(1, width + 1, (rows,), generator=generator)
    lengths[0], lengths[1] = 1, width
    return rewards, values, torch.arange(width) < lengths[:, None]


# -- advantages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.5), (0.97, 1.0), (1.0, 0.0)])
def test_gae_equals_its_definition_on_ragged_rows(seed: int, gamma: float, lam: float) -> None:
    rewards, values, mask = ragged(seed)
    advantages, returns = gae(rewards, values, mask, gamma, lam)
    for row, length in enumerate(mask.sum(1).tolist()):
        r, v = rewards[row, :length].tolist(), [*values[row, :length].tolist(), 0.0]
        delta = [r[t] + gamma * v[t + 1] - v[t] for t in range(length)]
        for t in range(length):
            expected = sum((gamma * lam) ** (u - t) * delta[u] for u in range(t, length))
            assert advantages[row, t].item() == pytest.approx(expected, abs=1e-12)
            assert returns[row, t].item() == pytest.approx(expected + v[t], abs=1e-12)
        assert not advantages[row, length:].any()
        assert not returns[row, length:].any()


def test_gae_at_lambda_1_is_the_return_to_go_minus_the_value() -> None:
    rewards, values, mask = ragged(1)
    advantages, returns = gae(rewards, values, mask, 0.9, 1.0)
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
    torch.testing.assert_close(gae(rewards, values, mask, 0.9, 0.0)[0], expected)


def test_what_lies_after_a_response_does_not_reach_its_advantages() -> None:
    rewards, values, mask = ragged(3)
    clean = gae(rewards, values, mask, 0.9, 0.8)
    dirty = gae(
        torch.where(mask, rewards, torch.nan), torch.where(mask, values, torch.inf), mask, 0.9, 0.8
    )
    assert torch.equal(clean[0], dirty[0])
    assert torch.equal(clean[1], dirty[1])


# -- the exact gradient ----------------------------------------------------------------------------

V, T = 4, 3  # token 0 ends a sequence


def all_sequences() -> list[tuple[int, ...]]:
    """Every sequence the policy can write: closed by token 0, or T tokens long."""
    longest = [s for s in itertools.product(range(V), repeat=T) if 0 not in s[:-1]]
    shorter = [
        (*s, 0) for n in range(T - 1) for s in itertools.product(range(1, V), repeat=n)
    ]  # fmt: skip
    return longest + shorter


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_gradient_at_ratio_1_is_that_of_expected_reward_minus_kl(beta: float) -> None:
    generator = torch.Generator().manual_seed(0)
    sequences = all_sequences()
    prefixes = sorted({s[:t] for s in sequences for t in range(len(s))})
    assert len(prefixes) == 1 + 3 + 9

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    table = random(len(prefixes), V).requires_grad_()
    reference, baseline, reward = random(len(prefixes), V), random(len(prefixes)), random(1000)
    at = torch.zeros(len(sequences), T, dtype=torch.long)  # where in the table each choice was made
    ids = torch.zeros(len(sequences), T, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        for t, token in enumerate(sequence):
            at[row, t], ids[row, t] = prefixes.index(sequence[:t]), token
    lengths = torch.tensor([len(s) for s in sequences])
    mask = torch.arange(T) < lengths[:, None]
    r = reward[: len(sequences)]

    logp = objectives.token_logprobs(table[at], ids)
    ref_logp = objectives.token_logprobs(reference[at], ids)
    log_prob = torch.where(mask, logp, 0).sum(1)
    ref_log_prob = torch.where(mask, ref_logp, 0).sum(1)
    assert log_prob.exp().sum().item() == pytest.approx(1, abs=1e-12)
    objective = (log_prob.exp() * (r - beta * (log_prob - ref_log_prob))).sum()
    (exact,) = torch.autograd.grad(objective, table, retain_graph=True)

    rewards = -beta * kl_estimate(logp, ref_logp, "k1").detach()
    rewards = rewards.scatter_add(1, lengths[:, None] - 1, r[:, None])
    advantages, _ = gae(rewards, baseline[at], mask, 1.0, 1.0)
    weighted = advantages * log_prob.exp().detach()[:, None]  # every sequence as often as sampled
    loss, clipped = policy_loss(logp, logp.detach(), weighted, mask, 0.2)
    (found,) = torch.autograd.grad(-loss, table)
    assert exact.abs().max() > 0.1
    torch.testing.assert_close(found, exact, atol=1e-13, rtol=0)
    assert clipped == 0


# -- divergence ------------------------------------------------------------------------------------


def test_kl_estimators_have_the_bias_and_the_sign_they_should() -> None:
    generator = torch.Generator().manual_seed(0)
    p, q = (torch.randn(10, generator=generator, dtype=torch.float64) for _ in range(2))
    p, q = p.log_softmax(0), (1.2 * q).log_softmax(0)
    true = (p.exp() * (p - q)).sum().item()
    drawn = torch.multinomial(p.exp(), 400_000, replacement=True, generator=generator)
    kinds: tuple[KLEstimator, ...] = ("k1", "k2", "k3")
    k1, k2, k3 = (kl_estimate(p[drawn], q[drawn], kind) for kind in kinds)

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
    for kind in ("k1", "k2", "k3"):
        assert not kl_estimate(logp, logp, kind).any()


def test_an_unknown_kl_estimator_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'k4'; choose from k1, k2, k3"):
        kl_estimate(torch.zeros(1), torch.zeros(1), "k4")  # type: ignore[arg-type]


# -- small pieces ----------------------------------------------------------------------------------


def test_token_logprobs_are_the_log_softmax_at_the_ids() -> None:
    logits = torch.randn(2, 3, 5, dtype=torch.float64)
    ids = torch.tensor([[0, 4, 2], [1, 1, 3]])
    expected = logits.log_softmax(-1).gather(-1, ids[..., None]).squeeze(-1)
    torch.testing.assert_close(objectives.token_logprobs(logits, ids), expected)


def test_log_probabilities_of_bfloat16_logits_are_computed_in_float32() -> None:
    logits = torch.randn(1, 2, 50).bfloat16()
    ids = torch.tensor([[3, 7]])
    found = objectives.token_logprobs(logits, ids)
    assert found.dtype == torch.float32
    assert torch.equal(found, objectives.token_logprobs(logits.float(), ids))


def test_entropy_is_log_of_the_number_of_equally_likely_tokens() -> None:
    logits = torch.zeros(1, 2, 8)
    logits[0, 1, 3:] = -torch.inf
    expected = torch.tensor([[math.log(8), math.log(3)]])
    torch.testing.assert_close(objectives.entropy(logits), expected)


def test_masked_mean_counts_only_the_mask_and_all_processes() -> None:
    values = torch.tensor([[1.0, 2.0, torch.nan], [6.0, torch.nan, torch.nan]])
    mask = ~values.isnan()
    assert objectives.masked_mean(values, mask) == 3
    # A second process that holds the sum 21 over 7 tokens, told by its dtype which it is asked for.
    other = {torch.float32: 21, torch.int64: 7}
    assert objectives.masked_mean(values, mask, lambda t: t + other[t.dtype]) == 3


def test_whitened_values_have_mean_0_and_variance_1_on_the_mask() -> None:
    _, values, mask = ragged(4)
    found = whiten(5 + 3 * values, mask)
    assert found[mask].mean().item() == pytest.approx(0, abs=1e-12)
    assert found[mask].var(correction=0).item() == pytest.approx(1, abs=1e-6)
    assert not found[~mask].any()
    assert torch.equal(found[mask].argsort(), values[mask].argsort())


def test_whitening_equal_values_gives_0_rather_than_nan() -> None:
    assert not whiten(torch.full((2, 2), 7.0), torch.ones(2, 2, dtype=torch.bool)).any()


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
    found, clipped = policy_loss(logp, torch.zeros(1, 1), torch.tensor([[advantage]]), one, 0.2)
    found.backward()
    assert found.item() == pytest.approx(loss)
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
    # Moved to 0.9, held at 0.2: the error counts as 0.8, so the gain beyond the clip is not paid.
    assert value_loss(torch.tensor([[0.9]]), old, target, one, 0.2).item() == pytest.approx(0.32)
    # Moved away to -1: held at -0.2, but the true error of 2 is worse.
    assert value_loss(torch.tensor([[-1.0]]), old, target, one, 0.2).item() == pytest.approx(2.0)
