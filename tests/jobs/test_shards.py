"""The outputs of shards, one after the other, are the output of the whole dataset."""

from pathlib import Path
from unittest import mock

import pytest

from rlchf.io.outputs import join_outputs
from tests.support.cli import refused, rlchf
from tests.support.large import ballots, shuffled, write

ROWS = ballots(23, 4)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("votes.parquet", ("jsonl", "csv", "parquet", "tsv.gz")), ("shuffled.csv", ("jsonl",))],
)
def test_shards_are_joined_to_the_bytes_of_the_whole(
    name: str, kinds: tuple[str, ...], tmp_path: Path
) -> None:
    if "shuffled" in name:
        pytest.importorskip("duckdb")
    path = write(tmp_path / name, shuffled(ROWS) if "shuffled" in name else ROWS)
    options = ("--rule", "random_ballot", "--ties", "lexicographic")
    for kind in kinds:
        whole, joined = tmp_path / f"whole.{kind}", tmp_path / f"joined.{kind}"
        shards = [tmp_path / f"{i}.{kind}" for i in range(1, 4)]
        assert rlchf("aggregate", path, *options, "--out", whole).returncode == 0
        for i, shard in enumerate(shards, start=1):
            arguments = ("--shard", f"{i}/3", "--memory", "6KB", "--out", shard)
            assert rlchf("aggregate", path, *options, *arguments).returncode == 0
        assert rlchf("aggregate", "--join", *shards[::-1], "--out", joined).returncode == 0
        assert joined.read_bytes() == whole.read_bytes()


def test_each_prompt_is_in_one_shard(tmp_path: Path) -> None:
    path = write(tmp_path / "votes.parquet", ballots(6, 3))
    texts = [
        rlchf("aggregate", path, "--rule", "borda", "--shard", f"{i}/6").stdout for i in range(1, 7)
    ]
    assert [text.count("\n") for text in texts] == [1] * 6
    assert "".join(texts) == rlchf("aggregate", path, "--rule", "borda").stdout


def test_files_beyond_the_free_memory_are_aggregated_in_parts(tmp_path: Path) -> None:
    path, out = write(tmp_path / "votes.parquet", ROWS), tmp_path / "out.jsonl"
    with mock.patch("rlchf.jobs.aggregate.free_memory", return_value=9000):
        assert rlchf("aggregate", path, "--rule", "borda", "--out", out).returncode == 0
        said = refused(rlchf("aggregate", path, "--rule", "soft_nash"))
    assert "give as much as --memory" in said
    assert out.read_text() == rlchf("aggregate", path, "--rule", "borda").stdout


def test_tables_that_are_read_as_a_whole_are_not_divided(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("prompt_id,annotator_id,tea,milk\np,ann,1,2\n")
    done = rlchf("aggregate", path, "--format", "wide_ranks", "--shard", "1/1")
    assert "the format wide_ranks is read as a whole" in refused(done)


def test_outputs_of_other_kinds_are_not_joined(tmp_path: Path) -> None:
    one, two, out = tmp_path / "1.csv", tmp_path / "2.csv", tmp_path / "o.csv"
    one.write_text("a,b\n1,2\n")
    two.write_text("a,c\n1,2\n")
    for parts, name in (([one, two], out), ([one], tmp_path / "o.jsonl")):
        with pytest.raises(ValueError, match=r"columns differ|no jsonl file"):
            join_outputs(parts, name)
        assert not name.exists()


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three shards of a dataset, and some of other aggregations."""
    folder = tmp_path_factory.mktemp("shards")
    votes, other = write(folder / "votes.csv", ROWS), write(folder / "other.csv", ROWS[:-9])
    for path, shard, rule, out in (
        *((votes, f"{i}/3", "borda", f"{i}.csv") for i in (1, 2, 3)),
        (votes, "2/4", "borda", "fourth.csv"),
        (votes, "2/3", "kemeny", "kemeny.csv"),
        (other, "2/3", "borda", "other-2.csv"),
    ):
        arguments = ("--rule", rule, "--shard", shard, "--out", folder / out)
        assert rlchf("aggregate", path, *arguments).returncode == 0
    for name, old, new in (("changed", b"1.0", b"2.0"), ("truncated", b"\n", b"")):
        data, note = (folder / "2.csv").read_bytes(), (folder / "2.csv.shard.json").read_bytes()
        (folder / f"{name}.csv").write_bytes(data.replace(old, new, 1))
        (folder / f"{name}.csv.shard.json").write_bytes(note)
    (folder / "copy.csv").write_bytes((folder / "2.csv").read_bytes())
    (folder / "broken.csv").write_bytes((folder / "2.csv").read_bytes())
    (folder / "broken.csv.shard.json").write_text('{"shard": 2}')
    return folder


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ("1 3", "1 of 3 shards is missing: 2"),
        ("3", "2 of 3 shards are missing: 1, 2"),
        ("1 copy 3", "there is no copy.csv.shard.json beside it"),
        ("1 fourth 3", "number of shards: 4, but 3"),
        ("1 kemeny 3", "rule: 'kemeny', but 'borda'"),
        ("1 other-2 3", "inputs: not those of"),
        ("1 changed 3", "they are not the"),
        ("1 truncated 3", "they are not the"),
        ("1 broken 3", "does not say which shard this is"),
        ("1 absent 3", "there is no such file"),
    ],
)
def test_what_is_no_whole_set_of_shards_is_refused(names: str, problem: str, shards: Path) -> None:
    parts, out = [shards / f"{name}.csv" for name in names.split()], shards / "joined.csv"
    assert problem in refused(rlchf("aggregate", "--join", *parts, "--out", out))
    assert not out.exists()


def test_the_same_shard_twice_is_refused(shards: Path, tmp_path: Path) -> None:
    for name in ("2.csv", "2.csv.shard.json"):
        (tmp_path / name).write_bytes((shards / name).read_bytes())
    parts = [shards / "1.csv", shards / "2.csv", tmp_path / "2.csv", shards / "3.csv"]
    said = refused(rlchf("aggregate", "--join", *parts, "--out", tmp_path / "o.csv"))
    assert "are both shard 2/3" in said


@pytest.mark.parametrize("option", [("--rule", "kemeny"), ("--seed", "0"), ("--memory", "1GB")])
def test_settings_beside_join_are_refused(option: tuple[str, str], shards: Path) -> None:
    parts = [shards / f"{i}.csv" for i in (1, 2, 3)]
    said = refused(rlchf("aggregate", "--join", *parts, *option, "--out", shards / "joined.csv"))
    assert f"leave out {option[0]}" in said


def test_a_pattern_does_not_take_the_files_about_shards_for_shards(
    shards: Path, tmp_path: Path
) -> None:
    pattern, out = shards / "[123].csv*", tmp_path / "o.csv"
    assert rlchf("aggregate", "--join", pattern, "--out", out).returncode == 0
    assert out.read_text() == "".join(
        (shards / f"{i}.csv").read_text().split("\n", int(i > 1))[-1] for i in (1, 2, 3)
    )
