"""Annotators files that match the annotators of the rankings in part."""

import warnings

import pytest

from rlchf.io.matching import match_annotators


def warning(voters: list[str], rows: list[str], consequence: str = "weigh 1") -> str:
    """What the match warns of; empty if of nothing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        match_annotators(voters, rows).warn("people.csv", consequence)
    return "".join(str(one.message) for one in caught)


def test_both_sides_are_counted_with_an_example() -> None:
    voters = [f"{i:03}" for i in range(1, 302)]
    rows = [str(i) for i in range(1, 151)] + voters[150:]
    assert warning(voters, rows) == (
        "99 of 301 annotators, such as '001', have no row in people.csv and weigh 1; 99 of its rows, "
        "such as '1', name nobody who voted; '1' may be '001': a spreadsheet drops zeros in front"
    )


def test_one_on_each_side_is_said_in_the_singular() -> None:
    assert warning(["ann", "bob"], ["bob", "eve"], "weigh 1 and have no region") == (
        "1 of 2 annotators, such as 'ann', has no row in people.csv and weighs 1 and has no region; 1 of its "
        "rows, such as 'eve', names nobody who voted"
    )
    assert warning(["ann", "bob"], ["bob"], "") == (
        "1 of 2 annotators, such as 'ann', has no row in people.csv"
    )


def test_a_file_of_more_people_than_voted_brings_no_warning() -> None:
    assert warning(["ann"], ["ann", "bob", "eve"]) == ""


@pytest.mark.parametrize(
    ("voter", "row", "why"),
    [
        ("007", "7", "a spreadsheet drops zeros in front"),
        ("7", "7.0", "a table of numbers adds .0"),
        ("ann", "ann ", "blanks count"),
        ("ann", "Ann", "capital letters count"),
        ("007", "7.0", "ids are compared as text"),
        ("000", "0", "a spreadsheet drops zeros in front"),
    ],
)
def test_ids_that_are_nearly_the_same_bring_a_hint(voter: str, row: str, why: str) -> None:
    assert warning(["bob", voter], ["bob", row]).endswith(f"; {row!r} may be {voter!r}: {why}")
    assert match_annotators([voter], [row]).hint == f"; {row!r} may be {voter!r}: {why}"


def test_a_row_that_matches_is_meant_for_nobody_else() -> None:
    assert match_annotators(["7", "007"], ["7"]).hint == ""
