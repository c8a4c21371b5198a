"""Which rows count: blank ballots, empty ranks, prompts with one response, repeated ballots."""

import re
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlchf import Rankings, aggregate
from rlchf.cleaning import Repeats
from rlchf.rankings import Unranked


def long(*rows: tuple[str, str, str, object], **columns: list[Any]) -> dict[str, list[Any]]:
    """A long table of prompts, annotators, responses and ranks."""
    names = ("prompt_id", "annotator_id", "response_id", "rank")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)} | columns


BAD = [
    ("p", "ann", "a > b"), ("p", "bob", ""), ("q", "ann", "b > a"), ("q", "eve", []), ("r", "ann", "a"),
    ("r", "bob", "a"), ("s", "dan", ""),
]  # fmt: skip


def skipping(data: Any, **options: Any) -> tuple[Rankings, str]:
    """Read with what is bad left out, and what the warning says."""
    read = Rankings.from_ballots if isinstance(data, list) else Rankings.from_frame
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rankings = read(data, **({"skip": "bad"} | options))
    (warning,) = caught
    return rankings, str(warning.message)


def test_all_that_is_bad_is_counted_in_one_sentence() -> None:
    sentence = (
        "votes: 3 blank ballots (ballots 1, 3, 6), 1 prompt with one response only ('r'); mend them, or "
        'leave them out with --skip bad (skip="bad" in Python)'
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Rankings.from_ballots(BAD, source="votes")
    rows = long(*(("p", f"ann {i}", "a", "" if i < 5 else i) for i in range(8)))
    with pytest.raises(ValueError, match=r"5 empty ranks \(rows 1, 2, 3, \.\.\.\), 1 prompt"):
        Rankings.from_frame(rows)


def test_what_is_bad_is_left_out_counted_and_listed() -> None:
    rankings, warning = skipping(BAD, source="votes")
    assert warning == (
        "votes: left out 3 blank ballots (ballots 1, 3, 6), 1 prompt with one response only ('r'); 1 prompt "
        "and 3 annotators have no ballot left"
    )
    clean = Rankings.from_ballots([BAD[0], BAD[2]], source="votes")
    assert repr(rankings) == repr(clean)
    assert rankings.annotator_ids == ["ann"]
    assert [(row.row, row.reason) for row in rankings.skipped] == [
        ("ballot 1", "blank ballot"), ("ballot 3", "blank ballot"), ("ballot 6", "blank ballot"),
        ("ballot 4", "prompt with one response only"), ("ballot 5", "prompt with one response only"),
    ]  # fmt: skip
    assert rankings.skipped[0] == ("votes", "ballot 1", "p", "bob", "", "blank ballot")


def test_an_empty_rank_leaves_out_the_response_which_stays_on_offer() -> None:
    rows = long(
        ("p", "ann", "a", 1), ("p", "ann", "b", ""), ("p", "bob", "c", 2), ("p", "bob", "a", 1)
    )
    rankings, warning = skipping(rows, unranked="last")
    assert warning == "table: left out 1 empty rank (row 2)"
    assert rankings.skipped == [("table", "row 2", "p", "ann", "b", "empty rank")]
    assert rankings.batch(np.array([0])).ranks.T.tolist() == [[1, 2, 2], [1, 3, 2]]
    lone, _ = skipping(long(("p", "ann", "a", 1), ("p", "ann", "b", None)))
    assert lone.responses("p") == ["a", "b"]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"score": [1, "", 2, 3]}, "empty score"),
        ({"approval": [1, "", 0, 1]}, "empty approval"),
        ({"approved": [1, "", 0, 1]}, "empty approval"),
    ],
)
def test_an_empty_score_or_approval_leaves_out_the_response(
    columns: dict[str, list[Any]], reason: str
) -> None:
    rows = long(
        ("p", "ann", "a", 0), ("p", "ann", "b", 0), ("p", "bob", "a", 0), ("p", "bob", "b", 0)
    )
    del rows["rank"]
    rankings, warning = skipping(rows | columns)
    assert warning == f"table: left out 1 {reason} (row 2)"
    assert np.diff(rankings.entry_starts).tolist() == [1, 2]


