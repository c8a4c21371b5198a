"""`rlchf convert`: what it writes, what it says, what it refuses."""

import json
from pathlib import Path

import pytest

from rlchf.io import read_rankings
from rlchf.io.sources import Converted
from tests.support.cli import refused, rlchf
from tests.support.files import ELECTION, Write

DATA = Path(__file__).parents[1] / "data" / "sources"
VOTES = "prompt_id,annotator_id,ranking\np,ann,a > b = c\np,bob,c > a\n"


def test_a_source_says_in_numbers_what_it_wrote_and_what_it_could_not_hold(tmp_path: Path) -> None:
    done = rlchf("convert", DATA / "arena.jsonl", "--from", "arena", "--out", tmp_path / "arena")
    assert done.returncode == 0
    assert done.stdout == ""
    assert " 7  ballots" in done.stderr
    assert " 4  disapprovals" in done.stderr
    assert " 2  anonymous annotators" in done.stderr
    assert (
        "licence of the public corpus, if this is it, as its card states it: CC BY" in done.stderr
    )
    assert "140,000" not in done.stderr
    assert "not converted:\n1  votes between two equal texts" in done.stderr
    assert sorted(path.name for path in (tmp_path / "arena").iterdir()) == [
        "prompts.jsonl", "rankings.csv", "responses.jsonl",
    ]  # fmt: skip


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    for given in (["--from", "arena"], ["--from", "prism"], []):
        done = rlchf("convert", empty, *given, "--out", tmp_path / "x")
        assert "empty.jsonl: there are no records" in refused(done)


def test_json_is_for_programs(tmp_path: Path) -> None:
    done = rlchf("convert", DATA / "prism", "--out", tmp_path / "p", "--to", "parquet", "--json")
    report = json.loads(done.stdout)
    assert report["source"] == "prism"
    assert report["numbers"]["ballots"] == 3
    assert report["numbers"]["further prompts, without a ballot"] == 1
    assert report["dropped"]["answers without a score"] == 1
    assert [Path(file).name for file in report["files"]] == [
        "rankings.parquet", "prompts.jsonl", "responses.jsonl", "annotators.csv",
    ]  # fmt: skip
    assert read_rankings(tmp_path / "p" / "rankings.parquet").entry_scores is not None


def test_a_source_takes_options(tmp_path: Path) -> None:
    done = rlchf("convert", DATA / "coval", "-o", "ballots=world", "--out", tmp_path / "c")
    assert "14  ballots" in done.stderr
    problem = refused(rlchf("convert", DATA / "coval", "-o", "ballots=w", "--out", tmp_path / "d"))
    assert "source 'coval': option ballots is 'w'; choose from personal, world" in problem


def test_a_broken_record_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "votes.jsonl"
    path.write_text('{"winner": "c", "conversation_a": [], "conversation_b": []}\n')
    problem = refused(rlchf("convert", path, "--from", "arena", "--out", tmp_path / "out"))
    assert "votes.jsonl, line 1: winner is 'c'; there should be one of model_a" in problem
    assert [path.name for path in tmp_path.iterdir()] == ["votes.jsonl"]


@pytest.mark.parametrize("exists", [False, True])
def test_the_files_appear_together_or_not_at_all(
    exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlchf.jobs import convert

    out = tmp_path / "out"
    if exists:
        rlchf("convert", DATA / "prism", "--out", out, "--to", "jsonl")
    before = {path.name: path.read_bytes() for path in out.glob("*")}

    def fail(annotators: Converted) -> None:
        raise ValueError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(convert, "_annotator_columns", fail)
        refused(rlchf("convert", DATA / "coval", "--out", out))
    assert {path.name: path.read_bytes() for path in out.glob("*")} == before
    assert out.exists() == exists
    assert [path.name for path in tmp_path.iterdir()] == ["out"] * exists
    (tmp_path / "out").mkdir(exist_ok=True)
    (out / "notes.txt").write_text("mine")
    again = rlchf("convert", DATA / "helpsteer3.jsonl", "--out", out)
    if exists:
        assert (
            "has annotators.csv, prompts.jsonl, rankings.jsonl, responses.jsonl already"
            in refused(again)
        )
        return
    assert again.returncode == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "notes.txt", "prompts.jsonl", "rankings.csv", "responses.jsonl",
    ]  # fmt: skip


def test_rankings_go_to_elections_and_back(write: Write, tmp_path: Path) -> None:
    path = write("votes.csv", VOTES)
    for step in ("p.blt", "p.abif", "p.toi", "back.csv"):
        done = rlchf("convert", path, "--out", tmp_path / step)
        assert done.returncode == 0, done.stderr
        path = tmp_path / step
    assert path.read_text().splitlines() == [
        "prompt_id,annotator_id,response_id,rank,weight",
        "p,p/order 1,a,1,1.0",
        "p,p/order 1,b,2,1.0",
        "p,p/order 1,c,2,1.0",
        "p,p/order 2,c,1,1.0",
        "p,p/order 2,a,2,1.0",
    ]


