"""Worked cases for the single transferable vote and the expanding approvals rule."""

from fractions import Fraction

import numpy as np
import pytest

from rlchf import Profiles
from rlchf.rules import get_rule
from rlchf.rules._parts.stv import BITS, Values
from tests.oracles import stv as oracles_stv
from tests.oracles.textbook import blocks_of
from tests.support.profiles import Case, random_cases, ranking, together

QUOTAS = ["exact", "droop", "hare"]


@pytest.mark.parametrize("rule", ["stv", "expanding_approvals"])
@pytest.mark.parametrize("quota", QUOTAS)
@pytest.mark.parametrize("k", [None, 1, 2, 3])
@pytest.mark.parametrize("ties", ["keep", "lexicographic"])
def test_the_options_equal_the_textbook(rule: str, quota: str, k: int | None, ties: str) -> None:
    options = {"k": k, "quota": quota, "ties": ties}
    for m in (2, 3, 4, 5):
        batch = random_cases(70 + m, 60, m, most_voters=9)
        scores = get_rule(rule)(together(batch), **options)
        for case, row in zip(batch, scores, strict=True):
            expected = getattr(oracles_stv, rule)(case.ballots, m, **options)
            assert blocks_of(row.tolist()) == expected, case


@pytest.mark.parametrize("k", [None, 2])
@pytest.mark.parametrize("ties", ["keep", "lexicographic"])
@pytest.mark.slow
def test_meeks_method_equals_the_textbook(k: int | None, ties: str) -> None:
    options = {"k": k, "variant": "meek", "ties": ties}
    for m in (2, 3, 4, 5):
        batch = random_cases(80 + m, 90, m, most_voters=9)
        scores = get_rule("stv")(together(batch), **options)
        for case, row in zip(batch, scores, strict=True):
            expected = oracles_stv.stv(case.ballots, m, k, "meek", ties=ties)
            assert blocks_of(row.tolist()) == expected, case


@pytest.mark.parametrize("k", [None, 1, 2, 3])
@pytest.mark.parametrize("ties", ["keep", "lexicographic"])
def test_the_scottish_count_equals_the_textbook(k: int | None, ties: str) -> None:
    options = {"k": k, "variant": "scottish", "ties": ties}
    for m in (2, 3, 4, 5, 6):
        batch = random_cases(90 + m, 60, m, most_voters=15)
        scores = get_rule("stv")(together(batch), **options)
        for case, row in zip(batch, scores, strict=True):
            expected = oracles_stv.stv(case.ballots, m, k, "scottish", ties=ties)
            assert blocks_of(row.tolist()) == expected, case


def test_the_scottish_order_cuts_values_to_five_decimals() -> None:
    """The quota is floor(13 / 3) + 1 = 5, and a passes on 1/6 of 6 votes: to five decimals, 0.16666.

    So b has 3.99996, d goes, c has 4, and b goes. With exact values b and c tie at 4 votes.
    """
    ballots = {"a > b": 6, "b": 3, "c": 3, "d > c": 1}
    assert ranking("stv", ballots, k=2, variant="scottish") == [[0], [2], [1], [3]]
    assert ranking("stv", ballots, k=2, quota="droop") == [[0], [1, 2], [3]]


def test_the_scottish_order_breaks_a_tie_by_the_last_stage_where_they_differed() -> None:
    """Votes of a, b, c, d, e: 6 3 4 2 3, then 6 5 4 - 3, then 6 5 5 - -.

    Before they tie, b has more than c, which had more at first; so c goes, and then b has 9 and a 6.
    """
    ballots = {"a": 6, "b > a": 3, "c > b": 4, "d > b > a": 2, "e": 2, "e > c": 1}
    assert ranking("stv", ballots, k=1, variant="scottish") == [[1], [0], [2], [4], [3]]
    assert ranking("stv", ballots, k=1, quota="droop")[0] == [0]  # b and c go together


