"""Files in and out: every format, every refusal, and the real files when they are there."""

import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlchf.io import (
    atomic_write,
    read_annotators,
    read_election,
    read_prompts,
    read_rankings,
    read_responses,
    read_table,
    table_format,
    write_table,
)
from rlchf.rankings import Rankings

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real files are not here")

LONG = "prompt_id,annotator_id,response_id,rank\n"
Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def content(rankings: Rankings) -> dict[str, Any]:
    """Everything in a dataset but its name."""
    columns = dict(vars(rankings))
    del columns["source"]
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in columns.items()
        if name != "prompt_index"
    }


def ranks(rankings: Rankings) -> list[list[int]]:
    """The first prompt's ballots, each as the ranks of the responses in order."""
    batch = rankings.batch(np.array([0]))
    return [list(ballot) for ballot in np.asarray(batch.ranks).T.tolist()]


def set_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


# The formats


@pytest.mark.parametrize("format", ["auto", "long"])
def test_a_long_table_of_ranks_is_read(write: Write, format: str) -> None:
    path = write("v.csv", LONG + "p,ann,a,1\np,ann,b,2\np,bob,b,1\np,bob,c,1\np,bob,a,7\n")
    rankings = read_rankings(path, format=format)
    assert rankings.prompt_ids == ["p"]
    assert rankings.annotator_ids == ["ann", "bob"]
    assert rankings.responses("p") == ["a", "b", "c"]
    assert ranks(rankings) == [[1, 2, 0], [2, 1, 1]]
    assert rankings.source == str(path)


def test_a_long_table_of_scores_ranks_downwards(write: Write) -> None:
    path = write(
        "v.tsv",
        "prompt_id\tannotator_id\tresponse_id\tscore\tnote\n"
        "p\tann\ta\t-0.5\tx\np\tann\tb\t+2e1\ty\np\tann\tc\t 2 \tz\n",
    )
    rankings = read_rankings(path)
    assert ranks(rankings) == [[3, 1, 2]]
    assert rankings.entry_scores is not None
    assert rankings.entry_scores.tolist() == [20.0, 2.0, -0.5]


def test_rows_of_a_ballot_may_be_scattered_and_prompts_keep_their_order(write: Write) -> None:
    path = write("v.csv", LONG + "z,bob,b,1\np,ann,a,1\nz,bob,a,2\np,ann,b,2\nz,ann,b,1\n")
    rankings = read_rankings(path)
    assert rankings.prompt_ids == ["z", "p"]
    assert rankings.annotator_ids == ["bob", "ann"]
    assert ranks(rankings) == [[2, 1], [0, 1]]


def test_weights_of_a_long_table_belong_to_the_ballot(write: Write) -> None:
    path = write(
        "v.csv",
        "prompt_id,annotator_id,response_id,rank,weight\n"
        "p,ann,a,1,2.5\np,bob,b,1,\np,ann,b,2,2.5\np,bob,a,2,1\n",
    )
    assert read_rankings(path).ballot_weights.tolist() == [2.5, 1.0]


@pytest.mark.parametrize("unranked", ["missing", "last"])
def test_ballots_are_read_alike_from_jsonl_csv_and_parquet(write: Write, unranked: Any) -> None:
    lists = [[["a"], ["b", "c"]], ["c", "a"], [["b"]]]
    texts = ["a > b = c", "c>a", "b"]
    lines = [
        {"prompt_id": "p", "annotator_id": f"u{i}", "ranking": ranking}
        for i, ranking in enumerate(lists)
    ]
    lines[0]["weight"] = 2
    jsonl = write("v.jsonl", "\n".join(json.dumps(line) for line in lines))
    rows = "".join(
        f"p,u{i},{text},{w}\n" for i, (text, w) in enumerate(zip(texts, "211", strict=True))
    )
    table = write("v.csv", "prompt_id,annotator_id,ranking,weight\n" + rows)
    columns = {"prompt_id": ["p"] * 3, "annotator_id": ["u0", "u1", "u2"], "weight": [2, 1, 1]}
    in_text, in_lists = (jsonl.with_name(f"{kind}.parquet") for kind in ("text", "lists"))
    nested = [lists[0], [["c"], ["a"]], lists[2]]
    pq.write_table(pa.table(columns | {"ranking": texts}), in_text)
    pq.write_table(pa.table(columns | {"ranking": nested}), in_lists)
    expected = read_rankings(jsonl, unranked=unranked)
    below = [2, 0] if unranked == "missing" else [2, 3]
    assert ranks(expected)[:2] == [[1, 2, 2], [below[0], below[1], 1]]
    assert expected.ballot_weights.tolist() == [2.0, 1.0, 1.0]
    for path in (table, in_text, in_lists):
        assert content(read_rankings(path, unranked=unranked)) == content(expected)


