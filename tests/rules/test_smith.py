"""Worked cases for the rules that rank in tiers: Smith, Schwartz, uncovered set."""

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from tests.oracles import majority as oracles
from tests.oracles.textbook import Blocks
from tests.rules.test_schulze import schulze_45
from tests.support.profiles import random_cases, ranking, together

VARIANTS = ["gillies", "fishburn", "bordes", "mckelvey"]


def majorities(*pairs: str) -> Profiles:
    """Ballots of two responses each, so that exactly these majorities arise."""
    return Profiles.from_ballots([list(pairs)])


def test_schulzes_45_voters_have_one_cycle_through_all() -> None:
    assert ranking("smith", schulze_45()) == [[0, 1, 2, 3, 4]]
    assert ranking("schwartz", schulze_45()) == [[0, 1, 2, 3, 4]]
    # E beats A, B and D, and with B and D all that B and D beat but C, whom both D and B lose to.
    assert ranking("uncovered_set", schulze_45()) == [[0, 2, 4], [1, 3]]


def test_tiers_are_split_again_after_the_smith_set() -> None:
    first, second = ["a > b", "b > c", "c > a"], ["d > e", "e > f", "f > d"]
    between = [f"{i} > {j}" for i in "abc" for j in "def"]
    assert ranking("smith", majorities(*first, *second, *between)) == [[0, 1, 2], [3, 4, 5]]
    pair = ["d > e", "d > f"]
    assert ranking("smith", majorities(*first, *pair, *between)) == [[0, 1, 2], [3], [4, 5]]
    chain = ["d > e", "d > f", "e > f"]
    assert ranking("smith", majorities(*first, *chain, *between)) == [[0, 1, 2], [3], [4], [5]]


def test_a_pairwise_tie_joins_smith_tiers_but_not_schwartz_tiers() -> None:
    profiles = majorities("a > b", "b > c")  # a and c are not compared
    assert ranking("smith", profiles) == [[0, 1, 2]]
    assert ranking("schwartz", profiles) == [[0], [1], [2]]


def test_the_schwartz_set_may_hold_several_cycles() -> None:
    profiles = majorities("a > b", "b > c", "c > a", "d > e", "e > f", "f > d", "c > g", "d > h")
    assert ranking("schwartz", profiles) == [[0, 1, 2, 3, 4, 5], [6, 7]]


def test_without_pairwise_ties_smith_and_schwartz_are_the_same() -> None:
    profiles = together(random_cases(51, 600, 5)[::6])
    decided = (profiles.margins != 0).sum(axis=(1, 2)) == 20
    assert decided.sum() > 30
    smith, schwartz = get_rule("smith")(profiles), get_rule("schwartz")(profiles)
    assert np.array_equal(smith[decided], schwartz[decided])
    uncovered = [get_rule("uncovered_set")(profiles, variant=variant) for variant in VARIANTS]
    assert all(np.array_equal(uncovered[0][decided], other[decided]) for other in uncovered)


def test_the_uncovered_set_may_be_smaller_than_the_smith_set() -> None:
    profiles = majorities("a > b", "b > c", "c > a", "a > d", "b > d", "d > c")  # b covers d
    assert ranking("smith", profiles) == [[0, 1, 2, 3]]
    assert ranking("uncovered_set", profiles) == [[0, 1, 2], [3]]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("gillies", [[0, 2, 3], [1]]),  # a covers b; b does not cover c, since a does not beat c
        ("fishburn", [[0, 3], [1, 2]]),  # whom nobody beats covers whom somebody beats
        ("bordes", [[0, 1, 3], [2]]),  # b covers c; a does not cover b, since it does not beat c
        ("mckelvey", [[0, 1, 2, 3]]),
    ],
)
def test_the_variants_differ_when_pairs_are_tied(variant: str, expected: Blocks) -> None:
    """a beats b and b beats c; all other pairs are tied."""
    profiles = majorities("a > b", "b > c", "c > d", "d > c")
    assert ranking("uncovered_set", profiles, variant=variant) == expected


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("m", [3, 5])
def test_every_variant_equals_its_definition(variant: str, m: int) -> None:
    batch = random_cases(52, 240, m)
    rows = get_rule("uncovered_set")(together(batch), variant=variant)
    for case, scores in zip(batch, rows, strict=True):
        expected = oracles.uncovered_set(case.ballots, m, variant)
        assert scores.tolist() == oracles.scores_of(expected, m)


@pytest.mark.parametrize("rule", ["smith", "schwartz"])
def test_scores_count_the_lower_tiers(rule: str) -> None:
    batch = random_cases(53, 240, 5)
    for case, scores in zip(batch, get_rule(rule)(together(batch)), strict=True):
        expected = getattr(oracles, rule)(case.ballots, 5)
        assert scores.tolist() == oracles.scores_of(expected, 5)


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ValueError, match="variant is 'miller'; choose from gillies, fishburn"):
        get_rule("uncovered_set")(schulze_45(), variant="miller")
