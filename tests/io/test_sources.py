"""Sources of rankings: what all of them keep to, and which files they are read from."""

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from rlchf.aggregation import aggregate
from rlchf.io import read_annotators, read_prompts, read_rankings, read_responses
from rlchf.io.sources import Converted, check_options, read_source, sources
from rlchf.io.sources._records import Files
from rlchf.jobs.convert import convert_files
from rlchf.jobs.settings import ConvertJob
from rlchf.rankings import Rankings
from tests.support.sources import DATA, fixture, read


@pytest.mark.parametrize("name", sources())
def test_a_source_becomes_files_that_are_read_back_and_aggregated(
    name: str, tmp_path: Path
) -> None:
    report = convert_files(ConvertJob(files=(str(fixture(name)),), out=str(tmp_path / "out")))
    assert report.source == name  # recognised by its keys
    rankings = read_rankings(tmp_path / "out" / "rankings.csv")
    prompts = read_prompts(tmp_path / "out" / "prompts.jsonl")
    responses = read_responses(tmp_path / "out" / "responses.jsonl")
    assert set(rankings.prompt_ids) <= set(prompts)
    for prompt in rankings.prompt_ids:
        assert set(rankings.responses(prompt)) <= set(responses[prompt])
    people = tmp_path / "out" / "annotators.csv"
    if people.exists():
        assert set(rankings.annotator_ids) <= set(read_annotators(people).ids)
    assert (len(rankings.anonymous) == len(rankings.annotator_ids)) == sources()[name].anonymous
    assert report.numbers["ballots"] == rankings.n_ballots
    assert report.files == [str(tmp_path / "out" / Path(file).name) for file in report.files]
    assert all(number > 0 for number in report.dropped.values())
    assert len(aggregate(rankings, "borda").prompt_ids) == rankings.n_prompts


@pytest.mark.parametrize("name", sources())
def test_a_source_says_what_it_is(name: str) -> None:
    source = sources()[name]
    assert source.name == name
    assert all([source.title, source.licence, source.ballots, source.shape, source.marks])
    assert source.url.startswith("https://")
    options = source.read.__kwdefaults__ or {}
    assert set(options) == set(source.options)
    check_options(source, options)


@pytest.mark.parametrize("name", sources())
def test_the_page_of_sources_says_whose_it_is_and_under_what_licence(name: str) -> None:
    source = sources()[name]
    page = (DATA.parents[2] / "docs" / "guide" / "data" / "sources.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` | [")).split("|")
    assert source.url in row[2]
    assert row[3].strip() == source.licence
    assert row[5].strip().endswith("anonymous") == source.anonymous
    for option in source.options:
        assert f"| `{name}` | `{option}` |" in page


JSONL = [one for one in sources() if fixture(one).suffix == ".jsonl"]


@pytest.mark.parametrize("name", JSONL)
@pytest.mark.parametrize("suffix", [".parquet", ".json", ".jsonl.gz"])
def test_a_source_is_the_same_in_other_kinds_of_files(
    name: str, suffix: str, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in fixture(name).read_text().splitlines()]
    path = tmp_path / f"data{suffix}"
    if suffix == ".parquet":
        if name == "arena":  # text and lists in one column, which Parquet cannot have
            rows = [row for row in rows if isinstance(row["conversation_a"][0], dict)]
            rows = [row for row in rows if isinstance(row["conversation_a"][0]["content"], list)]
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=3)
    elif suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    lines = tmp_path / "plain.jsonl"
    lines.write_text("\n".join(map(json.dumps, rows)))
    there, back = (read_source([str(one)], name)[1] for one in (path, lines))
    assert there.columns() == back.columns()
    assert there.responses == back.responses
    assert there.dropped == back.dropped


def test_an_unknown_shape_names_the_closest_source(tmp_path: Path) -> None:
    path = tmp_path / "votes.jsonl"
    path.write_text('{"winner": "model_a", "conversation_a": [], "conversation_c": []}\n')
    with pytest.raises(ValueError, match=r"fit no source; the closest is arena, which also has"):
        read_source([str(path)])
    with pytest.raises(ValueError, match=r"no file has the keys winner, .*conversation_b missing"):
        read_source([str(path)], "arena")


