"""The simulation of how often the audit's intervals hold the truth, at a small scale."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/auditing/intervals.py"


def script() -> Any:
    spec = importlib.util.spec_from_file_location("audit_intervals", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up their module
    spec.loader.exec_module(module)
    return module


CASES = {
    "two groups": {"common": 1.0, "noise": 1.0},
    "opposed": {"common": 0.0, "noise": 1.0, "opposed": True},
    "one annotator sways the outcome": {"common": 1.0, "noise": 0.5, "people": 0.6},
}


@pytest.mark.parametrize("name", CASES)
def test_intervals_hold_the_truth_as_often_as_they_say(name: str) -> None:
    """Roughly, in the time that a test has; the page has the figures of the whole simulation."""
    module = script()
    case = module.Case(name, (9, 6), prompts=15, **CASES[name])
    figures: dict[str, dict[str, float]] = module.simulate(case, 25)
    assert set(figures) >= {"all: pairs", "contested", "first_place", "position", "cost"}
    assert ("representation_ratio" in figures) == case.opposed
    for figure, row in figures.items():
        assert row["coverage"] >= 0.84, figure
        assert abs(row["bias"]) < 0.25 * row["width"], figure