@pytest.mark.parametrize("rank", ["abc", "nan", "inf"])
def test_what_is_no_number_is_refused_even_so(rank: str) -> None:
    with pytest.raises(ValueError, match=f"row 1: the rank is '?{rank}"):
        skipping(long(("p", "ann", "a", rank), ("p", "ann", "b", "1"), ("p", "bob", "b", "")))


def test_a_dataset_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"no ballot is left without 2 blank ballots \(ballots 0, 1"
    ):
        Rankings.from_ballots([("p", "ann", ""), ("p", "bob", [])], skip="bad")


def test_weights_approvals_and_listed_names_stay_with_their_ballots() -> None:
    rows = long(
        ("p", "ann", "a", ""), ("p", "bob", "a", 2), ("p", "bob", "b", 1),
        ("q", "bob", "b", 1), ("q", "bob", "a", 2),
        weight=[5, 2, 2, 3, 3], approval=["", 0, 1, "", ""],
    )  # fmt: skip
    rankings, _ = skipping(rows)
    again = Rankings.from_frame({name: column[1:] for name, column in rows.items()})
    pick = ("prompt_ids", "annotator_ids", "response_ids")
    assert [getattr(rankings, name) for name in pick] == [getattr(again, name) for name in pick]
    for name in ("ballot_weights", "entry_ranks", "entry_responses", "entry_approvals"):
        np.testing.assert_array_equal(getattr(rankings, name), getattr(again, name))


THRICE = [("p", "ann", "x > y"), ("p", "bob", "y > x"), ("p", "ann", "x"), ("p", "ann", "y > x")]


@pytest.mark.parametrize(
    ("repeats", "scores", "ballots"),
    [
        ("first", {"x": 1, "y": 1}, ["ballot 2", "ballot 3"]),
        ("last", {"x": 0, "y": 2}, ["ballot 0", "ballot 2"]),
        ("all", {"x": 2, "y": 2}, []),
    ],
)
def test_repeats_decide_which_ballot_of_an_annotator_counts(
    repeats: Repeats, scores: dict[str, float], ballots: list[str]
) -> None:
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        rankings = Rankings.from_ballots(THRICE, repeats=repeats)
    assert aggregate(rankings, "plurality").scores("p") == scores
    assert [row.row for row in rankings.skipped] == ballots
    assert {row.reason for row in rankings.skipped} <= {"repeated ballot"}


