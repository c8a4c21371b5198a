"""The benchmark of large files, on few rows."""

import json
import sys
from pathlib import Path
from unittest import mock

import pytest

from rlchf.io import read_rankings
from tests.support.scripts import script

scale = script("scale.py")


@pytest.mark.parametrize("kind", ["by_prompt", "shuffled", "ordinary"])
def test_the_files_hold_the_same_ballots_in_every_format(kind: str, tmp_path: Path) -> None:
    frames = []
    for suffix in ("parquet", "csv", "jsonl"):
        path = tmp_path / f"{kind}.{suffix}"
        scale.write(path, 1000, seed=1)
        frames.append(read_rankings(path).to_frame())
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])
    sizes = frames[0].groupby(["prompt_id", "annotator_id"]).size()
    ties = frames[0].duplicated(["prompt_id", "annotator_id", "rank"])
    assert set(sizes) == ({2, 3, 4, 5} if kind == "ordinary" else {5})
    assert ties.any() == (kind == "ordinary")


def test_all_that_can_be_measured_here_can_be_run(tmp_path: Path) -> None:
    for name in ("by_prompt.parquet", "by_prompt.csv"):
        scale.write(tmp_path / name, 300, seed=0)
        for what in ("pyarrow", "rlchf", "borda in memory"):
            cpu, wall, peak = scale.measured_here(what, tmp_path / name)
            assert cpu >= 0
            assert wall > 0
            assert peak > 2**20
    assert {each.name for each in scale.PLAN} <= {*scale.WORK, *scale.WHOLE}


def test_the_table_has_ratios_to_what_was_measured_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scale.json"
    arguments = ["--rows", "500", "--times", "1", "--files", "by_prompt.csv"]
    arguments += ["--folder", str(tmp_path), "--json", str(out)]
    with mock.patch.object(sys, "argv", ["scale.py", *arguments]):
        scale.main()
    reference, ours = json.loads(out.read_text())
    assert ours["ratios"] == {"pyarrow": pytest.approx(ours["cpu"] / reference["cpu"])}
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 4
    assert rows[3].startswith(f"| rlchf | by_prompt.csv | {ours['cpu']:.2f} |")
    assert rows[3].endswith("x pyarrow (goal 2) |")


def test_what_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scale.importlib.util, "find_spec", lambda name: None)
    scale.write(tmp_path / "by_prompt.jsonl", 300, seed=0)
    assert scale.measure_all(tmp_path, 300, 1, 0, ["by_prompt.jsonl"]) == []
    assert (
        "orjson is not installed, and so not measured on by_prompt.jsonl" in capsys.readouterr().err
    )
