"""HiGHS, the solver of linear and integer programs, quiet and on one thread."""

from collections.abc import Mapping
from typing import Any


def quiet_highs(options: Mapping[str, Any]) -> Any:
    """A solver that prints nothing and uses one thread, with further options of HiGHS."""
    import highspy

    class Quiet(highspy.Highs):  # type: ignore[misc]
        def enableCallbacks(self) -> None:  # noqa: N802
            """Do nothing: enabling them prints a banner to standard output."""

    highs = Quiet()
    for option, value in {"output_flag": False, "threads": 1, **options}.items():
        highs.setOptionValue(option, value)
    return highs


def run_highs(highs: Any) -> None:
    """Solve.

    The threads of HiGHS are one pool per process, which has as many as the first solver in the process asked
    for; a solver that asks for another number is refused. Then the pool is made anew.
    """
    import highspy

    if highs.run() == highspy.HighsStatus.kError:
        highs.resetGlobalScheduler(True)
        highs.run()