def test_an_annotator_may_give_two_ballots_on_one_prompt(write: Write) -> None:
    path = write("v.csv", "prompt_id,annotator_id,ranking\np,ann,a > b\np,ann,b > a\n")
    assert ranks(read_rankings(path)) == [[1, 2], [2, 1]]


def test_comparisons_are_ballots_of_two_responses(write: Write) -> None:
    path = write(
        "v.csv",
        "prompt_id,annotator_id,chosen,rejected,tie,weight\n"
        "p,ann,b,a,false,1\np,ann,b,a,,3\np,bob,c,a,TRUE,1\n",
    )
    rankings = read_rankings(path)
    assert ranks(rankings) == [[2, 1, 0], [2, 1, 0], [1, 0, 1]]
    assert rankings.ballot_weights.tolist() == [1.0, 3.0, 1.0]
    assert rankings.annotator_ids == ["ann", "bob"]


def test_comparisons_in_jsonl_and_parquet_may_leave_out_tie(write: Write) -> None:
    line = {"prompt_id": 1, "annotator_id": "ann", "chosen": "b", "rejected": "a"}
    path = write("v.jsonl", json.dumps(line) + "\n\n" + json.dumps(line | {"tie": True}) + "\n")
    assert ranks(read_rankings(path)) == [[2, 1], [1, 1]]
    columns = {name: [value] * 2 for name, value in line.items()} | {"tie": [False, True]}
    parquet = path.with_suffix(".parquet")
    pq.write_table(pa.table(columns), parquet)
    assert content(read_rankings(parquet)) == content(read_rankings(path))


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("true", "False"), ("Yes", "no")])
def test_approved_responses_stand_above_the_others(write: Write, yes: str, no: str) -> None:
    header = "prompt_id,annotator_id,response_id,approved\n"
    path = write("v.csv", header + f"p,ann,a,{yes}\np,ann,b,{no}\np,ann,c,{yes}\np,bob,b,{yes}\n")
    assert ranks(read_rankings(path)) == [[1, 2, 1], [0, 1, 0]]
    assert ranks(read_rankings(path, unranked="last")) == [[1, 2, 1], [2, 1, 2]]


@pytest.mark.parametrize("flags", [[True, False], [1, 0], [1.0, 0.0], ["yes", "no"]])
def test_approvals_in_parquet_may_be_numbers_or_booleans(tmp_path: Path, flags: list[Any]) -> None:
    columns = {"prompt_id": [1, 1], "annotator_id": [7, 7], "response_id": ["a", "b"]}
    pq.write_table(pa.table(columns | {"approved": flags}), tmp_path / "v.parquet")
    rankings = read_rankings(tmp_path / "v.parquet")
    assert (rankings.prompt_ids, rankings.annotator_ids) == (["1"], ["7"])
    assert ranks(rankings) == [[1, 2]]


# Ids and text


def test_ids_in_text_stay_as_they_are_written(write: Write) -> None:
    path = write("v.csv", LONG + "007,1.0,é > ü,1\n007,1.0, b ,2\n7,NA,null,1\n7,NA,true,2\n")
    rankings = read_rankings(path)
    assert rankings.prompt_ids == ["007", "7"]
    assert rankings.annotator_ids == ["1.0", "NA"]
    assert rankings.responses("007") == [" b ", "é > ü"]
    assert rankings.responses("7") == ["null", "true"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_numbers_as_ids_become_decimal_text(tmp_path: Path, kind: str) -> None:
    columns: dict[str, list[Any]] = {
        "prompt_id": [10**15, 10**15],
        "annotator_id": [3.0, 3.0],
        "response_id": [1.5, 2.0],
        "rank": [1, 2],
    }
    path = tmp_path / f"v.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(columns), path)
    else:
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join(json.dumps(dict(zip(columns, row, strict=True))) for row in rows))
    rankings = read_rankings(path)
    assert rankings.prompt_ids == ["1000000000000000"]
    assert rankings.annotator_ids == ["3"]
    assert rankings.responses(10**15) == ["1.5", "2"]


