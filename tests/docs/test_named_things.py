"""Commands, options and names on the pages of reference and choice exist."""

import re

import pytest

from tests.support.named import is_somewhere, unknown_in_command
from tests.support.pages import ROOT

NAMES = (
    "reference/glossary.md",
    "reference/troubleshooting.md",
    "guide/rules/which-rule.md",
    "guide/questions.md",
    "gallery.md",
)
PAGES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in NAMES}


def spans(text: str) -> list[str]:
    """What stands in single backticks outside of blocks of code."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_the_page_exists_with_its_options(page: str) -> None:
    lines = [span for span in spans(PAGES[page]) if span.startswith("rlchf ")]
    lines += re.findall(r"^(?:\$ )?(rlchf .*)$", PAGES[page].replace("\\\n", ""), flags=re.M)
    assert {line: names for line in lines if (names := unknown_in_command(line))} == {}
    assert lines


def test_the_pictures_of_the_gallery_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs/images/gallery").iterdir()}
    assert set(sizes) == set(re.findall(r"images/gallery/([^)]+)", PAGES["gallery.md"]))
    assert max(sizes.values()) <= 80_000
    assert sum(sizes.values()) <= 1_000_000


def test_every_other_name_in_the_glossary_is_in_the_code() -> None:
    names = [
        span
        for span in spans(PAGES["reference/glossary.md"])
        if not re.match(r"rlchf[. ]", span) and " > " not in span
    ]
    assert [name for name in names if not is_somewhere(name)] == []
    assert len(names) > 100


def test_the_glossary_is_in_alphabetical_order() -> None:
    terms = re.findall(r"^(.+)\n: ", PAGES["reference/glossary.md"], flags=re.M)
    assert terms == sorted(terms, key=str.lower)
    assert len(terms) > 150


def test_the_glossary_refers_to_terms_that_it_has() -> None:
    text = PAGES["reference/glossary.md"]
    terms = set(re.findall(r"^(.+)\n: ", text, flags=re.M))
    assert {word for word in re.findall(r"^: See \*(.+)\*\.$", text, flags=re.M)} <= terms


def test_a_wrong_option_is_told() -> None:
    assert unknown_in_command("rlchf constitution jugde") == ["constitution"]
    assert unknown_in_command("rlchf ppo --kl-coeff 1 > log") == ["--kl-coeff"]
    assert not is_somewhere("--no-such-option")
