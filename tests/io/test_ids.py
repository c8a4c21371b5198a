"""Ids are the same wherever they are read, so that files join."""

import json
import unicodedata
import warnings
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlchf.ids import clean_id
from rlchf.io import (
    read_aggregation,
    read_annotators,
    read_prompts,
    read_rankings,
    read_responses,
    write_rankings,
)
from rlchf.io.categories import read_categories
from rlchf.rankings import Rankings
from tests.support.files import LONG, Write, ranks

COMPOSED = unicodedata.normalize("NFC", "Zoë")
PARTED = unicodedata.normalize("NFD", "Zoë")

WRITTEN = {
    "x ": "x",
    "\tx": "x",
    "\u00a0x\u202f": "x",
    "\u200bx\u2060": "x",
    "\ufeffx": "x",
    "x\u3000": "x",
    "\u200ex\u200f": "x",
    PARTED: COMPOSED,
    f" {PARTED}\u00a0": COMPOSED,
    "a  b": "a  b",
    "👩\u200d🔬": "👩\u200d🔬",
    "\u200b \u00a0": "",
}


@pytest.mark.parametrize(("text", "expected"), WRITTEN.items(), ids=map(ascii, WRITTEN))
def test_an_id_has_one_form(text: str, expected: str) -> None:
    assert clean_id(text) == expected
    assert clean_id(expected) == expected


@pytest.mark.parametrize("text", [text for text, expected in WRITTEN.items() if expected])
def test_every_reader_has_the_same_ids(write: Write, tmp_path: Path, text: str) -> None:
    expected = clean_id(text)
    row = {"prompt_id": text, "annotator_id": text, "response_id": text, "rank": 1}
    other = row | {"response_id": "other", "rank": 2}
    quoted = "".join(
        f'"{text}","{text}","{response}",{n}\n' for n, response in ((1, text), (2, "y"))
    )
    pq.write_table(pa.table({key: [row[key], other[key]] for key in row}), tmp_path / "v.parquet")
    ballots = {"prompt_id": text, "annotator_id": text}
    paths = [
        write("v.csv", LONG + quoted),
        write("w.jsonl", "\n".join(map(json.dumps, (row, other)))),
        tmp_path / "v.parquet",
        write("b.jsonl", json.dumps(ballots | {"ranking": [[text], ["y"]]})),
        write("b.csv", f'prompt_id,annotator_id,ranking\n"{text}","{text}","{text} > y"\n'),
        write("c.csv", f'prompt_id,annotator_id,chosen,rejected\n"{text}","{text}","{text}",y\n'),
    ]
    for path in paths:
        rankings = read_rankings(path)
        assert rankings.prompt_ids == rankings.annotator_ids == [expected], path.name
        assert expected in rankings.response_ids, path.name
    in_memory = Rankings.from_frame([row, other])
    assert (
        in_memory.annotator_ids == Rankings.from_ballots([(text, text, [text, "y"])]).annotator_ids
    )
    assert in_memory.annotator_ids == [expected]
    scores = {"prompt_id": text, "ranking": [["y"], [text]], "scores": {"y": 2, text: 1}}
    assert read_aggregation(write("a.jsonl", json.dumps(scores))).scores(expected) == {
        "y": 2.0,
        expected: 1.0,
    }
    long = write("a.csv", f'prompt_id,response_id,score\n"{text}","{text}",1\n"{text}",y,2\n')
    assert read_aggregation(long).prompt_ids == [expected]
    prompts = write("p.jsonl", json.dumps({"prompt_id": text, "prompt": " hi "}))
    assert read_prompts(prompts) == {expected: " hi "}
    responses = write("r.jsonl", json.dumps(row | {"text": " yes "}))
    assert read_responses(responses) == {expected: {expected: " yes "}}
    people = read_annotators(write("g.csv", f'annotator_id,region\n"{text}","{text}"\n'))
    assert people.group("region") == {expected: expected}
    labels = write("l.csv", f'prompt_id,response_id,label\n"{text}","{text}","{text}"\n')
    assert read_categories(labels) == {expected: {expected: expected}}