def test_categories_of_parquet_that_no_row_has_are_left_out(tmp_path: Path) -> None:
    ids = pa.DictionaryArray.from_arrays(pa.array([2, 1]), pa.array(["unused", "b", "a"]))
    columns = {"prompt_id": ["p", "p"], "annotator_id": ids, "response_id": ids, "rank": [1, 2]}
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    assert read_rankings(tmp_path / "v.parquet").annotator_ids == ["a", "b"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_byte_order_marks_and_blank_lines_do_not_matter(write: Write, end: str) -> None:
    lines = [" prompt_id , annotator_id,response_id,rank,note", 'p,ann,"a, b",1,"two', 'lines"']
    text = end.join([*lines, "", "   ", 'p,ann,"say ""b""",2,', ""])
    rankings = read_rankings(write("v.csv", "\N{BOM}".encode() + text.encode()))
    assert rankings.responses("p") == ["a, b", 'say "b"']


@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("name", ["v.csv", "v.jsonl", "v.toc"])
def test_compressed_files_are_read_as_they_are(tmp_path: Path, name: str, suffix: str) -> None:
    contents = {
        "v.csv": LONG + "p,ann,a,1\np,ann,b,2\n",
        "v.jsonl": '{"prompt_id": "p", "annotator_id": "ann", "ranking": [["a"], ["b"]]}\n',
        "v.toc": "# NUMBER ALTERNATIVES: 2\n1: 1,2\n",
    }
    with atomic_write(tmp_path / f"{name}.{suffix}") as file:
        file.write(contents[name].encode())
    compressed = (tmp_path / f"{name}.{suffix}").read_bytes()
    assert compressed != contents[name].encode()
    assert ranks(read_rankings(tmp_path / f"{name}.{suffix}")) == [[1, 2]]


def test_gzip_files_laid_end_to_end_are_read_whole(write: Write) -> None:
    parts = [LONG + "p,ann,a,1\n", "p,ann,b,2\n"]
    path = write("v.csv.gz", b"".join(gzip.compress(part.encode()) for part in parts))
    assert ranks(read_rankings(path)) == [[1, 2]]


@pytest.mark.parametrize(
    "text",
    [
        LONG + "p,ann,a,1\np,ann,b,2\n",
        (LONG + "p,ann,a,1\np,ann,b,2\n").replace(",", "\t"),
        '{"prompt_id": "p", "annotator_id": "ann", "ranking": "a > b"}',
        "# FILE NAME: p.soc\n# NUMBER ALTERNATIVES: 2\n1: 1,2",
    ],
)
@pytest.mark.parametrize("compress", [False, True])
def test_standard_input_is_recognised(
    monkeypatch: pytest.MonkeyPatch, text: str, compress: bool
) -> None:
    set_stdin(monkeypatch, gzip.compress(text.encode()) if compress else text.encode())
    rankings = read_rankings("-")
    assert rankings.prompt_ids == ["p"]
    assert rankings.source == "standard input"
    assert ranks(rankings) == [[1, 2]]


def test_parquet_on_standard_input_is_recognised(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    columns = {"prompt_id": ["p"], "annotator_id": ["ann"], "ranking": ["a > b"]}
    write_table(tmp_path / "v.parquet", columns)
    set_stdin(monkeypatch, (tmp_path / "v.parquet").read_bytes())
    assert ranks(read_rankings("-")) == [[1, 2]]


def test_large_files_keep_the_order_of_first_appearance(write: Write) -> None:
    """Ids are coded block by block, and blocks are a megabyte."""
    n = 60_000
    rows = "".join(f"prompt-{i},ann-{n - i},b,1\nprompt-{i},ann-{n - i},a,2\n" for i in range(n))
    rankings = read_rankings(write("v.csv", LONG + rows))
    assert rankings.prompt_ids == [f"prompt-{i}" for i in range(n)]
    assert rankings.annotator_ids == [f"ann-{n - i}" for i in range(n)]
    assert rankings.entry_responses.tolist() == [1, 0] * n


names = st.text(
    st.characters(codec="utf-8", exclude_characters=">=", exclude_categories=["Cc", "Z"]),
    min_size=1,
).filter(lambda name: bool(name.strip()))
rankings_of_abc = st.tuples(
    st.permutations(range(3)), st.lists(st.booleans(), min_size=2, max_size=2), st.integers(1, 3)
)


@st.composite
def datasets(draw: st.DrawFn) -> list[tuple[str, str, list[list[str]], float]]:
    """Ballots as (prompt, annotator, levels, weight), at most one per prompt and annotator."""
    ids = draw(st.lists(names, min_size=3, max_size=3, unique=True))
    prompts = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    annotators = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    ballots = []
    for prompt in prompts:
        for n, annotator in enumerate(annotators):
            order, cuts, length = draw(rankings_of_abc)
            levels = [[ids[order[0]]]]
            for at, cut in list(zip(order[1:], cuts, strict=True))[: 2 if n == 0 else length - 1]:
                if cut:
                    levels.append([])
                levels[-1].append(ids[at])
            ballots.append((prompt, annotator, levels, draw(st.sampled_from([0.1, 1.0, 2.0]))))
    return ballots


def write_all(ballots: list[tuple[str, str, list[list[str]], float]], folder: Path) -> list[Path]:
    """The same dataset in every format that can hold it."""
    rows = [
        (prompt, annotator, response, place, weight)
        for prompt, annotator, levels, weight in ballots
        for place, level in enumerate(levels, start=1)
        for response in level
    ]
    columns = ("prompt_id", "annotator_id", "response_id", "rank", "weight")
    long = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
    texts = [" > ".join(" = ".join(level) for level in levels) for _, _, levels, _ in ballots]
    one_row_each = {
        "prompt_id": [ballot[0] for ballot in ballots],
        "annotator_id": [ballot[1] for ballot in ballots],
        "weight": [ballot[3] for ballot in ballots],
    }
    paths = [folder / f"long.{kind}" for kind in ("csv", "tsv", "jsonl", "parquet", "csv.zst")]
    for path in paths:
        write_table(path, long)
    for kind in ("csv", "parquet"):
        paths.append(folder / f"ballots.{kind}")
        write_table(paths[-1], one_row_each | {"ranking": texts})
    paths.append(folder / "ballots.jsonl")
    write_table(paths[-1], one_row_each | {"ranking": [ballot[2] for ballot in ballots]})
    return paths


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(ballots=datasets(), unranked=st.sampled_from(["missing", "last"]))
def test_every_format_gives_the_same_rankings(
    tmp_path: Path, ballots: list[tuple[str, str, list[list[str]], float]], unranked: Any
) -> None:
    expected = content(
        Rankings.from_ballots(
            [ballot[:3] for ballot in ballots], [ballot[3] for ballot in ballots], unranked=unranked
        )
    )
    for path in write_all(ballots, tmp_path):
        found = content(read_rankings(path, unranked=unranked))
        assert found.keys() == expected.keys()
        for name in (
            "entry_responses",
            "entry_ranks",
        ):  # tied entries come in the order of the file
            found[name], expected[name] = sorted(found[name]), sorted(expected[name])
        assert found == expected, path.name


# PrefLib

ELECTION = """\
# FILE NAME: 00099-00000001.toi
# TITLE: Drinks: hot, or not
# NUMBER ALTERNATIVES: 4
# NUMBER VOTERS: 3000009
# ALTERNATIVE NAME 1: Tea: green, with ñ
# ALTERNATIVE NAME 2: Coffee
# ALTERNATIVE NAME 3: Coffee
# ALTERNATIVE NAME 4: Water
3000000: 2,{1,3}
7: 1
2: {},{ 3 },1
0: 1,2
"""


def test_a_preflib_order_is_one_ballot_however_many_gave_it(write: Write) -> None:
    rankings = read_rankings(write("drinks.toi", ELECTION))
    assert rankings.prompt_ids == ["drinks"]
    assert rankings.responses("drinks") == ["1", "2", "3", "4"]
    assert rankings.ballot_counts.tolist() == [3_000_000, 7, 2]
    assert rankings.ballot_weights.tolist() == [3_000_000.0, 7.0, 2.0]
    assert rankings.annotator_ids == ["drinks/order 1", "drinks/order 2", "drinks/order 3"]
    assert ranks(rankings) == [[2, 1, 2, 0], [1, 0, 0, 0], [2, 0, 1, 0]]
    last = read_rankings(write("drinks.toi", ELECTION), unranked="last")
    assert ranks(last) == [[2, 1, 2, 3], [1, 2, 2, 2], [2, 3, 1, 3]]


def test_names_of_preflib_alternatives_are_kept_with_their_colons(write: Write) -> None:
    election = read_election(write("drinks.toi", ELECTION.replace("\n", "\r\n")))
    assert election.alternatives == ["Tea: green, with ñ", "Coffee", "Coffee", "Water"]
    assert election.lines == [9, 10, 11]


def test_preflib_alternatives_keep_their_numbers_order(write: Write) -> None:
    numbers = [str(i) for i in range(1, 13)]
    text = f"# NUMBER ALTERNATIVES: 12\n1: {','.join(reversed(numbers))}\n"
    rankings = read_rankings(write("many.soc", text))
    assert rankings.responses("many") == numbers
    assert ranks(rankings) == [list(range(12, 0, -1))]


def test_preflib_categories_are_levels(write: Write) -> None:
    text = "# NUMBER ALTERNATIVES: 3\n# NUMBER CATEGORIES: 3\n2: {1,3},{},2\n1: {},{},{1,2,3}\n"
    assert ranks(read_rankings(write("yes-no.cat", text))) == [[1, 2, 1], [1, 1, 1]]


def test_a_folder_of_preflib_files_is_a_dataset(write: Write, tmp_path: Path) -> None:
    write("b.soc", "# NUMBER ALTERNATIVES: 2\n3: 2,1\n")
    write("a.toi.gz", gzip.compress(ELECTION.encode()))
    write("info.txt", "not an election")
    rankings = read_rankings(tmp_path)
    assert rankings.prompt_ids == ["a", "b"]
    assert rankings.responses("b") == ["1", "2"]
    assert rankings.ballot_starts.tolist() == [0, 3, 4]
    assert len(set(rankings.annotator_ids)) == 4
    write("c.soc", "# NUMBER ALTERNATIVES: 2\n3: 2,1\n1: 2,7\n")
    with pytest.raises(ValueError, match=r"c.soc, line 3: there is no alternative 7"):
        read_rankings(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("7: 1\n", "7: one\n", r"line 10: cannot parse '7: one'; write an order such as '5: 1,\{2"),
        ("7: 1\n", "7: 1,\n", "line 10: cannot parse '7: 1,'"),
        ("7: 1\n", "7: {1,2\n", "line 10: cannot parse"),
        ("7: 1\n", "7: {1,2}3\n", "line 10: cannot parse"),
        ("7: 1\n", "7: {1},\n", "line 10: cannot parse"),
        ("7: 1\n", "seven 1\n", "line 10: cannot parse"),
        ("7: 1\n", "7: 5\n", "line 10: there is no alternative 5; choose from 1 to 4"),
        ("7: 1\n", "7: 0\n", "line 10: there is no alternative 0; choose from 1 to 4"),
        ("7: 1\n", "7: {1,1}\n", "line 10: the order names alternative 1 twice; name it once"),
        ("7: 1\n", "7: {},{}\n", "line 10: the order names no alternative; leave it out"),
        ("7: 1\n", "6: 1\n", "the header counts 3000009 voters, the orders 3000008; fetch"),
        ("ATIVES: 4", "ATIVES: four", "NUMBER ALTERNATIVES is 'four'; give a whole number"),
        ("# NUMBER ALT", "# NUMBER OF ALT", "there is no line '# NUMBER ALTERNATIVES"),
        (ELECTION[ELECTION.index("3000000:") :], "", "there is no order in it"),
        ("ñ", "\udcf1", r"line 5: not UTF-8 \(byte 0xf1\); save the file as UTF-8"),
    ],
)
def test_a_preflib_file_is_refused(write: Write, old: str, new: str, message: str) -> None:
    text = ELECTION.replace(old, new)
    assert text != ELECTION
    path = write("drinks.toi", text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"drinks\.toi(, |: )" + message):
        read_rankings(path)


def test_the_format_before_2022_is_refused_with_a_hint(write: Write) -> None:
    with pytest.raises(ValueError, match="that PrefLib has had since 2022"):
        read_rankings(write("old.soc", "2\n1,Tea\n2,Coffee\n5,5,1\n5,1,2\n"))


# What is refused

WEIGHED = "prompt_id,annotator_id,response_id,rank,weight\n"
REFUSED = {
    "no row": (LONG, "there is no row below the header"),
    "empty": ("", "the file is empty"),
    "blank": ("\n \n", "the file is empty"),
    "missing column": (
        "prompt_id,annotator_id,respons_id,rank\np,u,a,1\n",
        "there is no column 'response_id'; found prompt_id, annotator_id, respons_id, rank; "
        "is 'respons_id' meant",
    ),
    "no value column": (
        "prompt_id,annotator_id,response_id,Score\np,u,a,1\n",
        "the columns .* fit no format; .* rank or score .*; is 'Score' meant",
    ),
    "semicolons": (
        LONG.replace(",", ";") + "p;u;a;1\n",
        "there is only one column, 'prompt_id;annotator_id;response_id;rank'; separate columns by com",
    ),
    "two formats": (
        "prompt_id,annotator_id,response_id,rank,approved\np,u,a,1,1\n",
        "the columns fit several formats; say which is meant, format='long' or format='approvals'",
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
        "row 3: the rank is empty; .* or leave the row out",
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
        "row 5: the same ballot ranks response 'a' twice; give each annotator one row",
    ),
    "one response": (
        LONG + "p,u,a,1\np,u,b,2\nq,u,a,1\n",
        "prompt 'q' has one response only; give at least two",
    ),
    "short row": (LONG + "p,u,a,1\np,u,b\n", "row 3: 3 cells, but the header has 4"),
    "long row": (LONG + "p,u,a,1\n\np,u,b,c,2\n", "row 4: 5 cells, but .* double quotes"),
    "compared with itself": (
        "prompt_id,annotator_id,chosen,rejected\np,u,a,b\np,u,b,b\n",
        "row 3: chosen and rejected are both 'b'; give two responses",
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
        "row 3: approved is ''; give true or false",
    ),
    "ranking empty": (
        "prompt_id,annotator_id,ranking\np,u,a > b\np,v,\n",
        "row 3: the ranking is empty; name a response, or leave the ballot out",
    ),
    "ranking with a hole": (
        "prompt_id,annotator_id,ranking\np,u,a > b\np,v,a > > b\n",
        "row 3: the ranking 'a > > b' has an empty response id",
    ),
    "ranking with a repeat": (
        "prompt_id,annotator_id,ranking\np,u,a > b\np,v,a > b = a\n",
        "row 3: the ranking names response 'a' twice; name it once",
    ),
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
    "array": ("[" + JSON_LINE + "]", "line 1: not JSON"),
    "not an object": (JSON_LINE + "[1]", r"line 2: found '\[1\]'; give one JSON object per line"),
    "empty": ("\n", "the file is empty"),
    "no id": (
        JSON_LINE + '{"annotator_id": "u", "ranking": ["a"]}',
        "line 2: the prompt_id is empty",
    ),
    "null id": (JSON_LINE.replace('"p"', "null"), "line 1: the prompt_id is empty"),
    "list id": (JSON_LINE.replace('"p"', "[1]"), r"line 1: prompt_id is '\[1\]'; give text"),
    "ranking of nothing": (JSON_LINE.replace('["a"], ["b"]', ""), "line 1: the ranking is empty"),
    "ranking of objects": (
        JSON_LINE.replace('["b"]', "[{}]"),
        r"line 1: the ranking has '\{\}' for a response; write it as \[\[",
    ),
    "empty response": (
        JSON_LINE.replace('"b"', '""'),
        "line 1: the ranking .* has an empty response",
    ),
    "no ranking": (
        JSON_LINE.replace("ranking", "rankings"),
        "the columns .* fit no format; .*; is 'rankings' meant",
    ),
    "nan": (
        '{"prompt_id": "p", "annotator_id": "u", "response_id": "a", "score": NaN}',
        "line 1: the score is empty|line 1: the score is nan",
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


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"rank": [1.0, None]}, "row 2: the rank is empty; give a number"),
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
    with pytest.raises(ValueError, match=r"votes\.parquet: cannot be read as Parquet"):
        read_rankings(path)


def test_a_file_that_is_not_there_is_refused_with_similar_names(
    write: Write, tmp_path: Path
) -> None:
    write("rankings.csv", LONG)
    with pytest.raises(FileNotFoundError, match=r"there is no such file; near it: rankings\.csv"):
        read_rankings(tmp_path / "ranking.csv")
    with pytest.raises(FileNotFoundError, match="no such file, and no folder"):
        read_rankings(tmp_path / "nowhere" / "ranking.csv")


def test_a_folder_of_something_else_is_refused(write: Write, tmp_path: Path) -> None:
    write("rankings.csv", LONG)
    with pytest.raises(
        ValueError, match=r"a folder without PrefLib files .*; give a file, say one of"
    ):
        read_rankings(tmp_path)
    with pytest.raises(ValueError, match="a folder; the format 'long' needs a file"):
        read_rankings(tmp_path, format="long")


def test_two_files_of_one_election_are_refused(write: Write, tmp_path: Path) -> None:
    for name in ("e.soi", "e.toc"):
        write(name, ELECTION)
    with pytest.raises(ValueError, match=r"e\.soi, e\.toc would be the same prompt 'e'; keep one"):
        read_rankings(tmp_path)


def test_unknown_formats_and_suffixes_are_refused(write: Write) -> None:
    path = write("votes.xlsx", "PK")
    with pytest.raises(
        ValueError, match=r"unknown suffix '\.xlsx'; give a file that ends in \.csv"
    ):
        read_rankings(path)
    with pytest.raises(
        ValueError, match=r"unknown format 'balots'; choose from auto, long, .*'ballots'"
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
    with pytest.raises(ValueError, match=r"votes\.csv\.gz: cannot be decompressed as gzip"):
        read_rankings(path)


# Texts and annotators


def test_prompts_may_be_text_or_chat_messages(write: Write) -> None:
    chat = [{"role": "user", "content": "hello"}]
    lines = [{"prompt_id": 7, "prompt": "hi", "source": "x"}, {"prompt_id": "q", "prompt": chat}]
    path = write("prompts.jsonl", "\n".join(json.dumps(line) for line in lines))
    assert read_prompts(path) == {"7": "hi", "q": chat}


def test_responses_are_nested_by_prompt(write: Write) -> None:
    rows = [("p", "a", "Ä"), ("q", "a", ""), ("p", "b", "two\nlines"), ("q", "b", True)]
    lines = [dict(zip(("prompt_id", "response_id", "text"), row, strict=True)) for row in rows]
    path = write("responses.jsonl", "\n".join(json.dumps(line) for line in lines))
    assert read_responses(path) == {"p": {"a": "Ä", "b": "two\nlines"}, "q": {"a": "", "b": "true"}}


def test_annotators_have_weights_and_groups(write: Write) -> None:
    path = write("people.csv", "annotator_id,weight,country\n007,2,Peru\nann,,\n")
    people = read_annotators(path)
    assert people.ids == ["007", "ann"]
    assert people.weights == {"007": 2.0, "ann": 1.0}
    assert people.features == {"country": ["Peru", ""]}
    assert people.group("country") == people["country"] == {"007": "Peru"}
    with pytest.raises(ValueError, match="no column 'city'; choose from country"):
        people.group("city")
    assert read_annotators(write("people.csv", "annotator_id\nann\n")).weights is None


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_prompts, '{"prompt_id": 1}', "line 1: there is no key 'prompt' among prompt_id"),
        (
            read_prompts,
            '{"prompt_id": "", "prompt": "x"}',
            "line 1: the prompt_id is ''; give text",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": 2}',
            "line 1: the prompt is '2'; give text or chat",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": []}',
            r"line 1: the prompt is '\[\]'; give text",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": [{"role": "user"}]}',
            r"line 1: a chat message is .*; give \{\"role\"",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": "x"}\n\n{"prompt_id": "1", "prompt": "y"}',
            "line 3: prompt '1' is on line 1 too; keep one",
        ),
        (read_prompts, "", "the file is empty; give one JSON object per line"),
        (read_prompts, "prompt_id,prompt\n", "line 1: not JSON"),
        (
            read_responses,
            '{"prompt_id": 1, "response_id": 2, "text": "x"}\n' * 2,
            "line 2: response '2' of prompt '1' is on line 1 too",
        ),
        (
            read_responses,
            '{"prompt_id": 1, "response_id": 2, "text": null}',
            "line 1: the text is 'None'; give text",
        ),
    ],
)
def test_texts_are_refused_with_their_line_and_a_hint(
    write: Write, read: Callable[[Path], object], text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=r"texts\.jsonl(, |: )" + message):
        read(write("texts.jsonl", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("annotator_id,x\nann,1\nbob,1\nann,2\n", "row 4: annotator 'ann' is in row 2 too"),
        ("annotator_id,weight\nann,-1\n", "row 2: the weight is -1; give"),
        (
            "annotator,weight\nann,1\n",
            "there is no column 'annotator_id'; found .*; is 'annotator' meant",
        ),
        ("annotator_id,x\n,1\n", "row 2: the annotator_id is empty"),
    ],
)
def test_annotators_are_refused_with_their_row_and_a_hint(
    write: Write, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=r"people\.csv(, |: )" + message):
        read_annotators(write("people.csv", text))


