"""The audit, on cases small enough to check by hand."""

import math
from pathlib import Path

import pytest

import rlchf
from rlchf.auditing import audit


def majority_case() -> rlchf.Rankings:
    """Six against four on p; all agree on q."""
    ballots = [
        ("p", f"a{i}", [["plain"], ["emoji"]] if i < 6 else [["emoji"], ["plain"]])
        for i in range(10)
    ]
    ballots += [("q", f"a{i}", [["right"], ["wrong"]]) for i in range(10)]
    return rlchf.Rankings.from_ballots(ballots)


def test_the_majority_wins_every_contested_pair() -> None:
    rankings = majority_case()
    groups = {f"a{i}": "dislike" if i < 6 else "enjoy" for i in range(10)}
    report = audit(rankings, rlchf.aggregate(rankings, "kemeny"), groups)
    dislike, enjoy = report.groups
    assert (dislike.contested, enjoy.contested) == (1.0, 0.0)
    assert (dislike.pairs, enjoy.pairs) == (1.0, 0.5)
    assert (dislike.weight, enjoy.weight) == pytest.approx((0.6, 0.4))
    assert enjoy.first_place == 0.5
    assert report.overall.contested == pytest.approx(0.6)


def test_a_tied_outcome_agrees_half_with_everybody() -> None:
    rankings = rlchf.Rankings.from_ballots(
        [("p", "ann", [["a"], ["b"]]), ("p", "eve", [["b"], ["a"]])]
    )
    report = audit(rankings, rlchf.aggregate(rankings, "borda"))
    assert [row.contested for row in report.annotators] == [0.5, 0.5]
    assert [row.first_place for row in report.annotators] == [0.5, 0.5]


def test_pairs_that_a_ballot_does_not_name_are_left_out() -> None:
    rankings = rlchf.Rankings.from_ballots(
        [("p", "ann", [["a"], ["b"]]), ("p", "bob", [["b"], ["c"]]), ("p", "bob2", [["b"], ["c"]])]
    )
    report = audit(rankings, rlchf.aggregate(rankings, "borda"))
    assert report.annotators[0].pairs == 0.5  # one pair only, which Borda ties
    assert math.isnan(report.annotators[0].contested)
    assert report.to_dict()["annotators"][0]["contested"] is None


def test_another_datasets_outcome_is_refused() -> None:
    other = rlchf.Rankings.from_ballots([("p", "ann", [["x"], ["y"]])])
    with pytest.raises(ValueError, match="same responses"):
        audit(majority_case(), rlchf.aggregate(other))


def test_groups_of_other_people_are_refused() -> None:
    rankings = majority_case()
    with pytest.raises(ValueError, match="annotator id"):
        audit(rankings, rlchf.aggregate(rankings), {"0": "dislike", "1": "enjoy"})


def test_groups_may_come_from_an_annotators_file(tmp_path: Path) -> None:
    (tmp_path / "annotators.csv").write_text("annotator_id,group\na0,dislike\na9,enjoy\n")
    annotators = rlchf.read_annotators(tmp_path / "annotators.csv")
    rankings = majority_case()
    report = rlchf.audit(rankings, rlchf.aggregate(rankings), groups=annotators["group"])
    assert [(row.name, row.ballots) for row in report.groups] == [("dislike", 2), ("enjoy", 2)]


def test_the_columns_of_a_table_group_the_annotators() -> None:
    pandas = pytest.importorskip("pandas")
    rankings = majority_case()
    columns = {"region": ["north"] * 6 + ["south"] * 4, "age": ["20", "30"] * 5}
    table = pandas.DataFrame(columns, index=[f"a{i}" for i in range(10)])
    report = audit(rankings, rlchf.aggregate(rankings, "kemeny"), table)
    assert [(row.name, row.contested) for row in report.groups] == [
        ("region: north", 1.0), ("region: south", 0.0),
        ("age: 20", pytest.approx(0.6)), ("age: 30", pytest.approx(0.6)),
    ]  # fmt: skip
    assert len(audit(rankings, rlchf.aggregate(rankings), table["age"]).groups) == 2
    with pytest.raises(ValueError, match="several such divisions"):
        audit(rankings, rlchf.aggregate(rankings), {"a1": "north", "age": {"a1": "20"}})  # type: ignore[arg-type]
