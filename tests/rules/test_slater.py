"""Worked cases for Slater's rule, and its options against the textbook."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.ties import strict_order
from tests.oracles.distance import slater_orders
from tests.oracles.textbook import blocks_of
from tests.rules.test_schulze import schulze_45
from tests.support.profiles import Case, random_cases, together

slater, kemeny = get_rule("slater"), get_rule("kemeny")


def test_schulzes_45_voters_agree_on_e_b_a_d() -> None:
    """The cycles A > C > B > A and C > E > D > C share no majority, so that two must be overruled.

    C > E > B > A > D and E > B > A > D > C overrule two; C is between the others.
    """
    profiles = schulze_45()
    assert slater(profiles).tolist() == [[1.5, 2.5, 2.0, 0.5, 3.5]]
    scores = slater(profiles, ties="lexicographic")[0]
    assert np.argsort(-scores).tolist() == [2, 4, 1, 0, 3]


@pytest.mark.parametrize("m", [3, 4, 5])
def test_the_lexicographic_order_is_the_first_of_the_optimal_orders(m: int) -> None:
    batch = random_cases(80 + m, 120, m)
    orders = strict_order(slater, together(batch))
    for case, order in zip(batch, orders.tolist(), strict=True):
        assert tuple(order) == slater_orders(case.ballots, m)[0]


def test_the_size_of_a_majority_does_not_matter() -> None:
    """Kemeny breaks the first cycle at its narrowest majority, c over a."""
    narrow = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    even = ["a > b > c", "b > c > a", "c > a > b"]
    profiles = Profiles.from_ballots([narrow, even])
    assert slater(profiles).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert kemeny(profiles).tolist() == [[2, 1, 0], [1, 1, 1]]


def test_slater_is_kemeny_where_all_majorities_are_equal() -> None:
    """As with two ballots, whose margins are 2 or 0."""
    rng = np.random.default_rng(0)
    for m in (4, 7, 10, 30):
        ranks = (rng.random((m, 2)).argsort(axis=0).argsort(axis=0) + 1).astype(np.int16)
        profiles = together([Case(ranks, np.ones(2))])
        assert np.array_equal(slater(profiles), kemeny(profiles))


def test_a_large_cycle_is_proved() -> None:
    ranks = np.random.default_rng(1).random((24, 15)).argsort(axis=0).argsort(axis=0) + 1
    profiles = together([Case(ranks.astype(np.int16), np.ones(15))])
    overruled = [
        ((scores[:, None] < scores) & (profiles.margins[0] > 0)).sum()
        for scores in (slater(profiles)[0], kemeny(profiles)[0])
    ]
    assert overruled[0] <= overruled[1]


def test_when_time_runs_out_the_warning_names_the_rule_and_counts_majorities() -> None:
    ranks = np.random.default_rng(0).random((40, 15)).argsort(axis=0).argsort(axis=0) + 1
    profiles = together([Case(ranks.astype(np.int16), np.full(15, 0.5))])
    with pytest.warns(
        UserWarning, match=r"prompt 0 .*: slater ran out .* majorities of \d+ in all"
    ):
        scores = slater(profiles, time_limit=0)
    assert len(blocks_of(scores[0].tolist())) > 30