def test_prompts_in_csv_are_refused(write: Write) -> None:
    with pytest.raises(
        ValueError, match=r"prompts\.csv: give a jsonl file, one JSON object per line"
    ):
        read_prompts(write("prompts.csv", "prompt_id,prompt\np,x\n"))


# Writing


@pytest.mark.parametrize(
    "name", ["t.csv", "t.tsv", "t.parquet", "t.jsonl", "t.csv.gz", "t.jsonl.zst"]
)
def test_a_table_comes_back_as_it_was_written_and_twice_the_same(tmp_path: Path, name: str) -> None:
    columns = {"id": ['a,\t"b"\nc', "é", "007"], "score": np.array([0.1, -2.0, 1e300])}
    write_table(tmp_path / name, columns)
    first = (tmp_path / name).read_bytes()
    table = read_table(tmp_path / name)
    assert table.texts("id") == columns["id"]
    assert table.numbers("score", "").tolist() == [0.1, -2.0, 1e300]
    write_table(tmp_path / name, columns)
    assert (tmp_path / name).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    (tmp_path / name).write_text("old")

    def interrupted() -> None:
        with atomic_write(tmp_path / name) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        interrupted()
    assert (tmp_path / name).read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_write_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with atomic_write(tmp_path / "link.csv") as file:
        file.write(b"new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


def test_standard_output_is_written_in_one_piece(capfdbinary: Any) -> None:
    with atomic_write("-") as file:
        file.write(b"a")
        file.write(b"b")
    assert capfdbinary.readouterr().out == b"ab"


def test_standard_output_stays_empty_on_an_exception(capfdbinary: Any) -> None:
    def interrupted() -> None:
        with atomic_write("-") as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert capfdbinary.readouterr().out == b""


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"out\.csv: there is no folder .*nowhere.* to write to"),
        atomic_write(tmp_path / "nowhere" / "out.csv"),
    ):
        pass
    with pytest.raises(ValueError, match=r"out\.xlsx: unknown suffix '\.xlsx'; choose from \.csv"):
        table_format("out.xlsx")
    with pytest.raises(ValueError, match="out: no suffix; choose from"):
        table_format("out")


