"""The benchmark behind the table of a minority's shares."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks/across/minority_shares.py"
PAGE = Path(__file__).parents[2] / "docs/measurements/across.md"


def test_the_benchmark_prints_the_rows_of_the_page(tmp_path: Path) -> None:
    rules = ["kemeny", "random_dictator", "apportioned_dictator", "cpb", "phragmen_credit"]
    command = [sys.executable, str(SCRIPT), "--rules", *rules, "--out", str(tmp_path / "rows.json")]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    page = PAGE.read_text(encoding="utf-8")
    rows = [line.rpartition(" | ")[0] + " |" for line in shown.splitlines()[2:]]
    assert [row.split()[1] for row in rows] == rules
    for row in rows:
        assert row in page
