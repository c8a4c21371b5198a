"""Texts and annotators beside the rankings in the folder of a dataset."""

from pathlib import Path

import pytest

from rlchf.cli.settings import chosen
from rlchf.jobs.settings import AggregateJob, PairsJob, RewardJob
from tests.support.cli import refused, rlchf

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = ROOT / "examples/emoji"
    for name in ("rankings.csv", "prompts.jsonl", "responses.jsonl", "annotators.csv"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    return tmp_path


def test_texts_come_from_the_folder_of_the_rankings_unless_they_are_given(folder: Path) -> None:
    job = chosen(RewardJob, {"rankings": (str(folder),), "model": "tiny"})
    assert job.prompts == str(folder / "prompts.jsonl")
    assert job.responses == str(folder / "responses.jsonl")
    assert job.annotators == ""  # no column of theirs is named
    job = chosen(RewardJob, {"rankings": (str(folder),), "model": "tiny", "prompts": "mine.jsonl"})
    assert job.prompts == "mine.jsonl"


def test_annotators_come_from_the_folder_where_a_group_is_named(folder: Path) -> None:
    given = {"rankings": (str(folder),), "model": "tiny", "group": ("group",)}
    assert chosen(RewardJob, given).annotators == str(folder / "annotators.csv")
    assert chosen(AggregateJob, given).annotators == ""  # it has no groups, so weights stay out


def test_pairs_take_the_texts_of_the_folder(folder: Path) -> None:
    aggregated = folder / "aggregated.jsonl"
    rlchf("aggregate", folder, "--rule", "borda", "--out", aggregated)
    files = ["--prompts", folder / "prompts.jsonl", "--responses", folder / "responses.jsonl"]
    some = rlchf("pairs", aggregated, "--to", "trl", "--rankings", folder)
    assert some.returncode == 0, some.stderr
    assert some.stdout == rlchf("pairs", aggregated, "--to", "trl", *files).stdout
    job = chosen(PairsJob, {"aggregated": "a", "to": "trl", "rankings": (str(folder),)})
    assert job.responses == str(folder / "responses.jsonl")


def test_a_file_or_two_folders_have_nothing_beside_them(folder: Path) -> None:
    for rankings in ((str(folder / "rankings.csv"),), (str(folder), str(folder))):
        with pytest.raises(ValueError, match="prompts is missing"):
            chosen(RewardJob, {"rankings": rankings, "model": "tiny"})
    (folder / "prompts.jsonl").unlink()
    message = refused(rlchf("reward", folder, "--model", "tiny", "--out", folder / "rm"))
    assert "prompts is missing" in message
