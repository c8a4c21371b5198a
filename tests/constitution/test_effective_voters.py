"""The effective number of voters among principles, and the agreement between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlchf.constitution.correlation import correlations, effective_voters
from rlchf.constitution.judgements import Judgement, Judgements

MANY = 4000


def of_signed(signed: np.ndarray, weights: np.ndarray | None = None) -> Judgements:
    """Judgements of one pair per prompt from (Q, K) labels between -1 and 1."""
    Q, K = signed.shape
    weights = np.ones(K) if weights is None else weights
    return Judgements.of(
        Judgement(f"p{q}", f"k{k}", "a", "b", (1 + signed[q, k]) / 2, weights[k])
        for q in range(Q)
        for k in range(K)
        if not np.isnan(signed[q, k])
    )


def normal_labels(matrix: np.ndarray, seed: int = 0) -> np.ndarray:
    """Labels whose correlation is that of a matrix: normal ones, far from the bounds."""
    drawn = np.random.default_rng(seed).multivariate_normal(np.zeros(len(matrix)), matrix, MANY)
    return np.clip(drawn / 10, -1, 1)


def equicorrelated(m: int, rho: float) -> np.ndarray:
    return np.full((m, m), rho) + (1 - rho) * np.eye(m)


@pytest.mark.parametrize("m", [2, 8, 16])
def test_independent_principles_count_as_many_voters_as_they_are(m: int) -> None:
    found = effective_voters(of_signed(normal_labels(np.eye(m))), replicates=40)
    assert found.value == pytest.approx(m, rel=0.05)
    assert found.independent == m


@pytest.mark.parametrize("m", [2, 16])
def test_copies_of_one_principle_count_as_one_voter(m: int) -> None:
    column = normal_labels(np.eye(1))[:50]
    found = effective_voters(of_signed(np.repeat(column, m, axis=1)))
    assert found.value == pytest.approx(1)
    assert (found.low, found.high) == pytest.approx((1, 1))


@pytest.mark.parametrize("rho", [0.2, 0.5, 0.9])
def test_equally_correlated_principles_count_as_kish_says(rho: float) -> None:
    m = 10
    found = effective_voters(of_signed(normal_labels(equicorrelated(m, rho))), replicates=100)
    assert found.value == pytest.approx(m / (1 + (m - 1) * rho), rel=0.04)
    assert found.low < m / (1 + (m - 1) * rho) < found.high


def test_two_clusters_count_as_two_voters() -> None:
    two = normal_labels(np.eye(2))
    found = effective_voters(of_signed(np.repeat(two, 4, axis=1)), replicates=0)
    assert found.value == pytest.approx(2, rel=0.05)
    assert np.isnan(found.low)


def test_weights_of_one_principle_alone_leave_one_voter() -> None:
    weights = np.array([1.0, 1e-9, 1e-9])
    found = effective_voters(of_signed(normal_labels(np.eye(3))[:50], weights), replicates=0)
    assert found.value == pytest.approx(1)
    assert found.independent == pytest.approx(1)


def test_principles_that_contradict_each_other_cancel_out() -> None:
    column = normal_labels(np.eye(1))[:20]
    found = effective_voters(of_signed(np.hstack([column, -column])))
    assert np.isinf(found.value)
    assert correlations(of_signed(np.hstack([column, -column]))).hard[0, 1] == 0


def test_a_principle_without_any_preference_is_left_out_and_named() -> None:
    labels = np.hstack([normal_labels(np.eye(2))[:200], np.zeros((200, 1))])
    found = effective_voters(of_signed(labels))
    assert found.indifferent == ("k2",)
    assert found.principles == 2
    assert found.value == pytest.approx(2, rel=0.3)


def test_principles_that_share_no_pair_have_no_known_number() -> None:
    labels = np.array([[0.5, np.nan], [np.nan, 0.5], [0.2, np.nan]])
    found = effective_voters(of_signed(labels))
    assert np.isnan(found.value)
    assert np.isnan(correlations(of_signed(labels)).soft[0, 1])
    assert correlations(of_signed(labels)).pairs.tolist() == [[2, 0], [0, 1]]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_turning_pairs_around_changes_nothing(seed: int) -> None:
    """Which response of a pair has the smaller id is arbitrary."""
    rng = np.random.default_rng(seed)
    labels = rng.uniform(-1, 1, (12, 3))
    turned = labels * rng.choice([-1, 1], (12, 1))
    one, other = effective_voters(of_signed(labels)), effective_voters(of_signed(turned))
    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
    np.testing.assert_allclose(
        correlations(of_signed(labels)).soft, correlations(of_signed(turned)).soft
    )


def test_correlation_and_agreement_are_those_counted_by_hand() -> None:
    labels = np.array([[1.0, 0.5], [0.5, -0.5], [-1.0, -1.0], [0.5, 0.0]])
    found = correlations(of_signed(labels))
    products = 0.5 - 0.25 + 1
    assert found.soft[0, 1] == pytest.approx(products / np.sqrt(2.5 * 1.5))
    assert found.hard[0, 1] == pytest.approx(2 / 3)  # the last pair has no preference of k1


def test_intervals_cover_the_true_number_about_as_often_as_they_say() -> None:
    matrix, m = equicorrelated(4, 0.5), 4
    true, rounds = m / (1 + (m - 1) * 0.5), 100
    covered = 0
    for n in range(rounds):
        labels = np.random.default_rng(n).multivariate_normal(np.zeros(m), matrix, 150) / 10
        found = effective_voters(of_signed(labels), replicates=200, seed=n)
        covered += found.low <= true <= found.high
    assert 0.86 * rounds <= covered
