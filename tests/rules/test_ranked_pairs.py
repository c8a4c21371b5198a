"""Worked cases for ranked pairs."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.rules._parts.many_responses import lock_all
from rlchf.rules.ranked_pairs import ranked_pairs_outcomes
from tests.oracles import majority as oracles
from tests.oracles.textbook import blocks_of
from tests.rules.test_schulze import schulze_45
from tests.support.profiles import random_cases, together

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
    profiles = together(random_cases(1, 60, m))
    alone = np.stack([lock_all(margins) for margins in profiles.margins])
    assert np.array_equal(alone, ranked_pairs(profiles))


def test_all_outcomes_of_a_cycle_of_four() -> None:
    """Margins: d > a, a > b and b > d by 2; b > c and c > d by 4; a and c tied."""
    ballots = ["a > b > c > d"] * 2 + ["b > c > d > a"] * 2 + ["c > d > a > b", "d > a > b > c"]
    profiles = Profiles.from_ballots([ballots])
    assert ranked_pairs_outcomes(profiles.margins[0]) == [[0, 1, 2, 3], [1, 2, 3, 0]]
    assert ranked_pairs(profiles, ties="keep").tolist() == [[1.5, 1.5, 1.5, 1.5]]


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_all_outcomes_are_those_of_the_stacks(m: int) -> None:
    for case in random_cases(41, 60, m):
        orders = ranked_pairs_outcomes(together([case]).margins[0])
        assert orders == oracles.ranked_pairs_outcomes(case.ballots, m)


@pytest.mark.parametrize(("m", "count"), [(2, 60), (3, 240), (4, 240), (5, 240), (6, 24)])
@pytest.mark.slow
def test_blocks_are_cut_where_all_outcomes_have_the_same_in_front(m: int, count: int) -> None:
    batch = random_cases(42, count, m)
    for case, scores in zip(batch, ranked_pairs(together(batch), ties="keep"), strict=True):
        blocks = oracles.ranked_pairs_all(case.ballots, m)
        assert blocks_of(scores.tolist()) == blocks
        sizes = [len(block) for block in blocks]
        for k, block in enumerate(blocks):
            assert set(scores[block]) == {sum(sizes[k + 1 :]) + (len(block) - 1) / 2}


@pytest.mark.parametrize("m", [5, 8, 11])
def test_the_lexicographic_outcome_is_one_of_all(m: int) -> None:
    profiles = together(random_cases(43, 60, m, most_voters=15))
    strict, blocks = ranked_pairs(profiles), ranked_pairs(profiles, ties="keep")
    for order, tied in zip(strict, blocks, strict=True):
        assert (np.diff(tied[np.argsort(-order)]) <= 0).all()


def test_distinct_margins_have_one_outcome() -> None:
    assert ranked_pairs_outcomes(schulze_45().margins[0]) == [[0, 2, 4, 1, 3]]
    assert (ranked_pairs(schulze_45(), ties="keep") == ranked_pairs(schulze_45())).all()


def test_a_long_even_cycle_is_tied_and_what_split_cycle_decides_is_not() -> None:
    """Nine responses in a cycle between a first and a last one."""
    names = "bcdefghij"
    turns = [names[k:] + names[:k] for k in range(9)]
    profiles = Profiles.from_ballots([[" > ".join(f"a{turn}k") for turn in turns]])
    blocks = blocks_of(ranked_pairs(profiles, ties="keep")[0].tolist())
    assert blocks == [[0], list(range(1, 10)), [10]]


def test_outcomes_of_nine_responses_are_not_listed() -> None:
    with pytest.raises(ValueError, match="9 responses; all outcomes are listed for up to 8"):
        ranked_pairs_outcomes(np.zeros((9, 9)))


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="ties is 'all'; choose from keep, lexicographic"):
        ranked_pairs(schulze_45(), ties="all")
