"""The pages that the site makes of the code: every rule and command has one, and every name a place."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

import rlchf
from rlchf.cli.main import COMMANDS
from rlchf.rules import get_rule, rule_modules
from tests.support.pages import PAGES, ROOT, name_of

pytest.importorskip("sphinx")
pytest.importorskip("altair")
markup = importlib.import_module("rlchf_site.markup")
links = importlib.import_module("rlchf_site.links")
public = importlib.import_module("rlchf_site.public")
rules = importlib.import_module("rlchf_site.rules")
docstring_markup = importlib.import_module("rlchf_site.docstring_markup")

commands = importlib.import_module("rlchf_site.commands")

MADE = (
    "commands",
    "docstring_markup",
    "docstrings",
    "links",
    "markup",
    "profiles",
    "public",
    "rules",
)


@pytest.mark.parametrize("name", MADE)
def test_the_examples_of_the_generators_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"rlchf_site.{name}")).failed == 0


def test_every_rule_has_a_long_name_of_its_own() -> None:
    assert len({rules.long_name(name) for name in rule_modules()}) == len(rule_modules())


@pytest.mark.parametrize("name", ["borda", "pav", "nash"])
def test_the_page_of_a_rule_has_its_drawing_and_its_options(name: str) -> None:
    text = rules.rule_page(name)
    assert "<svg" in text
    assert "aria-label" in text
    assert f".. py:function:: {name}(" in text
    assert f"--rule {name}" in text


def test_the_example_of_schulze_shows_the_paths_that_decide() -> None:
    text = rules.rule_page("schulze")
    assert "goes against the majorities for b over c (margin 1) and for d over a (margin 3)" in text
    rows = re.findall(r"(?m)^ +\* - (.*)\n +- (.*)\n +- (.*)\n +- (.*)\n +- (.*)$", text)
    assert rows[0] == ("from", "to a", "to b", "to c", "to d")
    stronger = {row[0]: row[1:] for row in rows[1:]}
    assert float(stronger["c"][1]) > float(stronger["b"][2]), "c is ranked above b"


def test_no_list_is_made_of_the_initials_of_authors() -> None:
    found = [inspect.getdoc(get_rule(name)) or "" for name in rule_modules()]
    for name in public.documented().values():
        found.append(inspect.getdoc(links.attribute(name)) or "")
    initials = [text for text in found if re.search(r"(?m)^\s*[A-Z]\. ", text)]
    assert len(initials) > 60
    for text in initials:
        kept = docstring_markup.keep_initials(text)
        assert not re.search(r"(?m)^\s*[A-Z]\. ", kept)
        assert docutils_lists(kept) == [], text


def test_the_page_of_a_module_keeps_the_initials_of_its_docstring() -> None:
    api = importlib.import_module("rlchf_site.api")
    text = api.module_page("rlchf.constitution", ("rlchf.constitution",))
    assert "\n\\Y. Bai et al." in text
    assert docutils_lists(text) == []


def docutils_lists(text: str) -> list[str]:
    """The kinds of numbered lists that docutils finds in the references of a docstring."""
    core, nodes = (importlib.import_module(f"docutils.{name}") for name in ("core", "nodes"))
    references = text.partition("References\n----------\n")[2]
    tree = core.publish_doctree(references, settings_overrides={"report_level": 5})
    return [one["enumtype"] for one in tree.findall(nodes.enumerated_list)]


def test_the_index_lists_every_rule_and_what_it_makes_of_the_example() -> None:
    text = rules.index_page()
    assert all(f":doc:`{name} <{name}>`" in text for name in rule_modules())


def test_rules_disagree_on_the_ranked_example() -> None:
    winners = {
        rules.in_a_line(rules.outcome(card))[0] for card in rules.cards() if card.kind == "majority"
    }
    assert len(winners) >= 3


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_a_command_has_the_options_of_its_help(name: str) -> None:
    command, context = commands.click_command(name)
    help = " ".join(command.get_help(context).split())
    shown = commands.options_of(name)
    page = commands.command_page(name, [])
    for option in shown:
        assert option.names in help
        assert "".join(option.meaning.split()) in "".join(help.split())
        assert commands.each_literal(option.names) in page
    listed = set(re.findall(r"(?<= )--[a-z][a-z0-9-]*(?= / --| <| [A-Z])", help))
    assert listed <= set(re.findall(r"--[a-z][a-z0-9-]*", " ".join(one.names for one in shown)))


def test_the_pages_of_commands_state_what_is_required_and_allowed() -> None:
    by_name = {one.names: one for one in commands.options_of("ppo")}
    assert by_name["--policy"].default == "required"
    assert by_name["--ppo-epochs"].allowed == "1 or more"
    assert by_name["--kl-coef, --beta"].default == "0.05"


def test_every_public_name_is_documented() -> None:
    names = {f"rlchf.{name}" for name in rlchf.__all__}
    places = {name for name in public.documented().values()} | {*public.PAGES}
    assert names <= places | {"rlchf.train"}


def names_on_pages() -> dict[str, str]:
    """Each dotted name of the package that the documentation writes or imports, and a page that has it."""
    names: dict[str, str] = {}
    for page in PAGES:
        if page.name in ("CONTRIBUTING.md", "architecture.md"):
            continue  # what these name is not for users alone
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"`(rlchf(?:\.\w+)+)", text):
            names.setdefault(name, name_of(page))
        for module, imported in re.findall(r"from (rlchf[\w.]*) import ([\w, ]+)", text):
            for name in imported.split(","):
                names.setdefault(f"{module}.{name.strip()}", name_of(page))
    return names


def test_every_name_on_a_page_has_a_place_in_the_reference() -> None:
    pytest.importorskip("torch")
    modules = {module for parts in public.PAGES.values() for module in parts} | {*public.PAGES}
    missing = {}
    for name, page in names_on_pages().items():
        if name == "rlchf.__all__":
            continue
        rule = name.removeprefix("rlchf.rules.").partition(".")[0] in rule_modules()
        if not (rule or name in modules or links.documented_name(name)):
            missing[name] = page
    assert not missing, f"{missing}: add the module to PAGES in docs/_ext/rlchf_site/public.py"


def test_code_that_names_a_command_or_a_rule_leads_to_its_page() -> None:
    def target(text: str, page: str) -> str:
        place = links.target_of(text, page, None)
        return place[0] if place else ""

    guide = "guide/data/formats"
    assert target("rlchf constitution judge FILE", guide) == "reference/commands/constitution-judge"
    assert target("kemeny", guide) == "reference/rules/kemeny"
    assert target("approval", "guide/rules/rules") == "reference/rules/approval"
    assert target("approval", guide) == "", "there it is a column"
    assert target("approval", "guide/rules/across") == "", "there it is a unit"
    assert target("mallows", "guide/data/simulate") == "", "there it is a culture"
    assert target("rlchf compares", guide) == ""


def test_a_page_is_written_only_where_it_changes(tmp_path: Path) -> None:
    markup.write_pages(tmp_path, {"a": "1", "b": "1"})
    before = (tmp_path / "a.rst").stat().st_mtime_ns
    markup.write_pages(tmp_path, {"a": "1"})
    assert (tmp_path / "a.rst").stat().st_mtime_ns == before
    assert not (tmp_path / "b.rst").exists()


def test_the_made_pages_are_not_kept_in_the_repository() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {f"/docs/reference/{name}/" for name in ("api", "commands", "rules")} <= {*ignored}
