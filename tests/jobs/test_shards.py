"""The outputs of shards, one after the other, are the output of the whole dataset."""

from pathlib import Path
from unittest import mock

import pytest

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
        assert rlchf("aggregate", "--join", *shards, "--out", joined).returncode == 0
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
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("a,b\n1,2\n")
    two.write_text("a,c\n1,2\n")
    missing = tmp_path / "3.csv"
    for parts, out in (([one, two], "o.csv"), ([one], "o.jsonl"), ([one, missing], "o.csv")):
        refused(rlchf("aggregate", "--join", *parts, "--out", tmp_path / out))
        assert not (tmp_path / out).exists()
