"""Breaking ties by the order of the responses."""

import numpy as np

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.ties import strict_order


def test_tied_responses_keep_their_order() -> None:
    profiles = Profiles.from_ballots([["c > a = b"], ["a = b = c"]])
    assert strict_order(get_rule("borda"), profiles).tolist() == [[2, 0, 1], [0, 1, 2]]


def test_scores_that_differ_by_rounding_are_tied() -> None:
    def rule(profiles: Profiles) -> np.ndarray:
        return np.array([[0.3, 0.1 + 0.2, 1.0]])

    assert strict_order(rule, Profiles.from_ballots([["a > b > c"]])).tolist() == [[2, 0, 1]]


def test_a_rule_with_an_option_for_ties_breaks_them_itself() -> None:
    """a > b > c, the order that broken ties would give, is not optimal for this cycle."""
    profiles = Profiles.from_ballots([["c > b > a", "b > a > c", "a > c > b"]])
    kemeny = get_rule("kemeny")
    assert kemeny(profiles).tolist() == [[1, 1, 1]]
    assert strict_order(kemeny, profiles).tolist() == [[0, 2, 1]]


def test_options_reach_the_rule() -> None:
    profiles = Profiles.from_ballots([["a > b", "b > a"]])
    kemeny = get_rule("kemeny")
    assert strict_order(kemeny, profiles, ties="keep", time_limit=None).tolist() == [[0, 1]]
