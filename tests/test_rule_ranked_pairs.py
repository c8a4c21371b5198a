"""Worked cases for ranked pairs."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import blocks_of
from tests.profiles import random_cases, together
from tests.test_rule_schulze import schulze_45

ranked_pairs = get_rule("ranked_pairs")


def test_schulzes_45_voters_rank_a_c_e_b_d() -> None:
    assert blocks_of(ranked_pairs(schulze_45())[0].tolist()) == [[0], [2], [4], [1], [3]]


def test_equal_margins_are_taken_in_the_order_of_the_responses() -> None:
    profiles = Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]])
    assert ranked_pairs(profiles).tolist() == [[2, 1, 0]]  # a > b and b > c before c > a


def test_with_equal_margins_renaming_the_responses_can_change_who_wins() -> None:
    cycle = Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]])
    renamed = Profiles.from_ballots([["b > c > a", "c > a > b", "a > b > c"]])  # a, b, c to b, c, a
    assert ranked_pairs(cycle).argmax() == ranked_pairs(renamed).argmax() == 0


def test_a_pair_without_a_majority_goes_to_the_first_response() -> None:
    assert ranked_pairs(Profiles.from_ballots([["a > b", "b > a"]])).tolist() == [[1, 0]]
    assert ranked_pairs(Profiles.from_ballots([["c > a = b"]])).tolist() == [[1, 0, 2]]


@pytest.mark.parametrize("m", [3, 6, 12])
def test_one_prompt_alone_gets_what_a_batch_gets(m: int) -> None:
    from importlib import import_module

    lock_one = import_module("rlchf.rules.ranked_pairs")._lock_one
    profiles = together(random_cases(1, 60, m))
    alone = np.stack([lock_one(margins) for margins in profiles.margins])
    assert np.array_equal(alone, ranked_pairs(profiles))
