"""The simulation of how often the audit's intervals hold the truth, at a small scale."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/auditing/coverage.py"


def script() -> Any:
    spec = importlib.util.spec_from_file_location("coverage_of_intervals", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up their module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("figure", ["agreed", "best", "position"])
def test_nineteen_of_twenty_intervals_hold_the_truth(
    figure: str, figures: dict[str, float]
) -> None:
    """Of 120 intervals, 0.95 give or take two standard errors of 0.02."""
    assert figures[f"{figure}: intervals"] == 120
    assert 0.91 <= figures[f"{figure}: coverage"] <= 0.99
    assert abs(figures[f"{figure}: bias"]) < 0.02


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    module = script()
    case = next(case for case in module.CASES if case.name == "two groups, 18 and 12")
    result: dict[str, float] = module.simulate(replace(case, prompts=20), 60, seed=1)
    return result
