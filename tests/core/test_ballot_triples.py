"""Ballots as other libraries hold them."""

from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

A_BC: list[Any] = [
    [["a"], ["b", "c"]],
    (("a",), ("c", "b")),
    ["a", {"c", "b"}],
    (frozenset({"a"}), frozenset({"b", "c"})),
    [np.array(["a"]), np.array(["b", "c"])],
    [np.str_("a"), pd.Index(["b", "c"])],
    pd.Series(["a", ["b", "c"]]),
    np.array(["a", ["b", "c"]], dtype=object),
    ["a ", [" b", "\u200bc"]],
    (level for level in ("a", ["b", "c"])),
    ["a", (name for name in "bc")],
    {"b": 0, "a": 1}.keys() and ["a", {"b": 0, "c": 0}.keys()],
    "a > b = c",
    np.str_("a > b = c"),
]


@pytest.mark.parametrize("ranking", A_BC, ids=[str(i) for i in range(len(A_BC))])
def test_containers_with_an_order_are_read_alike(ranking: Any) -> None:
    rankings = Rankings.from_ballots([("p", "ann", ranking)])
    assert rankings.responses("p") == ["a", "b", "c"]
    assert rankings.entry_ranks.tolist() == [1, 2, 2]
    assert rankings.entry_responses.tolist()[0] == 0


REFUSED: list[tuple[Any, str]] = [
    ({"a": 2, "b": 1}, "is a dictionary, which has no order; .* to Rankings.from_frame"),
    (OrderedDict(a=2, b=1), "is a dictionary, which has no order"),
    (pd.Series({"a": 2, "b": 1}), "is a dictionary, which has no order"),
    ({"a", "b"}, "is a set, which has no order"),
    ({"a": 2, "b": 1}.keys(), "is a set, which has no order"),
    (["x", None, "y"], "the ranking has None for a response"),
    (["x", float("nan")], "the ranking has nan for a response"),
    (["x", True], "the ranking has True for a response"),
    (["x", np.float64("nan")], "the ranking has nan for a response"),
    ([["x"], {"y": 1}], "the ranking has {'y': 1} for a response"),
    ([[["x"]], ["y"]], r"the ranking has \['x'\] for a response; write it as"),
    ([np.array([["x"]]), "y"], r"the ranking has \['x'\] for a response"),
    ([b"x", "y"], "the ranking has b'x' for a response"),
    (None, "the ranking 'None' is neither text nor a list"),
    (7, "the ranking '7' is neither text nor a list"),
    (["a", "b", "a "], "the ranking names response 'a' twice"),
    (["a", "\u200b"], "has an empty response id; name it, or leave it out"),
]


@pytest.mark.parametrize(("ranking", "message"), REFUSED, ids=range(len(REFUSED)))
def test_rankings_without_a_sure_order_or_ids_are_refused(ranking: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"votes, ballot 1: .*{message}"):
        Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", ranking)], source="votes")


def test_generators_of_ballots_and_weights_are_read_once() -> None:
    ballots = (("p", name, "a > b") for name in ("ann", "bob"))
    rankings = Rankings.from_ballots(ballots, (weight for weight in (1, 2)))
    assert rankings.annotator_ids == ["ann", "bob"]
    assert rankings.ballot_weights.tolist() == [1.0, 2.0]


def test_ids_are_those_that_files_have() -> None:
    ballots = [(1.0, np.int64(2), [1.0, np.float64(2.5)]), ("1 ", "3 ", ["2.5", "\u00a01"])]
    rankings = Rankings.from_ballots(ballots)
    assert (rankings.prompt_ids, rankings.annotator_ids) == (["1"], ["2", "3"])
    assert rankings.response_ids == ["1", "2.5"]
    composed = Rankings.from_ballots([("p", "Zoe\u0308", "a > b"), ("q", "Zo\u00eb", "a > b")])
    assert composed.annotator_ids == ["Zo\u00eb"]


BALLOTS = [("p", "a", "x > y"), ("p", "b", "y > x"), ("p", "c", "y > x")]


@pytest.mark.parametrize(
    ("ballots", "message"),
    [
        ([(None, "ann", "x > y")], "ballot 0: the prompt is None; give text or a whole number"),
        ([("p", float("nan"), "x > y")], "ballot 0: the annotator is nan; give text"),
        ([("p", " ", "x > y")], "ballot 0: the annotator is ' '; give text"),
        ([(["p"], "ann", "x > y")], r"ballot 0: the prompt is \['p'\]; give text"),
        ([*BALLOTS, ("p", "x > y")], r"ballot 3: it has 2 values; give \(prompt, annotator, rank"),
        ([("p", "a", "x > y", 2.0)], r"ballot 0: it has 4 values; give \(prompt"),
        (["abc"], r"ballot 0: it is 'abc'; give \(prompt, annotator, ranking\)"),
        ([5], "ballot 0: it is 5; give"),
        ([{"prompt_id": "p"}], "ballot 0: a dictionary; .* or a table to Rankings.from_frame"),
        ({"prompt_id": ["p"]}, "the ballots are of type dict; .* a table to Rankings.from_frame"),
        (pd.DataFrame({"prompt_id": ["p"]}), "the ballots are of type DataFrame"),
        ("p", "the ballots are of type str"),
    ],
)
def test_what_is_no_triple_is_refused(ballots: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"rankings(: |, ){message}"):
        Rankings.from_ballots(ballots)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([5.0], "1 weight for 3 ballots; give one number for each ballot"),
        ([5.0, 1.0], "2 weights for 3 ballots; give one"),
        ([], "0 weights for 3 ballots; give one"),
        (5.0, "weights is 5.0; give one number for each ballot"),
        ({"a": 1, "b": 2, "c": 3}, "weights is {'a': 1.*; give one number"),
        (["1", "x", "2"], "the weights are no list of numbers; give one"),
        ([[1], [2], [3]], "the weights are no list of numbers; give one"),
        ([1, None, 2], "ballot 1: the weight is nan; give 0 or more"),
    ],
)
def test_weights_are_one_for_each_ballot(weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"rankings(: |, ){message}"):
        Rankings.from_ballots(BALLOTS, weights)


def test_a_profile_wants_one_weight_for_each_ballot_too() -> None:
    with pytest.raises(ValueError, match="prompt 0 has 2 ballots and 1 weight; give one for each"):
        Profiles.from_ballots([["a > b", "b > a"]], weights=[[2.0]])
