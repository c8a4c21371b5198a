"""The documentation does what it says: every command and every line of Python in it runs here."""

import doctest
import importlib
import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from rlchf.cli import rulebook
from rlchf.rules import AXIOMS, card_of
from rlchf.simulate.cultures import culture_names, get_culture
from tests.support.commands import printed
from tests.support.pages import PAGES, ROOT, name_of

TUTORIALS = ROOT / "docs/tutorials"  # executed as notebooks: test_notebooks.py
MADE_ELSEWHERE = (
    "make ",
    "git ",
)  # whole runs and installs: continuous integration and people do them


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def commands(page: Path) -> list[tuple[str, str]]:
    """Every ``$ command`` of the page's console blocks that is run here, with the output below it."""
    found = []
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            if not command.startswith(MADE_ELSEWHERE):
                found.append((command, output))
    return found


def consoles() -> list[Any]:
    """Every page with commands; those of the README are fast."""
    return [
        pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] * (page.name != "README.md"))
        for page in PAGES
        if commands(page) and page.parent != TUTORIALS
    ]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    for name in ("examples", "tests/data/sources"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize("page", consoles())
def test_the_shown_commands_print_what_the_page_shows(page: Path, clone: Path) -> None:
    """In one test, because a command may need the files of those before it."""
    found, shown = {}, {}
    for command, output in commands(page):
        found[command], shown[command] = lines(printed(command, clone)), lines(output)
    for command, expected in shown.items():
        assert found[command] == expected, command


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            marks=[pytest.mark.slow] if page.name in ("audit.md", "trainers.md", "jury.md") else [],
        )
        for page in PAGES
        if page.parent != TUTORIALS
    ],
    ids=name_of,
)
def test_shown_python_runs(page: Path, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)
    for block in blocks(page, "python"):
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        shown: dict[str, Any] = {}
        if block.startswith(">>>"):
            tests = [doctest.DocTestParser().get_doctest(block, {}, page.name, str(page), 0)]
        else:
            exec(compile(block, str(page), "exec"), shown)
            functions = [
                f for f in shown.values() if inspect.isfunction(f) and f.__globals__ is shown
            ]
            finder = doctest.DocTestFinder()
            tests = [test for f in functions for test in finder.find(f, module=False, globs=shown)]
        for test in tests:
            assert runner.run(test).failed == 0


def test_the_shown_run_file_is_one(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from rlchf.jobs import runfile

    (block,) = blocks(ROOT / "docs/guide/training/runs.md", "toml")
    (tmp_path / "run.toml").write_text(block)
    run = runfile.read(tmp_path / "run.toml")
    assert run.rule == {"name": "perpetual_pav", "base": "kemeny"}
    assert run.ppo is not None
    assert run.ppo.kl_coef == 0.2


def test_the_page_shows_the_rules_that_the_examples_have() -> None:
    page = ROOT / "docs/guide/rules/own-rule.md"
    rules = [block for block in blocks(page, "python") if "@voting_rule" in block]
    written = (ROOT / "examples/own_rules.py").read_text(encoding="utf-8")
    assert len(rules) == 2
    assert all(rule[rule.index("@voting_rule") :] in written for rule in rules)
    (project,) = blocks(page, "toml")
    assert project == (ROOT / "examples/plugin/pyproject.toml").read_text(encoding="utf-8")


def test_the_page_on_citing_has_the_source_of_every_culture_and_axiom() -> None:
    page = " ".join((ROOT / "docs/project/citing.md").read_text(encoding="utf-8").split())
    for name in culture_names():
        assert f"| {name} | {card_of(name, get_culture(name)).source} |" in page
    for name in AXIOMS:
        module = "ejr_plus" if name == "EJR+" else name.lower().replace(" ", "_")
        text = importlib.import_module(f"rlchf.axioms.definitions.{module}").__doc__ or ""
        for title in re.findall('"[^"]{15,}"', " ".join(text.split())):
            assert title in page


def test_the_pages_show_commands() -> None:
    assert len(consoles()) >= 3


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize(("file", "name"), rulebook.PARTS)
def test_what_is_made_from_the_rules_is_up_to_date(file: str, name: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    made = rulebook.with_part(text, name, rulebook.PARTS[file, name]())
    assert text == made, "run python -m rlchf.cli.rulebook"
