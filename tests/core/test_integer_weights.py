"""Weights as whole numbers of votes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlchf import Profiles
from rlchf.numeric.integer_weights import integer_weights


def votes(*weights: float) -> list[float]:
    scaled: list[float] = integer_weights(np.array(weights), np.array([0, len(weights)]))[
        0
    ].tolist()
    return scaled


def test_whole_weights_stay() -> None:
    assert votes(3, 0, 7) == [3, 0, 7]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((0.1, 0.2, 0.3), [1, 2, 3]),
        ((1 / 3, 1 / 3, 1 / 3, 1), [1, 1, 1, 3]),
        ((0.0, 0.25, 0.1), [0, 5, 2]),
        ((1e-9, 3e-9), [1, 3]),
        ((1 / 7, 1 / 11), [11, 7]),
        ((2.0**60, 2.0**61), [1, 2]),
        ((0.5, 0.5), [1, 1]),
        ((1.5,), [3]),
        ((0.0, 0.0), [0, 0]),
    ],
)
def test_weights_with_a_common_part_count_its_multiples(
    weights: tuple[float, ...], expected: list[int]
) -> None:
    assert votes(*weights) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.fractions(0, 50, max_denominator=30), min_size=1, max_size=6))
def test_fractions_keep_their_proportions_exactly(weights: list[Fraction]) -> None:
    scaled = votes(*map(float, weights))
    assert all(vote == int(vote) for vote in scaled)
    if any(weights):
        total = sum(map(Fraction, scaled))
        least = min(w for w in weights if w)
        if max(w / least for w in weights) * 30**6 < 2**45:
            assert [Fraction(v) / total for v in scaled] == [w / sum(weights) for w in weights]


def test_prompts_do_not_share_their_parts() -> None:
    weights, starts = np.array([0.1, 0.2, 5.0, 1 / 3, 1.0]), np.array([0, 2, 3, 5])
    counted, unit, exact = integer_weights(weights, starts)
    assert counted.tolist() == [1, 2, 5, 1, 3]
    np.testing.assert_allclose(unit, [10, 1, 3])
    assert exact.all()


def test_weights_without_a_common_part_are_rounded_finely() -> None:
    weights = np.array([np.pi, np.e, 1.0, 0.0])
    counted, unit, exact = integer_weights(weights, np.array([0, 4]))
    assert not exact.any()
    np.testing.assert_allclose(counted / unit[0], weights, rtol=1e-14)
    assert 2**49 <= counted.sum() <= 2**50


def test_tenths_tie_where_they_add_up_to_the_same() -> None:
    profiles = Profiles.from_ballots([["a > b", "a > b", "b > a"]], weights=[[0.1, 0.2, 0.3]])
    assert profiles.margins[0, 0, 1] == 0
    assert profiles.scale.tolist() == [10]
    assert profiles.totals.tolist() == [6]
