"""The angular mean: its figures for two annotators, its guarantee, and its minimum."""

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlchf.linear import agreement, angular, angular_mean

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


@pytest.mark.filterwarnings("ignore:angular_mean")
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


def society(seed: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Two to six directions, on a small grid or near a line, so that the sum has several minima."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    directions = rng.integers(-1, 2, size=(n, d)).astype(float)
    directions[~directions.any(axis=1)] = 1.0
    if seed % 2:
        line = rng.choice([-1, 1], size=(n, 1)) * rng.normal(size=d)
        directions = line + 10 ** rng.uniform(-8, 0) * rng.normal(size=(n, d))
    return directions, rng.dirichlet(np.full(n, rng.choice([0.3, 1.0, 5.0]))) + 1e-6


def sums(directions: np.ndarray, weights: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The weighted sums of squared angles to each row of ``at``."""
    parts = weights / weights.sum()
    angles = [np.pi * (1 - agreement(at, direction)) for direction in directions]
    return np.asarray(np.square(angles).T @ parts)


@pytest.mark.parametrize(
    "seeds", [range(60), pytest.param(range(60, 1500), marks=pytest.mark.slow)]
)
def test_no_direction_of_the_circle_has_a_smaller_sum_than_the_mean(seeds: range) -> None:
    angles = np.linspace(0, 2 * np.pi, 2001)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for seed in seeds:
        directions, weights = society(seed, 2)
        mean = angular_mean(directions, weights)
        least = sums(directions, weights, circle).min()
        assert sums(directions, weights, mean[None])[0] <= least + 1e-9, seed
        assert (agreement(directions, mean) >= weights / weights.sum() - 1e-6).all(), seed


@pytest.mark.filterwarnings("ignore:angular_mean")
@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 100), marks=pytest.mark.slow)])
def test_no_direction_of_the_sphere_has_a_smaller_sum_than_the_mean(seeds: range) -> None:
    for seed in seeds:
        directions, weights = society(seed, 3)
        around = np.random.default_rng(seed).normal(size=(4000, 3))
        around /= np.linalg.norm(around, axis=1, keepdims=True)
        mean = angular_mean(directions, weights)
        least = sums(directions, weights, around).min()
        assert sums(directions, weights, mean[None])[0] <= least + 1e-9, seed


def test_of_two_minima_on_the_circle_the_least_is_the_mean() -> None:
    """From the arithmetic mean, steps end where the third annotator, of weight 0.088, agrees on 0.071."""
    root = 0.5**0.5
    directions = np.array([[-1.0, 0.0], [root, -root], [1.0, 0.0], [-root, root]])
    weights = np.array([0.3565852, 0.1559246, 0.0883147, 0.3991756])
    mean = angular_mean(directions, weights)
    assert np.degrees(np.arctan2(mean[1], mean[0])) == pytest.approx(198.98 - 360, abs=0.01)
    assert sums(directions, weights, mean[None])[0] == pytest.approx(1.87372, abs=1e-5)
    assert agreement(directions, mean)[2] == pytest.approx(0.1055, abs=1e-4)


def test_a_minimum_that_may_not_be_the_least_is_announced_with_a_bound() -> None:
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    with pytest.warns(
        UserWarning, match=r"sum .* is 1\.976.*, .* below 0\.894.*; everybody agrees on at"
    ):
        mean = angular_mean(corners, np.array([4.0, 3.0, 2.0, 1.0]))
    assert (agreement(corners, mean) >= np.array([0.4, 0.3, 0.2, 0.1])).all()


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_no_sum_is_below_the_bound(seed: int) -> None:
    directions, weights = society(seed, 3)
    units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    around = np.concatenate([np.random.default_rng(seed).normal(size=(2000, 3)), units])
    bound = angular._least_sum(units, weights / weights.sum())
    assert sums(directions, weights, around).min() >= bound - 1e-7


def test_independent_directions_have_a_mean_without_doubt() -> None:
    """Two groups nearly opposite, in more dimensions than there are people: a half-space holds all."""
    rng = np.random.default_rng(4)
    sides = np.where(np.arange(10) < 6, 1.0, -1.0)[:, None]
    directions = sides * np.ones(20) + 0.1 * rng.normal(size=(10, 20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mean = angular_mean(directions)
    assert (agreement(directions, mean) > 0.39).all()


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