def test_names_of_sources_and_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"unknown source 'covall'; .*did you mean coval"):
        read_source([str(fixture("coval"))], "covall")
    with pytest.raises(ValueError, match=r"source 'coval' has no option 'ballot'; did you mean"):
        read("coval", ballot="world")
    with pytest.raises(ValueError, match=r"option ballots is 'word'; choose from personal, world"):
        read("coval", ballots="word")
    with pytest.raises(ValueError, match=r"source 'arena' has no option 'x'; it has none"):
        read("arena", x=1)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", b'a,b\n1,"2\n', "row 2: unexpected end of data"),
        ("a.csv", b"a,b\n1,2,3\n", "row 2: 3 cells, but the header has 2"),
        ("a.csv", b"a,b\n1,\xff\n", "not UTF-8"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2: not JSON"),
        ("a.jsonl", b"[1]\n", "line 1: found '[1]'; give one JSON object per line"),
        ("a.json", b"[1]", "item 1: found '1'; give objects"),
        ("a.json", b"{", "not JSON"),
        ("a.parquet", b"PAR1", "cannot be read as Parquet"),
        ("a.txt", b"x", "give a file that ends in .jsonl"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    name: str, text: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        list(Files.of([str(path)]).records())
    assert name in str(caught.value)


def test_records_of_every_kind_of_file_know_their_row(tmp_path: Path) -> None:
    rows = [{"a": "x", "b": 1}, {"a": "é", "b": 2}]
    (tmp_path / "1.csv").write_bytes("\ufeffa,b\nx,1\n\né,2\n".encode())
    (tmp_path / "2.tsv").write_text("a\tb\nx\t1\né\t2\n")
    (tmp_path / "3.jsonl").write_text("\ufeff" + "\n\n".join(map(json.dumps, rows)))
    (tmp_path / "4.json").write_text("\n".join(map(json.dumps, rows)))  # lines, under this suffix
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "5.parquet")
    (tmp_path / ".hidden.csv").write_text("a,b\n")
    (tmp_path / "notes.md").write_text("no data")
    files = Files.of([str(tmp_path)])
    places = [(one.place.removeprefix(f"{tmp_path}/"), one.number("b")) for one in files.records()]
    assert places == [
        ("1.csv, row 2", 1), ("1.csv, row 4", 2), ("2.tsv, row 2", 1), ("2.tsv, row 3", 2),
        ("3.jsonl, line 1", 1), ("3.jsonl, line 3", 2), ("4.json, line 1", 1), ("4.json, line 2", 2),
        ("5.parquet, row 1", 1), ("5.parquet, row 2", 2),
    ]  # fmt: skip
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="a folder without a file that ends in"):
        Files.of([str(empty)])


def test_a_folder_may_lie_in_a_hidden_one(tmp_path: Path) -> None:
    folder = tmp_path / ".cache" / "corpus"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("a\n1\n")
    assert len(list(Files.of([str(folder)]).records("a"))) == 1


def test_a_row_without_a_judgement_is_counted(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in fixture("helpsteer3").read_text().splitlines()]
    rows[0]["individual_preference"] = None
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    converted = read_source([str(tmp_path / "x.jsonl")], "helpsteer3")[1]
    assert converted.dropped["comparisons without individual preferences"] == 1


@pytest.mark.parametrize("name", ["coval", "prism", "community_alignment", "multipref", "arena"])
def test_a_corpus_whose_files_overlap_counts_once(name: str, tmp_path: Path) -> None:
    original = fixture(name)
    copy = tmp_path / original.name
    shutil.copytree(original, copy) if original.is_dir() else shutil.copy(original, copy)
    once, twice = read(name), read_source([str(original), str(copy)], name)[1]
    assert twice.columns() == once.columns()
    (what,) = twice.dropped.keys() - once.dropped.keys()
    assert what.endswith("that come twice")


