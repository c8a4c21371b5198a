"""What readers refuse, where, and with which hint."""

import gzip
import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlchf.io import (
    read_rankings,
)
from rlchf.io.large.blocks import kind_of
from tests.support.files import ELECTION, LONG, Write

WEIGHED = "prompt_id,annotator_id,response_id,rank,weight\n"
REFUSED = {
    "no row": (LONG, "there is no row below the header"),
    "empty": ("", "the file is empty"),
    "blank": ("\n \n", "the file is empty"),
    "missing column": (
        "prompt_id,annotator_id,respons_id,rank\np,u,a,1\n",
        "there is no column 'response_id'; found prompt_id, annotator_id, respons_id, rank; "
        "rename 'respons_id' to 'response_id'",
    ),
    "no value column": (
        "prompt_id,annotator_id,response_id,scor\np,u,a,1\n",
        "the columns .* fit no format; .* rank or score .*; rename 'scor' to 'score'",
    ),
    "one column": (
        "prompt_id|annotator_id|response_id|rank\np|u|a|1\n",
        "there is only one column, 'prompt_id|annotator_id|response_id|rank'; separate columns by com",
    ),
    "two formats": (
        "prompt_id,annotator_id,response_id,rank,ranking\np,u,a,1,a\n",
        "the columns fit several formats; say which is meant, format='ballots' or format='long'",
    ),
    "rank and score": (
        "prompt_id,annotator_id,response_id,rank,score\np,u,a,1,1\n",
        "has both a column 'rank' and a column 'score'; keep the one",
    ),
    "two ranks": (
        "prompt_id,annotator_id,response_id,rank,rank\np,u,a,1,1\n",
        "two columns are named 'rank'; keep one",
    ),
    "rank abc": (
        LONG + "p,u,a,1\np,u,b,abc\n",
        "row 3: the rank is 'abc'; give a number, 1 is best",
    ),
    "rank 1,5": (LONG + 'p,u,a,1\np,u,b,"1,5"\n', "row 3: the rank is '1,5'; give a number"),
    "rank 1_5": (LONG + "p,u,a,1\np,u,b,1_5\n", "row 3: the rank is '1_5'; give a number"),
    "rank empty": (
        LONG + "p,u,a,1\np,u,b, \n",
        r"1 empty rank \(row 3\); mend it, or leave it out with --skip bad \(skip=.bad. in Python\)",
    ),
    "rank nan": (LONG + "p,u,a,1\np,u,b,nan\n", "row 3: the rank is nan; give a number"),
    "rank inf": (LONG + "p,u,a,-inf\np,u,b,1\n", "row 2: the rank is -inf; give a number"),
    "blank line before": (
        LONG + '\np,u,"a\na",1\n\n  \np,u,b,abc\n',
        "row 6: the rank is 'abc'",
    ),
    "score nan": (
        "prompt_id,annotator_id,response_id,score\np,u,a,1\np,u,b,NaN\n",
        "row 3: the score is nan; give a number, higher is better",
    ),
    "weight negative": (
        WEIGHED + "p,u,a,1,1\np,v,b,1,-2\n",
        "row 3: the weight is -2; give a number that is 0 or more",
    ),
    "weight nan": (WEIGHED + "p,u,a,1,1\np,v,b,1,nan\n", "row 3: the weight is nan; give"),
    "weight text": (WEIGHED + "p,u,a,1,1\np,v,b,1,heavy\n", "row 3: the weight is 'heavy'; give"),
    "two weights": (
        WEIGHED + "p,u,a,1,1\np,v,b,1,2\np,u,b,2,3\n",
        "row 4: the weight is 3, but 1 in an earlier row .*; give all rows of a ballot the same",
    ),
    "empty prompt": (LONG + "p,u,a,1\n,u,b,2\n", "row 3: the prompt_id is empty"),
    "empty annotator": (LONG + "p,u,a,1\np, ,b,2\n", "row 3: the annotator_id is empty"),
    "empty response": (LONG + "p,u,a,1\np,u,,2\n", "row 3: the response_id is empty"),
    "ranked twice": (
        LONG + "p,u,a,1\np,u,b,2\np,v,a,1\np,u,a,3\n",
        r"1 repeated row \(row 5\), such as that of response 'a' by annotator 'u' on prompt 'p'; say which",
    ),
    "one response": (
        LONG + "p,u,a,1\np,u,b,2\nq,u,a,1\n",
        r"1 prompt with one response only \('q'\); mend it, or leave it out",
    ),
    "short row": (LONG + "p,u,a,1\np,u,b\n", "row 3: 3 cells, but the header has 4"),
    "long row": (LONG + "p,u,a,1\n\np,u,b,c,2\n", "row 4: 5 cells, but .* double quotes"),
    "compared with itself": (
        "prompt_id,annotator_id,chosen,rejected\np,u,a,b\np,u,b,b\n",
        "row 3: chosen and rejected are both 'b', in 1 of 2 rows; give two responses, or leave the row out",
    ),
    "empty rejected": (
        "prompt_id,annotator_id,chosen,rejected\np,u,a,b\np,u,b,\n",
        "row 3: the rejected is empty",
    ),
    "half a comparison": (
        "prompt_id,annotator_id,chosen\np,u,a\n",
        "there is no column 'rejected'; found prompt_id, annotator_id, chosen",
    ),
    "tie perhaps": (
        "prompt_id,annotator_id,chosen,rejected,tie\np,u,a,b,perhaps\n",
        "row 2: tie is 'perhaps'; give true or false",
    ),
    "approved 2": (
        "prompt_id,annotator_id,response_id,approved\np,u,a,1\np,u,b,2\n",
        "row 3: approved is '2'; give true or false",
    ),
    "approved empty": (
        "prompt_id,annotator_id,response_id,approved\np,u,a,1\np,u,b,\n",
        r"1 empty approval \(row 3\); mend it, or leave it out",
    ),
    "ranking empty": (
        "prompt_id,annotator_id,ranking\np,u,a > b\np,v,\n",
        r"1 blank ballot \(row 3\); mend it, or leave it out",
    ),
    "ranking with a hole": (
        "prompt_id,annotator_id,ranking\np,u,a > b\np,v,a > > b\n",
        "row 3: the ranking 'a > > b' has an empty response id",
    ),
    "ranking with a repeat": (
        "prompt_id,annotator_id,ranking\np,u,a > b\np,v,a > b = a\n",
        "row 3: the ranking names response 'a' twice; name it once",
    ),
    "ranking upwards": (
        "prompt_id,annotator_id,ranking\np,u,a > b\np,v,b < a\n",
        "row 3: the ranking 'b < a' has a '<'; write it best first",
    ),
    **{
        f"{column} {text}": (
            f"prompt_id,annotator_id,{columns}\np,u,a,b\np,v,{row}\n".replace(*values),
            f"row 3: the response id '{text}' reads as a ranking; name one response",
        )
        for column, columns, row, values, text in [
            ("response", "response_id,rank", "a > b > c,1", ("u,a,b", "u,a,1"), "a > b > c"),
            ("response", "response_id,score", "a < b,1", ("u,a,b", "u,a,1"), "a < b"),
            ("approved", "response_id,approved", "a = b,1", ("u,a,b", "u,a,1"), "a = b"),
            ("chosen", "chosen,rejected", "a >> b,c", ("", ""), "a >> b"),
            ("rejected", "chosen,rejected", "c,a > b", ("", ""), "a > b"),
        ]
    },
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_table_is_refused_with_its_place_and_a_hint(
    write: Write, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=r"votes\.csv(, |: )" + message):
        read_rankings(write("votes.csv", text))


JSON_LINE = '{"prompt_id": "p", "annotator_id": "u", "ranking": [["a"], ["b"]]}\n'
REFUSED_LINES = {
    "not json": (
        JSON_LINE + "\n{broken\n",
        r"line 3: not JSON \(.*\); give one JSON object per line",
    ),
    "not an object": (JSON_LINE + "[1]", r"line 2: found '\[1\]'; give one JSON object per line"),
    "empty": ("\n", "the file is empty"),
    "no id": (
        JSON_LINE + '{"annotator_id": "u", "ranking": ["a"]}',
        "line 2: the prompt_id is empty",
    ),
    "null id": (JSON_LINE.replace('"p"', "null"), "line 1: the prompt_id is empty"),
    "list id": (JSON_LINE.replace('"p"', "[1]"), r"line 1: prompt_id is '\[1\]'; give text"),
    "ranking of nothing": (JSON_LINE.replace('["a"], ["b"]', ""), r"1 blank ballot \(line 1\)"),
    "ranking of objects": (
        JSON_LINE.replace('["b"]', "[{}]"),
        r"line 1: the ranking has \{\} for a response; write it as \[\[",
    ),
    "empty response": (
        JSON_LINE.replace('"b"', '""'),
        "line 1: the ranking .* has an empty response",
    ),
    "no ranking": (
        JSON_LINE.replace("ranking", "rankings"),
        "the columns .* look like ours under other names; .* --columns ranking=rankings",
    ),
    "nan": (
        '{"prompt_id": "p", "annotator_id": "u", "response_id": "a", "score": NaN}',
        r"1 empty score \(line 1\), 1 prompt|1 empty score \(line 1\)",
    ),
    "a key twice": (
        JSON_LINE + "\n" + JSON_LINE.replace("{", '{"ranking": [["b"], ["a"]], '),
        "line 3: the key 'ranking' comes twice in an object; keep one of them",
    ),
    "a nested key twice": (
        JSON_LINE.replace("{", '{"note": {"a": 1, "a": 1}, '),
        "line 1: the key 'a' comes twice in an object; keep one of them",
    ),
    "half a character": (
        JSON_LINE.replace('"b"', r'"\ud83d"'),
        r"line 1: .*ud83d' is half of a character; write both halves",
    ),
    "not utf-8": (
        JSON_LINE + "\n" + JSON_LINE.replace("b", "\udcff"),
        r"line 3: not UTF-8 \(byte 0xff",
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSED_LINES.values(), ids=REFUSED_LINES.keys())
def test_json_lines_are_refused_with_their_line_and_a_hint(
    write: Write, text: str, message: str
) -> None:
    path = write("votes.jsonl", text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=rf"votes\.jsonl(, |: )({message})"):
        read_rankings(path)


@pytest.mark.parametrize("column", ["prompt_id", "annotator_id", "response_id"])
def test_text_that_is_not_utf8_is_refused_with_its_line(write: Write, column: str) -> None:
    row = ["p", "u", "a", "1"]
    row[LONG.split(",").index(column)] = "\udce9"
    text = LONG + "p,u,b,1\n" + ",".join(row) + "\n"
    path = write("votes.csv", text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"votes\.csv, line 3: not UTF-8 \(byte 0xe9\); save"):
        read_rankings(path)


def test_utf16_is_refused(write: Write) -> None:
    with pytest.raises(ValueError, match=r"votes\.csv: the text is UTF-16; save the file as UTF-8"):
        read_rankings(write("votes.csv", LONG.encode("utf-16")))


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["votes.csv", "votes.jsonl", "votes"])
def test_utf16_without_a_mark_is_refused_as_such(write: Write, coding: str, name: str) -> None:
    path = write(name, (LONG + "p,ünï,a,1\n").encode(coding))
    for read in (read_rankings, kind_of):
        with pytest.raises(
            ValueError, match=rf"{name}: the text looks like UTF-16; save the file as"
        ):
            read(str(path))


@pytest.mark.parametrize("text", [LONG + "p,u,a,1\np,u,b,2\n", JSON_LINE, f"[{JSON_LINE}]"])
def test_byte_order_marks_are_no_part_of_a_text_however_many(write: Write, text: str) -> None:
    suffix = {"p": "csv", "{": "jsonl", "[": "json"}[text[0]]
    for marks in (1, 2, 3):
        rankings = read_rankings(write(f"votes.{suffix}", "\ufeff" * marks + text))
        assert rankings.responses("p") == ["a", "b"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"rank": [1.0, None]}, r"1 empty rank \(row 2\)"),
        ({"rank": [1.0, float("nan")]}, "row 2: the rank is nan; give a number"),
        ({"rank": ["1", "x"]}, "row 2: the rank is 'x'"),
        ({"prompt_id": ["p", None], "rank": [1, 2]}, "row 2: the prompt_id is empty"),
        ({"prompt_id": [1.0, None], "rank": [1, 2]}, "row 2: the prompt_id is empty"),
        ({"prompt_id": [["p"], ["q"]], "rank": [1, 2]}, "the column 'prompt_id' has type list"),
        ({"rank": [[1], [2]]}, "the column 'rank' has lists; give a number"),
        ({"other": [1, 2]}, "the columns .*, other fit no format"),
    ],
)
def test_parquet_is_refused_with_its_row_and_a_hint(
    tmp_path: Path, columns: dict[str, list[Any]], message: str
) -> None:
    base = {"prompt_id": ["p", "p"], "annotator_id": ["u", "u"], "response_id": ["a", "b"]}
    pq.write_table(pa.table(base | columns), tmp_path / "votes.parquet")
    with pytest.raises(ValueError, match=r"votes\.parquet(, |: )" + message):
        read_rankings(tmp_path / "votes.parquet")


