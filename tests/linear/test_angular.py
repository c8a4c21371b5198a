"""The angular mean: its figures for two annotators, its guarantee, and its minimum."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlchf.linear import agreement, angular_mean

SIXTY_FORTY = np.array([0.6, 0.4])


def two(degrees: float) -> np.ndarray:
    """Two annotators so many degrees apart."""
    angle = np.radians(degrees)
    return np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])


@pytest.mark.parametrize(
    ("degrees", "angular", "arithmetic"),
    [(150, (0.667, 0.500), (0.787, 0.379)), (170, (0.622, 0.433), (0.897, 0.159))],
)
def test_the_angular_mean_keeps_the_shares_and_the_arithmetic_mean_does_not(
    degrees: float, angular: tuple[float, float], arithmetic: tuple[float, float]
) -> None:
    directions = two(degrees)
    agreements = agreement(directions, angular_mean(directions, SIXTY_FORTY))
    assert agreements == pytest.approx(angular, abs=5e-4)
    # the mean divides the angle in the proportion of the weights
    assert agreements == pytest.approx(1 - (1 - SIXTY_FORTY) * degrees / 180, abs=1e-12)
    assert agreement(directions, SIXTY_FORTY @ directions) == pytest.approx(arithmetic, abs=5e-4)


def test_agreement_is_the_share_of_random_pairs_ranked_alike() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 5))
    differences = rng.normal(size=(200_000, 5))
    share = np.mean((differences @ one > 0) == (differences @ other > 0))
    assert float(agreement(one, other)) == pytest.approx(share, abs=0.005)


@st.composite
def societies(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Directions and weights: anywhere, near one line through the origin, or on a small grid."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(1, 6)), draw(st.integers(2, 5))
    directions = rng.normal(size=(n, d))
    kind = draw(st.sampled_from(["anywhere", "near a line", "grid"]))
    if kind == "near a line":
        line = rng.choice([-1, 1], size=(n, 1)) * rng.normal(size=d)
        directions = line + 10 ** rng.uniform(-8, 0) * directions
    if kind == "grid":
        directions = rng.integers(-1, 2, size=(n, d)).astype(float)
        directions[~directions.any(axis=1)] = 1.0
    return directions, rng.dirichlet(np.full(n, rng.choice([0.3, 1.0, 5.0]))) + 1e-6


@settings(max_examples=60, deadline=None)
@given(society=societies())
@example(society=(np.array([[1.0, 0.0], [-1.0, 0.0]]), SIXTY_FORTY))
@example(society=(np.array([[0.0, 0.0, 2.0], [0.0, 0.0, -1.0]]), np.array([0.5, 0.5])))
@pytest.mark.slow
def test_everybody_has_their_share_in_the_long_run(society: tuple[np.ndarray, np.ndarray]) -> None:
    directions, weights = society
    mean = angular_mean(directions, weights)
    assert np.linalg.norm(mean) == pytest.approx(1)
    assert (agreement(directions, mean) >= weights / weights.sum() - 1e-6).all()


def test_the_arithmetic_mean_does_not_give_everybody_their_share() -> None:
    directions = two(170)
    assert agreement(directions, SIXTY_FORTY @ directions)[1] < 0.4


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6))
@pytest.mark.slow
def test_no_direction_of_the_circle_is_nearer_to_all(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    directions, weights = rng.normal(size=(n, 2)), rng.dirichlet(np.ones(n))

    def cost(at: np.ndarray) -> float:
        angles = np.pi * (1 - agreement(directions, at))
        return float(weights @ angles**2)

    around = np.linspace(0, 2 * np.pi, 501)
    least = min(cost(np.array([np.cos(a), np.sin(a)])) for a in around)
    assert cost(angular_mean(directions, weights)) <= least + 1e-9


def test_rotation_and_length_change_nothing_and_weights_are_repetition() -> None:
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(4, 3)) + np.array([2.0, 0.0, 0.0])
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    mean = angular_mean(directions, np.array([1.0, 2.0, 1.0, 0.0]))
    turned = angular_mean(7 * directions @ turn, np.array([1.0, 2.0, 1.0, 0.0]))
    assert turned == pytest.approx(mean @ turn, abs=1e-7)
    assert angular_mean(directions[[0, 1, 1, 2]]) == pytest.approx(mean, abs=1e-7)


@pytest.mark.parametrize(
    ("directions", "weights", "message"),
    [
        ([[1.0], [2.0]], None, "d of 2 or more"),
        ([[1.0, 0.0], [0.0, 0.0]], None, "direction 1 is .* has no direction"),
        ([[1.0, 0.0], [float("nan"), 0.0]], None, "direction 1"),
        ([[1.0, 0.0]], [1.0, 1.0], "1 directions, and weights of shape"),
        ([[1.0, 0.0]], [0.0], "not all 0"),
        ([[1.0, 0.0]], [-1.0], "0 or more"),
    ],
)
def test_directions_without_a_mean_are_refused(
    directions: list[list[float]], weights: list[float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        angular_mean(np.array(directions), None if weights is None else np.array(weights))
