"""Worked cases for the leximin and Nash rules."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.rules.test_utilitarian import scored
from tests.support.profiles import ranking

leximin, nash = get_rule("leximin"), get_rule("nash")
nan = float("nan")


def test_leximin_compares_the_worst_off_then_the_next() -> None:
    profiles = scored([[1, 1, 0, 9], [5, 3, 9, 1], [2, 2, 9, 1]])
    assert ranking("leximin", profiles) == [[0], [1], [3], [2]]  # 125, 123, 119, 099


def test_leximin_does_not_look_at_who_is_worst_off() -> None:
    assert ranking("leximin", scored([[1, 3, 2], [2, 1, 3], [3, 2, 1]])) == [[0, 1, 2]]


def test_leximin_compares_shares_of_those_with_an_opinion() -> None:
    """Of a one opinion in three is the lowest, of b one in two, of c one in four; nobody knows d."""
    rows = [[0, 0, 0, nan], [1, 1, 1, nan], [1, nan, 1, nan], [nan, nan, 1, nan]]
    assert ranking("leximin", scored(rows)) == [[2], [0], [1], [3]]


def test_weights_repeat_the_worst_off() -> None:
    rows = [[0.0, 1.0], [1.0, 0.0]]
    assert ranking("leximin", scored(rows, [1, 2])) == [[0], [1]]
    assert ranking("leximin", scored(rows, [2, 2])) == [[0, 1]]


def test_leximin_and_nash_can_reject_a_majority_favourite() -> None:
    profiles = Profiles.from_ballots([["a > b > c"] * 2 + ["c > b > a"]])
    assert ranking("leximin", profiles) == [[1], [0], [2]]
    assert ranking("nash", profiles) == [[1], [0], [2]]


def test_nash_takes_the_product_of_scores() -> None:
    assert ranking("nash", scored([[8, 4, 1], [1, 3, 7]])) == [[1], [0], [2]]  # 12, 8, 7


def test_nash_counts_positive_scores_before_their_product() -> None:
    assert ranking("nash", scored([[0, 1, 0], [9, 1, 0], [9, 1, 5]])) == [[1], [0], [2]]


def test_nash_counts_from_the_lowest_score_of_a_ballot_with_a_negative_one() -> None:
    """From their lowest scores the ballots are 0, 3, 4 and 2, 1, 3."""
    assert ranking("nash", scored([[-1, 2, 3], [2, 1, 3]])) == [[2], [1], [0]]
    assert nash(scored([[-1, 2, 2], [2, 1, 1]])).tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("scale", [1, 10, 7])
@pytest.mark.parametrize("times", [1, 20, 300])
def test_nash_ties_are_exact_however_long_the_product(times: int, scale: int) -> None:
    """4 * 9 = 6 * 6, in whole numbers and in tenths; c has a little more in one place."""
    rows = [[4, 6, 4], [9, 6, 9]] * times + [[5.0, 5.0, 6.0]]
    assert ranking("nash", scored((np.array(rows) / scale).tolist())) == [[2], [0, 1]]


def test_nash_tells_products_apart_whose_logarithms_are_equal_in_floats() -> None:
    n = 10.0**12
    profiles = scored([[n + 1, n, 3], [n + 1, n + 2, 3]])
    assert 2 * np.log(n + 1) == np.log(n) + np.log(n + 2)
    assert ranking("nash", profiles) == [[0], [1], [2]]


def test_positive_scores_in_other_units_are_ranked_alike_by_nash() -> None:
    rng = np.random.default_rng(91)
    for _ in range(30):
        rows = rng.integers(1, 4, (4, 4)).astype(np.float64)
        scaled = rows * np.array([[1], [2], [10], [7]])
        assert (nash(scored(rows.tolist())) == nash(scored(scaled.tolist()))).all()


def test_nash_can_put_the_condorcet_winner_last_of_two() -> None:
    """a beats both others by 2 to 1 but has a 0, and so fewer positive scores than b."""
    profiles = Profiles.from_ballots([["a > b > c", "c > b > a", "a > b > c"]])
    assert (profiles.margins[0, 0, 1:] > 0).all()
    assert nash(profiles).tolist() == [[1, 2, 0]]