def test_reading_imports_neither_torch_nor_pandas(write: Write) -> None:
    path = write("v.csv", LONG + "p,ann,a,1\np,ann,b,2\n")
    program = (
        "import sys; import rlchf.rankings; heavy = {'pyarrow', 'pandas', 'torch'};"
        "assert not heavy & set(sys.modules);"
        f"from rlchf.io import read_rankings; read_rankings({str(path)!r});"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "['pyarrow']\n", done.stderr


# Real files


@needs_data
@pytest.mark.parametrize(
    ("name", "prompts", "responses", "annotators", "ballots"),
    [
        ("lamp_rankings/rankings.csv", 106, 318, 10, 318),
        ("pandalm/rankings.csv", 999, 1998, 3, 2997),
        ("ukp_arguments/comparisons.csv", 24, 789, 3669, 63323),
        ("polis/rankings.csv", 7, 635, 3175, 3175),
        ("pabulib/rankings.csv", 3, 56, 2423, 2423),
    ],
)
def test_real_tables_are_read(
    name: str, prompts: int, responses: int, annotators: int, ballots: int
) -> None:
    rankings = read_rankings(DATA / name)
    assert rankings.n_prompts == prompts
    assert len(rankings.response_ids) == responses
    assert len(rankings.annotator_ids) == annotators
    assert rankings.n_ballots == ballots
    texts = read_responses((DATA / name).with_name("responses.jsonl"))
    known = read_prompts((DATA / name).with_name("prompts.jsonl"))
    for prompt in rankings.prompt_ids:
        assert prompt in known
        assert set(rankings.responses(prompt)) <= set(texts[prompt])


@needs_data
@pytest.mark.parametrize(("name", "column"), [("polis", "opinion_group"), ("pabulib", "sex")])
def test_real_annotators_are_those_of_the_rankings(name: str, column: str) -> None:
    people = read_annotators(DATA / name / "annotators.csv")
    assert set(people.ids) == set(read_rankings(DATA / name / "rankings.csv").annotator_ids)
    assert len(set(people[column].values())) >= 2


@needs_data
def test_real_preflib_files_have_the_winners_that_others_computed() -> None:
    rankings = read_rankings(DATA / "preflib", unranked="last")
    with (DATA / "preflib" / "index.csv").open(newline="") as file:
        index = {row["file"].split(".")[0]: row for row in csv.DictReader(file)}
    assert set(rankings.prompt_ids) == set(index)
    for p, prompt in enumerate(rankings.prompt_ids):
        row = index[prompt]
        batch = rankings.batch(np.array([p]))
        at = slice(int(rankings.ballot_starts[p]), int(rankings.ballot_starts[p + 1]))
        assert len(rankings.responses(prompt)) == int(row["alternatives"])
        assert rankings.ballot_counts[at].sum() == int(row["voters"])
        margins = batch.margins[0]
        off_diagonal = ~np.eye(len(margins), dtype=bool)
        winners = {
            "condorcet_winner": ((margins > 0) | ~off_diagonal).all(axis=1),
            "condorcet_loser": ((margins < 0) | ~off_diagonal).all(axis=1),
            "borda_winners": _best(margins.sum(axis=1)),
            "copeland_winners": _best(np.sign(margins).sum(axis=1)),
        }
        names = np.array(rankings.responses(prompt))
        for column, won in winners.items():
            assert " ".join(names[won]) == row[column], (prompt, column)


def _best(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores == scores.max())