@pytest.mark.parametrize("options", [{"variant": "scottish"}, {"quota": "droop"}])
def test_a_surplus_does_not_go_to_a_response_that_has_a_quota_already(
    options: dict[str, str],
) -> None:
    """The quota is 4: a has 6 and b 4, so a's surplus of 2 goes to c, though b is next on its ballots.

    With 2 + 6 * 0.33333 votes c stays and d, with 3, goes. If a were elected alone, b would have 6 votes
    and pass 2 on, of which 2/3 went to c: d would stay.
    """
    ballots = {"a > b > c": 6, "b": 4, "c": 2, "d": 3}
    assert ranking("stv", ballots, k=3, **options) == [[0], [1], [2], [3]]


def test_a_response_with_a_quota_ranks_above_one_that_a_surplus_helps() -> None:
    """The quota is 5: a has 9 and b 5, so both are elected, and a's surplus of 4 comes too late for c."""
    ballots = {"a > c": 9, "b": 5}
    assert ranking("stv", ballots, k=2, quota="droop") == [[0], [1], [2]]
    assert ranking("stv", {"a > c": 9, "b": 3, "c": 2}, k=2, quota="droop") == [[0], [2], [1]]


def test_the_largest_surplus_is_transferred_first() -> None:
    """The quota is 4. First 3 votes of b elect c, and then those of a pass c over and elect d.

    If a's 2 came first, c would have 2 + 2, and none of b's 3 would go to c, whose next is e.
    """
    ballots = {"a > c > d": 6, "b > c > e": 7, "c": 2, "d": 2, "e": 2}
    assert ranking("stv", ballots, k=4, quota="droop") == [[1], [0], [2], [3], [4]]


def test_a_shared_vote_is_cut_to_five_decimals_in_the_scottish_count() -> None:
    """Three ballots that tie a, b and c give each 0.99999 votes, and d has 1."""
    ballots = {"a = b = c > d": 3, "d": 1}
    assert ranking("stv", ballots, k=1, variant="scottish") == [[3], [0, 1, 2]]
    assert ranking("stv", ballots, k=1, quota="droop") == [[0, 1, 2, 3]]


def test_the_party_food_of_the_textbooks_is_elected() -> None:
    """20 guests choose 3 of oranges a, pears b, chocolate c, strawberries d and sweets e.

    With a quota of 6, c has 12 and passes half on: 4 to d, who then has 5, and 2 to e, who then has 3.
    So b goes with 2 ballots, which elect a, then e; d is left.
    """
    ballots = {"a": 4, "b > a": 2, "c > d": 8, "c > e": 4, "d": 1, "e": 1}
    for options in ({"quota": "droop"}, {"variant": "scottish"}):
        assert ranking("stv", ballots, k=3, **options) == [[2], [0], [3], [4], [1]]
    for options in ({}, {"variant": "meek"}):  # with a quota of 5, d has 1 + 8 * 7 / 12 at once
        assert ranking("stv", ballots, k=3, **options)[:3] == [[2], [3], [0]]


def test_surplus_passes_on_at_its_value() -> None:
    """Of 10 ballots and a quota of 10/3, a keeps 10/3 of 8; b gets 4 * 7/12 = 7/3, less than c's 2 + 7/12."""
    ballots = {"a > b": 4, "a > c": 1, "a": 3, "c": 2}
    values = Values({((0,),): 8})
    values.reduce([14], 24)
    assert Fraction(values.parts[0], values.whole) == Fraction(7, 12)
    assert ranking("stv", ballots, k=2) == [[0], [2], [1]]


