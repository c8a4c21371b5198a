"""Rankings in, in every format but PrefLib."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlchf.ids import clean_id
from rlchf.io import (
    atomic_write,
    read_rankings,
    write_table,
)
from rlchf.notation import ABOVE, ARROWS, TIED
from rlchf.rankings import Rankings
from tests.support.files import LONG, Write, content, ranks, set_stdin


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


@pytest.mark.parametrize(
    "cell",
    ['["a",["b","c"]]', "['a', ['b', 'c']]", "a ≻ b ~ c", "a -> b = c", "a,{b,c}", '"a" > "b" = c'],
)
@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "jsonl"])
def test_ballots_in_other_notations_are_read_from_every_kind(
    tmp_path: Path, cell: str, kind: str
) -> None:
    columns = {"prompt_id": ["p"], "annotator_id": ["u"], "ranking": [cell]}
    write_table(tmp_path / f"v.{kind}", columns)
    assert ranks(read_rankings(tmp_path / f"v.{kind}")) == [[1, 2, 2]]


def test_an_annotator_may_give_two_ballots_on_one_prompt(write: Write) -> None:
    path = write("v.csv", "prompt_id,annotator_id,ranking\np,ann,a > b\np,ann,b > a\n")
    assert ranks(read_rankings(path, repeats="all")) == [[1, 2], [2, 1]]


def test_comparisons_are_ballots_of_two_responses(write: Write) -> None:
    path = write(
        "v.csv",
        "prompt_id,annotator_id,chosen,rejected,tie,weight\n"
        "p,ann,b,a,false,1\np,ann,b,a,,3\np,bob,c,a,TRUE,1\n",
    )
    rankings = read_rankings(path, repeats="all")
    assert ranks(rankings) == [[2, 1, 0], [2, 1, 0], [1, 0, 1]]
    assert rankings.ballot_weights.tolist() == [1.0, 3.0, 1.0]
    assert rankings.annotator_ids == ["ann", "bob"]


def test_comparisons_in_jsonl_and_parquet_may_leave_out_tie(write: Write) -> None:
    line = {"prompt_id": 1, "annotator_id": "ann", "chosen": "b", "rejected": "a"}
    other = line | {"annotator_id": "bob", "tie": True}
    path = write("v.jsonl", json.dumps(line) + "\n\n" + json.dumps(other) + "\n")
    assert ranks(read_rankings(path)) == [[2, 1], [1, 1]]
    columns = {name: [value, other[name]] for name, value in line.items()} | {"tie": [False, True]}
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
    path = write("v.csv", LONG + "007,1.0,é>=ü,1\n007,1.0, b ,2\n7,NA,null,1\n7,NA,true,2\n")
    rankings = read_rankings(path)
    assert rankings.prompt_ids == ["007", "7"]
    assert rankings.annotator_ids == ["1.0", "NA"]
    assert rankings.responses("007") == ["b", "é>=ü"]
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


signs = ABOVE + ARROWS + TIED + "<>=≥≤≽≼≿≾⪰⪯≺←＜()[]{}\"'"
names = (
    st.text(
        st.characters(codec="utf-8", exclude_characters=signs, exclude_categories=["Cc", "Z"]),
        min_size=1,
    )
    .map(clean_id)
    .filter(lambda name: name.strip("-–—−") != "")
)
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
        (prompt, annotator, response, rank, weight)
        for prompt, annotator, levels, weight in ballots
        for rank, level in enumerate(levels, start=1)
        for response in level
    ]
    columns = ("prompt_id", "annotator_id", "response_id", "rank", "weight")
    long = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
    texts = [  # ties in one order: in two, each may mean something else, and is refused
        " > ".join(" = ".join(sorted(level)) for level in levels) for _, _, levels, _ in ballots
    ]
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
        columns = content(read_rankings(path, unranked=unranked))
        assert columns.keys() == expected.keys()
        for name in (
            "entry_responses",
            "entry_ranks",
        ):  # tied entries come in the order of the file
            columns[name], expected[name] = sorted(columns[name]), sorted(expected[name])
        assert columns == expected, path.name
