"""Worked cases for the utilitarian rules: sums of scores as they are, and rescaled."""

import itertools
from fractions import Fraction
from math import lcm

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import cardinal as oracles
from tests.oracles.textbook import blocks_of
from tests.rules.test_scores import SCALES, profiles_of, random_scored
from tests.support.profiles import dense, random_cases, together

utilitarian, relative_utilitarian = get_rule("utilitarian"), get_rule("relative_utilitarian")


def scored(rows: list[list[float]], weights: list[float] | None = None) -> Profiles:
    """One prompt; a row per annotator, NaN for no score."""
    scores = np.array(rows).T
    V = scores.shape[1]
    places = np.where(np.isnan(scores), 0.0, 1 + np.nanmax(scores) - np.nan_to_num(scores))
    return Profiles(
        dense(places),
        np.array([0, V]),
        np.ones(V) if weights is None else np.array(weights, dtype=np.float64),
        np.arange(V),
        scores,
    )


def test_the_sum_of_a_tenth_and_two_tenths_is_three_tenths() -> None:
    assert 0.1 + 0.2 != 0.3
    assert utilitarian(scored([[0.1, 0.3], [0.2, 0.0]])).tolist() == [[0.3, 0.3]]


def test_a_score_that_came_out_of_a_computation_still_ties() -> None:
    a, b = utilitarian(scored([[0.1 + 0.2, 0.3], [1 - 0.9, 0.1]]))[0]
    assert 1 - 0.9 != 0.1
    assert a == b == 0.4


def test_reals_without_a_common_part_tie_up_to_rounding() -> None:
    root = float(np.sqrt(2))
    scores = utilitarian(
        scored([[root, 0.1, 0], [np.pi, np.pi, root + 0.1], [0.1, root, np.pi + 1e-6]])
    )
    assert scores[0, 0] == scores[0, 1]
    assert scores[0, 2] > scores[0, 0]


def test_sums_beyond_floats_keep_their_ties() -> None:
    """Sums of about 2^60, of which the two orders of adding differ in floats."""
    rows = [[2.0**52 + 1, 2.0**52 - 3], [2.0**52 - 3, 2.0**52 + 1], [5, 5.0]]
    scores = utilitarian(scored(rows, [255, 255, 3]))
    assert scores.tolist() == [[float(255 * (2**53 - 2) + 15)] * 2]


def test_missing_scores_add_nothing_to_a_sum_and_are_left_out_of_a_mean() -> None:
    nan = float("nan")
    profiles = scored([[4, 2, nan], [3, nan, nan], [2, 3, nan]])
    assert utilitarian(profiles).tolist() == [[9, 5, 0]]
    assert utilitarian(profiles, average=True).tolist() == [[3, 2.5, 2.8]]


@pytest.mark.parametrize("scale", SCALES)
def test_means_are_those_of_the_textbook(scale: str) -> None:
    cases = random_scored(81, scale, 240, 4)
    for case, scores in zip(cases, utilitarian(profiles_of(cases), average=True), strict=True):
        expected = oracles.worth_average(case.worths, 4)
        assert blocks_of(scores.tolist()) == blocks_of(expected)
        assert scores.tolist() == pytest.approx([float(score) for score in expected])


def test_without_gaps_points_read_off_rankings_are_borda_scores() -> None:
    complete = together(random_cases(82, 120, 5)[::6] + random_cases(83, 121, 5)[1::6])
    assert (utilitarian(complete) == get_rule("borda")(complete)).all()


def test_relative_utilitarianism_gives_everybody_the_same_say() -> None:
    """The second annotator uses the whole scale, the first two points of it."""
    profiles = scored([[2, 1, 1], [3, 1, 1], [0, 100, 90], [5, 5, 5]])
    assert utilitarian(profiles).argmax() == 1
    assert relative_utilitarian(profiles).tolist() == [[2, 1, 0.9]]


def test_relative_scores_do_not_change_when_an_annotator_uses_another_scale() -> None:
    rng = np.random.default_rng(84)
    rows = rng.integers(0, 6, (5, 4))
    changed = rows * np.array([[1], [10], [3], [1], [7]]) + np.array([[5], [0], [-20], [0], [1]])
    one, other = (scored(r.astype(float).tolist()) for r in (rows, changed))
    assert (relative_utilitarian(one) == relative_utilitarian(other)).all()


def test_ties_of_relative_scores_are_exact_also_where_spreads_have_no_small_multiple() -> None:
    """Each spread is prime, twice, with a and b in both roles; c is one part in their product better."""
    primes = (53, 59, 61, 67, 71, 73, 79, 83, 89, 97)
    assert lcm(*primes) > 2**53
    rng = np.random.default_rng(85)
    rows = []
    for p in primes:
        x, y = rng.integers(0, p, 2).tolist()
        rows += [[x, y, 0, p], [y, x, p, 0]]
    scores = relative_utilitarian(scored([rows[i] for i in rng.permutation(len(rows))]))[0]
    worths = [({i: Fraction(x) for i, x in enumerate(row)}, Fraction(1)) for row in rows]
    expected = oracles.worth_relative_utilitarian(worths, 4)
    assert scores[0] == scores[1]
    assert scores[2] == scores[3] == len(primes)
    assert blocks_of(scores.tolist()) == blocks_of(expected)
    assert scores.tolist() == pytest.approx([float(score) for score in expected])


def test_a_condorcet_loser_can_win_by_points_if_more_ballots_rank_it() -> None:
    ballots = [[f"{x} > d"] * 3 + [f"d > {x}"] * 2 for x in "abc"]
    profiles = Profiles.from_ballots([list(itertools.chain(*ballots))])
    assert (profiles.margins[0, 3, :3] < 0).all()
    assert utilitarian(profiles).tolist() == [[3, 3, 3, 6]]
