"""The page that helps to choose a rule: its picture, its figures and its counterexamples are true."""

import re
from pathlib import Path

import pytest

from rlchf.rules import card_of, get_rule, rule_names
from tests.support.cli import rlchf
from tests.support.pages import ROOT
from tests.support.scripts import script

PAGE = (ROOT / "docs/guide/rules/which-rule.md").read_text(encoding="utf-8")
MEASURED = ROOT / "docs/measurements"


def rows(text: str, *header: str) -> dict[str, dict[str, str]]:
    """The rows of the table whose header has these columns, by their first cells."""
    lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines()]
    (start,) = (n for n, cells in enumerate(lines) if set(header) <= set(cells))
    table = {}
    for line in text.splitlines()[start + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip().strip("|").split("|"))
        table[name.replace("`", "")] = dict(zip(lines[start][1:], cells, strict=True))
    return table


def test_the_picture_is_drawn_from_the_questions_of_the_page() -> None:
    picture = script("rules/which_rule.py")
    assert picture.drawn(*picture.questions(PAGE)) == (
        ROOT / "docs/images/which-rule.svg"
    ).read_text(encoding="utf-8"), "run python benchmarks/rules/which_rule.py"


def test_figures_of_single_prompts_are_those_of_the_measurements() -> None:
    votes = rows((MEASURED / "manipulation.md").read_text(encoding="utf-8"), "impartial: voter")
    page = (MEASURED / "rules.md").read_text(encoding="utf-8")
    gaps, lost = rows(page, "one conversation: exposure"), rows(page, "beta = 2")
    gap_pages = page[page.index("## Ballots with gaps") :]
    assert gap_pages.count("| rule |") == 1
    columns = {
        "a voter gains": (votes, "mallows, phi 0.7: voter", ", "),
        "near-copies gain": (votes, "mallows, phi 0.7: clones", ", "),
        "distortion": (lost, "beta = 8", " / "),
    }
    for rule, cells in rows(PAGE, "a voter gains").items():
        for column, (measured, source, mark) in columns.items():
            expected = measured.get(rule, {}).get(source, "").split(mark)[0]
            assert cells[column] == expected, (rule, column)
        if cells["right order"] or rule in gaps:
            last = list(gaps_of(gap_pages)[rule])[-2:]
            assert [cells["right order"], cells["tied"]] == last, rule


def gaps_of(text: str) -> dict[str, list[str]]:
    """All cells of each row; two columns of the table have the same name."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    found = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    return {name.replace("`", ""): cells for name, *cells in found}


def test_figures_across_prompts_are_those_of_the_measurements() -> None:
    page = (MEASURED / "across.md").read_text(encoding="utf-8")
    panel, dissent = rows(page, "alike", "quality"), rows(page, "honest", "gain")
    for rule, cells in rows(PAGE, "first places", "false dissent gains").items():
        assert cells["first places"] == panel[rule]["noise"], rule
        assert cells["false dissent gains"] == dissent[rule]["gain"].split(" ")[0], rule


def test_the_page_names_the_condorcet_rules_that_are_independent_of_clones() -> None:
    (line,) = re.findall(r"^- \*\*Are there copies\?\*\* (.*)$", PAGE, flags=re.M)
    free, scoped = (set(re.findall(r"`(\w+)`", part)) for part in line.split(";"))
    cards = [card_of(name, get_rule(name)) for name in rule_names()]
    both = [card for card in cards if {"condorcet", "clones"} <= set(card.axioms)]
    conditional = {card.name for card in both if {"condorcet", "clones"} & set(card.scopes)}
    assert (free, scoped) == ({card.name for card in both} - conditional, conditional)


def test_the_counterexamples_of_the_page_are_those_that_the_command_prints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    shown = re.findall(r"^\$ (rlchf axioms .*)\n((?:(?!\$ |```).*\n)*)", PAGE, flags=re.M)
    for command, output in shown:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', command)]
        done = rlchf(*words[1:])
        assert [line.rstrip() for line in done.stdout.splitlines()] == output.splitlines(), command
    assert len(shown) >= 10
