import pytest

from rlchf import Profiles
from rlchf.rules.equal_shares import equal_shares


def test_a_majority_that_has_spent_its_share_leaves_the_rest() -> None:
    """60 and 40 per cent, five seats: three cost the first six ballots 1/6 each, all they have."""
    ballots = ["a1 = a2 = a3 = a4 = a5"] * 6 + ["b1 = b2 = b3 = b4 = b5"] * 4
    scores = equal_shares(Profiles.from_ballots([ballots]), k=5, ties="lexicographic")
    assert scores.tolist() == [[10, 9, 8, 0, 0, 7, 6, 0, 0, 0]]


def test_the_ranking_gives_money_for_one_seat_after_the_other() -> None:
    """a with two seats' money, c with three, b with four, d with five: not a and b in front of c."""
    ballots = ["a = b > c = d"] * 3 + ["c = d > a = b"] * 2
    scores = equal_shares(Profiles.from_ballots([ballots]), ties="lexicographic")
    assert scores.tolist() == [[4, 2, 3, 1]]


def test_poor_supporters_pay_what_they_have() -> None:
    """Three seats, 1/2 for each of six: a at 1/4 each; then b for 1/4, 1/4 and 1/2; c has but 1/2."""
    ballots = ["a = b"] * 2 + ["a"] * 2 + ["b"] + ["c"]
    scores = equal_shares(Profiles.from_ballots([ballots]), k=3, completion="none")
    assert scores.tolist() == [[3, 2, 0]]


def test_completions_fill_what_nobody_can_afford() -> None:
    """Two seats, 2/7 for each of seven: 6/7 for a, 4/7 for b and c."""
    profiles = Profiles.from_ballots([["a"] * 3 + ["b"] * 2 + ["c"] * 2])
    none = equal_shares(profiles, k=2, completion="none", ties="lexicographic")
    phragmen = equal_shares(profiles, k=2, ties="lexicographic")
    assert none.tolist() == [[0, 0, 0]]
    assert phragmen.tolist() == [[3, 2, 0]]


def test_a_larger_budget_that_buys_too_many_is_not_used() -> None:
    """a with the money of three seats; all with that of four, so that b and c come by completion."""
    profiles = Profiles.from_ballots([["a"] * 4 + ["b"] * 3 + ["c"] * 3])
    scores = equal_shares(profiles, k=2, completion="add_one", ties="lexicographic")
    assert scores.tolist() == [[3, 2, 0]]
    assert equal_shares(profiles, k=2, completion="add_one").tolist() == [[3, 2, 2]]


def test_a_larger_budget_can_buy_another_committee() -> None:
    """Two seats: b for 1/3 each of three; a is the first that can be paid with new money.

    With the money of three seats a costs 1/2 of each, c 7/15 of one who has not paid for b.
    """
    profiles = Profiles.from_ballots([["a", "a = c = d", "b = c = d", "b = c", "b = d"]])
    phragmen = equal_shares(profiles, k=2, ties="lexicographic")
    more = equal_shares(profiles, k=2, completion="add_one", ties="lexicographic")
    assert phragmen.tolist() == [[3, 4, 0, 0]]
    assert more.tolist() == [[0, 4, 3, 0]]


def test_a_ballot_that_pays_for_two_is_in_debt() -> None:
    """Three seats, 4/7 by weight: a and b cost three ballots 1/3 twice, which leaves each -2/21.

    One of them has to earn that before it helps f to be paid, so that g at 8/35 is faster than f at 11/42;
    with an empty purse it would be f, at 3/14.
    """
    profiles = Profiles.from_ballots(
        [["a = b", "a = b", "a = b = f", "f", "g"]], weights=[[1.0, 1.0, 1.0, 1.0, 1.25]]
    )
    assert equal_shares(profiles, k=3).tolist() == [[4, 4, 0, 2]]


def test_an_unknown_completion_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="completion is 'av'; choose from seq_phragmen, add_one"):
        equal_shares(Profiles.from_ballots([["a > b"]]), completion="av")  # type: ignore[arg-type]