def test_ids_that_differ_in_blanks_are_one(write: Write) -> None:
    rows = ["p,u,x,1", "p,u,y,2", "p ,v,x ,1", "p,v, y,2", "p,w,y,1", "p,w,x\u00a0,2"]
    rankings = read_rankings(write("v.csv", LONG + "\n".join(rows)))
    assert (rankings.prompt_ids, rankings.response_ids) == (["p"], ["x", "y"])
    assert ranks(rankings) == [[1, 2], [1, 2], [2, 1]]


def test_rows_that_become_the_same_are_refused_as_repeats(write: Write) -> None:
    with pytest.raises(ValueError, match=r"row 4.*response 'x'"):
        read_rankings(write("v.csv", LONG + "p,u,x,1\np,u,y,2\np,u,x ,3\n"))
    with pytest.raises(ValueError, match="row 2: chosen and rejected are both 'x'"):
        read_rankings(write("c.csv", "prompt_id,annotator_id,chosen,rejected\np,u,x,x \n"))
    with pytest.raises(ValueError, match="row 3: annotator 'u' is in row 2 too"):
        read_annotators(write("g.csv", "annotator_id,region\nu,N\nu ,S\n"))
    lines = ['{"prompt_id": "p", "prompt": "x"}', '{"prompt_id": "p ", "prompt": "y"}']
    with pytest.raises(ValueError, match="line 2: prompt 'p' is on line 1 too"):
        read_prompts(write("p.jsonl", "\n".join(lines)))
    line = '{"prompt_id": "p", "ranking": [["x"]], "scores": {"x": 1, "x ": 2}}'
    with pytest.raises(ValueError, match="line 1: scores has a response twice"):
        read_aggregation(write("a.jsonl", line))


def test_an_id_of_nothing_that_is_seen_is_empty(write: Write) -> None:
    with pytest.raises(ValueError, match="row 3: the annotator_id is empty"):
        read_rankings(write("v.csv", LONG + "p,u,x,1\np,\u200b\u00a0,y,2\n"))


def test_rankings_come_back_as_they_were_written(tmp_path: Path) -> None:
    rankings = Rankings.from_ballots([("p ", PARTED, ["two\nlines", 'a "b"', "c\td"])])
    for name in ("v.csv", "v.tsv", "v.jsonl", "v.parquet"):
        write_rankings(tmp_path / name, rankings)
        again = read_rankings(tmp_path / name)
        assert again.prompt_ids == ["p"]
        assert again.annotator_ids == [COMPOSED]
        assert again.response_ids == rankings.response_ids


def test_groups_that_differ_in_capitals_bring_a_warning(write: Write) -> None:
    people = read_annotators(write("g.csv", "annotator_id,region\nu,North\nv,north\nw,South \n"))
    message = r"g\.csv: the column region has 'North' and 'north', which count as two groups"
    with pytest.warns(UserWarning, match=message):
        people.divisions(["region"], ["u", "v", "w"], "g.csv", "v.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = read_annotators(write("h.csv", "annotator_id,region\nu,North\nv,North \nw,South\n"))
        one.divisions(["region"], ["u", "v", "w"], "h.csv", "v.csv")


def test_a_set_or_dictionary_in_a_table_is_no_ranking(write: Write) -> None:
    for cell in ({"a", "b"}, {"a": 1, "b": 2}):
        with pytest.raises(ValueError, match=r"row 1: ranking is .*, which has no order; write it"):
            Rankings.from_frame([{"prompt_id": "p", "annotator_id": "u", "ranking": cell}])
    line = '{"prompt_id": "p", "annotator_id": "u", "ranking": {"a": 1, "b": 2}}'
    with pytest.raises(ValueError, match=r"line 1: ranking is .*, which has no order"):
        read_rankings(write("v.jsonl", line))