def test_the_judge_of_an_arena_is_the_annotator(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in fixture("arena").read_text().splitlines()]
    for name, judges in (("all", ["ann", "bob"]), ("some", ["ann", None])):
        judged = [row | {"judge": judges[n % 2]} for n, row in enumerate(rows)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, judged)))
    named = read_source([str(tmp_path / "all.jsonl")])[1]
    assert set(named.columns()["annotator_id"]) == {"ann", "bob"}
    assert not named.note
    partly = read_source([str(tmp_path / "some.jsonl")])[1]
    assert "ann" in partly.columns()["annotator_id"]
    assert "have no judge" in partly.note
    assert "no vote has a judge" in read("arena").note


def test_a_folder_of_parts_is_one_corpus(tmp_path: Path) -> None:
    lines = fixture("helpsteer3").read_text().splitlines(keepends=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "part-0.jsonl").write_text("".join(lines[:4]))
    (tmp_path / "data" / "part-1.jsonl").write_text("".join(lines[4:]))
    whole = read("helpsteer3")
    assert read_source([str(tmp_path)])[1].columns() == whole.columns()


def values() -> Iterator[dict[str, Any]]:
    yield {"ranks": {"a": 1}, "scores": {"a": 1}}
    yield {}
    yield {"ranks": {}}
    yield {"scores": {"a": 1, "b": 2}}  # after ranks


@pytest.mark.parametrize("wrong", values())
def test_ballots_of_a_source_have_one_kind_of_values(wrong: dict[str, Any]) -> None:
    converted = Converted()
    converted.ballot("p", "ann", ranks={"a": 1, "b": 2})
    with pytest.raises(ValueError, match="ranks"):
        converted.ballot("p", "bob", **wrong)


def test_ballots_on_a_single_response_are_counted_not_kept() -> None:
    converted = Converted()
    converted.ballot("p", "ann", ranks={"a": 1, "b": 2}, weight=2.0)
    converted.ballot("q", "ann", ranks={"a": 1})
    assert converted.columns()["prompt_id"] == ["p", "p"]
    assert converted.columns()["weight"] == [2.0, 2.0]
    assert converted.dropped == {"ballots on prompts of which one response only is judged": 1}


def test_an_annotator_keeps_the_first_value_of_a_feature() -> None:
    converted = Converted()
    converted.annotator("ann", age="20", region=None)
    converted.annotator("ann", age="21", region="Asia")
    converted.annotator("ann", age="20")
    assert converted.annotators == {"ann": {"age": "20", "region": "Asia"}}
    assert converted.dropped == {"values of age that differ from an annotator's earlier one": 1}


def test_approvals_alone_are_a_table_that_is_read() -> None:
    converted = Converted()
    converted.ballot("p", "ann", approvals={"a": 1, "b": -1, "c": 0})
    rankings = Rankings.from_frame(converted.columns())
    assert "rank" not in rankings.columns()
    assert rankings.entry_ranks.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "name", ["coval", "multipref.jsonl", "polis", "icai.json", "argilla.jsonl", "potato"]
)
def test_rankings_that_are_a_source_are_told_how_to_convert(name: str) -> None:
    path = DATA / name
    source = name.partition(".")[0]
    with pytest.raises(
        ValueError, match=rf"this looks like .*; rlchf convert .* --from {source} --out FOLDER"
    ):
        read_rankings(path)


def test_what_is_wrong_with_a_table_that_is_a_source_comes_before_the_hint() -> None:
    hint = r"; this looks like .*; rlchf convert .* --from arena"
    with pytest.raises(
        ValueError, match=r"there is no column 'rater' for annotator_id" + ".*" + hint
    ):
        read_rankings(DATA / "arena.jsonl", columns="annotator_id=rater")


def test_a_table_of_ours_is_not_taken_for_a_source(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("prompt_id,annotator_id,prompt,chosen,rejected\np,ann,Tea?,a,a\n")
    with pytest.raises(
        ValueError, match=r"chosen and rejected are both 'a', in 1 of 1 rows; give two .* out$"
    ):
        read_rankings(path)
