"""A rule's page: a call that can be typed, and commands that run."""

import json
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from rlchf.cli import rulebook
from rlchf.cli.main import app
from rlchf.rules import AXIOMS, get_rule, is_across, rule_names
from tests.support.cli import rlchf
from tests.support.profiles import rule_parameters

QUICKSTART = Path(__file__).parents[2] / "examples/quickstart/rankings.csv"


@pytest.mark.parametrize("name", rule_parameters(rule_names()))
def test_the_commands_of_a_page_run(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, *others = [
        line for line in rulebook.commands(name).splitlines() if line.startswith("rlchf ")
    ]
    assert first == f"rlchf aggregate rankings.csv --rule {name}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings(
            "ignore", "[a-z_]+ reads approvals, and"
        )  # these ballots state none
        for line in [first, *others]:
            _, *words = shlex.split(line, comments=True)
            words[1] = str(QUICKSTART)
            app(words, standalone_mode=False)
            printed = capsys.readouterr().out
            assert '"prompt_id": "greet"' in printed, line
            if line == first:
                Path("earlier.jsonl").write_text(printed)


@pytest.mark.parametrize("name", rule_parameters(rule_names()))
def test_a_page_begins_with_a_call_of_one_short_line(name: str) -> None:
    first, empty, *_ = rulebook.page(name).splitlines()
    argument = "rankings" if is_across(get_rule(name)) else "profiles"
    assert first.startswith(f"{name}({argument}")
    assert empty == ""
    assert len(first) <= 120


def test_pages_name_what_else_there_is() -> None:
    assert "kemeny_orders :" in rulebook.page("kemeny")
    assert "ranked_pairs_outcomes :" in rulebook.page("ranked_pairs")
    assert "-o k=3" in rulebook.page("k_approval")
    assert "--ties lexicographic" in rulebook.page("kemeny")
    assert "-o variant=domination  # or symmetric, weak_domination" in rulebook.page("borda")


def test_the_pages_need_neither_torch_nor_pyarrow() -> None:
    heavy = "('torch', 'pyarrow', 'pandas', 'rich', 'typer')"
    script = (
        "import sys; from rlchf.cli import rulebook; rulebook.page('borda'); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr


def test_a_part_is_written_between_its_markers() -> None:
    page = "before\n<!-- begin: rules, made by x -->\nold\n<!-- end: rules -->\nafter\n"
    assert rulebook.with_part(page, "rules", "new\n") == page.replace("old", "new")
    with pytest.raises(ValueError, match="no lines with 'begin: axioms'"):
        rulebook.with_part(page, "axioms", "new\n")


def test_editors_see_every_rule() -> None:
    assert "    from rlchf.rules.across.cpb import cpb as cpb\n" in rulebook.imports()


def test_every_letter_stands_for_one_axiom() -> None:
    letters = [axiom.letter for axiom in AXIOMS.values() if axiom.letter]
    assert len(letters) == len(set(letters))
    assert all(f"  {letter}  " in rulebook.legend() for letter in letters)


def test_the_record_of_one_rule_is_that_in_the_list_of_all() -> None:
    done = rlchf("rules", "borda", "--json")
    (listed,) = [one for one in rulebook.records() if one["name"] == "borda"]
    assert json.loads(done.stdout) == listed
