"""The share audit's first part: without noise it is the closed form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks/share_audit.py"


def test_without_noise_proportional_labels_obey_the_law(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    command = [sys.executable, str(SCRIPT), "--noise", "0", "--seeds", "1", "--out", str(tmp_path)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = json.loads((tmp_path / "bandit.json").read_text())["rows"]
    means = {
        (row["population"], row["rule"]): {k: cell["mean"] for k, cell in row["shares"].items()}
        for row in rows
    }
    law = means["60/40", "law"]
    assert [round(law[f"KL {beta}"], 3) for beta in ("1", "0.5", "0.2")] == [0.4, 0.308, 0.116]
    assert law["PM"] == pytest.approx(0.4)
    assert law["PPA"] == pytest.approx(0.4)
    for rule in ("pooled", "perpetual_pav", "cpb", "nash_welfare"):
        assert means["60/40", rule] == pytest.approx(law, abs=2e-3), rule
    for rule in ("kemeny", "borda"):
        assert means["60/40", rule]["labels"] == 0
        assert means["60/40", rule]["PM"] < 0.01
    pooled = means["50/30/20", "pooled"]
    assert pooled["PPA"] == pytest.approx(means["50/30/20", "law"]["PPA"], abs=2e-3)
    assert (tmp_path / "bandit.png").stat().st_size > 10_000
    assert "nash_welfare" in shown