@pytest.mark.parametrize("rule", ["stv", "expanding_approvals"])
def test_a_solid_group_gets_the_seats_that_it_fills(rule: str) -> None:
    """More than n / (k + 1) ballots that rank the same ones on top in any order: one of them is in."""
    rng = np.random.default_rng(5)
    for _ in range(60):
        m, k, n = 6, 3, 20
        group = rng.permutation(m)[:3].tolist()
        size = int(rng.integers(6, n))
        ranks = rng.random((m, n)).argsort(axis=0).argsort(axis=0) + 1.0
        ranks[group, :size] -= m
        case = Case((ranks.argsort(axis=0).argsort(axis=0) + 1).astype(np.int16), np.ones(n))
        scores = get_rule(rule)(together([case]), k=k, ties="lexicographic")[0]
        seats = sum(scores[i] >= m - k for i in group)
        assert seats >= min(3, -(-size * (k + 1) // n) - 1)


def test_a_ballot_with_ties_supports_all_of_a_level_that_it_reaches() -> None:
    """At depth 2 the first ballot approves a, b and c, for b = c have one response above."""
    ballots = {"a > b = c > d": 1, "d > c > b > a": 1, "c > d > a > b": 1}
    assert ranking("expanding_approvals", ballots, k=1)[0] == [2]


def test_by_default_the_plurality_winner_is_elected_first() -> None:
    ballots = {"a > b > c": 4, "b > c > a": 3, "c > b > a": 2}  # b beats both others
    assert ranking("stv", ballots)[0] == [0]
    assert ranking("expanding_approvals", ballots)[0] == [0]
    assert ranking("stv", ballots, k=1)[0] == [1]
    assert ranking("expanding_approvals", ballots, k=1)[0] == [1]


@pytest.mark.parametrize("rule", ["stv", "expanding_approvals"])
def test_a_copy_can_split_first_places(rule: str) -> None:
    assert ranking(rule, {"c > a > b": 5, "a > b > c": 4})[0] == [2]
    copied = {"d > c > a > b": 2, "c > d > a > b": 3, "a > b > c > d": 4}
    assert ranking(rule, copied)[0] == [0]


def test_weights_below_one_have_no_droop_quota_but_an_exact_one() -> None:
    """Shares of 0.6 and 0.4: floor(1 / 3) + 1 is everything; nobody has it until c is eliminated."""
    ballots = ["a > b > c > d", "c > d > a > b"]
    profiles = Profiles.from_ballots([ballots], weights=[[0.6, 0.4]])
    assert get_rule("stv")(profiles, k=2)[0].tolist() == [3, 1, 2, 0]
    assert get_rule("stv")(profiles, k=2, quota="droop")[0].tolist() == [3, 0, 2, 0]


def test_values_are_exact_up_to_their_limit() -> None:
    values = Values({((0,),): 1, ((1,),): 1})
    for _ in range(600):
        values.reduce([2, 3], 3)
    exact = Fraction(2, 3) ** 600
    assert values.whole.bit_length() <= BITS + 1
    assert values.parts[1] == values.whole
    error = exact - Fraction(values.parts[0], values.whole)
    assert 0 <= error < Fraction(1000, 2**BITS)


def test_many_rounds_do_not_make_numbers_grow_without_end() -> None:
    rng = np.random.default_rng(8)
    ranks = (rng.random((60, 40)).argsort(axis=0).argsort(axis=0) + 1).astype(np.int16)
    scores = get_rule("stv")(together([Case(ranks, np.ones(40))]), ties="lexicographic")
    assert sorted(scores[0].tolist()) == list(range(60))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k is 0; give 1 or more seats"),
        ({"quota": "droops"}, "quota is 'droops'; choose from exact, droop, hare"),
        ({"ties": "random"}, "ties is 'random'; choose from keep, lexicographic"),
        (
            {"variant": "warren"},
            "variant is 'warren'; choose from inclusive_gregory, meek, scottish",
        ),
        ({"variant": "meek", "quota": "hare"}, "variant 'meek' has its own"),
        ({"variant": "scottish", "quota": "hare"}, "variant 'scottish' has its own"),
    ],
)
def test_unknown_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ranking("stv", {"a > b": 1}, **options)
