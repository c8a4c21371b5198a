"""Files larger than --memory are aggregated in parts of whole prompts, to the same bytes."""

import gzip
import random
import signal
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from rlchf.io.large.parts import prompt_starts, ranges
from rlchf.io.large.sorting import interrupts_kept
from rlchf.io.large.stored import File, StoredRows
from rlchf.io.plans import AUTO, Reading
from rlchf.jobs.large.memory import free_memory, needed, parsed_size
from tests.support.cli import refused, rlchf
from tests.support.large import LONG, aggregated, ballots, same, shuffled, write

ROWS = ballots(40, 4)
PEOPLE = [f"ann{i}" for i in range(4)]
SEQUENTIAL = (
    "carry_psb", "cpb", "equal_shares_pairs", "perpetual_consensus", "perpetual_equality", "perpetual_nash",
    "perpetual_pav", "perpetual_phragmen", "perpetual_quota", "perpetual_reset", "perpetual_unit_cost",
    "phragmen_credit", "phragmen_pairs",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["parquet", "csv", "tsv", "jsonl"])
def test_rows_together_by_prompt_give_the_same_bytes(kind: str, tmp_path: Path) -> None:
    rows = write(tmp_path / "votes.csv", ROWS).read_text()
    path = tmp_path / f"votes.{kind}"
    write(path, ROWS) if kind != "tsv" else path.write_text(rows.replace(",", "\t"))
    assert same(path, tmp_path / "out.jsonl", "--rule", "borda").stderr == ""


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_shuffled_rows_give_the_same_bytes(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    path = write(tmp_path / f"votes.{kind}", shuffled(ROWS))
    assert same(path, tmp_path / "out.jsonl", "--rule", "borda").stderr == ""


@pytest.mark.parametrize("name", ["o.csv", "o.tsv", "o.parquet", "o.jsonl.gz", "o.csv.zst"])
def test_every_kind_of_output_has_the_same_bytes(name: str, tmp_path: Path) -> None:
    same(write(tmp_path / "votes.parquet", ROWS), tmp_path / name, "--rule", "kemeny")


@pytest.mark.parametrize("rule", SEQUENTIAL)
def test_rules_from_prompt_to_prompt_carry_their_balances(rule: str, tmp_path: Path) -> None:
    same(
        write(tmp_path / "votes.parquet", ROWS), tmp_path / "o.jsonl", "--rule", rule, memory="9KB"
    )


def test_balances_are_those_of_the_order_of_the_input(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    same(write(tmp_path / "v.csv", shuffled(ROWS)), tmp_path / "o.jsonl", "--rule", "perpetual_pav")


@pytest.mark.parametrize(
    "options",
    [("--rule", "random_ballot"), ("--rule", "borda", "--ties", "random", "--seed", "3")],
)
def test_draws_are_those_of_the_whole_dataset(options: tuple[str, ...], tmp_path: Path) -> None:
    same(write(tmp_path / "votes.parquet", ROWS), tmp_path / "out.jsonl", *options)


def test_standard_output_and_odd_names_are_no_exception(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    path = write(tmp_path / "votes' [a-z]?.parquet", shuffled(ROWS))
    whole, parts = (
        rlchf("aggregate", path, "--rule", "borda", "--memory", size) for size in ("1GB", "9KB")
    )
    assert parts == whole
    assert len(whole.stdout.splitlines()) == 40


def test_several_files_give_the_same_bytes(tmp_path: Path) -> None:
    half = len(ROWS) // 2
    parts = [
        write(tmp_path / f"train-0000{i}-of-00002.parquet", rows)
        for i, rows in enumerate((ROWS[: half + 1], ROWS[half + 1 :]))  # within a ballot
    ]
    of_two = [[row for row in ROWS if row[1] in names] for names in (PEOPLE[:2], PEOPLE[2:])]
    files = [write(tmp_path / f"{i}.jsonl", rows) for i, rows in enumerate(of_two)]
    same(parts, tmp_path / "out.jsonl", "--rule", "borda")
    same(tmp_path / "*.parquet", tmp_path / "out.parquet", "--rule", "borda")
    pytest.importorskip("duckdb")
    same(files, tmp_path / "out.jsonl", "--rule", "borda")
    again = [*files, write(tmp_path / "again.csv", ROWS[:4])]
    assert same(again, tmp_path / "out.jsonl", "--repeats", "last").returncode == 0


def test_other_shapes_of_tables_give_the_same_bytes(tmp_path: Path) -> None:
    rng, out = random.Random(2), tmp_path / "out.jsonl"
    orders = [(p, f"ann{a}", rng.sample("abcd", 4)) for p in range(20) for a in range(5)]
    texts = [(p, a, " > ".join(order)) for p, a, order in orders]
    mixed = [(p, a, [[x] for x in o] if a == "ann1" else " > ".join(o)) for p, a, o in orders]
    pairs = [(i // 15, f"ann{i}", *rng.sample("abcd", 2), rng.choice([1, 0.5])) for i in range(300)]
    judged = [
        (p, f"ann{a}", r, rng.choice([1, 0, -1])) for p in range(20) for a in range(4) for r in "ab"
    ]
    ids = LONG[:2]
    same(write(tmp_path / "b.csv", texts, (*ids, "ranking")), out, "--rule", "stv")
    same(write(tmp_path / "b.jsonl", mixed, (*ids, "ranking")), out, "--rule", "stv")
    columns = (*ids, "chosen", "rejected", "weight")
    same(write(tmp_path / "c.jsonl", pairs, columns), out, "--rule", "bradley_terry")
    judged_path = write(tmp_path / "a.parquet", judged, (*LONG[:3], "approval"))
    same(judged_path, out, "--rule", "net_approval")
    theirs = write(tmp_path / "t.csv", ROWS, ("question", "who", "answer", "rank"))
    same(
        theirs,
        out,
        "--rule",
        "borda",
        "--columns",
        "prompt_id=question,annotator_id=who,response_id=answer",
    )


def test_numbers_quotes_and_decimal_commas_are_read_alike(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    rng, out = random.Random(3), tmp_path / "out.jsonl"
    rows = shuffled(
        [(p, a, r, rng.randrange(9) / 2) for p in range(20) for a in range(5) for r in range(3)]
    )
    header = (*LONG[:3], "score")
    same(write(tmp_path / "n.parquet", rows, header), out, "--rule", "star")
    quoted = [(f"p,\n{p}", a, f'r"{r}', s) for p, a, r, s in rows]
    same(write(tmp_path / "q.csv", quoted, header), out, "--rule", "utilitarian", memory="2KB")
    lines = (";".join([str(p), str(a), str(r), str(s).replace(".", ",")]) for p, a, r, s in rows)
    (tmp_path / "d.csv").write_text(";".join(header) + "\n" + "\n".join(lines) + "\n")
    same(tmp_path / "d.csv", out, "--rule", "utilitarian")


def test_ids_that_differ_at_their_ends_only_are_one_prompt(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    rows = [(f"{p}\u00a0" if i % 2 else p, *more) for i, (p, *more) in enumerate(shuffled(ROWS))]
    same(write(tmp_path / "votes.parquet", rows), tmp_path / "out.jsonl", "--rule", "borda")


def test_rows_are_left_out_and_told_of_alike(tmp_path: Path) -> None:
    rows = list(ROWS)
    rows[50] = (*rows[50][:3], "")
    rows[200] = rows[201]
    rows += [("lone", f"ann{a}", "r1", 1) for a in range(20)]
    path, out = write(tmp_path / "votes.csv", rows), tmp_path / "out.jsonl"
    texts = []
    for memory in ("1GB", "3KB"):
        out.unlink(missing_ok=True)
        options = ("--skip", "bad", "--repeats", "last", "--ties", "random", "--memory", memory)
        done = rlchf("aggregate", path, "--out", out, *options)
        texts.append((done.stderr, out.read_bytes(), Path(f"{out}.skipped.csv").read_bytes()))
    assert texts[0] == texts[1]
    assert "16 annotators have no ballot left" in texts[1][0]


def test_the_annotators_file_is_matched_with_all_who_vote(tmp_path: Path) -> None:
    path, out = write(tmp_path / "votes.csv", ROWS), tmp_path / "out.jsonl"
    people = write(
        tmp_path / "a.csv", [("ann0", 2), ("ann3", 0.5), ("eve", 3)], ("annotator_id", "weight")
    )
    done = same(path, out, "--rule", "borda", "--annotators", people)
    assert "2 of 4 annotators" in done.stderr
    write(people, [("eve", 3)], ("annotator_id", "weight"))
    assert same(path, out, "--rule", "borda", "--annotators", people).returncode == 2


def test_warnings_about_a_rule_rest_on_all_parts(tmp_path: Path) -> None:
    path, out = write(tmp_path / "v.csv", ballots(60, 6, gaps=0.3)), tmp_path / "out.jsonl"
    assert "reads approvals" in same(path, out, "--rule", "approval").stderr
    assert "does the same as k=4" in same(path, out, "--rule", "k_approval", "-o", "k=9").stderr
    assert "favours responses on many ballots" in same(path, out, "--rule", "plurality").stderr


def test_a_doubt_about_a_whole_file_is_told_only_of_that(tmp_path: Path) -> None:
    rows = [(f"p{p}", "ann", r, int(p > 3 or r == "a")) for p in range(9) for r in "ab"]
    header, out = (*LONG[:3], "approval"), tmp_path / "out.jsonl"
    assert same(write(tmp_path / "v.csv", rows, header), out, memory="1KB").stderr == ""
    rows = [(*row[:3], 1) for row in rows]
    done = same(write(tmp_path / "v.csv", rows, header), out, memory="1KB")
    assert "every row approves" in done.stderr


def test_files_of_other_types_are_sorted_if_nothing_is_changed(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    header, files, out = (*LONG[:3], "score"), [], tmp_path / "out.jsonl"
    for k, (prompt, score) in enumerate([(1, 1), ("1", 0.5), ("q", 2)]):
        rows = [(prompt, f"ann{k}", "a", score), (prompt, f"ann{k}", "b", score + 1)]
        files.append(write(tmp_path / f"{k}.parquet", rows, header))
    files.append(write(tmp_path / "3.parquet", [("q", "eve", r, 1) for r in "ab"], header))
    files.append(write(tmp_path / "4.parquet", [("1", "eve", r, 1) for r in "ab"], header))
    same(files, out, "--rule", "borda", memory="300B")
    files.append(write(tmp_path / "5.parquet", [(1.0, "joe", r, 1) for r in "ab"], header))
    done = rlchf("aggregate", *files, "--out", out, "--memory", "300B")
    assert "is of type double, but int64 in" in refused(done)


def test_an_error_in_a_late_part_leaves_nothing_behind(tmp_path: Path) -> None:
    rows = [*ROWS, ("p99", "ann1", "r1", 0), ("p99", "ann1", "r2", 1)]
    whole, parts, _, written = aggregated(write(tmp_path / "v.csv", rows), tmp_path / "o.jsonl")
    assert written == b""
    assert refused(parts).startswith(whole.stderr.strip())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.csv"]


def test_a_rule_that_needs_all_prompts_says_what_it_would_take(tmp_path: Path) -> None:
    path, out = write(tmp_path / "votes.parquet", ROWS), tmp_path / "out.jsonl"
    said = refused(rlchf("aggregate", path, "--out", out, "--rule", "soft_nash", "--memory", "3KB"))
    assert "about" in said
    assert ", ".join(SEQUENTIAL) in said
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--memory", "lots"), "--memory is 'lots'"),
        (
            ("--rule", "cpb", "-o", "order=shuffled", "--memory", "1KB"),
            "order=shuffled needs all prompts",
        ),
        (("--rule", "cpb", "--shard", "1/2"), "goes from prompt to prompt"),
        (("--shard", "0/2"), "--shard is '0/2'"),
        (("--shard", "1/1000"), "has 40 prompts"),
        (("--join", "--shard", "1/2"), "--join takes the outputs of shards"),
    ],
)
def test_what_does_not_fit_is_refused(
    options: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "votes.parquet", ROWS)
    done = rlchf("aggregate", path, "--out", tmp_path / "out.jsonl", *options)
    assert problem in refused(done)
    assert list(tmp_path.iterdir()) == [path]


def test_a_prompt_beyond_all_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "votes.parquet", [*ROWS, *(("big", f"ann{a}", "r1", 1) for a in range(900))]
    )
    with mock.patch("rlchf.jobs.large.checks.free_memory", return_value=200_000):
        done = rlchf("aggregate", path, "--memory", "9KB", "--out", tmp_path / "out.jsonl")
    assert "a prompt has 900 rows, which take about 270 KB" in refused(done)


def test_files_that_are_read_as_a_whole_are_named(tmp_path: Path) -> None:
    path = tmp_path / "votes.json"
    path.write_text("[]")
    done = rlchf("aggregate", path, "--shard", "1/2", "--out", tmp_path / "o.jsonl")
    assert "votes.json, a JSON array, is read as a whole" in refused(done)


def test_what_needs_all_prompts_says_how_much_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "votes.csv", ROWS)
    earlier = tmp_path / "earlier.jsonl"
    assert rlchf("aggregate", path, "--rule", "phragmen_credit", "--out", earlier).returncode == 0
    command = ("aggregate", path, "--rule", "phragmen_credit", "--frozen", earlier, "--memory")
    said = refused(rlchf(*command, "1KB"))
    memory = said.split("give --memory ")[1].strip()
    assert rlchf(*command, memory).returncode == 0


def test_prompts_begin_where_another_id_does(tmp_path: Path) -> None:
    def rows(*ids: str) -> StoredRows:
        path = tmp_path / "ids.parquet"
        columns = {"prompt_id": list(ids), "annotator_id": list(ids), "ranking": list(ids)}
        pyarrow.parquet.write_table(pa.table(columns), path, row_group_size=2)
        return StoredRows((File(str(path), tuple(columns)),), Reading(AUTO, {}), (str(path),))

    starts = prompt_starts(rows("a", "a ", "a", "b", "c", "c"))
    assert starts is not None
    assert starts.tolist() == [0, 3, 4, 6]
    assert prompt_starts(rows("a", "b", "a")) is None


def test_parts_have_whole_prompts_and_all_of_them() -> None:
    starts = np.array([0, 5, 6, 7, 20, 22])
    for size in range(1, 25):
        parts = ranges(starts, size)
        assert [part.first_prompt for part in parts[1:]] == [
            part.first_prompt + part.n_prompts for part in parts[:-1]
        ]
        assert (parts[0].start, parts[-1].stop) == (0, 22)
        assert all(part.stop - part.start <= size or part.n_prompts == 1 for part in parts)


def test_memory_is_counted_in_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "votes.parquet", ROWS)
    assert 0 < needed([str(path)]) < free_memory()
    assert parsed_size("2 KiB") == 2048
    with pytest.raises(ValueError, match="give a number of bytes"):
        parsed_size("0")


def test_text_is_copied_in_blocks_of_any_size(tmp_path: Path) -> None:
    rows = [(f"p,\n{i // 3}", f"ann{i // 3}", f'r"{i % 3}', i % 3 + 1) for i in range(30)]
    for name in ("votes.csv", "votes.jsonl"):
        path = write(tmp_path / name, rows)
        for memory in ("100B", "1KB"):
            same(path, tmp_path / "out.jsonl", "--rule", "borda", memory=memory)
        path.write_bytes(b"\xef\xbb\xbf\n\n" + path.read_bytes() + b"\n \n")
        same(path, tmp_path / "out.jsonl", "--rule", "borda", memory="200B")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("v.csv", b"prompt_id,annotator_id,response_id,rank\n", "there is no row below the header"),
        ("v.csv", b"", "the file is empty; give one that has rows"),
        ("v.csv", b"\xff\xfea", "UTF-16"),
        ("v.csv", b"p,q\n1,2\n", "no format"),
        ("v.csv", b"annotator_id,response_id,rank\na,x,1\na,y,2\n", "no column 'prompt_id'"),
        ("v.csv.gz", b"\x1f\x8bnothing", "cannot be decompressed"),
        ("v.parquet", b"PAR1nothing", "cannot be read as Parquet"),
        (
            "v.jsonl",
            b'{"prompt_id": "p", "annotator_id": "a", "ranking": "a > b"}\n{"x": 1}\n',
            "is empty",
        ),
    ],
)
def test_broken_files_are_refused(name: str, content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    out = tmp_path / "out.jsonl"
    done = rlchf("aggregate", tmp_path / name, "--shard", "1/1", "--memory", "300B", "--out", out)
    assert problem in " ".join(refused(done).split())
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_sort_that_is_stopped_ends_as_other_work_does(number: signal.Signals) -> None:
    class StoppedError(BaseException):
        pass

    def stop(*_: object) -> None:
        raise StoppedError

    before = signal.signal(number, stop)
    try:
        with pytest.raises(StoppedError), interrupts_kept():
            _query_as_duckdb_does(number)
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)


def _query_as_duckdb_does(number: signal.Signals) -> None:
    try:
        signal.raise_signal(number)
    except BaseException:
        raise RuntimeError("Query interrupted") from None


def test_a_column_may_have_the_name_that_the_sort_numbers_rows_by(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    path, name = write(tmp_path / "votes.parquet", shuffled(ROWS)), "file_row_number"
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table.append_column(name, table["rank"]), path, row_group_size=37)
    same(path, tmp_path / "out.jsonl", "--rule", "perpetual_pav")
    write(path, shuffled(ROWS), (*LONG[:3], name.title()))
    same(path, tmp_path / "out.jsonl", "--rule", "borda", "--columns", f"rank={name.title()}")


def test_a_folder_that_no_run_made_is_left_as_it_is(tmp_path: Path) -> None:
    path, out = write(tmp_path / "votes.csv", ROWS), tmp_path / "out.jsonl"
    parts = tmp_path / "out.jsonl.parts"
    for make in (parts.mkdir, parts.touch):
        make()
        for resume in ((), ("--resume",)):
            done = rlchf("aggregate", path, "--memory", "9KB", "--out", out, *resume)
            assert "is there, but holds no run to go on with" in refused(done)
        parts.rmdir() if parts.is_dir() else parts.unlink()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "votes.csv", ROWS)
    with mock.patch.object(Path, "mkdir", side_effect=PermissionError(13, "Permission denied")):
        done = rlchf("aggregate", path, "--memory", "9KB", "--out", tmp_path / "out.jsonl")
    assert "out.jsonl.parts: cannot be made: Permission denied" in refused(done)


def test_a_damaged_parquet_file_is_not_taken_for_a_compressed_one(tmp_path: Path) -> None:
    path = write(tmp_path / "votes.parquet", ROWS)
    data = bytearray(path.read_bytes())
    data[30:300] = bytes(270)
    path.write_bytes(data)
    compressed = tmp_path / "votes.parquet.gz"
    compressed.write_bytes(gzip.compress(data))
    for file, hint in ((path, False), (compressed, True)):
        said = refused(rlchf("aggregate", file, "--memory", "1KB"))
        assert "cannot be read as Parquet" in said
        assert ("decompress it first" in said) is hint