def test_an_empty_parquet_table_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "votes.parquet"
    pq.write_table(pa.table({"prompt_id": pa.array([], pa.string())}), path)
    with pytest.raises(ValueError, match=r"votes\.parquet: there is no row in it"):
        read_rankings(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(
        ValueError,
        match=r"votes\.parquet: cannot be read as Parquet: .*[^.]; write, copy or download it",
    ):
        read_rankings(path)


def test_a_file_that_is_not_there_is_refused_with_similar_names(
    write: Write, tmp_path: Path
) -> None:
    write("rankings.csv", LONG)
    with pytest.raises(FileNotFoundError, match=r"there is no such file; near it: rankings\.csv"):
        read_rankings(tmp_path / "ranking.csv")
    with pytest.raises(FileNotFoundError, match="no such file, and no folder"):
        read_rankings(tmp_path / "nowhere" / "ranking.csv")


def test_two_files_of_one_election_are_refused(write: Write, tmp_path: Path) -> None:
    for name in ("e.soi", "e.toc"):
        write(name, ELECTION)
    with pytest.raises(ValueError, match=r"e\.soi, e\.toc would be the same prompt 'e'; keep one"):
        read_rankings(tmp_path)


def test_unknown_formats_and_suffixes_are_refused(write: Write) -> None:
    path = write("votes.doc", "PK")
    with pytest.raises(ValueError, match=r"unknown suffix '\.doc'; give a file that ends in \.csv"):
        read_rankings(path)
    with pytest.raises(
        ValueError,
        match=r"unknown format 'balots'; choose from auto, approvals, .*long, .*; did you mean ballots",
    ):
        read_rankings(path, format="balots")
    unranked: Any = "worst"
    with pytest.raises(ValueError, match="unranked is 'worst'; choose from missing, last"):
        read_rankings(path, unranked=unranked)
    with pytest.raises(ValueError, match="a PrefLib file; the format 'long' needs a table"):
        read_rankings(write("e.toi", ELECTION), format="long")
    assert read_rankings(write("e.txt", ELECTION), format="preflib").n_ballots == 3


def test_a_compressed_file_that_was_cut_off_is_refused(write: Write) -> None:
    path = write("votes.csv.gz", gzip.compress((LONG + "p,u,a,1\n" * 99).encode())[:-20])
    with pytest.raises(
        ValueError,
        match=r"votes\.csv\.gz: cannot be decompressed as gzip: .*; write, copy or download it",
    ):
        read_rankings(path)


def test_rankings_of_commas_alone_bring_a_warning(write: Write) -> None:
    header = "prompt_id,annotator_id,ranking\n"
    path = write("votes.csv", header + 'p,u,b\np,v,"a, b"\n')
    with pytest.warns(UserWarning, match=r"votes\.csv, row 3: the ranking 'a, b' is taken for one"):
        assert read_rankings(path).responses("p") == ["a, b", "b"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        several = write("clear.csv", header + 'p,u,b > c\np,v,"a, b"\n')
        assert read_rankings(several).responses("p") == ["a, b", "b", "c"]


def test_a_list_takes_any_text_as_an_id(write: Write) -> None:
    line = '{"prompt_id": "p", "annotator_id": "u", "ranking": [["x = 3"], ["x > 4"]]}\n'
    assert read_rankings(write("votes.jsonl", line)).response_ids == ["x = 3", "x > 4"]