def test_repeated_ballots_are_refused_by_default_and_all_are_counted() -> None:
    sentence = (
        "rankings: 2 repeated ballots (ballots 2, 3), such as that of annotator 'ann' on prompt 'p'; say "
        'which counts with --repeats last, first or all (repeats="last" in Python), or tell ballots that '
        "are meant apart by a column ballot_id"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Rankings.from_ballots(THRICE)


def test_a_blank_ballot_replaces_none() -> None:
    rankings, warning = skipping([*THRICE, ("p", "ann", "")], repeats="last")
    assert aggregate(rankings, "plurality").scores("p") == {"x": 0, "y": 2}
    assert "1 blank ballot (ballot 4), 2 repeated ballots (ballots 0, 2)" in warning


def test_ballots_with_a_ballot_id_are_meant() -> None:
    columns = {
        "prompt_id": ["p"] * 3,
        "annotator_id": ["ann"] * 3,
        "ranking": ["a > b", "b > a", "a > b"],
    }
    assert Rankings.from_frame({**columns, "ballot_id": [1, 2, 3]}).n_ballots == 3
    with pytest.raises(ValueError, match=r"1 repeated ballot \(row 3\)"):
        Rankings.from_frame({**columns, "ballot_id": [1, 2, 1]})


def test_comparisons_of_other_pairs_are_no_repeats() -> None:
    pairs = [("a", "b"), ("b", "c"), ("c", "a"), ("b", "a")]
    rows = [
        {"prompt_id": "p", "annotator_id": "ann", "chosen": chosen, "rejected": rejected}
        for chosen, rejected in pairs
    ]
    assert Rankings.from_frame(rows[:3]).n_ballots == 3
    with pytest.raises(ValueError, match=r"1 repeated ballot \(row 4\), .* last, first or all"):
        Rankings.from_frame(rows)
    with pytest.warns(UserWarning, match=r"left out 1 repeated ballot \(row 1\)"):
        last = Rankings.from_frame(rows, repeats="last")
    assert aggregate(last, "copeland").ranking("p") == [["b"], ["c"], ["a"]]
    assert [row.row for row in last.skipped] == ["row 1"]
    meant = [row | {"ballot_id": i} for i, row in enumerate(rows)]
    assert Rankings.from_frame(meant).n_ballots == 4


def test_repeated_rows_of_a_long_table_count_once() -> None:
    rows = long(
        ("p", "ann", "a", 1), ("p", "ann", "b", 2), ("p", "bob", "a", 1), ("p", "bob", "b", 2),
        ("p", "ann", "a", 3),
    )  # fmt: skip
    repeats: Repeats
    for repeats in ("refuse", "all"):
        with pytest.raises(
            ValueError, match=r"1 repeated row \(row 5\), .* --repeats last or first "
        ):
            Rankings.from_frame(rows, repeats=repeats)
    ranks = {}
    for repeats in ("first", "last"):
        with pytest.warns(UserWarning, match="left out 1 repeated row"):
            rankings = Rankings.from_frame(rows, repeats=repeats)
        ranks[repeats] = rankings.batch(np.array([0])).ranks.T.tolist()
    assert ranks == {"first": [[1, 2], [1, 2]], "last": [[2, 1], [1, 2]]}


def test_a_ranking_that_names_a_response_twice_is_no_repeat() -> None:
    with pytest.raises(ValueError, match="ballot 0: the ranking names response 'a' twice; name it"):
        Rankings.from_ballots([("p", "ann", ["a", "b", "a"])], repeats="last")


def test_anonymous_annotators_do_not_repeat_themselves() -> None:
    ballots = [("p", "anonymous:1", "a > b"), ("p", "anonymous:1", "b > a")]
    assert Rankings.from_ballots(ballots).n_ballots == 2


@pytest.mark.parametrize(("option", "value"), [("skip", "all"), ("repeats", "latest")])
def test_unknown_choices_are_refused(option: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{option} is '{value}'; choose from"):
        Rankings.from_ballots([("p", "ann", "a > b")], **{option: value})  # type: ignore[arg-type]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("pqr"), st.sampled_from(["ann", "bob", "eve"]),
            st.lists(st.sampled_from("abc"), unique=True, max_size=3),
        ),
        min_size=1, max_size=14,
    ),
    st.sampled_from(["first", "last"]),
    st.sampled_from(["missing", "last"]),
)  # fmt: skip
def test_what_is_left_is_what_a_clean_dataset_would_have(
    drawn: list[tuple[str, str, list[str]]], repeats: Repeats, unranked: Unranked
) -> None:
    """The definition, written down: blanks go, then repeats, then prompts with one response."""
    votes = [(n, *ballot) for n, ballot in enumerate(drawn) if ballot[2]]
    ordered = votes if repeats == "last" else votes[::-1]
    counting = {(prompt, annotator): n for n, prompt, annotator, _ in ordered}
    votes = [vote for vote in votes if counting[vote[1], vote[2]] == vote[0]]
    named: dict[str, set[str]] = {}
    for _, prompt, _, ranking in votes:
        named.setdefault(prompt, set()).update(ranking)
    votes = [vote for vote in votes if len(named[vote[1]]) > 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options: dict[str, Any] = {"unranked": unranked, "repeats": repeats, "skip": "bad"}
        if not votes:
            with pytest.raises(ValueError, match="no ballot is left"):
                Rankings.from_ballots(drawn, **options)
            return
        rankings = Rankings.from_ballots(drawn, **options)
    clean = Rankings.from_ballots([vote[1:] for vote in votes], unranked=unranked)
    assert len(rankings.skipped) == len(drawn) - len(votes)
    first = {p: None for _, p, _, _ in votes}
    order = sorted(range(len(first)), key=lambda p: [b[0] for b in drawn].index(list(first)[p]))
    clean = clean.subset(np.array(order))
    for name in ("prompt_ids", "response_ids"):
        assert getattr(rankings, name) == getattr(clean, name)
    for name in ("entry_ranks", "entry_responses", "ballot_starts", "response_starts"):
        np.testing.assert_array_equal(getattr(rankings, name), getattr(clean, name))