def test_what_elections_cannot_hold_is_said_and_so_are_texts(write: Write, tmp_path: Path) -> None:
    done = rlchf("convert", write("votes.csv", VOTES), "--out", tmp_path / "p.blt")
    assert "not converted:\n2  annotators by name" in done.stderr
    done = rlchf(
        "convert", DATA / "habermas.jsonl", "--to", "abif", "--out", tmp_path / "elections"
    )
    assert "2  texts of prompts" in done.stderr
    assert "6  texts of responses" in done.stderr
    assert len(list((tmp_path / "elections").iterdir())) == 2
    done = rlchf("convert", DATA / "habermas.jsonl", "--out", tmp_path / "alone.csv")
    assert "6  texts of responses" in done.stderr
    assert read_rankings(tmp_path / "alone.csv").n_ballots == 5


def test_preflib_alternatives_have_their_names_where_these_differ(
    write: Write, tmp_path: Path
) -> None:
    unnamed = rlchf("convert", write("drinks.toi", ELECTION), "--out", "-")
    rows = [json.loads(line) for line in unnamed.stdout.splitlines()]
    assert {row["response_id"] for row in rows} == {"1", "2", "3"}  # two are named Coffee
    assert "1  responses that no ballot names" in unnamed.stderr
    assert "4  names of alternatives, which are numbered" in unnamed.stderr
    named = ELECTION.replace("NAME 3: Coffee", "NAME 3: Mint")
    rlchf("convert", write("drinks.toi", named), "--out", tmp_path / "drinks.blt")
    assert (
        '"Tea: green, with ñ"\n"Coffee"\n"Mint"\n"Water"\n' in (tmp_path / "drinks.blt").read_text()
    )


def test_an_election_may_come_from_standard_input_and_go_out_compressed(tmp_path: Path) -> None:
    out = tmp_path / "x.blt.gz"
    done = rlchf("convert", "-", "--from", "abif", "--out", out, stdin="2: a > b\n")
    assert done.returncode == 0, done.stderr
    assert read_rankings(out).prompt_ids == ["election"]


def test_a_candidate_who_reads_as_a_ranking_goes_into_no_table(
    write: Write, tmp_path: Path
) -> None:
    path = write("x.blt", '2 1\n1 1 2 0\n0\n"a > b"\n"c"\n"t"\n')
    problem = refused(rlchf("convert", path, "--out", tmp_path / "x.csv"))
    assert "the response id 'a > b' reads as a ranking" in problem
    assert rlchf("convert", path, "--out", tmp_path / "x.abif").returncode == 0


def test_formats_of_our_own_go_into_each_other(write: Write, tmp_path: Path) -> None:
    done = rlchf("convert", write("votes.csv", VOTES), "--from", "ballots", "--out", "-")
    assert len(done.stdout.splitlines()) == 5
    assert rlchf("convert", tmp_path / "votes.csv", "--out", tmp_path / "x.parquet").returncode == 0
    assert read_rankings(tmp_path / "x.parquet").n_ballots == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["votes.csv", "--out", "out"], "rankings have no texts for a folder; give a file"),
        (["votes.csv", "--out", "x.xlsx"], "unknown suffix '.xlsx'; choose from"),
        (["votes.csv", "--out", "x.blt", "--to", "abif"], "the suffix is that of blt, and --to is"),
        (["votes.csv", "--out", "x.csv", "--to", "blot"], "unknown kind 'blot'; choose from"),
        (["votes.csv", "--out", "x.soc"], "x.soc: these ballots make a .toi file; name it so"),
        (["votes.csv", "--out", "x.csv", "--from", "polly"], "unknown source 'polly'; choose from"),
        (["votes.csv", "--out", "x.csv", "-o", "a=1"], "rankings take no options; leave -o a out"),
        (["votes.csv", "votes.csv", "--from", "ballots", "--out", "x.csv"], "votes.csv is given twice"),
        (["votes.csv", "--out", "votes.csv"], "votes.csv is an input; choose another file"),
        (["other.csv", "--out", "out"], "the keys a, b fit no source; the closest is"),
        (["none.csv", "--out", "out"], "there is no such file; near it: "),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_refused(
    arguments: list[str],
    message: str,
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("votes.csv", VOTES)
    write("other.csv", "a,b\n1,2\n")
    monkeypatch.chdir(tmp_path)
    assert message in refused(rlchf("convert", *arguments))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.csv", "votes.csv"]
