"""Worked cases for Borda."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles.positional import borda_variant
from tests.oracles.textbook import blocks_of
from tests.support.profiles import random_cases, together

borda = get_rule("borda")


def test_tennessee_is_ranked_nashville_chattanooga_memphis_knoxville() -> None:
    ballots = ["M > N > C > K", "N > C > K > M", "C > K > N > M", "K > C > N > M"]
    scores = borda(Profiles.from_ballots([ballots], weights=[[42, 26, 15, 17]]))
    assert scores.tolist() == [[173, 107, 126, 194]]  # C, K, M, N


def test_borda_can_reject_a_majority_favourite() -> None:
    profiles = Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2])
    assert profiles.margins[0, 0].min() == 0  # a beats both others
    assert blocks_of(borda(profiles)[0].tolist()) == [[1], [0], [2]]


def test_a_clone_can_change_the_borda_winner() -> None:
    before = borda(Profiles.from_ballots([["a > b"] * 3 + ["b > a"] * 2]))
    after = borda(Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2]))
    assert before.argmax() == 0
    assert after.argmax() == 1


def test_a_tie_or_a_gap_gives_half_a_point_to_each_side() -> None:
    assert borda(Profiles.from_ballots([["a = b > c"]])).tolist() == [[1.5, 1.5, 0]]
    assert borda(Profiles.from_ballots([["a > b"]], ["a", "b", "c"])).tolist() == [[1.5, 0.5, 1]]


VARIANTS = ["symmetric", "domination", "weak_domination", "non_domination"]


def test_the_variants_of_borda_on_a_ballot_with_a_tie_and_a_gap() -> None:
    profiles = Profiles.from_ballots([["a > b = c"]], ["a", "b", "c", "d"])
    scores = {variant: borda(profiles, variant=variant)[0].tolist() for variant in VARIANTS}
    assert scores == {
        "symmetric": [2.5, 1, 1, 1.5],
        "domination": [2, 0, 0, 0],
        "weak_domination": [2, 1, 1, 0],
        "non_domination": [0, -1, -1, 0],
    }


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("m", [2, 4, 5])
def test_scores_of_the_variants_are_those_of_the_textbook(variant: str, m: int) -> None:
    batch = random_cases(31, 240, m)
    for case, scores in zip(batch, borda(together(batch), variant=variant).tolist(), strict=True):
        expected = [float(score) for score in borda_variant(case.ballots, m, variant)]
        assert scores == pytest.approx(expected, rel=1e-15)


def test_the_variants_rank_strict_complete_ballots_alike() -> None:
    strict = together(random_cases(32, 300, 5)[::6])
    rankings = [
        [blocks_of(row) for row in borda(strict, variant=variant).tolist()] for variant in VARIANTS
    ]
    assert all(ranking == rankings[0] for ranking in rankings)


def test_an_unknown_variant_of_borda_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="variant is 'dominating'; choose from symmetric, domin"):
        borda(Profiles.from_ballots([["a > b"]]), variant="dominating")


def test_equal_counts_stay_equal_whatever_number_multiplies_weights_without_a_common_unit() -> None:
    ballots, weights = ["c > a > d", "d > a = b > c", "d > c > a = b"], [428371, 454851, 863721]
    for factor in (1, 12345.678, np.pi):
        scaled = [weight * factor for weight in weights]
        scores = borda(Profiles.from_ballots([ballots], weights=[scaled]))[0]
        assert scores[0] == scores[1]
        assert scores[3] > scores[2] > scores[0]
