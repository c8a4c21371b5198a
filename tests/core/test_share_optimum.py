"""Policies with given shares: against another solver, their definition, and what cannot be."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from rlchf.optima import ShareConstrained, kl_optimum, share_constrained, uniform


def divergence(policy: np.ndarray, reference: np.ndarray) -> float:
    used = policy > 0
    return float((policy[used] * np.log(policy[used] / reference[used])).sum())


@pytest.mark.parametrize("seed", range(8))
def test_no_other_policy_with_the_shares_is_better(seed: int) -> None:
    """Against maximising quality minus beta times divergence under the constraint, by another solver."""
    rng = np.random.default_rng(seed)
    count, K, beta = 7, 2 + seed % 2, [0.3, 1.0, 2.0][seed % 3]
    reference, quality = rng.dirichlet(np.ones(count)), rng.normal(size=count)
    kinds = np.append(np.arange(K), rng.integers(K, size=count - K))
    targets = rng.dirichlet(np.ones(K))

    def loss(policy: np.ndarray) -> float:
        return beta * divergence(policy, reference) - float(quality @ policy)

    limits: Any = {"type": "eq", "fun": lambda p: np.eye(K)[kinds].T @ p - targets}
    best = minimize(
        loss, reference, bounds=[(1e-12, 1.0)] * count, method="SLSQP", constraints=limits,
        options={"ftol": 1e-13, "maxiter": 1000},
    )  # fmt: skip
    result = share_constrained(reference, quality, kinds, targets, beta)
    assert loss(result.policy) == pytest.approx(best.fun, abs=1e-6)
    np.testing.assert_allclose(result.policy, best.x, atol=2e-3)
    assert result.reward - beta * result.kl == pytest.approx(-loss(result.policy))


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_shares_are_met_whatever_beta_and_however_many_prompts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    P, M, K = int(rng.integers(1, 6)), int(rng.integers(4, 9)), int(rng.integers(2, 4))
    beta = float(10 ** rng.uniform(-3, 2))
    reference = rng.dirichlet(np.ones(M), size=P)
    kinds = np.stack([rng.permutation(np.arange(M) % K) for _ in range(P)])
    targets = 0.02 + (1 - 0.02 * K) * rng.dirichlet(np.ones(K))
    result = share_constrained(reference, rng.normal(size=(P, M)), kinds, targets, beta)
    np.testing.assert_allclose(result.shares, targets, atol=1e-9)
    counted = [result.policy[kinds == k].sum() / P for k in range(K)]
    np.testing.assert_allclose(counted, targets, atol=1e-9)
    objective = result.reward - beta * result.kl
    free = result.free_reward - beta * result.free_kl
    assert free >= objective - 1e-9 * max(1, beta), "a constraint cannot help"
    assert targets @ result.multipliers == pytest.approx(0, abs=1e-9 * max(1, beta))


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_shares_of_soft_kinds_are_met_if_the_reference_can_have_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    members = rng.dirichlet(np.ones(3), size=(2, 6))
    targets = np.einsum("pm,pmk->k", rng.dirichlet(np.ones(6), size=2), members) / 2
    reference, quality = rng.dirichlet(np.ones(6), size=2), rng.normal(size=(2, 6))
    result = share_constrained(reference, quality, members, targets, 0.5)
    np.testing.assert_allclose(result.shares, targets, atol=1e-9)


def test_the_policy_has_the_form_that_it_is_said_to_have() -> None:
    rng = np.random.default_rng(0)
    reference, quality, kinds = rng.dirichlet(np.ones(6)), rng.normal(size=6), np.arange(6) % 3
    result = share_constrained(reference, quality, kinds, [0.5, 0.3, 0.2], 0.2)
    again = kl_optimum(reference, quality + result.multipliers[kinds], 0.2)
    np.testing.assert_allclose(result.policy, again, atol=1e-12)


def test_targets_that_are_met_anyway_cost_nothing() -> None:
    rng = np.random.default_rng(1)
    reference, quality, kinds = rng.dirichlet(np.ones(6)), rng.normal(size=6), np.arange(6) % 3
    free = kl_optimum(reference, quality, 0.5)
    targets = [free[kinds == k].sum() for k in range(3)]
    result = share_constrained(reference, quality, kinds, targets, 0.5)
    np.testing.assert_allclose(result.multipliers, 0, atol=1e-9)
    np.testing.assert_allclose(result.policy, free)
    assert (result.reward_cost, result.kl_cost) == pytest.approx((0, 0), abs=1e-9)


def test_a_reward_added_to_all_of_a_kind_changes_nothing_but_the_multipliers() -> None:
    reference, kinds = uniform(4), np.array([0, 0, 1, 1])
    one = share_constrained(reference, [1, 0, 1, 0], kinds, [0.6, 0.4], 0.2)
    other = share_constrained(reference, [1, 0, -9, -10], kinds, [0.6, 0.4], 0.2)
    np.testing.assert_allclose(one.policy, other.policy, atol=1e-12)
    assert np.diff(other.multipliers) - np.diff(one.multipliers) == pytest.approx(10)
    assert other.reward_cost > 0, "the minority's share costs reward"


def test_prompts_on_which_the_kinds_differ_widely_are_weighed_against_each_other() -> None:
    """On one prompt the first kind is better by 1,000 beta, on the other the second: a plateau between."""
    result = share_constrained(
        np.full((2, 2), 0.5), [[1, 0], [0, 1]], [[0, 1]] * 2, [0.4, 0.6], 1e-3
    )
    np.testing.assert_allclose(result.policy, [[0.8, 0.2], [0.0, 1.0]], atol=1e-9)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"reference": [0.5, 0.5, 0.0]}, "the reference never writes emoji, whose target is 0.4"),
        ({"kinds": [0, 0, 0]}, "the reference never writes emoji"),
        ({"kinds": [0, 1, 2]}, "kinds must be a number from 0 to 1"),
        ({"targets": [0.6, 0.6]}, "each must be above 0, and the sum 1"),
        ({"targets": [1.0, 0.0]}, "each must be above 0, and the sum 1"),
        ({"beta": 0}, "beta is 0; it must be above 0"),
        ({"reference": [0.5, 0.4, 0.0]}, "must be 0 or more and add up to 1"),
        ({"quality": [0.0, 1.0]}, "give one finite number for each response"),
        ({"kinds": [[1, 1], [0, 1], [1, 0]]}, "which add up to 1"),
        ({"kinds": [[0.9, 0.1], [0.8, 0.2], [1, 0]]}, "could be weighted to less than 0.2"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(changed: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "reference": [0.3, 0.3, 0.4], "quality": [0.0, 1.0, 2.0], "kinds": [0, 0, 1],
        "targets": [0.6, 0.4], "beta": 0.5, "names": ["plain", "emoji"],
    }  # fmt: skip
    assert isinstance(share_constrained(**good), ShareConstrained)
    with pytest.raises(ValueError, match=message):
        share_constrained(**good | changed)


def test_a_kind_that_is_never_written_to_most_prompts_cannot_have_most_of_the_texts() -> None:
    reference = [[0.5, 0.5]] + [[1.0, 0.0]] * 3
    with pytest.raises(ValueError, match=r"target of emoji is 0\.4, and the reference could be w"):
        share_constrained(
            reference, np.zeros((4, 2)), [[0, 1]] * 4, [0.6, 0.4], 1.0, ["plain", "emoji"]
        )


def test_two_kinds_together_may_be_too_much_though_neither_is() -> None:
    """Three kinds, of which one prompt has the first only: at most half is left for the others together."""
    reference = [[1.0, 0.0, 0.0], [0.2, 0.4, 0.4]]
    with pytest.raises(ValueError, match=r"the target of 1 and 2 is 0\.6"):
        share_constrained(reference, np.zeros((2, 3)), [[0, 1, 2]] * 2, [0.4, 0.3, 0.3], 1.0)
