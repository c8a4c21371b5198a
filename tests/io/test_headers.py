"""Columns under other names: given by the user, in another case, or unknown."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlchf.io import read_annotators, read_rankings
from rlchf.rankings import Rankings
from tests.support.files import LONG, Write, content

ROWS = "p,ann,a,1\np,ann,b,2\np,bob,b,1\n"
OTHER = "question_id,user,answer,place,note\n" + ROWS.replace("\n", ",x\n")
GIVEN = {
    "prompt_id": "question_id", "annotator_id": "user", "response_id": "answer", "rank": "place",
}  # fmt: skip


@pytest.mark.parametrize(
    "columns", [GIVEN, ",".join(f"{ours}={theirs}" for ours, theirs in GIVEN.items())]
)
def test_columns_may_have_other_names(write: Write, columns: Any) -> None:
    expected = content(read_rankings(write("a.csv", LONG + ROWS)))
    path = write("b.csv", OTHER)
    assert content(read_rankings(path, columns=columns)) == expected
    lines = [dict(zip(OTHER.split("\n")[0].split(","), row.split(","), strict=True))
             for row in OTHER.splitlines()[1:]]  # fmt: skip
    jsonl = write("b.jsonl", "\n".join(map(json.dumps, lines)))
    assert content(read_rankings(jsonl, columns=columns)) == expected
    parquet = write("b.parquet", "")
    pq.write_table(pa.Table.from_pylist(lines), parquet)
    assert content(read_rankings(parquet, columns=columns)) == expected
    for table in (lines, pa.Table.from_pylist(lines)):
        assert content(Rankings.from_frame(table, columns=columns)) == expected


def test_a_name_may_have_commas_and_another_case(write: Write) -> None:
    path = write("v.csv", '"Which, and why?",Annotator ID,a b = c,Score\np,ann,a,1\np,ann,b,2\n')
    rankings = read_rankings(path, columns="prompt_id=which, and why?,response_id=a b = c")
    assert rankings.responses("p") == ["a", "b"]


def test_a_given_name_wins_over_one_of_ours(write: Write) -> None:
    text = "prompt_id,question_id,annotator_id,ranking\n1,p,ann,a > b\n2,p,bob,b > a\n"
    path = write("v.csv", text)
    assert read_rankings(path, columns="prompt_id=question_id").prompt_ids == ["p"]
    arena = "question_id,model_a,model_b,winner\n1,x,y,tie\n2,x,y,tie\n"
    assert read_rankings(write("games.csv", arena), columns="prompt_id=").prompt_ids == ["games"]


REFUSED = {
    "unknown of ours": ("annotatr=user", "columns: there is no column 'annotatr' of ours; .*you mean ann"),
    "unknown of theirs": (
        "prompt_id=question", "there is no column 'question' for prompt_id; found .*; did you mean question",
    ),
    "no equals": ("prompt_id", "columns: 'prompt_id' lacks a name; write ours=theirs"),
    "twice": ("prompt_id=user,prompt_id=answer", "columns: 'prompt_id' is given twice"),
    "the same": ("prompt_id=user,annotator_id=user", "columns: 'user' is given for prompt_id and for annot"),
    "of another format": (
        "prompt_id=question_id,annotator_id=user,response_id=answer,rank=place,winner=note",
        "columns names winner, but the format 'long' has no such column; it has prompt_id, ",
    ),
    "none": ("", "look like ours under other names; read them with --columns prompt_id=question_id,"
             "annotator_id=user,response_id=answer,rank=place"),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "message"), REFUSED.values(), ids=REFUSED)
def test_names_are_refused_with_those_that_are_there(
    write: Write, columns: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_rankings(write("v.csv", OTHER), columns=columns)


@pytest.mark.parametrize("names", ["Weight,WEIGHT", "weight,WEIGHT", "WEIGHT,weight"])
def test_two_columns_of_one_name_but_for_the_case_are_refused(write: Write, names: str) -> None:
    text = f"prompt_id,annotator_id,response_id,rank,{names}\np,ann,a,1,1,2\np,ann,b,2,1,2\n"
    first, second = names.split(",")
    with pytest.raises(
        ValueError,
        match=rf"'{first}' and '{second}' could both be weight; .* --columns weight={first}",
    ):
        read_rankings(write("v.csv", text))
    assert read_rankings(write("v.csv", text), columns=f"weight={second}").ballot_weights[0] == 2
    assert read_rankings(write("v.csv", text), columns=f"weight={first}").ballot_weights[0] == 1


@pytest.mark.parametrize("theirs", ["Rank", "RANK ", "Prompt ID", "annotatorId", "response-id"])
def test_every_column_of_ours_is_refused_beside_another_spelling(theirs: str) -> None:
    row = {"prompt_id": "p", "annotator_id": "ann", "response_id": "a", "rank": 1}
    rows = [{**row, theirs: 2}, {**row, "response_id": "b", theirs: 1}]
    with pytest.raises(ValueError, match=rf"'{theirs.strip()} ?' could both be "):
        Rankings.from_frame(pa.Table.from_pylist(rows))


def test_a_rating_is_no_rank(write: Write) -> None:
    path = write("v.csv", "prompt_id,annotator_id,response_id,rating\np,a,x,1\np,a,y,5\n")
    with pytest.raises(
        ValueError, match=r"--columns score=rating \(higher is better; rank=... if 1 is"
    ):
        read_rankings(path)


def test_long_texts_of_prompts_are_not_read_where_ids_are_there(write: Write) -> None:
    line = {"prompt_id": "p", "prompt": {"any": "thing"}, "annotator_id": "ann", "ranking": "a > b"}
    assert read_rankings(write("v.jsonl", json.dumps(line))).prompt_ids == ["p"]


def test_keys_that_come_late_are_read(write: Write) -> None:
    first = {"prompt_id": "p", "annotator_id": "ann", "response_id": "a", "Score": 1}
    second = {"prompt_id": "p", "annotator_id": "ann", "response_id": "b", "Score": 2, "Weight": 3}
    path = write("v.jsonl", "\n".join(map(json.dumps, [first, second])))
    with pytest.raises(ValueError, match="line 2: the weight is 3, but 1 in an earlier row"):
        read_rankings(path)
    wide = [{"A": 1, "B": 2}, {"A": 1, "B": 2, "C": 3}]
    path = write("v.jsonl", "\n".join(map(json.dumps, wide)))
    assert read_rankings(path, format="wide_ranks").response_ids == ["A", "B", "C"]


def test_annotators_have_the_names_of_the_rankings(write: Write) -> None:
    path = write("annotators.csv", "user;Weight;group\nann;1,5;x\n")
    people = read_annotators(path, columns=GIVEN)
    assert (people.ids, people.weights, people.features) == (
        ["ann"],
        {"ann": 1.5},
        {"group": ["x"]},
    )
    own = write("annotators.csv", "annotator_id,user\nann,x\n")
    assert read_annotators(own, columns=GIVEN).ids == ["ann"]
    with pytest.raises(ValueError, match="there is no column 'annotator_id'; found user"):
        read_annotators(write("annotators.csv", "user\nann\n"))


def test_a_column_that_is_given_another_name_does_not_say_what_shape_the_table_has() -> None:
    rows = [("c0", 1), ("c1", 0), ("c2", -1)]
    named = [
        {"prompt_id": "p", "annotator_id": "ann", "response_id": response, "score": vote}
        for response, vote in rows
    ]
    rankings = Rankings.from_frame(named, columns={"approval": "score"})
    assert rankings.entry_scores is None
    assert rankings.entry_approvals is not None
    assert rankings.entry_approvals.tolist() == [1, 0, -1]
