"""The benchmark of slates, on a conversation of two camps."""

import runpy
import sys
from pathlib import Path
from unittest import mock

import pytest

from tests.support.polls import polis_export, texts_of, two_camps

SCRIPT = Path(__file__).parents[2] / "benchmarks/constitution/choose_polis.py"


def test_the_table_says_whom_each_rule_leaves_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ballots = two_camps()
    groups = {voter: "01"[int(voter[1:]) >= 60] for voter in ballots}
    polis_export(tmp_path / "exports" / "town", ballots, texts_of(ballots), groups)
    arguments = ["choose_polis.py", str(tmp_path / "exports"), "-k", "10"]
    with mock.patch.object(sys, "argv", arguments):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    printed = capsys.readouterr().out
    assert "| approval | 10 | 0 | 10 | 1 | 40 % | 0.00 | JR, PJR, EJR, EJR+ |" in printed
    assert "| seq_phragmen | 6 | 4 | 10 | - | 0 % | 4.00 | - |" in printed
    assert "| approval | 1 of 2 |" in printed
