"""Kills at random moments, a few of the many that the script does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.scripts import BENCHMARKS, script

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork"),
]


def test_what_was_killed_is_absent_or_whole_and_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    options = (
        "--only",
        "aggregate,ppo",
        "--kills",
        3,
        "--seed",
        6,
        "--out",
        tmp_path / "kills.json",
    )
    command = [sys.executable, BENCHMARKS / "kills.py", *options]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kills = json.loads((tmp_path / "kills.json").read_text())
    assert [kill["problems"] for kill in kills] == [[], [], []]
    assert any(kill["ended"] for kill in kills)


def test_a_command_that_writes_its_output_bit_by_bit_is_found_out(tmp_path: Path) -> None:
    kills = script("kills.py")
    victim = object.__new__(kills.Victim)
    victim.varying, victim.whole = [], {"out": b"all of it"}
    (tmp_path / "out").write_bytes(b"all")
    assert victim._differences(tmp_path / "out") == ["out"]
    (tmp_path / "out").write_bytes(b"all of it")
    assert victim._differences(tmp_path / "out") == []
