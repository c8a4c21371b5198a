"""Worked cases for majority judgement."""

import itertools

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.rules.test_utilitarian import scored
from tests.support.profiles import ranking

majority_judgement = get_rule("majority_judgement")


def opinions(*grades: list[float]) -> Profiles:
    """The grades of each response, one annotator per grade; ``grades`` may differ in length."""
    rows = itertools.zip_longest(*grades, fillvalue=float("nan"))
    return scored([list(row) for row in rows])


def test_the_french_poll_of_2012_elects_hollande_before_bayrou() -> None:
    """Shares of the grades from excellent to reject of Hollande, Bayrou, Sarkozy, Mélenchon.

    M. Balinski, R. Laraki, "Jugement majoritaire versus vote majoritaire (via les présidentielles
    2011-2012)", 2012. The first two are "fairly good", with more above than below for Hollande only,
    the last two "passable", with more above for Sarkozy.
    """
    shares = [
        [12.48, 16.15, 16.42, 11.67, 14.79, 14.25, 14.24],
        [2.58, 9.77, 21.71, 25.24, 20.08, 11.94, 8.69],
        [9.63, 12.35, 16.28, 10.99, 11.13, 7.87, 31.75],
        [5.43, 9.50, 12.89, 14.65, 17.10, 15.06, 25.37],
    ]
    rows, weights = [], []
    for candidate, share in enumerate(shares):
        for grade, weight in enumerate(share):
            row = [float("nan")] * 4
            row[candidate] = 6 - grade
            rows.append(row)
            weights.append(weight)
    assert ranking("majority_judgement", scored(rows, weights)) == [[0], [1], [2], [3]]


def test_of_two_scores_in_the_middle_the_lower_is_the_median() -> None:
    assert ranking("majority_judgement", opinions([0, 2, 9, 9], [3, 3, 3, 3], [1, 1, 9, 9])) == [
        [1],
        [0],
        [2],
    ]


def test_equal_medians_are_taken_away_one_by_one() -> None:
    """3 is all medians. Without it 1 is the lower one in the middle of a, 2 of b, and 3 of c."""
    assert ranking(
        "majority_judgement", opinions([1, 1, 3, 4, 4], [0, 2, 3, 4, 4], [0, 3, 3, 3, 3])
    ) == [[2], [1], [0]]


def test_the_score_below_the_middle_counts_before_the_score_above() -> None:
    assert ranking("majority_judgement", opinions([1, 2, 3], [0, 2, 9])) == [[0], [1]]
    assert ranking("majority_judgement", opinions([1, 2, 3], [1, 2, 9])) == [[1], [0]]


def test_thirds_below_and_above_the_middle_are_equally_far() -> None:
    """After the median 1 both differ a sixth of the opinions from the middle: below, then above."""
    assert ranking("majority_judgement", opinions([0, 1, 1], [1, 1, 2], [0, 1, 2])) == [
        [1],
        [2],
        [0],
    ]
    assert ranking("majority_judgement", opinions([0, 1, 1] * 5, [1, 1, 2] * 5, [0, 1, 2])) == [
        [1],
        [2],
        [0],
    ]


def test_scores_matter_by_their_order_only() -> None:
    rng = np.random.default_rng(92)
    for _ in range(40):
        rows = rng.integers(0, 5, (6, 4))
        stretched = np.array([-7.5, 0, 0.1, 3, 1e6])[rows]
        assert ranking("majority_judgement", scored(rows.astype(float).tolist())) == ranking(
            "majority_judgement", scored(stretched.tolist())
        )


@pytest.mark.parametrize("votes", [1, 2])
def test_a_response_without_opinions_comes_last(votes: int) -> None:
    nan = float("nan")
    assert ranking("majority_judgement", scored([[nan, 0, 1]] * votes)) == [[2], [1], [0]]


def test_majority_judgement_can_reject_the_condorcet_winner() -> None:
    """b is above a and above c on four of seven ballots each, but last on two, and a on one."""
    ballots = ["c > b > a", "a > c > b", "b > a > c", "a > b > c", "a > c > b"]
    profiles = Profiles.from_ballots([[*ballots, "b > a > c", "b > a > c"]])
    assert (profiles.margins[0, 1, [0, 2]] > 0).all()
    assert ranking("majority_judgement", profiles) == [[0], [1], [2]]


def test_two_electorates_that_agree_by_majority_judgement_can_disagree_together() -> None:
    one = ["c > b > a", "b > c > a", "c > b > a", "b > a > c"]
    other = ["c > b > a", "b > a > c", "c > b > a", "a > b > c"]
    scores = majority_judgement(Profiles.from_ballots([one, other, one + other]))
    assert scores.tolist() == [[0, 2, 1], [0, 2, 1], [0, 1, 2]]
