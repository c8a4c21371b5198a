"""The list of small benchmarks, and what is said of figures that are wrong or missing."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripts import BENCHMARKS, script

quick = script("quick.py")
CHECKS = quick.CHECKS
PAGES = BENCHMARKS.parent / "docs" / "measurements"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.script)
def test_the_list_names_scripts_options_and_pages_that_exist(check: Any) -> None:
    path, options = BENCHMARKS / check.script, shlex.split(check.options)
    text = (path if path.is_file() else path / "__main__.py").read_text(encoding="utf-8")
    for option in [*options, check.out]:
        plain = option.replace("--no-", "--")
        assert not option.startswith("--") or f'"{plain}"' in text, option
    page = (PAGES / f"{check.page}.md").read_text(encoding="utf-8")
    assert f"benchmarks/{check.script}" in page
    assert all(figure.low <= figure.high for figure in check.figures)


def test_a_figure_holds_in_its_range_or_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    (check,) = [check for check in CHECKS if check.script == "rules/distortion.py"]
    for printed, values in {
        "| borda | 1.113 / 1.95 |": (1.113, True),
        "| borda | 2.500 / 1.95 |": (2.5, False),
        "nothing": (None, False),
    }.items():
        monkeypatch.setattr(quick, "run", lambda *_, printed=printed: (printed, None))
        (result,) = quick.measure(check)
        assert (result.value, result.holds) == values
        assert bool(result.note) is (result.value is None)
    (left_out,) = quick.measure(replace(check, needs="a_module_that_nobody_has"))
    assert left_out.holds
    assert left_out.note == "needs a_module_that_nobody_has"


def test_a_script_that_fails_is_a_figure_that_does_not_hold(tmp_path: Path) -> None:
    check = replace(CHECKS[0], options="--elections none")
    (result,) = quick.measure(check)
    assert not result.holds
    assert "invalid int value: 'none'" in result.note
