"""A rule's page: a call that can be typed, and commands that run."""

import shlex
import warnings
from pathlib import Path

import pytest

from rlchf.cli import rulebook
from rlchf.cli.main import app
from rlchf.rules import get_rule, is_across, rule_names

QUICKSTART = Path(__file__).parents[2] / "examples/quickstart/rankings.csv"


@pytest.mark.parametrize("name", rule_names())
def test_the_commands_of_a_page_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    first, *others = [
        line for line in rulebook.commands(name).splitlines() if line.startswith("rlchf ")
    ]
    assert first == f"rlchf aggregate rankings.csv --rule {name}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for line in [first, *others]:
            _, *words = shlex.split(line, comments=True)
            words[1] = str(QUICKSTART)
            app(words, standalone_mode=False)
            assert '"prompt_id": "greet"' in capsys.readouterr().out, line


@pytest.mark.parametrize("name", rule_names())
def test_a_page_begins_with_a_call_of_one_short_line(name: str) -> None:
    first, empty, *_ = rulebook.page(name).splitlines()
    argument = "rankings" if is_across(get_rule(name)) else "profiles"
    assert first.startswith(f"{name}({argument}")
    assert empty == ""
    assert len(first) <= 110


def test_pages_name_what_else_there_is() -> None:
    assert "kemeny_orders :" in rulebook.page("kemeny")
    assert "ranked_pairs_outcomes :" in rulebook.page("ranked_pairs")
    assert "-o k=3" in rulebook.page("k_approval")
    assert "--ties lexicographic" in rulebook.page("kemeny")
    assert "-o variant=domination  # or symmetric, weak_domination" in rulebook.page("borda")
