"""HiGHS beside another user of it in the same process."""

import subprocess
import sys

import pytest

OTHER = """
import highspy
other = highspy.Highs()
other.setOptionValue("output_flag", False)
other.setOptionValue("threads", 2)
other.addVar(0, 1)
assert other.run() == highspy.HighsStatus.kOk
"""
PROGRAMS = {
    "Kemeny": "import numpy as np\n"
    "from rlchf.rules._parts.kemeny.solvers import Highs\n"
    "print(Highs(np.array([1.0, -2.0, 3.0]), 0.0).solve(60).bound)",
    "sortition": "from rlchf.people.sortition.programs import _solve, solver\n"
    "highs = solver()\n"
    "highs.addVar(0, 4)\n"
    "highs.changeColCost(0, 1.0)\n"
    "print(_solve(highs) and highs.getObjectiveValue())",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_solver_with_more_threads_before_does_not_keep_ours_from_an_optimum(name: str) -> None:
    program = [sys.executable, "-c", OTHER + PROGRAMS[name]]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "4.0"
